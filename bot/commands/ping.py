"""ping: ask a target for a sign of life, now."""

from dataclasses import dataclass

from bot.grammar import known, name
from bot.lab import Lab
from bot.occupant import Line
from bot.policy import Permission
from bot.reply import Reply
from bot.verb import Verb


@dataclass(frozen=True, slots=True)
class Ping:
    """One target."""

    target: str


async def resolve(asked: Ping, lab: Lab, line: Line) -> Ping:
    """The target as the lab writes it."""
    return Ping(known(asked.target, [each.name for each in lab.targets.all()], "target"))


async def run(asked: Ping, lab: Lab, line: Line) -> Reply:
    """Its agent answers, not its server."""
    seconds = await lab.targets.ping(asked.target)
    milliseconds = max(1, round(seconds * 1000))
    return Reply(
        f"{asked.target} answered in {milliseconds} ms",
        data={"target": asked.target, "seconds": round(seconds, 6)},
    )


VERB = Verb(
    name="ping",
    summary="is a target alive",
    about="Asks a target's agent for a sign of life and says how long that took.",
    grammar=name("target", "a target"),
    build=Ping,
    resolve=resolve,
    needs=Permission.LOOK,
    run=run,
    examples={"ping bob": Ping("bob")},
)
