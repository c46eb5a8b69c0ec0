"""unfollow: no more of what runs print."""

from dataclasses import dataclass

from bot.grammar import number, optional
from bot.lab import Lab
from bot.occupant import Line
from bot.policy import Permission
from bot.reply import Reply
from bot.report.text import listed
from bot.verb import Verb


@dataclass(frozen=True, slots=True)
class Unfollow:
    """Of one job, or of all that the asker follows."""

    number: int | None = None


async def run(asked: Unfollow, lab: Lab, line: Line) -> Reply:
    """Whether the job exists does not matter."""
    names = lab.followers.unfollow((line.by.jid or "").lower(), asked.number)
    of = f" of job {asked.number}" if asked.number else ""
    text = f"you follow {listed(names)} no longer" if names else f"you follow nothing{of}"
    return Reply(text, data={"followed": list(names)})


VERB = Verb(
    name="unfollow",
    summary="no more of it",
    about="Ends `follow`, for one job or for all that you follow.",
    grammar=optional(number("number")),
    then="a job's number or nothing more",
    build=Unfollow,
    needs=Permission.LOOK,
    run=run,
    examples={"unfollow": Unfollow(), "unfollow 3": Unfollow(3)},
)
