"""What happened before, for commands: it asks the store."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from bot.insight.estimate import Estimate, estimate
from bot.insight.measure import Measure
from bot.jobs import Job, Phase
from bot.ports import clock
from bot.store import history, jobs, measures
from bot.store.writer import Writer


class Annals:
    """:class:`bot.lab.History`."""

    def __init__(self, store: Writer, *, now: Callable[[], datetime] = clock) -> None:
        self._store, self._now = store, now

    async def estimates(self, job: Job) -> Mapping[str, Estimate]:
        """Of the runs of *job* that are not over, by the bare JID of their targets."""
        return await self._store.do(partial(_estimates, job=job, now=self._now()))

    async def left(self, running: Mapping[str, int]) -> Mapping[str, float]:
        """Seconds left, by bare JID, where that is known; of *running*, bare JID -> job."""
        return await self._store.do(partial(_left, running=running, now=self._now()))

    async def of_target(self, jid: str, recipe: str, limit: int) -> Sequence[Measure]:
        """The newest *limit* of *recipe* (empty: of all) on *jid*, the newest first."""
        which = measures.Which(jid=jid, recipe=recipe or None)
        return await self._store.do(partial(measures.newest, which=which, limit=limit))

    async def of_job(self, number: int) -> Sequence[Measure]:
        """What the runs of job *number* have measured."""
        return await self._store.do(lambda db: measures.of_job(db, number))

    async def recent(self, limit: int) -> Sequence[Measure]:
        """The newest *limit* of the whole lab, the oldest of them first; without their metrics."""
        return await self._store.do(partial(measures.recent, limit=limit))


def _estimates(db: Connection, *, job: Job, now: datetime) -> dict[str, Estimate]:
    usual = history.usual_of(db, [run.jid for run in job.runs], job.steps)
    return {
        run.jid: estimate(run, usual[run.jid], now)
        for run in job.runs
        if run.phase is not Phase.DONE
    }


def _left(db: Connection, *, running: Mapping[str, int], now: datetime) -> dict[str, float]:
    found: dict[str, float] = {}
    for number in sorted(set(running.values())):
        try:
            job = jobs.get_job(db, number)
        except KeyError:
            continue  # a target that says it works on what we never asked for
        mine = [run for run in job.runs if running.get(run.jid) == number]
        usual = history.usual_of(db, [run.jid for run in mine], job.steps)
        for run in mine:
            if (left := estimate(run, usual[run.jid], now).left) is not None:
                found[run.jid] = left
    return found
