"""
How long a run will probably take from now on. Pure.

Known is what a recipe was told to work for (``takes``), or how far a step has come in the time
since it began, or else how long it usually takes (``usual``): that the controller knows, and says
with its order. A step of which nothing is known leaves the whole run untold; so does one that
has taken longer than it usually does.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

SETTLED = 5.0
"""Seconds that a step must have worked before its pace says anything."""

_DAY = 86400


def left(
    steps: Sequence[Mapping[str, Any]],
    index: int,
    fraction: float | None,
    lasted: float,
    gone: float = 0.0,
) -> float | None:
    """
    Seconds until the run of *steps* is probably over; None if that cannot be told.

    Args:
        index: The step that is under way.
        fraction: How far that is, 0 to 1; None if it does not say.
        lasted: Seconds from its beginning until it said so, by a clock that may be set meanwhile.
        gone: Seconds from its beginning until now, by the same clock.
    """
    if not 0 <= index < len(steps):
        return None
    rest = _rest(steps[index].get("takes", 0), fraction, lasted)
    parts = [_usual(steps[index], gone) if rest is None else rest]
    parts += [step.get("takes") or step.get("usual") or None for step in steps[index + 1 :]]
    known = [part for part in parts if part is not None]
    return float(sum(known)) if len(known) == len(parts) else None


def _rest(takes: float, fraction: float | None, lasted: float) -> float | None:
    """Seconds that the step under way still needs."""
    part = 0.0 if fraction is None else min(1.0, max(0.0, fraction))
    if takes:
        return takes * (1 - part)
    if part < 0.01 or not SETTLED <= lasted < math.inf:
        return None
    return lasted * (1 - part) / part


def _usual(step: Mapping[str, Any], gone: float) -> float | None:
    """Seconds that *step*, begun *gone* seconds ago, still takes if all is as usual."""
    usual: float = step.get("usual", 0)
    return usual - gone if 0 <= gone < usual else None


def spoken(seconds: int) -> str:
    """A rounded estimate in words: ``50 s``, ``12 min``, ``2 h 30 min``, ``3 d 4 h``."""
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 7200:
        return f"{seconds // 60} min"
    if seconds < _DAY:
        return _two(seconds, 3600, "h", 60, "min")
    return _two(seconds, _DAY, "d", 3600, "h")


def _two(seconds: int, large: int, name: str, small: int, other: str) -> str:
    rest = seconds % large // small
    return f"{seconds // large} {name}" + (f" {rest} {other}" if rest else "")
