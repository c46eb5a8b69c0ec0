"""follow: what a run prints, in private, while it runs."""

from dataclasses import dataclass

import pyparsing as pp

from agent.wire.errors import Forbidden, Refusal
from bot import grammar, runs
from bot.grammar import name, number, optional
from bot.jobs import Job, Phase, Run
from bot.lab import Lab
from bot.occupant import Line
from bot.policy import Permission
from bot.reply import Reply
from bot.report.nodes import folded
from bot.report.progress import overall, state
from bot.report.text import listed
from bot.verb import Verb


@dataclass(frozen=True, slots=True)
class Follow:
    """Of the job's only open run, if no target is named."""

    number: int
    target: str = ""


async def resolve(asked: Follow, lab: Lab, line: Line) -> Follow:
    """The job is there, and has such a target."""
    await runs.check(asked.number, asked.target, lab)
    return asked


async def run(asked: Follow, lab: Lab, line: Line) -> Reply:
    """From now on; what is there already, ``log`` shows."""
    if line.by.jid is None:
        raise Forbidden(
            "I cannot tell you anything in private: this room hides who you are",
            hint="An owner can make it show real addresses (non-anonymous).",
        )
    job = await lab.jobs.get(asked.number)
    chosen = _open(job, asked.target)
    await lab.followers.follow(chosen, line)
    return Reply(
        f"I tell you in private what job {job.number} on {chosen.target} prints; say unfollow "
        "for no more",
        data={"job": job.number, "target": chosen.target, "state": state(chosen), "waits": True},
        kind="acknowledgement",
    )


def _open(job: Job, target: str) -> Run:
    """The run that is meant; Refusal if it has ended, or several are on."""
    among = [runs.of(job, target)] if target else job.runs
    going = [run for run in among if run.phase is not Phase.DONE]
    if len(going) == 1:
        return going[0]
    where = f" on {among[0].target}" if len(among) == 1 else ""
    if not going:
        how = state(among[0]) if len(among) == 1 else overall(job)
        raise Refusal(
            f"job {job.number}{where} has ended ({how})",
            hint=f"Say log {job.number}{f' {target}' if target else ''}.",
        )
    names = [run.target for run in going]
    raise Refusal(
        f"job {job.number} is on with {len(names)} targets: {listed(folded(names))}",
        hint=f"Say follow {job.number} {names[0]}.",
    )


_OF = optional(pp.Suppress(pp.Literal("@")) | grammar.keyword("on"))

VERB = Verb(
    name="follow",
    summary="what it prints, as it does",
    about=(
        "Tells you in private what a run prints from now on: every few seconds at most the newest "
        "lines, and how many were left out. It ends with the run, with `unfollow`, when you leave "
        "the room, and when the bot is restarted. You may follow 3 runs."
    ),
    grammar=number("number") + optional(_OF + name("target", "a target")),
    then="a target or nothing more",
    build=Follow,
    resolve=resolve,
    needs=Permission.LOOK,
    run=run,
    examples={"follow 3": Follow(3), "follow 3 bob": Follow(3, "bob")},
)
