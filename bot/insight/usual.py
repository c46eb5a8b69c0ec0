"""
What is usual, and whether a number is not. Pure.

Rule 1: the median and the median distance from it (MAD), never the mean: one run on a machine
that was swapping must not move what is usual, nor a machine that lies.

Rule 2: what is as usual is not worth a word. A number is noteworthy if it is further from the
median than noise explains, and by a share that a person would care about. A recipe that has a
marginal band knows that share better than we do: the band alone decides what is worse.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from bot.findings import Metric

LEAST = 3
"""Values that it takes to call anything usual."""

SIGMAS = 3.0
"""Standard deviations that noise explains."""

_PER_MAD = 1.4826
"""Standard deviations in a MAD, of what is spread normally."""

SHARE = 0.02
"""Of the median: a difference below it is none, however steady the numbers are."""

TIME_SHARE, TIME_LEAST = 0.1, 5.0
"""The same of times; and the seconds that are no difference."""


@dataclass(frozen=True, slots=True)
class Usual:
    """What some values have in common."""

    median: float
    sigma: float
    """How far one of them is from the median where nothing is the matter."""
    low: float
    """A quarter of the values is below."""
    high: float
    """A quarter of them is above."""
    count: int


@dataclass(frozen=True, slots=True)
class Compared:
    """A metric against what is usual."""

    metric: Metric
    usual: Usual
    noteworthy: bool
    marginal: bool
    """Whether it is worse by more than its recipe's band."""

    @property
    def worse(self) -> bool:
        """Whether it is on the bad side of the median, as far as it has one."""
        return _is_worse(self.metric, self.usual)

    @property
    def percent(self) -> float | None:
        """By how much it is above the median, or (negative) below; None of a median of 0."""
        median = self.usual.median
        return 100 * (self.metric.value - median) / abs(median) if median else None


def usual(values: Sequence[float]) -> Usual | None:
    """What *values* have in common; None if they are too few."""
    if len(values) < LEAST:
        return None
    median = statistics.median(values)
    mad = statistics.median(abs(value - median) for value in values)
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return Usual(median, _PER_MAD * mad, low, high, len(values))


def compared(metric: Metric, before: Usual) -> Compared:
    """*metric* against what was usual *before*."""
    away = abs(metric.value - before.median)
    noise = max(SIGMAS * before.sigma, SHARE * abs(before.median))
    noteworthy, marginal = away > noise, False
    if metric.margin and _is_worse(metric, before):
        noteworthy = marginal = away > abs(before.median) * metric.margin / 100
    return Compared(metric, before, noteworthy, marginal)


def takes_unusual(seconds: float, before: Usual) -> bool:
    """Whether *seconds* are another time than it took *before*."""
    least = max(SIGMAS * before.sigma, TIME_SHARE * before.median, TIME_LEAST)
    return abs(seconds - before.median) > least


def total(parts: Sequence[Usual | None]) -> Usual | None:
    """What all *parts* take together, one after the other; None if one is not known."""
    known = [part for part in parts if part is not None]
    if not known or len(known) < len(parts):
        return None
    return Usual(
        median=sum(part.median for part in known),
        sigma=sum(part.sigma for part in known),
        low=sum(part.low for part in known),
        high=sum(part.high for part in known),
        count=min(part.count for part in known),
    )


def _is_worse(metric: Metric, before: Usual) -> bool:
    below = metric.value < before.median
    return {"higher": below, "lower": metric.value > before.median, "": False}[metric.better]
