"""
Which of several bots in one room acts on a line that is addressed to none of them.

Rule: the answer is computed from nothing but what the room shows to all. A room sends
presences and messages to every occupant in one order, so whoever hears a line has seen
the same bots before it, and comes to the same answer: exactly one acts. Nothing is
agreed upon by messages, so nothing can be late (docs/decisions/0005).
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Candidate:
    """A bot that is in the room."""

    nick: str
    """Unique in the room, and shown even where real addresses are not."""
    rank: int
    """From its settings."""
    owner: bool
    """Whether it owns the room: an ordinary member who calls itself a bot outranks nobody."""


def elected(candidates: Iterable[Candidate]) -> str | None:
    """The nick of the bot that acts; None if there is none."""
    first = min(candidates, key=lambda bot: (not bot.owner, bot.rank, bot.nick), default=None)
    return first.nick if first else None
