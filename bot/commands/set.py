"""set: how wide the answers are that one gets in private."""

from dataclasses import dataclass

from agent.wire.errors import Refusal
from bot.grammar import Fixed
from bot.lab import Lab
from bot.occupant import Line
from bot.policy import Permission
from bot.reply import Reply
from bot.report.text import COLUMNS, WIDE
from bot.verb import Verb


@dataclass(frozen=True, slots=True)
class Set:
    """Wide or narrow."""

    wide: bool


async def run(asked: Set, lab: Lab, line: Line) -> Reply:
    """Kept for the bare JID, so it holds for all clients of that person."""
    if line.by.jid is None:
        raise Refusal(
            "this room hides who you are, so I cannot remember it",
            hint="An owner can make it show real addresses (non-anonymous).",
        )
    columns = WIDE if asked.wide else COLUMNS
    await lab.likes.set_columns(line.by.jid, columns)
    return Reply(
        f"what I tell you alone is at most {columns} columns wide from now on",
        data={"columns": columns},
    )


_EITHER = Fixed("wide").set_parse_action(lambda: True) | Fixed("narrow").set_parse_action(
    lambda: False
)

VERB = Verb(
    name="set",
    summary="wide or narrow, in private",
    about=(
        "How wide tables and output are in what the bot says to you alone: "
        f"`wide` is {WIDE} columns, for a terminal or a desk, `narrow` {COLUMNS}, for a phone. "
        "Without it the bot goes by what your client calls itself: a pc gets wide. In the room it "
        "is always narrow."
    ),
    grammar=_EITHER.set_name('"wide" or "narrow"')("wide"),
    build=Set,
    needs=Permission.LOOK,
    run=run,
    examples={"set wide": Set(wide=True), "set narrow": Set(wide=False)},
)
