"""
Runs on their way out: recorded, offered, offered again, stopped, reconciled.

Rule 1: a job is committed before anybody is told its number. Everything after may fail.

Rule 2: offering is safe at any time, because a target answers a repeated order and does
not repeat it. What is held where is found out by sync, not remembered: whenever a target
appears, when an offer stays unanswered, and every minute while a run is open.

Rule 3: whose right was withdrawn starts nothing any more. Nothing is sent to a target that is
away: its server would keep it, and who asked might be somebody else in the room by then. Whenever
something is offered again, or waits on its target, the right is looked at anew.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import Connection

from agent.wire.errors import Away, Refusal, UnknownName
from agent.wire.fields import MalformedError
from agent.wire.query import MOST_RUNS, Have, Meeting, Standing
from agent.wire.stanza import JournalId
from agent.wire.vocabulary import Order, Step
from bot import relearn, settlement
from bot.config import Patience
from bot.fleet import Fleet
from bot.insight.usual import Usual
from bot.jobs import Job, Phase, Run
from bot.occupant import Line
from bot.ports import Wire, clock
from bot.relearn import Found
from bot.store import history, jobs, journals, targets
from bot.store.writer import Writer
from bot.warrant import Asks

log = structlog.get_logger()

AFTER_WORD = 0.03
"""Seconds from the record to the offer: the person who waits for "job 17" goes first."""


MOST_USUAL = 50
"""Most targets of a new job that are told at once how long it usually takes."""

_Usual = Mapping[str, Sequence[Usual | None]]
"""The seconds that each step usually takes, by bare JID."""


class Dispatch:
    """
    Gets runs to targets; commands use it as their ``Jobs``.

    Args:
        ended: Told of every run that ended here, without a journal.
        found: Told of the runs that were relearned.
        warrant: Who may still have what they asked for.
    """

    def __init__(
        self,
        store: Writer,
        store_id: str,
        fleet: Fleet,
        wire: Wire,
        patience: Patience,
        *,
        ended: Callable[[Run], None],
        found: Callable[[Sequence[Found]], None],
        warrant: Asks,
        now: Callable[[], datetime] = clock,
    ) -> None:
        self._now, self._found, self._warrant = now, found, warrant
        self._store, self._store_id, self._fleet = store, store_id, fleet
        self._wire, self._patience, self._ended = wire, patience, ended
        self._whole: dict[str, list[Have]] = {}  # bare JID -> what the next sync has to say
        self._due: dict[str, float] = {}  # bare JID -> loop time of its next sync
        self._wake = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    # What commands ask

    async def submit(
        self, steps: Sequence[Step], targets: Sequence[str], line: Line, *, within: float = 0
    ) -> Job:
        """Record and offer a job; the same line again is the same job."""
        named = self._fleet.names()
        now = self._now()

        def add(db: Connection) -> tuple[Job, bool, _Usual]:
            job, new = jobs.add_job(
                db, line=line.id, text=line.text, ref=line.ref, steps=steps, asked=now,
                targets={named[name].kept.jid: name for name in targets},
                asker=line.by.nick, asker_jid=line.by.jid or "", channel=line.channel,
                by=now + timedelta(seconds=within or self._patience.start),
            )  # fmt: skip
            known = [run.jid for run in job.runs[:MOST_USUAL]] if new else []
            return job, new, history.usual_of(db, known, steps)

        job, new, usual = await self._store.do(add)
        if new:
            self._loop.call_later(AFTER_WORD, self._offer_all, job, usual)
        return job

    async def get(self, number: int) -> Job:
        """Job *number*."""
        try:
            return await self._store.do(lambda db: jobs.get_job(db, number))
        except KeyError as error:
            raise UnknownName(f"there is no job {number}", hint="Say jobs.") from error

    async def recent(self, limit: int) -> Sequence[Job]:
        """Open jobs first, then the newest."""
        return await self._store.do(lambda db: jobs.recent_jobs(db, limit))

    async def tail(self, run: Run, limit: int) -> bytes:
        """The last *limit* bytes of what *run* printed."""
        return await self._store.do(lambda db: journals.tail(db, run.job, run.jid, run.size, limit))

    async def stranded(self) -> Sequence[Run]:
        """Runs whose targets are gone, or say nothing of them."""
        return await self._store.do(jobs.stranded_runs)

    async def stop(self, job: Job, by: str, *, on: Collection[str] | None = None) -> Sequence[Run]:
        """Ask every run of *job* that is not done to stop; what no target has taken ends here."""
        away = {run.jid for run in job.runs if not self._fleet.member(run.jid).full}
        stop = partial(settlement.stop, number=job.number, by=by, away=away, on=on, now=self._now())
        marked = await self._store.do(stop)
        for run in marked:
            self._wire.cancel(run.jid, run.known_as(self._store_id), by)
            self._soon(run.jid, self._patience.offer)
            if run.phase is Phase.DONE:
                self._ended(run)
        return marked

    # What the world does

    def appeared(self, jid: str) -> None:
        """Target *jid* has a new session: meet it now."""
        self._soon(jid, 0)

    def rights_changed(self) -> None:
        """Somebody's standing in the room is another: what waits may have to wait no more."""
        for member in self._fleet.present():
            self._soon(member.kept.jid, 0)

    def wonder(self, jid: str) -> None:
        """Target *jid* spoke of what we do not know: ask it soon what it holds."""
        self._soon(jid, self._patience.offer)

    async def run(self) -> None:
        """Sync what is due, for ever."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._wake.clear()
                now = self._loop.time()
                for jid in [jid for jid, due in self._due.items() if due <= now]:
                    del self._due[jid]
                    group.create_task(self._meet(jid))
                wait = min(self._due.values(), default=now + 3600) - now
                try:
                    async with asyncio.timeout(wait):
                        await self._wake.wait()
                except TimeoutError:
                    pass

    def _soon(self, jid: str, seconds: float) -> None:
        due = self._loop.time() + seconds
        self._due[jid] = min(due, self._due.get(jid, due))
        self._wake.set()

    def _offer_all(self, job: Job, usual: _Usual) -> None:
        log.info("job.asked", job=job.number, what=job.title, by=job.asker_jid)
        for run in job.runs:
            if self._fleet.member(run.jid).full:
                self._offer(run, job, usual.get(run.jid, ()))
            self._soon(run.jid, self._patience.offer)

    def _offer(self, run: Run, job: Job, usual: Sequence[Usual | None]) -> None:
        ttl = (job.by - self._now()).total_seconds()
        takes = tuple(round(each.median) if each else 0 for each in usual)
        order = Order(run.known_as(self._store_id), job.steps, ttl, job.by, takes)
        self._wire.offer(run.jid, order)

    async def _meet(self, jid: str) -> None:
        """Sync with *jid*, if it is there, and again later while it has something to do."""
        full = self._fleet.member(jid).full
        if not full:
            return  # meeting it is due when it comes back
        try:
            busy, wait = await self._sync(jid, full), self._patience.sync
        except (Refusal, MalformedError) as error:
            log.warning("sync.failed", target=jid, reason=str(error))
            busy, wait = True, self._patience.offer  # it may only have been busy
        except Exception:
            log.exception("sync.broken", target=jid)  # one target must not end the bot's day
            busy, wait = True, self._patience.sync
        if busy:
            self._soon(jid, min(wait, self._patience.sync))

    async def _sync(self, jid: str, full: str) -> bool:
        """Whether *jid* still has open runs afterwards."""
        runs = await self._store.do(lambda db: jobs.incomplete_runs(db, jid, MOST_RUNS))
        whole = self._whole.pop(jid, [])
        have = tuple(
            whole
            + [
                Have(JournalId(run.known_as(self._store_id), run.journal), run.size)
                for run in runs
                if run.journal
            ]
        )[:MOST_RUNS]
        standing = await self._wire.sync(full, Meeting(self._store_id, self._now(), have))
        before = self._fleet.member(jid).kept
        kept = self._fleet.synced(jid, standing, self._now())
        forgot = before.epoch not in ("", standing.epoch)
        busy = await self._reconcile(jid, runs, standing, forgot=forgot)
        if await self._relearn(jid, standing) or await self._is_behind(jid, standing, whole):
            self._soon(jid, 0)  # to ask for their journals, or to say that we have them
            busy = True
        if kept != before:
            await self._store.do(lambda db: targets.remember(db, kept))
        if standing.catalogue != kept.digest:
            offers = self._fleet.offers(jid, standing.catalogue, *await self._wire.catalogue(full))
            await self._store.do(lambda db: targets.remember(db, offers))
        return busy

    async def _relearn(self, jid: str, standing: Standing) -> bool:
        """Whether *jid* holds what an earlier database of ours had ordered, and we knew nothing."""
        if all(at.of.run.store == self._store_id for at in standing.held):
            return False
        adopt = partial(
            relearn.adopt, jid=jid, target=self._fleet.name(jid), held=standing.held,
            store=self._store_id, now=self._now(),
        )  # fmt: skip
        found = await self._store.do(adopt)
        self._found(found)
        return bool(found)

    async def _is_behind(self, jid: str, standing: Standing, said: list[Have]) -> bool:
        """Whether *jid* still holds what is here, whole, and we have not just said that it is."""
        work = partial(relearn.complete, jid=jid, held=standing.held, store=self._store_id)
        if standing.held and (whole := await self._store.do(work)):
            self._whole[jid] = whole
        return any(have not in said for have in self._whole.get(jid, []))

    async def _reconcile(
        self, jid: str, runs: list[Run], standing: Standing, *, forgot: bool
    ) -> bool:
        known = [run for run in runs if run.phase is not Phase.DONE]
        settle = partial(
            settlement.settle, jid=jid, seen=known, standing=standing, store=self._store_id,
            forgot=forgot, now=self._now(),
        )  # fmt: skip
        settled = await self._store.do(settle)
        held = {at.of.run for at in standing.held}
        for before in settled:
            run, name = await self._allowed(before), before.known_as(self._store_id)
            if run is None:
                continue
            if _is_to_stop(run):
                self._wire.cancel(jid, name, run.stop)
            elif run.phase is Phase.OFFERED and name not in held:
                job = await self.get(run.job)
                takes = partial(history.usual_of, jids=[jid], steps=job.steps)
                self._offer(run, job, (await self._store.do(takes))[jid])
            if run.phase is Phase.DONE:
                self._ended(run)
        return any(run.phase is not Phase.DONE or _is_to_stop(run) for run in settled)

    async def _allowed(self, run: Run) -> Run | None:
        """*run*, over or stopped if it waits and nobody may have it now; None if nobody knows."""
        if run.stop or run.phase not in (Phase.OFFERED, Phase.QUEUED):
            return run
        job = await self.get(run.job)
        try:
            why = await self._warrant.lacks(job, run.target)
        except Away as error:
            log.warning("run.kept_back", run=run.name, reason=str(error))
            return None
        if not why:
            return run
        log.warning("run.withdrawn", run=run.name, by=job.asker_jid, reason=why)
        withdraw = partial(settlement.withdraw, job=job, jid=run.jid, why=why, now=self._now())
        return await self._store.do(withdraw)


def _is_to_stop(run: Run) -> bool:
    """Whether *run* was stopped and its target, as far as we know, has not heard of it."""
    return bool(run.stop) and not run.final
