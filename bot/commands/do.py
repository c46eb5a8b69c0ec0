"""do: what was said while the bot was away, now."""

from dataclasses import dataclass
from functools import partial

from agent.wire.errors import Refusal
from bot.grammar import number
from bot.lab import Lab
from bot.occupant import Line
from bot.policy import Permission
from bot.reply import Reply
from bot.verb import Meant, Verb


@dataclass(frozen=True, slots=True)
class Do:
    """By the number in the list of what was missed."""

    number: int


def means(asked: Do, lab: Lab) -> Meant:
    """The line that was missed; whoever says ``do`` must be allowed what it needs."""
    return Meant(lab.missed.line(asked.number), partial(lab.missed.did, asked.number))


async def run(asked: Do, lab: Lab, line: Line) -> Reply:
    """Never called: the line that is meant is carried out in its place."""
    raise Refusal("there is nothing to do")


VERB = Verb(
    name="do",
    summary="what I missed while away",
    about=(
        "Does a command that was said in the room while the bot was away. When it is back it lists "
        "these once, with numbers, and does none by itself. The command counts as said by whoever "
        "says `do`, with their rights, now."
    ),
    grammar=number("number"),
    build=Do,
    needs=Permission.LOOK,
    means=means,
    run=run,
    examples={"do 3": Do(3)},
)
