"""How far jobs and runs are, in a word and in a row."""

from collections.abc import Sequence

from bot.jobs import Job, Phase, Run
from bot.report.nodes import folded
from bot.report.text import listed

WORDS = {
    Phase.OFFERED: "waiting",  # for the target to take it
    Phase.QUEUED: "queued",
    Phase.RUNNING: "running",
    Phase.STRANDED: "stranded",  # its target is gone, or says nothing of it
    Phase.DONE: "done",
}


def state(run: Run) -> str:
    """A run's verdict, or its phase as people say it."""
    if run.verdict is not None:
        return run.verdict.value
    return "stopping" if run.stop and run.phase is not Phase.STRANDED else WORDS[run.phase]


def overall(job: Job) -> str:
    """A job's verdict, or what the furthest of its open runs does."""
    if job.verdict is not None:
        return job.verdict.value
    furthest = max(
        (run for run in job.runs if run.phase is not Phase.DONE),
        key=lambda run: list(Phase).index(run.phase),
    )
    return state(furthest)


def where(runs: Sequence[Run]) -> str:
    """The targets of *runs* as a sentence has them."""
    return listed(folded([run.target for run in runs]), 4)


def already(job: Job) -> tuple[str, str]:
    """That *job* cannot be made another one any more, and what can be done."""
    if job.done:
        return f"job {job.number} has ended already ({overall(job)})", "Say it anew."
    hint = f"Say stop {job.number}, then say it anew."
    return f"job {job.number} is {overall(job)} already: stop it first", hint
