"""Which run of a job a line is about."""

from collections.abc import Sequence

from agent.wire.errors import Refusal, UnknownName
from bot.grammar import NoSuch, known
from bot.jobs import Job, Run
from bot.lab import Lab
from bot.report.nodes import folded
from bot.report.text import listed


async def check(number: int, target: str, lab: Lab) -> None:
    """
    NoSuch if there is no job *number*, or it has no such *target* (empty: any).

    A number that no job has, or a target that nobody is ("log 3 times"), is talk.
    """
    names = [each.name.casefold() for each in lab.targets.all()]
    try:
        job = await lab.jobs.get(number)
    except UnknownName as missing:
        likely = not target or target.casefold() in names
        raise NoSuch(missing.what, hint=missing.hint, likely=likely) from None
    if target and target.casefold() not in names:
        known(target, [run.target for run in job.runs], f"target in job {job.number}")


def of(job: Job, target: str) -> Run:
    """*job*'s run on *target*, of whom everything else is known to exist."""
    names = [run.target for run in job.runs]
    called = known(target, names, f"target in job {job.number}", likely=True)
    return next(run for run in job.runs if run.target == called)


def gone(run: Run) -> str:
    """What is said in place of the output that *run* had; empty while it is kept."""
    return f"its output is no longer kept ({run.dropped})" if run.dropped else ""


def only(job: Job, target: str, verb: str, rest: str = "") -> Run:
    """
    The run on *target*, or if that is empty the only one, or the only one that went wrong.

    Args:
        verb: What is asked, for the hint of a refusal.
        rest: What stood behind the target.
    """
    if target:
        return of(job, target)
    names = [run.target for run in job.runs]
    candidates = job.runs if len(job.runs) == 1 else _wrong(job)
    if len(candidates) == 1:
        return candidates[0]
    raise Refusal(
        f"job {job.number} has {len(names)} targets: {listed(folded(names))}",
        hint=f"Say {' '.join(filter(None, (verb, str(job.number), names[0], rest)))}.",
    )


def _wrong(job: Job) -> Sequence[Run]:
    return [run for run in job.runs if run.verdict is not None and not run.verdict.good]
