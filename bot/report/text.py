"""
Words for people: what is safe to show, how wide it is, and how numbers are written.

Rule 1: what a target or a person wrote passes through :func:`safe` before it is shown.
Rule 2: widths are columns of a monospace font, not characters.
"""

import math
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

COLUMNS = 38
"""What a 360 px phone shows of a code block without swiping (measured in Converse)."""

WIDE = 66
"""What poezio and profanity show of a line in a terminal of 80 columns (measured)."""

_SPACES = frozenset({"Zs", "Zl", "Zp"})
_DROPPED = frozenset({"Cc", "Cf", "Cs", "Co"})  # controls, bidi, zero-width, surrogates, private
_MARKS = frozenset({"Mn", "Me"})
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u034f\u17b4\u17b5")  # letters that show nothing
_ILLEGAL = re.compile("[^\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_FENCE = re.compile("`{3,}")


def legal(text: str) -> str:
    """*text* without what XML 1.0 or a terminal cannot take; line ends stay."""
    return _ILLEGAL.sub("", text)


def unfenced(text: str) -> str:
    """*text* that neither opens nor closes a ``` block."""
    return _FENCE.sub(lambda found: "'" * len(found[0]), text)


def unmentioned(text: str, nicks: Iterable[str]) -> str:
    """
    *text* in which no nick stands as a word: clients ring for their owner's.

    Nothing is to be seen of it: a word joiner stands behind the first letter.
    """
    words = "|".join(re.escape(nick) for nick in nicks if nick)
    if not words:
        return text
    found = re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE)
    return found.sub(lambda word: f"{word[0][0]}\u2060{word[0][1:]}", text)


def safe(text: str, limit: int = 200) -> str:
    """
    *text* as one harmless line of at most *limit* characters.

    No control characters, no ANSI, nothing invisible or that turns the direction of
    writing, no towers of accents, nothing that closes a code block.
    """
    if len(text) <= limit and text.isascii() and text.isprintable() and "```" not in text:
        return text
    kept = "".join(_kept(text[: limit * 8]))
    composed = "".join(_few_marks(unicodedata.normalize("NFC", kept)))
    # After composing: GREEK VARIA (U+1FEF) becomes a backtick there.
    line = unfenced(" ".join(composed.split(" ")))
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _kept(text: str) -> Iterator[str]:
    for char in text:
        category = unicodedata.category(char)
        if char in "\t\n\v\f\r\x85" or category in _SPACES:
            yield " "
        elif category in _DROPPED or char in _BLANK or _odd(char):
            continue
        else:
            yield char


def _odd(char: str) -> bool:
    """Whether it is a noncharacter or a variation selector."""
    code = ord(char)
    return (
        code & 0xFFFE == 0xFFFE
        or 0xFDD0 <= code <= 0xFDEF
        or 0x180B <= code <= 0x180F
        or 0xFE00 <= code <= 0xFE0F
        or 0xE0100 <= code <= 0xE01EF
    )


def _few_marks(text: str) -> Iterator[str]:
    """*text* with at most two accents on a letter."""
    stacked = 0
    for char in text:
        stacked = stacked + 1 if unicodedata.category(char) in _MARKS else 0
        if stacked <= 2:
            yield char


def clusters(text: str) -> Iterator[tuple[str, int]]:
    """Each letter of *text* with its accents, and the columns it takes."""
    current, columns = "", 0
    for char in text:
        if current and unicodedata.category(char) in _MARKS:
            current += char
            continue
        if current:
            yield current, columns
        current = char
        columns = 2 if unicodedata.east_asian_width(char) in "WF" else 1
    if current:
        yield current, columns


def width(text: str) -> int:
    """The columns that *text* takes."""
    return len(text) if text.isascii() else sum(columns for _, columns in clusters(text))


def start(text: str, columns: int) -> str:
    """As much of the beginning of *text* as fits into *columns*."""
    kept, used = "", 0
    for cluster, takes in clusters(text):
        used += takes
        if used > columns:
            break
        kept += cluster
    return kept


def cut(text: str, columns: int = COLUMNS) -> str:
    """*text* in at most *columns*, with … where something is missing."""
    return text if width(text) <= columns else start(text, columns - 1).rstrip() + "…"


def wrapped(text: str, columns: int = COLUMNS, indent: str = "  ") -> list[str]:
    """*text* in lines of at most *columns*, broken at spaces where that is possible."""
    lines: list[str] = []
    lead, rest = "", text
    while width(lead) + width(rest) > columns:
        head = start(rest, columns - width(lead))
        if rest[len(head)] != " " and (space := head.rfind(" ")) > columns // 3:
            head = head[:space]
        lines.append((lead + head).rstrip())
        lead, rest = indent, rest[len(head) :].lstrip()
    return [*lines, lead + rest] if rest or not lines else lines


def duration(seconds: float) -> str:
    """Seconds as people say them: ``48 s``, ``2 min 5 s``, ``1 h 12 min``, ``3 d 4 h``."""
    if not math.isfinite(seconds) or seconds < 0:
        return "0 s"
    if 0 < seconds < 0.95:
        return f"{max(seconds, 0.1):.1f} s"
    whole = round(seconds)
    for unit, name, smaller, small in (
        (86400, "d", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if whole >= unit:
            rest = whole % unit // smaller
            return f"{whole // unit} {name}" + (f" {rest} {small}" if rest else "")
    return f"{whole} s"


def age(moment: datetime, now: datetime) -> str:
    """How long ago *moment* was: ``just now``, ``3 min ago``."""
    seconds = round((now - moment).total_seconds())
    if seconds < 2:
        return "just now"
    for unit, word in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= unit:
            return f"{seconds // unit} {word} ago"
    return f"{seconds} s ago"


def size(count: int) -> str:
    """Bytes as people say them: ``312 bytes``, ``4.8 MiB``."""
    if count < 1024:
        return plural(count, "bytes")
    value = float(count)
    for unit in ("KiB", "MiB", "GiB"):
        value /= 1024
        if value < 1000:
            return f"{value:.3g} {unit}"
    return f"{value:.0f} GiB"


def number(value: float) -> str:
    """Without a needless fraction: ``12``, ``0.4375``."""
    if math.isfinite(value) and value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.4g}"


def plural(count: float, things: str) -> str:
    """*count* with *things*, which is a plural: ``1 loop``, ``0 failures``."""
    return f"{number(count)} {_one(things) if count == 1 else things}"


def _one(things: str) -> str:
    for end, instead in (("sses", "ss"), ("ches", "ch"), ("shes", "sh"), ("ies", "y")):
        if things.endswith(end):
            return things.removesuffix(end) + instead
    return things if things.endswith("ss") else things.removesuffix("s")


def counted(counts: Mapping[str, float]) -> str:
    """What was counted: ``1 loop, 0 failures``."""
    return ", ".join(plural(value, safe(name, 30)) for name, value in counts.items())


def listed(names: Sequence[str], most: int = 8) -> str:
    """Names as a sentence has them: ``a, b and c``; ``40 targets`` style is the caller's."""
    if len(names) > most:
        names = [*names[: most - 1], f"{len(names) - most + 1} more"]
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def unique(names: Iterable[str]) -> tuple[str, ...]:
    """*names* in their order, each once."""
    return tuple(dict.fromkeys(names))
