"""
What a diagnostic printed, as it looks in the end: lines of plain text.

Colours are removed, and a carriage return or a backspace goes back and writes over, as
on a terminal: of a counter that runs, its last state is left. Pure; bounded work.

A line is what stands between two line feeds; lines are numbered from 1.
"""

import re

from bot.report.text import safe

LINE = 32 * 1024
"""Bytes at the end of one line that are looked at: memtester backs up 11,000 times in one."""

WIDEST = 400
"""Characters of a line that are kept."""

CUT = "…"
"""Stands where the beginning of a line is missing: it was longer than LINE."""

_OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""What a terminal obeys, but for tabs and line feeds."""

_COLOUR = re.compile(r"\x1b\[[0-9;:]*m")

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


def seen(data: bytes) -> list[str]:
    """The lines of *data*, which has no piece of a line: what a person sees of them."""
    text = data.decode("utf-8", "replace").replace("\r\n", "\n")
    if "\x1b" in text:
        text = _COLOUR.sub("", text)
    if _OBEYED.search(text) is None:  # nearly always, and much faster
        return text.expandtabs(8).split("\n")
    return [
        written(line[-LINE:]) if _OBEYED.search(line) else line.expandtabs(8)
        for line in text.split("\n")
    ]


class Lines:
    """
    Cuts output into lines as it comes, in bounded memory.

    >>> lines = Lines()
    >>> lines.feed(b"50%\\r100%\\nthe e"), lines.feed(b"nd\\nrest"), lines.finish()
    (['100%'], ['the end'], ['rest'])
    """

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[str]:
        """The lines that *data*, the next bytes, ends; as :func:`seen` has them."""
        ended, newline, rest = data.rpartition(b"\n")
        if not newline:
            self._keep(rest)
            return []
        lines = seen(bytes(self._rest) + ended)
        self._rest.clear()
        self._keep(rest)
        return lines

    def finish(self) -> list[str]:
        """The last line, if nothing has ended it."""
        rest = bytes(self._rest)
        self._rest.clear()
        return seen(rest) if rest else []

    def _keep(self, data: bytes) -> None:
        self._rest += data
        if len(self._rest) > 2 * LINE:
            self._rest[:-LINE] = CUT.encode()


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
