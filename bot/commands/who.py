"""who: who may do something."""

from dataclasses import dataclass

from bot.grammar import keyword, rest
from bot.lab import Lab
from bot.occupant import Line
from bot.policy import Permission
from bot.reply import Reply
from bot.report import rights
from bot.verb import Verb


@dataclass(frozen=True, slots=True)
class Who:
    """Another command, as people write it."""

    command: str


async def resolve(asked: Who, lab: Lab, line: Line) -> Who:
    """What it is about exists, or it is talk."""
    await lab.commands.deeds(asked.command, lab, line)
    return asked


async def run(asked: Who, lab: Lab, line: Line) -> Reply:
    """Of all who belong to the room."""
    deeds = await lab.commands.deeds(asked.command, lab, line)
    return rights.who(deeds, await lab.people.everybody(), lab.rights)


VERB = Verb(
    name="who",
    summary="who may do something",
    about="Which of the people who belong to the room may do something, and by what.",
    grammar=keyword("can") + rest("command", 'a command, like "reboot bob"'),
    build=Who,
    resolve=resolve,
    needs=Permission.LOOK,
    run=run,
    examples={
        "who can reboot bob": Who("reboot bob"),
        "who can run memtest on bob": Who("run memtest on bob"),
    },
)
