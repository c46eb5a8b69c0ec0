"""
What the room is told unasked: how a job ended, that a target is back, who knocks.

Rule 1: a job's end is told once, and marked as told when the room has reflected it. A bot
that dies between says it twice; never not at all.

Rule 2: a run that ends otherwise than was told is told again, by the same rule: what was
said of each run is in the store, and compared.

Rule 3: it is told where it was asked: in the room, or in private.
"""

import asyncio
from collections.abc import Mapping

import structlog

from agent.wire.errors import Refusal
from agent.wire.vocabulary import Verdict
from bot.insight.insight import Insight
from bot.jobs import Job, Run
from bot.novelty import with_novel
from bot.occupant import Channel
from bot.owed import Owed
from bot.ports import Voice
from bot.reading import Logs
from bot.reply import Reply
from bot.report import summary
from bot.store import history, jobs
from bot.store.writer import Writer

log = structlog.get_logger()

RETRY = 5.0
"""Seconds to wait before saying again what could not be said."""

AGAIN = 60.0
"""Seconds until we look again for what failed."""

_News = tuple[int, Reply, float]
"""A job, what to say of it, and until when (by the loop's clock) it is true."""

_Due = int | tuple[int, str]
"""A job whose end may have to be told; a run of it that may have been told wrongly."""


class Herald:
    """Says things, in order, and does not forget them while the room is away."""

    def __init__(self, store: Writer, voice: Voice, logs: Logs) -> None:
        self._store, self._voice, self._logs = store, voice, logs
        self._queue: asyncio.Queue[Reply | Owed | _News | _Due] = asyncio.Queue()
        self._queued: set[_Due] = set()
        self._said: dict[_Due, Job] = {}  # and not marked as told: the store would not take it
        self._failed = False

    def ended(self, run: Run) -> None:
        """*run* has its verdict: if its job has no other open run, tell."""
        self._look_at(run.job)

    def revised(self, run: Run, before: Verdict) -> None:
        """*run* was given up as *before*, and its journal tells otherwise."""
        log.info("run.revised", run=run.name, before=str(before), verdict=str(run.verdict))
        self._look_at((run.job, run.jid))

    def news(self, reply: Reply) -> None:
        """Say *reply* in the room."""
        self._queue.put_nowait(reply)

    def owe(self, owed: Owed) -> None:
        """Say *owed*, and see that it is marked: whoever owes it says so again after a start."""
        self._queue.put_nowait(owed)

    def alarmed(self, number: int, reply: Reply, left: float) -> None:
        """Say *reply* of job *number*, while it is true: for *left* seconds."""
        self._queue.put_nowait((number, reply, asyncio.get_running_loop().time() + left))

    async def catch_up(self) -> None:
        """Tell what ended and was not told: after a start, and after the room was away."""
        for job in await self._store.do(jobs.untold_jobs):
            self._look_at(job.number)
        for run in await self._store.do(jobs.misreported_runs):
            self._look_at((run.job, run.jid))

    async def run(self) -> None:
        """Say what is waiting, for ever."""
        while True:
            item = await self._next()
            while not await self._try(item):  # noqa: ASYNC110  (the room's return is no event)
                await asyncio.sleep(RETRY)

    def _look_at(self, due: _Due) -> None:
        if due not in self._queued:
            self._queued.add(due)
            self._queue.put_nowait(due)

    async def _next(self) -> Reply | Owed | _News | _Due:
        """What to say next; what failed is looked for again."""
        while True:
            try:
                async with asyncio.timeout(AGAIN if self._failed else None):
                    item = await self._queue.get()
            except TimeoutError:
                self._failed = False
                await self.catch_up()
                continue
            if isinstance(item, int) or (isinstance(item, tuple) and len(item) == 2):
                self._queued.discard(item)
            return item

    async def _try(self, item: Reply | Owed | _News | _Due) -> bool:
        """Whether *item* needs no further try now."""
        try:
            if isinstance(item, Reply):
                await self._voice.say(item)
            elif isinstance(item, Owed):
                await item.settle(self._voice, self._store)
            elif isinstance(item, int):
                await self._conclude(item)
            elif len(item) == 3:
                await self._warn(*item)
            else:
                await self._correct(*item)
        except Refusal as refusal:
            log.info("herald.waiting", reason=str(refusal))
            return False
        except Exception:
            log.exception("herald.failed", item=repr(item)[:200])
            self._failed = True
            if isinstance(item, Owed):
                asyncio.get_running_loop().call_later(AGAIN, self.owe, item)
        return True

    async def _warn(self, number: int, reply: Reply, until: float) -> None:
        job = await self._store.do(lambda db: jobs.get_job(db, number))
        if not job.done and asyncio.get_running_loop().time() < until:
            await self._deliver(reply, job)

    async def _conclude(self, number: int) -> None:
        job = await self._store.do(lambda db: jobs.get_job(db, number))
        if not job.done or job.told:
            return
        if number not in self._said:
            await self._deliver(summary.result(job, await self._insights(job)), job)
            self._said[number] = job
        said = self._said[number]
        await self._store.do(lambda db: jobs.set_told(db, said))
        del self._said[number]
        log.info("job.told", job=number, verdict=str(said.verdict))
        for run, told in zip(job.runs, said.runs, strict=True):
            if run.verdict != told.verdict:  # revised before it could be marked as told
                self._look_at((number, run.jid))

    async def _correct(self, number: int, jid: str) -> None:
        """Tell that a run ended otherwise than was told; nothing if nothing was."""
        job = await self._store.do(lambda db: jobs.get_job(db, number))
        before = await self._store.do(lambda db: jobs.told_verdict(db, number, jid))
        run = next(run for run in job.runs if run.jid == jid)
        if before is None or before is run.verdict:
            return
        if (number, jid) not in self._said:
            insights = await self._insights(job)
            await self._deliver(summary.revised(job, run, before, insights), job)
            self._said[number, jid] = job
        await self._store.do(lambda db: jobs.set_run_told(db, run))
        del self._said[number, jid]

    async def _insights(self, job: Job) -> Mapping[str, Insight]:
        """What history makes of the runs of *job*; if that goes wrong, the end is told without."""
        try:
            insights = await self._store.do(lambda db: history.of_job(db, job))
            return await with_novel(job, insights, self._store, self._logs)
        except Exception:
            log.exception("herald.no_insight", job=job.number)
            return {}

    async def _deliver(self, reply: Reply, job: Job) -> None:
        if job.channel is Channel.ROOM or not job.asker_jid:
            await self._voice.say(reply)
        else:
            await self._voice.tell(job.asker_jid, reply, direct=job.channel is Channel.DIRECT)
