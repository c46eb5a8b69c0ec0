"""
What the room hears of a job: that it is taken, how it ended, and that the end was revised.

Rule 1: the first line says it all, with the verdict as a word.
Rule 2: the asker's nick stands in the result, once, and nowhere before.
Rule 3: what failed comes first; what is alike is said once.
"""

from collections.abc import Mapping, Sequence

from agent.wire.vocabulary import Verdict
from bot.jobs import Job, Run
from bot.lab import Target
from bot.reply import Reply
from bot.report import facts
from bot.report.nodes import folded
from bot.report.table import table
from bot.report.text import counted, cut, duration, listed, plural, safe, wrapped

NAMES = 24
"""Columns for the names of those who ended alike: the verdict must stand beside them."""

LINES = 20
"""Most lines of a result's block: it has to leave room for talk."""


def acknowledgement(
    job: Job,
    targets: Mapping[str, Target],
    left_out: Sequence[str] = (),
    terms: Sequence[str] = (),
) -> Reply:
    """
    That *job* is recorded.

    Args:
        targets: What is known of the machines, by name.
        left_out: Why a target that "all" meant is not among them, a clause each.
        terms: What else was agreed, a clause each.
    """
    names = [run.target for run in job.runs]
    called = folded(names)
    on = ", ".join(called) if len(called) <= 8 else f"{len(names)} targets"
    clauses = [f"job {job.number}: {safe(job.title)} on {on}", *terms, *_waits(job, targets)]
    clauses += [f"not on {safe(reason)}" for reason in left_out[:3]]
    if len(left_out) > 3:
        clauses.append(f"nor on {len(left_out) - 3} more")
    return Reply(
        "; ".join(clauses),
        table="\n".join(wrapped(", ".join(called), indent="")) if len(called) > 8 else "",
        data={
            "job": job.number,
            "title": job.title,
            "targets": names,
            "left_out": list(left_out),
        },
        kind="acknowledgement",
    )


def _waits(job: Job, targets: Mapping[str, Target]) -> list[str]:
    """Why some runs do not start at once."""
    clauses: list[str] = []
    mine = [targets[run.target] for run in job.runs if run.target in targets]
    for state in ("down", "away", "rebooting"):
        names = [target.name for target in mine if target.state == state]
        if len(names) == 1:
            clauses.append(f"{names[0]} is {state}: it starts when {names[0]} is back")
        elif names:
            clauses.append(f"{listed(folded(names), 4)} are {state}: it starts when they are back")
    busy = [target for target in mine if target.state == "busy" and target.job != job.number]
    if len(busy) > 2:
        clauses.append(
            f"{listed(folded([target.name for target in busy]), 4)} are busy: it waits there"
        )
    for target in busy[:2] if len(busy) <= 2 else ():
        waiting = f" and {target.queue} more" if target.queue else ""
        after = f"job {target.job}{waiting}" if target.job else "what is on"
        clauses.append(f"{target.name} is busy: it starts there after {after}")
    return clauses


def result(job: Job) -> Reply:
    """The one notice when *job* has ended."""
    groups = _alike(job)
    verdict = job.verdict or Verdict.ERROR
    names = [run.target for run in job.runs]
    start = f"{_call(job)} {verdict}: {safe(job.title)} on "
    if len(groups) == 1:
        text = ", ".join([start + listed(folded(names)), *_details(groups[0])])
        rows = _steps(groups[0][0]) if len(job.steps) > 1 and not verdict.good else []
    else:
        text = f"{start}{len(names)} targets: " + "; ".join(_group(group) for group in groups[:3])
        text += f"; {len(groups) - 3} more kinds of end" if len(groups) > 3 else ""
        rows = [row for group in groups for row in _rows(group)]
    block = [table(rows, most=12)] if rows else []
    block += _evidence(
        groups, named=len(names) > 1, room=LINES - sum(b.count("\n") + 1 for b in block)
    )
    return Reply(text, table="\n".join(block), data=facts.of_end(job), kind="result", quotes=True)


def revised(job: Job, run: Run, before: Verdict) -> Reply:
    """That the journal of *run*, reported as *before* (lost), has arrived after all."""
    text = ", ".join(
        [
            f"{_call(job)} on {run.target} was reported {before}; "
            f"its journal is here: {run.verdict}",
            *_details([run]),
        ]
    )
    lines = _evidence([[run]], named=False, room=LINES)
    data = {**facts.of_end(job), "revised": run.target, "before": before.value}
    return Reply(text, table="\n".join(lines), data=data, kind="result", quotes=True)


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
    """The runs that ended alike together, the worst first."""
    groups: dict[object, list[Run]] = {}
    for run in job.runs:
        ends = tuple(
            (outcome.verdict, outcome.reason, tuple(outcome.counts.items()), outcome.lines)
            for outcome in run.outcomes
        )
        groups.setdefault((run.verdict, run.reason, ends), []).append(run)
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


def _details(group: list[Run]) -> list[str]:
    """How long it took, what was counted and why it is no pass, as far as that is known."""
    seconds = [taken for run in group if (taken := elapsed(run)) is not None]
    times = list(dict.fromkeys(map(duration, sorted(seconds))))
    parts = [times[0] if len(times) == 1 else f"up to {times[-1]}"] if times else []
    parts += [part] if (part := counted(_counts(group[0]))) else []
    parts += [safe(reason, 120)] if (reason := _reason(group[0])) else []
    return parts


def elapsed(run: Run) -> float | None:
    """Seconds from its first step to its end; None if it never began."""
    if run.outcomes:
        return sum(outcome.seconds for outcome in run.outcomes)
    if run.began is not None and run.ended is not None:
        return (run.ended - run.began).total_seconds()
    return None


def _counts(run: Run) -> dict[str, float]:
    """What its steps counted, added up."""
    total: dict[str, float] = {}
    for outcome in run.outcomes:
        for name, value in outcome.counts.items():
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
                     _reason(runs[0]) or counted(_counts(runs[0]))])  # fmt: skip
    return rows


def _steps(run: Run) -> list[list[str]]:
    return [
        [outcome.step, str(outcome.verdict), duration(outcome.seconds)] for outcome in run.outcomes
    ]


def _evidence(groups: list[list[Run]], *, named: bool, room: int) -> list[str]:
    """The lines of output that matter, of the worst first, with whose they are."""
    found: list[str] = []
    for group in groups:
        lines = [
            piece
            for outcome in group[0].outcomes
            for line in outcome.lines
            for piece in wrapped(safe(line))[:3]
        ]
        if lines and named:
            found.append(cut(f"{_names(group, 3)}:"))
        found += lines
    return (
        found if len(found) <= room else [*found[: room - 1], f"and {len(found) - room + 1} more"]
    )
