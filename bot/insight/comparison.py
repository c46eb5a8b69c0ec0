"""Two jobs side by side: what both did, step by step. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.findings import Metric
from bot.insight.measure import Measure
from bot.insight.series import alike


@dataclass(frozen=True, slots=True)
class Difference:
    """One metric of both."""

    metric: Metric
    """As it is now."""
    before: float

    @property
    def percent(self) -> float | None:
        """By how much it is more now, or (negative) less; None if it was 0."""
        return 100 * (self.metric.value - self.before) / abs(self.before) if self.before else None


@dataclass(frozen=True, slots=True)
class Pair:
    """The same step in two jobs."""

    now: Measure
    before: Measure

    @property
    def differences(self) -> list[Difference]:
        """The metrics that both have, in the same unit; the largest change first."""
        found = [
            Difference(metric, before)
            for metric in self.now.metrics
            if (before := self.before.metric(metric.name, metric.unit)) is not None
        ]
        return sorted(found, key=lambda each: -abs(each.percent or 0))


def pairs(now: Sequence[Measure], before: Sequence[Measure]) -> list[Pair]:
    """
    The steps that both jobs did, like with like: first those whose verdicts differ.

    Two jobs of one target each are compared with each other, even if it is not the same.
    """
    if len({each.jid for each in now}) == len({each.jid for each in before}) == 1:
        before = [replace(each, jid=now[0].jid) for each in before]
    others = alike(before)
    found = [
        Pair(one, other)
        for key, ones in alike(now).items()
        for one, other in zip(ones, others.get(key, ()), strict=False)
    ]
    return sorted(found, key=_sameness)


def _sameness(pair: Pair) -> tuple[bool, float]:
    largest = next((each.percent for each in pair.differences), None)
    return pair.now.verdict is pair.before.verdict, -abs(largest or 0)
