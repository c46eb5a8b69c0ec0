"""
Something that somebody must hear: said, and then marked as said.

Rule: who dies between says it again; never not at all. Who only cannot mark it (a full disk)
does not repeat himself.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy import Connection

from bot.ports import Voice
from bot.store.writer import Writer


class Owed:
    """
    One message.

    Args:
        what: What it is about, for the log.
        say: Says it, or finds that it need not be said. Raises Away until it can be.
        mark: Writes that it was said: a function of a Connection.
    """

    def __init__(
        self,
        what: str,
        say: Callable[[Voice], Awaitable[None]],
        mark: Callable[[Connection], Any],
    ) -> None:
        self._what, self._say, self._mark = what, say, mark
        self._said = False

    def __repr__(self) -> str:
        return f"<owed {self._what}>"

    async def settle(self, voice: Voice, store: Writer) -> None:
        """Say it if that was not done, and mark it."""
        if not self._said:
            await self._say(voice)
            self._said = True
        await store.do(self._mark)
