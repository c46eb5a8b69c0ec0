"""
Where targets stand: a location is a path, ``lab 2, rack 3`` is ``lab2/rack3``. Pure.

Rule: a place is found wherever it lies in the path: ``rack3`` finds "lab 2, rack 3".
"""

import fnmatch
import re
from collections.abc import Iterable, Sequence

from agent.wire.parameter import nearest
from bot.grammar import NoSuch, close
from bot.lab import Target
from bot.report.text import listed


def standing(place: str, targets: Iterable[Target]) -> frozenset[str]:
    """Who stands at *place*: ``rack3`` finds "lab 2, rack 3"; NoSuch if nobody does."""
    wanted = _steps(place)
    places = {target.name: _steps(target.location) for target in targets}
    here = frozenset(name for name, steps in places.items() if _lies(wanted, steps))
    if not here:
        there = sorted({step for steps in places.values() for step in steps})
        near = nearest("".join(wanted), there)
        likely = near is not None and close("".join(wanted), near)
        hint = f"Did you mean {near}?" if likely else f"There are {listed(there, 8)}."
        raise NoSuch(
            f"no target stands in {place}",
            hint=hint if there else "No target says where it stands.",
            likely=likely,
        )
    return here


def _steps(location: str) -> list[str]:
    """``lab 2, rack 3`` as ``["lab2", "rack3"]``."""
    parts = re.split(r"[/,;:>]", location.casefold())
    return [step for part in parts if (step := re.sub(r"[\s\"#]+", "", part))]


def _lies(wanted: Sequence[str], steps: Sequence[str]) -> bool:
    """Whether *wanted* stands in *steps*, one after the other."""
    return any(
        all(map(fnmatch.fnmatchcase, steps[start : start + len(wanted)], wanted))
        for start in range(len(steps) - len(wanted) + 1)
    ) and bool(wanted)
