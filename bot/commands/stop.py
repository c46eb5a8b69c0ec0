"""stop: end a job before its time. One's own needs less than another's."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pyparsing as pp

from bot import deeds
from bot.choice import chosen
from bot.confirm import Cost, Stakes
from bot.grammar import Fixed, keyword, known, number, optional
from bot.grammar_targets import targets
from bot.jobs import Job, Phase, Run
from bot.lab import Lab
from bot.occupant import Line
from bot.policy import Deed, Permission
from bot.reply import Reply
from bot.report import facts, loss
from bot.report.progress import overall, where
from bot.selection import Selection, named
from bot.verb import Verb


@dataclass(frozen=True, slots=True)
class Stop:
    """By its number; on some of its targets, or all."""

    number: int
    of: Selection | None = None
    targets: tuple[str, ...] = ()
    """Who is meant, once that is resolved; empty is all."""


async def resolve(asked: Stop, lab: Lab, line: Line) -> Stop:
    """The targets as the lab writes them, of those that the job has."""
    if asked.of is None:
        return asked
    choice = await chosen(asked.of, lab)
    job = await lab.jobs.get(asked.number)
    names = [run.target for run in job.runs]
    for name in choice.by_name:
        known(name, names, f"target in job {job.number}", likely=True)
    theirs = tuple(name for name in choice.names if name in names)
    if not theirs:
        known(str(asked.of), names, f"target in job {job.number}", likely=True)
    return replace(asked, targets=theirs)


async def comes_to(asked: Stop, lab: Lab, line: Line) -> Sequence[Deed]:
    """Everybody stops what is theirs: by the bare JID of who asked for it, never by the nick."""
    job = await lab.jobs.get(asked.number)
    needs = Permission.LOOK if _own(job, line) else Permission.DISRUPT
    meant = _meant(asked, job)
    names = [run.target for run in meant if run.phase is not Phase.DONE or run.missing]
    return deeds.on("stop", needs, names or [run.target for run in meant], lab.targets)


async def stakes(asked: Stop, lab: Lab, line: Line) -> Stakes:
    """Other people's runs that are on."""
    job = await lab.jobs.get(asked.number)
    meant = _meant(asked, job)
    begun = [run.target for run in meant if run.began and run.phase is not Phase.DONE]
    if not begun or _own(job, line):
        return Stakes()
    targets = {target.name: target for target in lab.targets.all()}
    losses = loss.of(job, begun, targets)
    return Stakes(costs=frozenset({Cost.RUNNING}), losses=tuple(losses))


def _meant(asked: Stop, job: Job) -> list[Run]:
    """The runs of *job* that are to stop."""
    return [run for run in job.runs if not asked.targets or run.target in asked.targets]


def _own(job: Job, line: Line) -> bool:
    return line.by.jid is not None and line.by.jid.lower() == job.asker_jid.lower()


async def run(asked: Stop, lab: Lab, line: Line) -> Reply:
    """Ask; that it has stopped, the job's result says."""
    job = await lab.jobs.get(asked.number)
    meant = _meant(asked, job)
    if all(run.verdict is not None and not run.missing for run in meant):
        text = f"job {job.number} is done already: {overall(job)}"
        if not job.done:
            text = f"job {job.number} is done already on {where(meant)}"
        return Reply(text, data={**facts.of_job(job), "stopping": []})
    runs = await lab.jobs.stop(job, line.by.nick, on=asked.targets or None)
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


def _not_following(text: str, place: int, _: object) -> None:
    raise pp.ParseFatalException(text, place, "to be told no more of a run, say unfollow")


_FOLLOWING = Fixed("following").set_parse_action(_not_following)

VERB = Verb(
    name="stop",
    instead_of=("cancel", "abort", "kill"),
    summary="end a job now",
    about=(
        "Ends a job on all its targets or on some, whether it runs or waits; one that is away "
        "hears of it when it is back, even if the job was lost by then. Everybody may stop their "
        "own jobs; other people's need the right to disrupt, and a yes if they have begun."
    ),
    grammar=(
        optional(_FOLLOWING)
        + optional(keyword("job", "a job's number"))
        + number("number")
        + optional(keyword("on") - targets("of"))
    ),
    then='"on" with a target, or nothing more',
    build=Stop,
    resolve=resolve,
    needs=Permission.RUN,
    deeds=comes_to,
    stakes=stakes,
    run=run,
    examples={
        "stop 3": Stop(3),
        "stop 3 on bob": Stop(3, named("bob")),
    },
)
