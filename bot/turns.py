"""
Turns at what is slow: a few have it at once, some wait, and others are told to ask again.

So neither threads, of which there are few for everybody, nor disks are taken up by one thing.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from agent.wire.errors import Busy


class Turns:
    """
    See above.

    Args:
        at_once: How many have it at the same time.
        waiting: How many wait at most.
        what: What they wait for, in the words of a refusal.
    """

    def __init__(self, what: str, *, at_once: int, waiting: int) -> None:
        self._what, self._most = what, waiting
        self._turn, self._waiting = asyncio.Semaphore(at_once), 0

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Wait for a turn and have it meanwhile; Busy if too many wait already."""
        if self._waiting >= self._most:
            hint = "Say it again in a minute."
            raise Busy(f"{self._most} others wait for {self._what} already", hint=hint)
        self._waiting += 1
        try:
            await self._turn.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._turn.release()
