"""
Spans of time as people write them: ``30s``, ``30 s``, ``5 min``, ``2h30m``, ``1 day``. Pure.

Rule 1: whole numbers with a unit each, the larger unit first, none twice. ``2h30`` is
nothing: it may be minutes or seconds.

Rule 2: a number alone is seconds where a parameter's value stands (``time=90``), and
nothing in a sentence (``for 90``).
"""

import re

_UNITS = (
    ("d", 86400, r"d(?:ays?)?"),
    ("h", 3600, r"h(?:ours?|rs?)?"),
    ("m", 60, r"m(?:in(?:ute)?s?)?"),
    ("s", 1, r"s(?:ec(?:ond)?s?)?"),
)

PART = rf"[0-9]{{1,9}}\s*(?:{'|'.join(unit for _, _, unit in _UNITS)})(?![a-z])"
"""One number with its unit."""

PHRASE = rf"{PART}(?:\s*(?:,\s*)?(?:and\s+)?{PART})*"
"""What may be a span in a sentence, in any case; :func:`seconds` says whether it is one."""

_WHOLE = re.compile(PHRASE, re.IGNORECASE)
_EACH = re.compile(r"([0-9]+)\s*([a-z])", re.IGNORECASE)


def seconds(text: str) -> int | None:
    """The span that *text* is, or None."""
    if re.fullmatch(r"[0-9]{1,9}", text):
        return int(text)
    if _WHOLE.fullmatch(text) is None:
        return None
    parts = [(int(number), unit.lower()) for number, unit in _EACH.findall(text)]
    order = ["dhms".index(unit) for _, unit in parts]
    if order != sorted(set(order)):
        return None
    worth = {unit: each for unit, each, _ in _UNITS}
    return sum(number * worth[unit] for number, unit in parts)


def spelled(span: int) -> str:
    """*span* seconds, short and exact: ``2h30m``."""
    said = ""
    for unit, worth, _ in _UNITS:
        number, span = divmod(span, worth)
        said += f"{number}{unit}" if number else ""
    return said or "0s"
