"""stop: end a job before its time. One's own needs less than another's."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.grammar import keyword, number, optional
from bot.jobs import Job, Run
from bot.lab import Lab
from bot.occupant import Line
from bot.policy import Permission
from bot.reply import Reply
from bot.report import facts
from bot.report.progress import overall, where
from bot.verb import Verb


@dataclass(frozen=True, slots=True)
class Stop:
    """By its number."""

    number: int


async def demands(asked: Stop, lab: Lab, line: Line) -> Permission:
    """A job is one's own by the bare JID of who asked for it, never by the nick."""
    job = await lab.jobs.get(asked.number)
    own = line.by.jid is not None and line.by.jid.lower() == job.asker_jid.lower()
    return Permission.RUN if own else Permission.OPERATE


async def run(asked: Stop, lab: Lab, line: Line) -> Reply:
    """Ask; that it has stopped, the job's result says."""
    job = await lab.jobs.get(asked.number)
    if job.done and not any(run.missing for run in job.runs):
        text = f"job {job.number} is done already: {overall(job)}"
        return Reply(text, data={**facts.of_job(job), "stopping": []})
    runs = await lab.jobs.stop(job, line.by.nick)
    return Reply(
        _promise(job, runs),
        data={**facts.of_job(job), "stopping": [run.target for run in runs]},
        kind="acknowledgement",
    )


def _promise(job: Job, runs: Sequence[Run]) -> str:
    missing = [run for run in runs if run.missing]
    here = [run for run in runs if not run.missing]
    parts = [f"stopping job {job.number} on {where(here)}"] if here else []
    if missing:
        parts.append(f"job {job.number} is lost on {where(missing)}: stopped if it comes back")
    return "; ".join(parts) or f"job {job.number} is done already"


VERB = Verb(
    name="stop",
    instead_of=("cancel", "abort", "kill"),
    summary="end a job now",
    about=(
        "Ends a job on all its targets, whether it runs or waits; one that is away hears of it "
        "when it is back, even if the job was lost by then. Whoever may run may stop their own "
        "jobs; other people's need the right to operate."
    ),
    grammar=optional(keyword("job", "a job's number")) + number("number"),
    build=Stop,
    needs=Permission.RUN,
    demands=demands,
    run=run,
    examples={"stop 3": Stop(3)},
)
