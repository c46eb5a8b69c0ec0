"""
How much we say at once: no more than a server that slows us down lets through in seconds.

A server does not throw out who says too much, it reads on later (ejabberd after 3 kB in a
second, Prosody after 10): then everything that we send waits behind, also the ping that finds
out whether the link lives, and we would take the server for dead.

Rule: only so many bytes are under way, said and not yet known to have gone through. So a
server without limits is asked for nothing, and one with limits sets the pace.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

UNDER_WAY = 8 * 1024
"""Bytes; 2.7 s on ejabberd's default, and a link may be silent for 8."""


class Budget:
    """Bytes under way. Who comes first goes first."""

    def __init__(self, most: int = UNDER_WAY) -> None:
        self._most = most
        self._used = 0
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    @asynccontextmanager
    async def spend(self, size: int) -> AsyncIterator[None]:
        """Wait until *size* bytes may go; they are under way until the block ends."""
        size = min(size, self._most)
        if self._waiting or self._used + size > self._most:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((size, turn))
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():  # it was our turn already
                    self._give_back(size)
                else:
                    self._waiting.remove((size, turn))
                    self._next()
                raise
        else:
            self._used += size
        try:
            yield
        finally:
            self._give_back(size)

    def _give_back(self, size: int) -> None:
        self._used -= size
        self._next()

    def _next(self) -> None:
        while self._waiting and self._used + self._waiting[0][0] <= self._most:
            size, turn = self._waiting.pop(0)
            if not turn.cancelled():
                self._used += size
                turn.set_result(None)
