"""can: whether one may do something, and by what."""

from dataclasses import dataclass

from bot.grammar import keyword, rest
from bot.lab import Lab
from bot.occupant import Line
from bot.policy import Permission
from bot.reply import Reply
from bot.report import rights
from bot.verb import Verb


@dataclass(frozen=True, slots=True)
class Can:
    """Another command, as people write it."""

    command: str


async def resolve(asked: Can, lab: Lab, line: Line) -> Can:
    """What it is about exists, or it is talk."""
    await lab.commands.deeds(asked.command, lab, line)
    return asked


async def run(asked: Can, lab: Lab, line: Line) -> Reply:
    """As if it had been said; nothing is done."""
    deeds = await lab.commands.deeds(asked.command, lab, line)
    return rights.can(line.by, deeds, lab.rights)


VERB = Verb(
    name="can",
    summary="whether you may do it",
    about="Whether you may do something, and by what, or why not and whom to ask. Nothing is done.",
    grammar=keyword("I") + rest("command", 'a command, like "reboot bob"'),
    build=Can,
    resolve=resolve,
    needs=Permission.LOOK,
    run=run,
    examples={
        "can I reboot bob": Can("reboot bob"),
        "can I run memtest on bob": Can("run memtest on bob"),
    },
)
