"""yes: do what the bot asked back about."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.grammar import code
from bot.lab import Lab
from bot.occupant import Line
from bot.policy import Deed, Permission
from bot.reply import Reply
from bot.verb import Verb


@dataclass(frozen=True, slots=True)
class Yes:
    """To a question, by its code."""

    code: str


async def deeds(asked: Yes, lab: Lab, line: Line) -> Sequence[Deed]:
    """None of its own: the question's are looked at."""
    return []


async def run(asked: Yes, lab: Lab, line: Line) -> Reply:
    """Carry it out."""
    return await lab.commands.confirm(asked.code, lab, line)


VERB = Verb(
    name="yes",
    instead_of=("confirm", "approve"),
    summary="do what I asked back",
    about=(
        "What would end a run, destroy what is on a target, or happen on many targets at once is "
        "asked back first: what would be lost, and a code. `yes` with the code does it, on the "
        "very targets that were named; one that has changed since is not touched, and named. Only "
        "who asked may say it, within a minute; where the settings want two people, only somebody "
        "else."
    ),
    grammar=code("code"),
    build=Yes,
    needs=Permission.RUN,
    deeds=deeds,
    run=run,
    examples={"yes 7f": Yes("7f")},
)
