"""
What a person heard or saw, to be read on like a log.

Rules: waiting is for events, never for time to pass. Each wait begins behind what the same nick
last matched: an answer is found whether it came before or after we began to wait, and an old one
is not taken for a new one. Lines of different nicks may be awaited in any order.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from slixmpp import Message, Presence
from slixmpp.xmlstream import tostring


@dataclass(frozen=True)
class Heard:
    """A message."""

    nick: str
    """Who said it: the nick in the room, else the bare JID."""
    body: str
    id: str
    private: bool
    """To us alone, whether through the room or not."""
    delayed: bool
    """From the room's history, or kept while we were away."""
    message: Message

    def __str__(self) -> str:
        marks = " (private)" * self.private + " (delayed)" * self.delayed
        return f"<{self.nick}>{marks} {self.body or tostring(self.message.xml)}"


@dataclass(frozen=True)
class Seen:
    """A presence."""

    nick: str
    """Whose: the nick in the room, else the bare JID."""
    show: str
    status: str
    type: str
    """`available` where the stanza has none."""
    presence: Presence

    @property
    def xml(self) -> str:
        """The stanza as it came."""
        return tostring(self.presence.xml)

    def __str__(self) -> str:
        return f"-- {self.nick} {self.type} {self.show} {self.status}".rstrip()


class Entry(Protocol):
    """What a feed is made of."""

    @property
    def nick(self) -> str: ...


E = TypeVar("E", bound=Entry)


class Feed(Generic[E]):
    """Entries in the order of their arrival, and how far each nick's were read."""

    def __init__(self) -> None:
        self.entries: list[E] = []
        self._read: dict[str, int] = {}
        self._waiting: list[asyncio.Future[None]] = []

    def add(self, entry: E) -> None:
        """Append; whoever waits looks again."""
        self.entries.append(entry)
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def find(
        self, wanted: Callable[[E], bool], *, since: int | None, within: float
    ) -> E | None:
        """
        The first entry that is *wanted*, read or yet to come; None when *within* is over.

        Args:
            since: Begin at this index instead of behind what was read.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while (found := self._next(wanted, since)) is None:
                    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                    self._waiting.append(future)
                    await future
                return found
        return None

    def _next(self, wanted: Callable[[E], bool], since: int | None) -> E | None:
        for index, entry in enumerate(self.entries):
            begin = self._read.get(entry.nick, 0) if since is None else since
            if index >= begin and wanted(entry):
                self._read[entry.nick] = index + 1
                return entry
        return None
