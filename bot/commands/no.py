"""no: never do what the bot asked back about."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.grammar import code
from bot.lab import Lab
from bot.occupant import Line
from bot.policy import Deed, Permission
from bot.reply import Reply
from bot.verb import Verb


@dataclass(frozen=True, slots=True)
class No:
    """To a question, by its code."""

    code: str


async def deeds(asked: No, lab: Lab, line: Line) -> Sequence[Deed]:
    """None of its own: the question's are looked at."""
    return []


async def run(asked: No, lab: Lab, line: Line) -> Reply:
    """Drop it."""
    return await lab.commands.withdraw(asked.code, lab, line)


VERB = Verb(
    name="no",
    instead_of=("reject",),
    summary="drop what I asked back",
    about=(
        "Takes back what the bot asked about; without an answer it is dropped after a minute. Who "
        "asked may say it, and whoever may say yes."
    ),
    grammar=code("code"),
    build=No,
    needs=Permission.RUN,
    deeds=deeds,
    run=run,
    examples={"no 7f": No("7f")},
)
