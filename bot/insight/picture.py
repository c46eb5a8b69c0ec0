"""
What a chart shows, as plain data: lines over time, a row for each target, or how many are where.

Pure. Rule: what is drawn is what is told; the facts in words come from the same numbers.
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from bot.findings import Metric
from bot.insight.measure import Measure
from bot.insight.usual import compared, usual

LINES = 6
"""Most lines that can be told apart."""

ROWS = 40
"""Most targets that have a row each; of more it is shown how many are where."""

TIME = "time"
"""The metric that every step has: how long it took."""


@dataclass(frozen=True, slots=True)
class Point:
    """What one run measured."""

    at: float
    """When (UTC seconds)."""
    value: float
    bad: bool
    """Whether the run went wrong."""


@dataclass(frozen=True, slots=True)
class Past:
    """What is usual for one target, of runs that went well."""

    lowest: float
    low: float
    median: float
    high: float
    """Half of the values lie between *low* and *high*."""
    highest: float
    unusual: bool
    """Whether its last number is further from that than noise explains."""
    percent: float | None
    """By how much that is above the median (negative: below); None of a median of 0."""


@dataclass(frozen=True, slots=True)
class Series:
    """The runs of one target, the oldest first; one at least."""

    name: str
    points: tuple[Point, ...]
    past: Past | None = None
    """What it measured before; None of too short a past."""

    @property
    def values(self) -> list[float]:
        """Of the runs that went well; of all if none did."""
        good = [point.value for point in self.points if not point.bad]
        return good or [point.value for point in self.points]

    @property
    def median(self) -> float:
        """Of its values."""
        return statistics.median(self.values)

    @property
    def bad(self) -> bool:
        """Whether its last run went wrong."""
        return self.points[-1].bad


@dataclass(frozen=True, slots=True)
class Picture:
    """One chart."""

    title: str
    metric: str
    unit: str
    series: tuple[Series, ...]
    """By target, the lowest first."""
    history: bool
    """Whether it is about many runs, not about one job."""
    mark: float | None = None
    """When the run ended that it is about."""

    @property
    def kind(self) -> str:
        """``lines``, ``rows`` or ``histogram``."""
        if self.history and len(self.series) <= LINES:
            return "lines"
        return "rows" if len(self.series) <= ROWS else "histogram"

    def as_data(self) -> dict[str, Any]:
        """As JSON takes it, with what is told of each series: nobody works it out anew."""
        series = [
            {**asdict(each), "values": each.values, "median": each.median, "bad": each.bad}
            for each in self.series
        ]
        return {**asdict(self), "kind": self.kind, "series": series}


def metrics_in(measures: Sequence[Measure]) -> dict[str, str]:
    """The metrics of *measures*, each with the unit it had last; the newest come first."""
    found: dict[str, str] = {}
    for each in measures:
        for metric in each.metrics:
            found.setdefault(metric.name, metric.unit)
    return {**found, TIME: found.get(TIME, "s")}


def series_of(
    measures: Sequence[Measure], metric: str, unit: str, names: Mapping[str, str]
) -> tuple[Series, ...]:
    """*measures* as a series for each target that has any; *names* are by bare JID."""
    points: dict[str, list[Point]] = {}
    for each in sorted(measures, key=lambda one: one.at):
        value = each.metric(metric, unit)
        if value is None and metric == TIME:
            value = each.seconds
        if value is not None:
            point = Point(each.at.timestamp(), value, not each.verdict.good)
            points.setdefault(names[each.jid], []).append(point)
    found = [Series(name, tuple(mine)) for name, mine in points.items()]
    return tuple(sorted(found, key=lambda one: (one.median, one.name)))


def against(series: Series, before: Sequence[float], metric: Metric) -> Series:
    """
    *series* with what is usual for it.

    Args:
        before: What it measured earlier, by runs that went well.
        metric: What is compared; its value is of no account.
    """
    middle = usual(before)
    if middle is None:
        return series
    found = compared(replace(metric, value=series.points[-1].value), middle)
    past = Past(
        min(before), middle.low, middle.median, middle.high, max(before),
        found.noteworthy, found.percent,
    )  # fmt: skip
    return replace(series, past=past)
