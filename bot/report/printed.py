"""
What a diagnostic printed, as it looks in the end: lines of plain text.

Colours are removed, and a carriage return or a backspace goes back and writes over, as
on a terminal: of a counter that runs, its last state is left. Pure; bounded work.
"""

import re

from bot.report.text import safe

LINE = 32 * 1024
"""Bytes at the end of one line that are looked at: memtester backs up 11,000 times in one."""

WIDEST = 400
"""Characters of a line that are kept."""

_PIECE = re.compile(
    r"""
    (?P<text>[^\x00-\x1f\x7f-\x9f]+)
  | (?P<back>\x08+)
  | (?P<home>\r)
  | (?P<tab>\t)
  | (?P<erase>(?:\x1b\[|\x9b)0?K)
  | (?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]            # CSI: colours, moves
  | (?:\x1b\]|\x9d)[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)   # OSC: titles, links
  | \x1b[ -/]*[0-~]
  | .
    """,
    re.VERBOSE | re.DOTALL,
)


def last_lines(data: bytes, most: int) -> list[str]:
    """The last *most* lines of *data* that are not blank, oldest first."""
    found: list[str] = []
    for raw in reversed(data.split(b"\n")):
        line = safe(written(raw[-LINE:].decode("utf-8", "replace")), WIDEST).rstrip()
        if line:
            found.append(line)
        if len(found) == most:
            break
    return found[::-1]


def whole(data: bytes) -> bytes:
    """All of *data* as plain text: nothing that a terminal would obey, for who prints it there."""
    lines = (written(raw[-LINE:].decode("utf-8", "replace")) for raw in data.split(b"\n"))
    return "\n".join(lines).encode()


def written(line: str) -> str:
    """What stands there once *line* has been written to a terminal."""
    cells: list[str] = []
    at = 0
    for piece in _PIECE.finditer(line):
        match piece.lastgroup:
            case "text":
                end = at + len(piece[0])
                cells += [" "] * (at - len(cells))
                cells[at:end] = piece[0]
                at = end
            case "back":
                at = max(0, at - len(piece[0]))
            case "home":
                at = 0
            case "tab":
                at += 8 - at % 8
            case "erase":
                del cells[at:]
    return "".join(cells)
