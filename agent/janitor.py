"""
What may leave the disk: journals that nobody needs here any more.

Rule 1: a journal that its controller may still want is never removed, however full the disk.

Rule 2: nobody wants what was ordered by a bot that is no controller any more, or by the
database that a controller had before, if the new one has not taken it over: no sync asks
for it, no acknowledgement comes. It is kept for a month, for people, and for a setting that
was changed by mistake.
"""

import asyncio
import time
from collections.abc import Callable

import structlog

from agent.executor import Executor
from agent.run import REMEMBER, Holding
from agent.wire.vocabulary import Held

log = structlog.get_logger()

EVERY = 3600.0
"""Seconds between two looks."""


class Janitor:
    """
    Removes runs that are over.

    Args:
        keep: Seconds that a journal stays after its controller has all of it.
        delivered: Whether its controller has all of it.
        wanted: Whether a controller may want what it has ordered for a store.
    """

    def __init__(
        self,
        executor: Executor,
        keep: float,
        *,
        delivered: Callable[[Holding], bool],
        wanted: Callable[[str, str], bool],
    ) -> None:
        self._executor, self._keep = executor, keep
        self._delivered, self._wanted = delivered, wanted

    async def run(self) -> None:
        """Look now and then, for ever."""
        while True:
            await self.clean(time.time())
            await asyncio.sleep(EVERY)

    async def clean(self, now: float) -> None:
        """Remove what may go at *now* (seconds since the epoch)."""
        for holding in self._executor.held():
            try:
                due = await asyncio.to_thread(self._due, holding)
            except OSError as error:  # somebody removed it, or the disk fails: not our end
                log.warning("run.unreadable", run=str(holding.dir.run), reason=str(error))
                continue
            if due < now:
                log.info("run.removed", run=str(holding.dir.run), of=holding.dir.controller)
                await self._executor.retire(holding.dir.controller, holding.dir.run)
        await self._executor.forget(now)

    def _due(self, holding: Holding) -> float:
        """When it may go; infinite while nobody can say."""
        run = holding.dir
        if holding.phase is not Held.DONE:
            return float("inf")
        if self._delivered(holding):
            return (run.path / "acked").stat().st_mtime + self._keep
        if not self._wanted(run.controller, run.run.store):
            return run.journal.stat().st_mtime + max(self._keep, REMEMBER)
        return float("inf")
