"""
What somebody waits for: ``tell me when bob is idle``. Pure.

Rule 1: whose wish it is says the real bare JID, never the nick.

Rule 2: of several targets all must be so at the same time; then it is said once.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from bot.occupant import Channel
from bot.report.text import listed

MOST = 10
"""Wishes of one person at a time."""


class Kind(enum.StrEnum):
    """What has to become true."""

    IDLE = "idle"  # of targets: there, and nothing to do, nor on the way to them
    BACK = "back"  # of targets: there, and not about to reboot
    DONE = "done"  # of a job: every run of it has a verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One message that somebody wants once."""

    asker: str
    """Bare JID."""
    channel: Channel
    """Where it was asked; in the room it is told in private if the asker left."""
    kind: Kind
    targets: tuple[str, ...] = ()
    """Bare JIDs; empty if it is about a job."""
    job: int | None = None
    number: int = 0
    """In the store; 0 until it is there."""

    def concerns(self, what: str | int) -> bool:
        """Whether news of *what* can fulfil it: a target's bare JID, or a job's number."""
        return what == self.job if isinstance(what, int) else what in self.targets

    def same_as(self, other: "Wish") -> bool:
        """Whether *other* would be told the same people the same thing."""
        mine = (self.asker, self.kind, set(self.targets), self.job)
        return mine == (other.asker, other.kind, set(other.targets), other.job)


def is_so(kind: Kind, *, there: bool, state: str, waiting: int) -> bool:
    """
    Whether a target is what *kind* says.

    Args:
        there: Whether it is, and not about to reboot.
        state: As :attr:`bot.lab.Target.state` has it.
        waiting: Runs that are on their way to it, or wait there.
    """
    if kind is Kind.BACK:
        return there and state in ("idle", "busy")
    return there and state == "idle" and not waiting


def sentence(wish: Wish, names: Sequence[str]) -> str:
    """*wish*, fulfilled: ``bob and alice are idle``, ``job 17 is done``."""
    if wish.job is not None:
        return f"job {wish.job} is {wish.kind}"
    return f"{listed(names)} {'is' if len(names) == 1 else 'are'} {wish.kind}"
