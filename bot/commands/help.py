"""help: what can be said. Its examples are the tests' examples."""

from dataclasses import dataclass

from bot.commands import discover
from bot.grammar import known, name, optional
from bot.lab import Lab
from bot.occupant import Line
from bot.policy import Permission
from bot.reply import Reply
from bot.report.table import block, table
from bot.report.text import wrapped
from bot.verb import Verb

SCREEN = 29
"""Lines of a block that fill a phone (measured)."""


@dataclass(frozen=True, slots=True)
class Help:
    """Of everything if no command is named."""

    command: str = ""


async def resolve(asked: Help, lab: Lab, line: Line) -> Help:
    """The command, if there is one of that name."""
    return Help(known(asked.command, discover(), "command")) if asked.command else asked


async def run(asked: Help, lab: Lab, line: Line) -> Reply:
    """One line for each command, or a command with its examples."""
    if asked.command:
        verb = discover()[asked.command]
        lines = [line for example in verb.examples for line in wrapped(example)]
        data = {"command": verb.name, "about": verb.about, "needs": verb.needs.name.lower()}
        text = f"{verb.name}: {verb.about.replace('`', '')}"
        return Reply(text, table=block(lines), data={**data, "examples": list(verb.examples)})
    verbs = discover().values()
    return Reply(
        "I run diagnostics on the lab's machines. Say help run to learn about run.",
        table=table(([verb.name, verb.summary] for verb in verbs), most=SCREEN),
        data={"commands": {verb.name: verb.summary for verb in verbs}},
    )


VERB = Verb(
    name="help",
    instead_of=("commands", "hi", "hello"),
    summary="this; help run: more",
    about="The commands, or one command with its examples.",
    grammar=optional(name("command", "a command")),
    then="a command or nothing more",
    build=Help,
    resolve=resolve,
    needs=Permission.LOOK,
    run=run,
    examples={"help": Help(), "help run": Help("run")},
)
