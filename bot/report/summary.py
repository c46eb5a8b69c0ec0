"""
What the room hears of a job when it is over: how it ended, and that the end was revised.

Rule 1: the first line says it all, with the verdict as a word.
Rule 2: the asker's nick stands in the result, once, and nowhere before.
Rule 3: what failed comes first; what is alike is said once.
"""

from collections.abc import Hashable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType

from agent.wire.vocabulary import Verdict
from bot.insight.insight import Insight
from bot.jobs import Job, Run
from bot.reply import Reply
from bot.report import facts, notes
from bot.report.evidence import alike, evidence
from bot.report.nodes import folded
from bot.report.table import table
from bot.report.text import cut, duration, listed, number, plural, safe, wrapped

NAMES = 24
"""Columns for the names of those who ended alike: the verdict must stand beside them."""

NOTED = 2
"""Most of what is not as usual among several that stands in the line; more is in the block."""

REASON = 120
"""Letters of why it ended so."""

FEW = 3
"""Counts that are told even if they are zero: of more, what was not found is no news."""

LINES = 20
"""Most lines of a result's block: it has to leave room for talk."""

PLAIN = Insight()
NOTHING: Mapping[str, Insight] = MappingProxyType({})


def result(job: Job, insights: Mapping[str, Insight] = NOTHING) -> Reply:
    """
    The one notice when *job* has ended.

    Args:
        insights: What history makes of its runs, by the bare JID of their targets.
    """
    groups = _alike(job)
    verdict = job.verdict or Verdict.ERROR
    names = [run.target for run in job.runs]
    start = f"{_call(job)} {verdict}: {safe(job.title)} on "
    if len(groups) == 1:
        text = ", ".join([start + listed(folded(names)), *_details(groups[0], insights)])
        rows = _steps(groups[0][0]) if len(job.steps) > 1 and not verdict.good else []
    else:
        text = f"{start}{len(names)} targets: " + "; ".join(_group(group) for group in groups[:3])
        text += f"; {len(groups) - 3} more kinds of end" if len(groups) > 3 else ""
        rows = [row for group in groups for row in _rows(group)]
    noted = _noted(job, insights) if len(names) > 1 else []
    block = [table(rows, most=12)] if rows else []
    block += [piece for note in noted[NOTED : NOTED + 4] for piece in wrapped(note)[:3]]
    block += evidence(
        groups, insights,
        named=len(names) > 1, room=LINES - sum(b.count("\n") + 1 for b in block),
        told=safe(_reason(job.runs[0]), REASON) if len(groups) == 1 else "",
    )  # fmt: skip
    return Reply(
        "; ".join([text, *noted[:NOTED]]),
        table="\n".join(block),
        data=facts.of_end(job, _data(insights)),
        kind="result",
        quotes=True,
    )


def revised(
    job: Job, run: Run, before: Verdict, insights: Mapping[str, Insight] = NOTHING
) -> Reply:
    """That the journal of *run*, reported as *before* (lost), has arrived after all."""
    text = ", ".join(
        [
            f"{_call(job)} on {run.target} was reported {before}; "
            f"its journal is here: {run.verdict}",
            *_details([run], insights),
        ]
    )
    lines = evidence([[run]], insights, named=False, room=LINES)
    end = facts.of_end(job, _data(insights))
    data = {**end, "revised": run.target, "before": before.value}
    return Reply(text, table="\n".join(lines), data=data, kind="result", quotes=True)


def _data(insights: Mapping[str, Insight]) -> dict[str, facts.Facts]:
    return {jid: notes.as_data(insight) for jid, insight in insights.items()}


def relearned(found: Sequence[tuple[int, int, str, Sequence[str]]]) -> Reply:
    """
    That targets still hold jobs of a database that is gone.

    Args:
        found: Of each its number, the number it had, its title, and its targets.
    """
    names = sorted({name for _, _, _, targets in found for name in targets})
    holds = "holds" if len(names) == 1 else "hold"
    first, last = found[0][0], found[-1][0]
    numbers = f"job {first}" if len(found) == 1 else f"jobs {first} to {last}"
    rows = [
        [number, f"was {was}", listed(folded(targets), 2), title]
        for number, was, title, targets in found
    ]
    return Reply(
        f"{listed(folded(names), 4)} still {holds} {plural(len(found), 'jobs')} of a database that "
        f"I no longer have: now {numbers}, and I tell how they end",
        table=table(rows, most=12),
        data={
            "relearned": [
                {"job": number, "was": was, "title": title, "targets": list(targets)}
                for number, was, title, targets in found
            ]
        },
        kind="notice",
    )


def _call(job: Job) -> str:
    """Whom it concerns and which job it is: ``ann: job 17``, ``job 1 (was 17)``."""
    was = f" (was {job.was})" if job.was is not None else ""
    return f"{safe(job.asker, 60)}: job {job.number}" if job.asker else f"job {job.number}{was}"


def _alike(job: Job) -> list[list[Run]]:
    """The runs that ended alike together, whatever their numbers are; the worst first."""
    groups: dict[Hashable, list[Run]] = {}
    for run in job.runs:
        groups.setdefault(alike(run), []).append(run)
    order = list(Verdict)
    return sorted(groups.values(), key=lambda group: -order.index(_verdict(group[0])))


def _verdict(run: Run) -> Verdict:
    return run.verdict or Verdict.ERROR


def _group(group: list[Run]) -> str:
    """``bob fail (2 errors at bit 3)``, ``alice and carol pass``."""
    reason = _reason(group[0])
    told = f" ({safe(reason, 60)})" if reason else ""
    return f"{_names(group, 4)} {_verdict(group[0])}{told}"


def _names(group: Sequence[Run], most: int) -> str:
    return listed(folded([run.target for run in group]), most)


def _details(group: list[Run], insights: Mapping[str, Insight]) -> list[str]:
    """How long it took, what was counted and measured, and why it is no pass, as far as known."""
    seconds = [taken for run in group if (taken := elapsed(run)) is not None]
    insight = insights.get(group[0].jid, PLAIN)
    if len(group) == 1:
        parts = [notes.took(seconds[0], insight)] if seconds else []
    else:
        times = list(dict.fromkeys(map(duration, sorted(seconds))))
        parts = [times[0] if len(times) == 1 else f"up to {times[-1]}"] if times else []
    counted = _counted(group)
    reason = safe(_reason(group[0]), REASON)
    parts += [counted] if counted else []
    parts += [reason] if reason and reason not in counted.split(", ") else []
    if len(group) == 1:
        return parts + notes.of_run(group[0], insight, _end(group[0]))
    return parts + ([part] if (part := notes.of_many(group)) else [])


def _noted(job: Job, insights: Mapping[str, Insight]) -> list[str]:
    """What is not as usual among several, with of whom it is."""
    said = {}
    for run in job.runs:
        insight, seconds = insights.get(run.jid, PLAIN), elapsed(run)
        said[run.target] = notes.unusual(run, insight, _end(run))
        if insight.usually is not None and seconds is not None:
            said[run.target].append(f"took {notes.took(seconds, insight)}")
    return [
        f"{listed(folded(names), 4)}: {clause}" for clause, names in notes.gathered(said).items()
    ]


def _end(run: Run) -> datetime:
    """When *run* has ended, for how long ago something is."""
    return run.ended or datetime.now(UTC)


def elapsed(run: Run) -> float | None:
    """Seconds from its first step to its end; None if it never began."""
    if run.outcomes:
        return sum(outcome.seconds for outcome in run.outcomes)
    if run.began is not None and run.ended is not None:
        return (run.ended - run.began).total_seconds()
    return None


def _counted(group: Sequence[Run]) -> str:
    """What they counted, all of their steps together: ``2 loops, 0 to 3 errors``."""
    totals = [_counts(run) for run in group]
    said = []
    for name in totals[0]:
        values = [total.get(name, 0) for total in totals]
        low, high = min(values), max(values)
        if not high and len(totals[0]) > FEW:
            continue
        several = "" if low == high else f"{number(low)} to "
        said.append(several + plural(high, safe(name, 30)))
    return ", ".join(said)


def _counts(run: Run) -> dict[str, float]:
    """What its steps counted, added up."""
    total: dict[str, float] = {}
    for outcome in run.outcomes:
        for name, value in outcome.totals.items():
            total[name] = total.get(name, 0) + value
    return total


def _reason(run: Run) -> str:
    """Why the run is what it is: its own word, or that of its worst step."""
    if run.reason or not run.outcomes:
        return run.reason
    worst = Verdict.worst(outcome.verdict for outcome in run.outcomes)
    return next(outcome.reason for outcome in run.outcomes if outcome.verdict is worst)


def _rows(group: Sequence[Run]) -> list[list[str]]:
    """Those who ended alike: a row for each, or one for all whose names fold, with the longest."""
    single = {run.target: run for run in group}
    rows = []
    for called in folded(list(single)):
        runs = [single[called]] if called in single else group
        taken = [seconds for run in runs if (seconds := elapsed(run)) is not None]
        rows.append([cut(called, NAMES), str(_verdict(runs[0])),
                     duration(max(taken)) if taken else "",
                     _reason(runs[0]) or _counted(runs)])  # fmt: skip
    return rows


def _steps(run: Run) -> list[list[str]]:
    return [
        [outcome.step, str(outcome.verdict), duration(outcome.seconds)] for outcome in run.outcomes
    ]
