"""why: why one may not do something, or by what one may."""

from dataclasses import dataclass

from bot.grammar import keyword, rest
from bot.lab import Lab
from bot.occupant import Line
from bot.policy import Permission
from bot.reply import Reply
from bot.report import rights
from bot.verb import Verb


@dataclass(frozen=True, slots=True)
class Why:
    """Another command, as people write it."""

    command: str


async def resolve(asked: Why, lab: Lab, line: Line) -> Why:
    """What it is about exists, or it is talk."""
    await lab.commands.deeds(asked.command, lab, line)
    return asked


async def run(asked: Why, lab: Lab, line: Line) -> Reply:
    """As if it had been said; nothing is done."""
    deeds = await lab.commands.deeds(asked.command, lab, line)
    return rights.can(line.by, deeds, lab.rights)


CANNOT = (keyword("can't") | keyword("cannot") | keyword("cant")).set_name('"can\'t"')

VERB = Verb(
    name="why",
    summary="why you may not do it",
    about="Why you may not do something, and whom to ask; or by what you may. Nothing is done.",
    grammar=CANNOT + keyword("I") + rest("command", 'a command, like "reboot bob"'),
    build=Why,
    resolve=resolve,
    needs=Permission.LOOK,
    run=run,
    examples={
        "why can't I reboot bob": Why("reboot bob"),
        "why can't I run memtest on bob": Why("run memtest on bob"),
    },
)
