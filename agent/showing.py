"""
When we say anew how we are: at once, but for what may wait.

Rule 1: progress waits: a room is quadratic. Nothing else does, nor does it wait for progress.

Rule 2: what is left grows less also where nothing happens, so now and then we look.
"""

import asyncio
import contextlib
from collections.abc import Callable

from agent.presence import PROGRESS_EVERY, Appearance, only_progress

LOOK = 20.0
"""Seconds between two looks at what is left."""


class Showing:
    """
    How everybody sees us.

    Args:
        appearance: Gives how we are now.
        say: Says to everybody that we are as :attr:`shown`.
    """

    def __init__(self, appearance: Callable[[], Appearance], say: Callable[[], None]) -> None:
        self._appearance, self._say = appearance, say
        self._changed = asyncio.Event()
        self.shown: Appearance | None = None
        """What was said last; None before anything was."""

    def changed(self) -> None:
        """What we do is not what it was."""
        self._changed.set()

    def now(self) -> None:
        """Say how we are."""
        self.shown = self._appearance()
        self._say()

    async def run(self) -> None:
        """Say it whenever it is not what was said last."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK):
                    await self._changed.wait()
            self._changed.clear()
            if self._appearance() == self.shown:
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PROGRESS_EVERY):
                    await self._what_may_not_wait()
            self.now()

    async def _what_may_not_wait(self) -> None:
        """Return when more than progress is another."""
        while self._may_wait():
            await self._changed.wait()
            self._changed.clear()

    def _may_wait(self) -> bool:
        now = self._appearance()
        return self.shown is not None and only_progress(self.shown, now)
