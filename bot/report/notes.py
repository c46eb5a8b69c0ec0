"""
What history makes of a run, in words: what is not as usual, and what has changed.

Rule: nothing is said of what is as usual.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from bot.findings import Metric
from bot.insight.changes import Change, Changes
from bot.insight.insight import Insight, Note
from bot.insight.usual import Compared, Usual
from bot.jobs import Outcome, Run
from bot.report.facts import Facts, finite, moment
from bot.report.text import age, duration, number, plural, safe

MOST_DIGITS = 1e15
"""A number from here on is written with a power of ten."""

NOTES = 2
"""Most metrics of one run that are told in its line."""

CHANGES = 2
"""The same of facts that are another."""

MANY = 12
"""Facts that are another at once: that is another machine, or another recipe."""


def quantity(value: float, unit: str = "") -> str:
    """A measured number as people say it: ``41.2 GB/s``, ``123456 IOPS``."""
    large = 1e4 <= abs(value) < MOST_DIGITS
    text = f"{value:.0f}" if large else number(value)
    return f"{text} {safe(unit, 12)}".rstrip()


def measured(metric: Metric) -> str:
    """``read 41.2 GB/s``."""
    return f"{safe(metric.name, 40)} {quantity(metric.value, metric.unit)}"


def against(compared: Compared, *, kind: bool = False) -> str:
    """``7 % below the median of 12``."""
    of = f"of {compared.usual.count}" + (" of its kind" if kind else "")
    percent = compared.percent
    if percent is None or abs(percent) >= 1000:
        unit = compared.metric.unit
        return f"usually {quantity(compared.usual.median, unit)} (median {of})"
    return f"{away(percent)} the median {of}"


def away(percent: float) -> str:
    """``7 % below``."""
    return f"{percents(percent)} {'above' if percent > 0 else 'below'}"


def percents(percent: float) -> str:
    """``7 %``, ``0.4 %``; how many, not in which direction."""
    away = abs(percent)
    return f"{away:.0f} %" if away >= 1 else f"{away:.1g} %"


def between(usual: Usual) -> str:
    """The time that something usually takes: ``52 to 55 min``, ``40 s``."""
    low, high = duration(usual.low), duration(usual.high)
    if low == high:
        return low
    if low.count(" ") == high.count(" ") == 1 and low.split()[1] == high.split()[1]:
        low = low.split()[0]
    return f"{low} to {high}"


def of_run(run: Run, insight: Insight, now: datetime) -> list[str]:
    """What is to say of *run* alone, a clause each; beside its time (:func:`took`)."""
    metrics = [metric for outcome in run.outcomes for metric in outcome.metrics]
    plain = [] if insight.notes else [measured(metric) for metric in metrics[:1]]
    return plain + unusual(run, insight, now)


def unusual(run: Run, insight: Insight, now: datetime) -> list[str]:
    """What is to say of *run* even among many, a clause each."""
    notes = sorted(insight.notes, key=lambda note: not note.compared.worse)
    clauses = [_note(note) for note in notes[:NOTES]]
    if len(notes) > NOTES:
        clauses.append(f"{len(notes) - NOTES} more not as usual")
    clauses += issues(run.outcomes, run.reason)
    return clauses + (changes(insight.changes, now) if insight.changes else [])


def of_many(runs: Sequence[Run]) -> str:
    """What all of *runs* measured first: ``read 480 to 520 MB/s``; empty if they did not."""
    found = [[metric for each in run.outcomes for metric in each.metrics] for run in runs]
    if not all(found):
        return ""
    name, unit = found[0][0].name, found[0][0].unit
    values = [m.value for metrics in found for m in metrics if (m.name, m.unit) == (name, unit)]
    low, high = quantity(min(values)), quantity(max(values), unit)
    return f"{safe(name, 40)} " + (high if min(values) == max(values) else f"{low} to {high}")


def took(seconds: float, insight: Insight) -> str:
    """How long it took: ``52 min, usually 40 min``."""
    usually = f", usually {between(insight.usually)}" if insight.usually else ""
    return duration(seconds) + usually


def issues(outcomes: Iterable[Outcome], reason: str) -> list[str]:
    """The known issues that explain something, with their links; what *reason* says is said."""
    told = dict.fromkeys(issue for outcome in outcomes for issue in outcome.known)
    reasons = [reason, *(outcome.reason for outcome in outcomes)]
    clauses = []
    for issue in list(told)[:2]:
        said = any(issue.why in each for each in reasons)
        if not said:
            clauses.append(f"known: {safe(issue.why, 100)} {issue.link}".rstrip())
        elif issue.link:
            clauses.append(f"see {issue.link}")
    return clauses


def changes(found: Changes, now: datetime) -> list[str]:
    """``DIMM_B2 is gone (16 GB DDR4), since job 37, 1 d ago``."""
    since = f"since job {found.job}, {age(found.at, now)}"
    if len(found.of) > MANY:
        return [f"{len(found.of)} facts are not what they were {since}"]
    told = [_change(each) for each in found.of[:CHANGES]]
    rest = len(found.of) - CHANGES
    if rest > 0:
        told.append(plural(rest, "more changes"))
    return [*told[:-1], f"{told[-1]}, {since}"]


def as_data(insight: Insight) -> Facts:
    """The same for scripts."""
    usually = insight.usually
    return {
        "unusual": [_as_data(note) for note in insight.notes],
        "marginal": insight.marginal or None,
        "usually": round(usually.median, 1) if usually else None,
        "changes": _changes(insight.changes),
        "new": list(insight.new),
        "new_since": insight.new_since or None,
    }


def gathered(said: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Clauses by target, turned round: those of whom each is said; what few say comes first."""
    of: dict[str, list[str]] = {}
    for name, clauses in said.items():
        for clause in clauses:
            of.setdefault(clause, []).append(name)
    return dict(sorted(of.items(), key=lambda each: len(each[1])))


def _note(note: Note) -> str:
    marginal = "marginal: " if note.compared.marginal else ""
    told = measured(note.compared.metric)
    return f"{marginal}{told}, {against(note.compared, kind=note.kind)}"


def _change(change: Change) -> str:
    key, before, now = safe(change.key, 60), safe(change.before, 60), safe(change.now, 60)
    if not change.now:
        return f"{key} is gone ({before})"
    return f"{key} is {now}, was {before}" if change.before else f"{key} is new ({now})"


def _as_data(note: Note) -> Facts:
    compared = note.compared
    return {
        "name": compared.metric.name,
        "value": finite(compared.metric.value),
        "unit": compared.metric.unit,
        "median": finite(compared.usual.median),
        "of": compared.usual.count,
        "percent": None if compared.percent is None else round(compared.percent, 1),
        "worse": compared.worse or None,
        "marginal": compared.marginal or None,
        "kind": note.kind or None,
    }


def _changes(found: Changes | None) -> Facts:
    if found is None:
        return {}
    of = [{"fact": each.key, "before": each.before, "now": each.now} for each in found.of[:MANY]]
    return {"since": found.job, "at": moment(found.at), "facts": of, "count": len(found.of)}
