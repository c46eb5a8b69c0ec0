"""stop: end a job before its time. One's own needs less than another's."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot import deeds
from bot.confirm import Cost, Stakes
from bot.grammar import keyword, number, optional
from bot.jobs import Job, Phase, Run
from bot.lab import Lab
from bot.occupant import Line
from bot.policy import Deed, Permission
from bot.reply import Reply
from bot.report import facts, loss
from bot.report.progress import overall, where
from bot.verb import Verb


@dataclass(frozen=True, slots=True)
class Stop:
    """By its number."""

    number: int


async def comes_to(asked: Stop, lab: Lab, line: Line) -> Sequence[Deed]:
    """Everybody stops what is theirs: by the bare JID of who asked for it, never by the nick."""
    job = await lab.jobs.get(asked.number)
    needs = Permission.LOOK if _own(job, line) else Permission.DISRUPT
    names = [run.target for run in job.runs if run.phase is not Phase.DONE or run.missing]
    return deeds.on("stop", needs, names or [run.target for run in job.runs], lab.targets)


async def stakes(asked: Stop, lab: Lab, line: Line) -> Stakes:
    """Other people's runs that are on."""
    job = await lab.jobs.get(asked.number)
    begun = [run.target for run in job.runs if run.began and run.phase is not Phase.DONE]
    if not begun or _own(job, line):
        return Stakes()
    targets = {target.name: target for target in lab.targets.all()}
    losses = loss.of(job, begun, targets)
    return Stakes(costs=frozenset({Cost.RUNNING}), losses=tuple(losses))


def _own(job: Job, line: Line) -> bool:
    return line.by.jid is not None and line.by.jid.lower() == job.asker_jid.lower()


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
        "when it is back, even if the job was lost by then. Everybody may stop their "
        "own jobs; other people's need the right to disrupt, and a yes if they have begun."
    ),
    grammar=optional(keyword("job", "a job's number")) + number("number"),
    build=Stop,
    needs=Permission.RUN,
    deeds=comes_to,
    stakes=stakes,
    run=run,
    examples={"stop 3": Stop(3)},
)
