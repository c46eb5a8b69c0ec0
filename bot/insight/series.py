"""
Runs of the same thing on the same machine, one after the other. Pure.

Rule: an infrastructure error says nothing of the hardware: it is no failure here, nor a pass.
"""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from agent.wire.vocabulary import Verdict
from bot.insight.measure import Measure
from bot.insight.usual import SHARE, usual

_BAD = (Verdict.FAIL, Verdict.CRASHED)
_GOOD = (Verdict.PASS, Verdict.WARN)

TURNS = 2
"""Times that it has to turn from one to the other: who broke, or was repaired, turns once."""

TREND = 6
"""Values that it takes to see a trend."""


@dataclass(frozen=True, slots=True)
class Flaky:
    """What passes and fails with nothing changed."""

    jid: str
    recipe: str
    params: str
    failed: int
    of: int


def alike(measures: Iterable[Measure]) -> dict[tuple[str, str, str], list[Measure]]:
    """*measures* by target, recipe and parameters, each in the order they came in."""
    found: dict[tuple[str, str, str], list[Measure]] = {}
    for each in measures:
        found.setdefault((each.jid, each.recipe, each.params), []).append(each)
    return found


def flaky(of: Mapping[tuple[str, str, str], Sequence[Measure]]) -> list[Flaky]:
    """Those *of* which some passed and some failed, to and fro; the worst first."""
    found = []
    for (jid, recipe, params), runs in of.items():
        bad = [each.verdict in _BAD for each in runs if each.verdict in _BAD + _GOOD]
        turns = sum(one is not other for one, other in pairwise(bad))
        if turns >= TURNS:
            found.append(Flaky(jid, recipe, params, sum(bad), len(bad)))
    return sorted(found, key=lambda each: -min(each.failed, each.of - each.failed))


def trend(values: Sequence[float]) -> float | None:
    """
    By how many percent the newer half is above the older; None if that is noise.

    Args:
        values: The oldest first.
    """
    before = usual(values[: len(values) // 2])
    if len(values) < TREND or before is None or not before.median:
        return None
    away = statistics.median(values[(len(values) + 1) // 2 :]) - before.median
    noise = max(2 * before.sigma, SHARE * abs(before.median))
    return 100 * away / abs(before.median) if abs(away) > noise else None
