"""whoami: who the bot takes you for, and what you may."""

from dataclasses import dataclass

from bot.lab import Lab
from bot.occupant import Line
from bot.policy import Permission
from bot.reply import Reply
from bot.report import rights
from bot.verb import Verb


@dataclass(frozen=True, slots=True)
class Whoami:
    """The one who asks."""


async def run(asked: Whoami, lab: Lab, line: Line) -> Reply:
    """By the real address, as the room shows it now."""
    return rights.of(line.by, lab.rights)


VERB = Verb(
    name="whoami",
    instead_of=("id", "rights"),
    summary="who you are, what you may",
    about=(
        "Your real address, as the room shows it to the bot, what you are in the room, and what "
        "you may: by that, and by the rules of the settings."
    ),
    build=Whoami,
    needs=Permission.LOOK,
    run=run,
    examples={"whoami": Whoami()},
)
