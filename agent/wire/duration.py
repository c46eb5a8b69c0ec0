"""
Spans of time as people write them: ``5 min``, ``2h30m``, ``1.5h``, ``half an hour``. Pure.

Rule 1: numbers with a unit each, the larger unit first, none twice. Two digits right after
hours or minutes are of the next smaller unit: ``2h30`` is ``2h30m``, ``2m30`` is ``2m30s``.

Rule 2: a number alone is seconds where a parameter's value stands (``time=90``), and
nothing in a sentence (``for 90``).

Rule 3: whole seconds; what is smaller is dropped.
"""

import math
import re
from fractions import Fraction

_UNITS = (
    ("w", 604800, r"w(?:eeks?)?"),
    ("d", 86400, r"d(?:ays?)?"),
    ("h", 3600, r"h(?:ours?|rs?)?"),
    ("m", 60, r"m(?:in(?:ute)?s?)?"),
    ("s", 1, r"s(?:ec(?:ond)?s?)?"),
)
_WORTH = {unit: worth for unit, worth, _ in _UNITS}
WORDS = {
    **{"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7},
    **{"eight": 8, "nine": 9, "ten": 10, "twelve": 12, "fifteen": 15, "twenty": 20},
    **{"thirty": 30, "forty": 40, "sixty": 60, "ninety": 90},
}
"""Numbers that people spell out."""

_NUMBER = rf"(?:[0-9]{{1,9}}(?:[.,][0-9]{{1,3}})?|half an?|an?(?= )|{'|'.join(WORDS)})"
PART = rf"{_NUMBER}\s*(?:{'|'.join(unit for _, _, unit in _UNITS)})(?![a-z])"
"""One number with its unit."""

PHRASE = (
    rf"(?:{PART}(?:\s*(?:,\s*)?(?:and\s+)?{PART})*"
    r"|[0-9]{1,9}\s?(?:hr?|m(?:in)?)\s?[0-5][0-9](?![0-9a-z.,:]))"
)
"""What may be a span in a sentence, in any case; :func:`seconds` says whether it is one."""

_WHOLE = re.compile(PHRASE, re.IGNORECASE)
_EACH = re.compile(rf"({_NUMBER})\s*([wdhms])[a-z]*", re.IGNORECASE)
_SHORT = re.compile(r"([0-9]+)\s?([hm])[a-z]*\s?([0-9]{2})", re.IGNORECASE)


def seconds(text: str) -> int | None:
    """The span that *text* is, or None."""
    if re.fullmatch(r"[0-9]{1,9}", text):
        return int(text)
    if _WHOLE.fullmatch(text) is None:
        return None
    if (short := _SHORT.fullmatch(text)) is not None:
        parts = [(short[1], short[2]), (short[3], {"h": "m", "m": "s"}[short[2].lower()])]
    else:
        parts = _EACH.findall(text)
    order = ["wdhms".index(unit.lower()) for _, unit in parts]
    if order != sorted(set(order)):
        return None
    return int(sum(_number(number) * _WORTH[unit.lower()] for number, unit in parts))


def _number(text: str) -> Fraction:
    """What *text* counts, a figure or a word."""
    word = text.lower()
    if word.startswith("half"):
        return Fraction(1, 2)
    if word in ("a", "an"):
        return Fraction(1)
    return Fraction(WORDS[word]) if word in WORDS else Fraction(text.replace(",", "."))


def spelled(span: int) -> str:
    """*span* seconds, short and exact: ``2h30m``."""
    said = ""
    for unit, worth, _ in _UNITS[1:]:  # nobody reads weeks and days together
        number, span = divmod(span, worth)
        said += f"{number}{unit}" if number else ""
    return said or "0s"


def rounded(seconds: float) -> int:
    """
    *seconds* as exact as an estimate is: so it seldom changes, and everybody need not be told.

    To tens of seconds up to two minutes, to minutes up to two hours, then to tens of minutes.
    """
    if not math.isfinite(seconds) or seconds <= 0:
        return 0
    unit = 10 if seconds <= 120 else 60 if seconds <= 7200 else 600
    return min(999 * 86400, math.ceil(seconds / unit) * unit)
