"""
Which targets a pattern of the settings means: ``bob``, ``pc[01-16,20]``, ``rack3/*``. Pure.

Rule 1: a name is compared as it stands, a place in any case and without its spaces: ``rack3/*``
is every target in "Rack 3", also in "lab 2, rack 3".

Rule 2: a place is the target's own word. A pattern with names cannot be escaped from by a machine
that says it stands elsewhere; one with a place can.
"""

import functools
import re

MOST = 1000
"""Numbers in one range."""

_PIECE = re.compile(r"\*|\?|\[(?P<numbers>[^\]]*)\]|(?P<plain>[\w.@+~-]+)")
_NUMBERS = re.compile(r"(?P<first>[0-9]{1,9})(?:-(?P<last>[0-9]{1,9}))?")


def matches(pattern: str, name: str, location: str) -> bool:
    """Whether *pattern*, a valid one, means the target *name* at *location*."""
    place, slash, named = pattern.rpartition("/")
    if _compiled(named).fullmatch(name) is None:
        return False
    parts = re.split(r"[,;/]", location)
    return not slash or any(_compiled(_folded(place)).fullmatch(_folded(part)) for part in parts)


def check(pattern: str) -> str:
    """*pattern*; ValueError says what is wrong with it."""
    place, slash, named = pattern.rpartition("/")
    for part in (place, named) if slash else (named,):
        _compiled(_folded(part) if part is place else part)
    return pattern


def _folded(place: str) -> str:
    return re.sub(r"\s", "", place).casefold()


@functools.lru_cache(maxsize=4096)
def _compiled(glob: str) -> re.Pattern[str]:
    regex, end = "", 0
    while end < len(glob) and (piece := _PIECE.match(glob, end)):
        end = piece.end()
        if piece["plain"]:
            regex += re.escape(piece["plain"])
        elif piece["numbers"] is not None:
            regex += f"(?:{'|'.join(_counted(piece['numbers']))})"
        else:
            regex += ".*" if piece[0] == "*" else "."
    if end < len(glob) or not glob:
        raise ValueError(f"{glob!r} names no target: write it like bob, pc[01-16], pc* or rack3/*")
    return re.compile(regex, re.DOTALL)


def _counted(numbers: str) -> list[str]:
    """``01-03,7`` is 01, 02, 03 and 7."""
    found: list[str] = []
    for item in numbers.split(","):
        match = _NUMBERS.fullmatch(item.strip())
        if match is None:
            raise ValueError(f"[{numbers[:40]}] is no range: write it like [01-16,20]")
        first, last = match["first"], match["last"] or match["first"]
        if int(last) < int(first) or int(last) - int(first) + len(found) >= MOST:
            raise ValueError(f"[{numbers[:40]}] is no range from low to high of up to {MOST}")
        found += [f"{number:0{len(first)}}" for number in range(int(first), int(last) + 1)]
    return found
