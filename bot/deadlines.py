"""
What waits for too long: stranded, then given up, as the table of :mod:`bot.jobs` says.

Rule 1: all deadlines are counted from times in the store, so they outlive us.

Rule 2: only time in which we listen counts. We look every minute, and only while we are in
the room; between two looks passes at most a minute, whatever the clock says. So neither our
own absence, nor a sleeping machine, nor a clock that is set makes a target silent. (Until
when a run may start is the exception: the target was told that as a time of day.)

Rule 3: the first look after a pause judges nothing: first let those speak whom we missed.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import Connection

from agent.wire.vocabulary import Verdict
from bot.config import Patience
from bot.digest import given_up
from bot.fleet import Fleet
from bot.jobs import LIMITS, NEXT, Happening, Phase, Run, after
from bot.ports import clock
from bot.report.text import duration
from bot.store import jobs, looks
from bot.store.writer import Writer

log = structlog.get_logger()


class Deadlines:
    """
    Looks after what is open.

    Args:
        ended: Told of every run that was given up.
    """

    def __init__(
        self,
        store: Writer,
        fleet: Fleet,
        patience: Patience,
        *,
        ended: Callable[[Run], None],
        now: Callable[[], datetime] = clock,
    ) -> None:
        self._store, self._fleet, self._patience = store, fleet, patience
        self._ended, self._now = ended, now
        self._gone: asyncio.Queue[str] = asyncio.Queue()

    def left(self, jid: str) -> None:
        """Target *jid* has left: its runs are stranded now."""
        self._gone.put_nowait(jid)

    async def run(self) -> None:
        """Look, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._strand())
            group.create_task(self._look())

    async def _strand(self) -> None:
        while True:
            jid = await self._gone.get()
            if not self._fleet.member(jid).full:  # else it is back already
                await self._store.do(partial(strand, jid=jid))

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(self._patience.sync)
            if not self._fleet.listening:
                continue
            work = partial(look, now=self._now(), patience=self._patience)
            for run in await self._store.do(work):
                log.info("run.given_up", run=run.name, reason=run.reason)
                self._ended(run)


def strand(db: Connection, *, jid: str) -> list[Run]:
    """Strand what *jid* has accepted; those runs."""
    stranded = []
    for run in jobs.open_runs(db, jid):
        if Happening.SILENCE in NEXT[run.phase]:
            stranded.append(replace(run, phase=after(run.phase, Happening.SILENCE)))
            jobs.save_run(db, stranded[-1])
    return stranded


def look(db: Connection, *, now: datetime, patience: Patience) -> list[Run]:
    """Do what is due to every open run; those that were given up."""
    last, every = looks.last(db), timedelta(seconds=patience.sync)
    looks.note(db, now)
    jumped = None if last is None else now - last - every
    if jumped is None or abs(jumped) > every:
        _shift(db, jumped, now)
        return []
    ended = []
    for run in jobs.open_runs(db):
        due = _due(db, run, patience)
        if due is not None and now > due:
            then = _overdue(run, patience, now)
            jobs.save_run(db, then)
            ended += [then] if then.phase is Phase.DONE else []
    return ended


def _shift(db: Connection, by: timedelta | None, now: datetime) -> None:
    """The clock was set, or we were away (None: since ever): that was no silence of theirs."""
    log.info("deadlines.shifted", seconds=None if by is None else round(by.total_seconds()))
    for run in jobs.open_runs(db):
        if run.heard is not None:
            heard = now if by is None else min(run.heard + by, now)
            jobs.save_run(db, replace(run, heard=heard))


def _due(db: Connection, run: Run, patience: Patience) -> datetime | None:
    if run.phase is Phase.OFFERED:
        return jobs.get_job(db, run.job).by  # as the target was told
    seconds: float = getattr(patience, LIMITS[run.phase].setting)
    return None if run.heard is None else run.heard + timedelta(seconds=seconds)


def _overdue(run: Run, patience: Patience, now: datetime) -> Run:
    """*run* when its deadline is over."""
    then = LIMITS[run.phase].then
    if then is not Happening.EXPIRE:
        return replace(run, phase=after(run.phase, then))
    if run.phase is Phase.OFFERED:
        reason = f"{run.target} did not answer until its time to start was over"
    else:
        reason = f"no word from {run.target} for {duration(patience.lost)}"
        reason += f", after {run.stop} had stopped it" if run.stop else ""
    return given_up(run, Verdict.LOST, reason, now, why=then)
