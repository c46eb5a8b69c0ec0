"""
What the room hears of a job when it is taken: its number, and who starts later.

Rule: the asker's nick does not stand in it; it stands in the result.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bot.insight.usual import Usual
from bot.jobs import Job
from bot.lab import Target
from bot.reply import Reply
from bot.report.nodes import folded
from bot.report.notes import between
from bot.report.text import listed, safe, wrapped


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


def usual_words(usual: Sequence[Usual | None]) -> str:
    """
    How long a job usually takes, if that is known of all of its targets: ``52 to 55 min``.

    They work at the same time, so it is from the fastest one's to the slowest one's.
    """
    known = [each for each in usual if each is not None]
    if not known or len(known) < len(usual):
        return ""
    low, high = min(each.low for each in known), max(each.high for each in known)
    return between(replace(known[0], low=low, high=high))
