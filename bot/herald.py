"""
What the room is told unasked: how a job ended, that a target is back, who knocks.

Rule 1: a job's end is told once, and marked as told when the room has reflected it. A bot
that dies between says it twice; never not at all.

Rule 2: it is told where it was asked: in the room, or in private.
"""

import asyncio
from dataclasses import dataclass

import structlog

from agent.wire.errors import Refusal
from agent.wire.vocabulary import Verdict
from bot.jobs import Run
from bot.ports import Voice
from bot.report import summary
from bot.store import jobs
from bot.store.writer import Writer
from bot.verb import Reply

log = structlog.get_logger()

RETRY = 5.0
"""Seconds to wait before saying again what could not be said."""


@dataclass(frozen=True, slots=True)
class _Revision:
    """A run whose journal came after it had been given up."""

    run: Run
    before: Verdict


class Herald:
    """Says things, in order, and does not forget them while the room is away."""

    def __init__(self, store: Writer, voice: Voice) -> None:
        self._store, self._voice = store, voice
        self._queue: asyncio.Queue[Reply | int | _Revision] = asyncio.Queue()
        self._queued: set[int] = set()

    def ended(self, run: Run) -> None:
        """*run* has its verdict: if its job has no other open run, tell."""
        self._look_at(run.job)

    def revised(self, run: Run, before: Verdict) -> None:
        """A run was given up as *before*, and its journal tells otherwise."""
        self._queue.put_nowait(_Revision(run, before))

    def news(self, reply: Reply) -> None:
        """Say *reply* in the room."""
        self._queue.put_nowait(reply)

    async def catch_up(self) -> None:
        """Tell what ended and was not told: after a start, and after the room was away."""
        for job in await self._store.do(jobs.untold_jobs):
            self._look_at(job.number)

    async def run(self) -> None:
        """Say what is waiting, for ever."""
        while True:
            item = await self._queue.get()
            while not await self._said(item):  # noqa: ASYNC110  (the room's return is no event)
                await asyncio.sleep(RETRY)

    def _look_at(self, number: int) -> None:
        if number not in self._queued:
            self._queued.add(number)
            self._queue.put_nowait(number)

    async def _said(self, item: Reply | int | _Revision) -> bool:
        """Whether *item* needs no further try."""
        try:
            if isinstance(item, Reply):
                await self._voice.say(item)
            elif isinstance(item, _Revision):
                await self._revise(item)
            else:
                await self._conclude(item)
        except Refusal as refusal:
            log.info("herald.waiting", reason=str(refusal))
            return False
        except Exception:
            log.exception("herald.failed", item=repr(item)[:200])
        return True

    async def _conclude(self, number: int) -> None:
        self._queued.discard(number)
        job = await self._store.do(lambda db: jobs.get_job(db, number))
        if not job.done or job.told:
            return
        await self._deliver(summary.result(job), job.asker_jid if job.private else "")
        await self._store.do(lambda db: jobs.set_told(db, number))
        log.info("job.told", job=number, verdict=str(job.verdict))

    async def _revise(self, item: _Revision) -> None:
        job = await self._store.do(lambda db: jobs.get_job(db, item.run.job))
        reply = summary.revised(job, item.run, item.before)
        await self._deliver(reply, job.asker_jid if job.private else "")

    async def _deliver(self, reply: Reply, jid: str) -> None:
        if jid:
            await self._voice.tell(jid, reply)
        else:
            await self._voice.say(reply)
