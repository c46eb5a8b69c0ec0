"""
The edges that services use: what :mod:`bot.xmpp` must be able to do for them.

Commands have ports of their own, in :mod:`bot.lab`.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

from agent.wire.machine import Machine
from agent.wire.parameter import RecipeInfo
from agent.wire.query import Meeting, Standing
from agent.wire.stanza import Ack
from agent.wire.vocabulary import Order, RunId
from bot.reply import Reply


def clock() -> datetime:
    """What our clock shows (UTC). It may jump: labs are full of dead CMOS batteries."""
    return datetime.now(UTC)


def steady(now: Callable[[], datetime]) -> Callable[[], datetime]:
    """A clock that goes on from what *now* shows, whoever sets that one later."""
    loop = asyncio.get_running_loop()
    began, at = now(), loop.time()
    return lambda: began + timedelta(seconds=loop.time() - at)


class Wire(Protocol):
    """To the targets."""

    def offer(self, jid: str, order: Order) -> bool:
        """Send *order* to the bare JID."""
        ...

    def cancel(self, jid: str, run: RunId, who: str) -> bool:
        """Ask for *run* to be stopped, likewise."""
        ...

    def ack(self, full: str, ack: Ack) -> bool:
        """Acknowledge a journal to the full JID; worthless later, so never kept."""
        ...

    async def sync(self, full: str, meeting: Meeting) -> Standing:
        """Meet the target. Raises Away or Refusal."""
        ...

    async def catalogue(self, full: str) -> tuple[tuple[RecipeInfo, ...], Machine]:
        """What it can run, and what it is. Raises Away or Refusal."""
        ...

    async def reboot(self, full: str, who: str, *, force: bool) -> str:
        """
        Ask for a ticket and spend it; the boot id before.

        Raises Away or Refusal: nothing happens. NoAnswer: nobody knows.
        """
        ...

    async def ping(self, full: str) -> float:
        """Seconds until the target's agent answered. Raises Away."""
        ...


class Voice(Protocol):
    """To the room."""

    async def say(self, reply: Reply) -> None:
        """Say it in the room; returns when the room has reflected it. Raises Away."""
        ...

    async def tell(self, jid: str, reply: Reply, *, direct: bool) -> None:
        """
        Say it to one person in private. Raises Away.

        Through the room if they are in it, else, or if *direct*, from account to account.
        """
        ...

    def nick(self, jid: str) -> str | None:
        """What the person with this bare JID is called in the room; None if they left. Away."""
        ...

    async def belongs(self, jid: str) -> bool:
        """Whether the person with this bare JID may be told of the lab. Raises Away."""
        ...
