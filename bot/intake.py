"""
Journals on their way in: chunk -> store -> acknowledgement.

What arrives is handled in order of arrival and committed in groups; an acknowledgement
leaves after the commit that holds its bytes. A run's verdict is in the same commit as the
last record of its journal, so a bot that dies at any moment knows either both or neither.

A target's word counts only for runs that were given to that very JID; what cannot be true
ends the run as an error that the room hears of, and is never stored.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import Connection

from agent.wire.delivery import Chunk, GapError, news
from agent.wire.journal import JournalError, Reader
from agent.wire.stanza import Ack, JournalId
from agent.wire.vocabulary import RunId, Verdict
from bot.arrival import Arrival, joined
from bot.digest import Clock, IntegrityError, digest, distrusted, given_up, heard_of
from bot.jobs import Happening, ImpossibleError, Phase, Run, after
from bot.ports import Wire, clock
from bot.reply import Reply
from bot.report.alarm import alarm
from bot.report.text import safe
from bot.store import jobs, journals, measures, relearned, tidying
from bot.store.writer import Writer

log = structlog.get_logger()

BATCH = 64
"""Most arrivals in one commit."""

WAITING = 2048
"""Most arrivals that wait to be stored. What is dropped beyond, its target sends again."""

WAITING_BYTES = 32 * 1024 * 1024
"""Most bytes of journals among them: so much memory a slow disk may cost."""

READERS = 256
"""Most runs whose unfinished last record is kept in memory; it is read again otherwise."""

ALARMS = 10
"""Most times that the room hears of one run while it is on."""

LONG_AGO = datetime.fromtimestamp(0, UTC)
"""When what we relearned was asked for: nobody knows."""

LIES = (IntegrityError, JournalError, ImpossibleError, ArithmeticError, ValueError)
"""What a journal that cannot be true makes of its reader."""


@dataclass(slots=True)
class _Result:
    """What is left to do after the commit."""

    acks: dict[tuple[str, JournalId], Ack] = field(default_factory=dict)
    cancels: dict[tuple[str, RunId], str] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    ended: list[Run] = field(default_factory=list)
    revised: list[tuple[Run, Verdict]] = field(default_factory=list)
    alarms: dict[tuple[int, str], tuple[Reply, float]] = field(default_factory=dict)


class Intake:
    """
    Stores what targets send.

    Args:
        ended: Told, after the commit, of every run that has its verdict now.
        revised: Told of every run whose journal came after all, with the verdict before.
        alarmed: Told of a job what people should hear of it now, and how long that is true.
        unknown: Told of every target (its bare JID) that spoke of a run of another store.
    """

    def __init__(
        self,
        store: Writer,
        store_id: str,
        wire: Wire,
        *,
        ended: Callable[[Run], None],
        revised: Callable[[Run, Verdict], None],
        alarmed: Callable[[int, Reply, float], None],
        unknown: Callable[[str], None],
        now: Callable[[], datetime] = clock,
    ) -> None:
        self._now, self._unknown = now, unknown
        self._store, self._store_id, self._wire = store, store_id, wire
        self._ended, self._revised, self._alarmed = ended, revised, alarmed
        self._alarms: dict[tuple[int, str], int] = {}
        self._queue: asyncio.Queue[Arrival] = asyncio.Queue(WAITING)
        self._waiting = 0  # bytes of journals in it
        self._readers: dict[tuple[int, str], Reader] = {}

    def put(self, arrival: Arrival, *, behind: timedelta) -> None:
        """Take *arrival*, from a target whose clock is *behind* ours; it is stored soon."""
        size = arrival.size
        if self._queue.full() or self._waiting + size > WAITING_BYTES:
            log.warning("intake.full", run=str(arrival.run), target=arrival.jid)
        else:
            self._waiting += size
            self._queue.put_nowait(replace(arrival, behind=behind))

    async def run(self) -> None:
        """Store what arrives, for ever."""
        while True:
            batch = [await self._queue.get()]
            while len(batch) < BATCH and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            self._waiting -= sum(arrival.size for arrival in batch)
            result = await self._store.do(partial(self._take, batch=joined(batch)))
            for (full, _), ack in result.acks.items():
                self._wire.ack(full, ack)
            for (jid, run_id), who in result.cancels.items():
                self._wire.cancel(jid, run_id, who)
            for jid in result.unknown:
                self._unknown(jid)
            for run in result.ended:
                log.info("run.ended", run=run.name, verdict=str(run.verdict), reason=run.reason)
                self._ended(run)
            for run, before in result.revised:
                self._revised(run, before)
            self._sound(result)

    def _sound(self, result: _Result) -> None:
        for key, (reply, left) in result.alarms.items():
            self._alarms[key] = self._alarms.get(key, 0) + 1
            if self._alarms[key] <= ALARMS:
                self._alarmed(key[0], reply, left)
        for run in result.ended:
            self._alarms.pop((run.job, run.jid), None)

    def _take(self, db: Connection, *, batch: list[Arrival]) -> _Result:
        """In the store's thread: everything in *batch*, in order."""
        result = _Result()
        for arrival in batch:
            try:
                run = relearned.find(db, arrival.run, arrival.jid, self._store_id)
            except KeyError:
                log.warning("intake.unknown_run", run=str(arrival.run), target=arrival.jid)
                if arrival.of is not None and self._is_to_be_asked(db, arrival.run):
                    result.unknown.add(arrival.jid)
                continue
            try:
                changed, ack = self._apply(db, run, arrival, result)
            except LIES as error:
                log.error("run.integrity", run=run.name, jid=run.jid, reason=str(error))  # noqa: TRY400
                changed, ack = distrusted(run, error, self._now()), None
                measures.drop(db, run)
            if changed != run:
                jobs.save_run(db, changed)
                _note(run, changed, result)
            if ack is not None:
                result.acks[arrival.full, ack.of] = ack
            if _is_stray(changed, arrival):
                result.cancels[run.jid, arrival.run] = changed.stop
        return result

    def _is_to_be_asked(self, db: Connection, run: RunId) -> bool:
        """Whether a sync tells the target of *run*, which is unknown, more than silence does."""
        return run.store != self._store_id or tidying.is_dropped(db, run.number)

    def _apply(
        self, db: Connection, run: Run, arrival: Arrival, result: _Result
    ) -> tuple[Run, Ack | None]:
        """*run* after *arrival*, and what to acknowledge."""
        if arrival.of is None:
            return _refuse(run, arrival.refused, self._now()), None
        run = _identified(run, arrival.of)
        if arrival.chunk is None:
            run = heard_of(run, self._now())
            return replace(run, phase=after(run.phase, Happening.ACCEPT)), None
        try:
            new = news(run.size, arrival.chunk)
        except GapError as gap:
            return run, Ack(arrival.of, gap.have, gap=True)
        if new:
            run = self._append(db, heard_of(run, self._now()), new, arrival.behind, result)
        return run, Ack(arrival.of, run.size)

    def _append(
        self, db: Connection, run: Run, new: bytes, behind: timedelta, result: _Result
    ) -> Run:
        key = (run.job, run.jid)
        reader = self._readers.pop(key, None)  # put back only if all goes well
        if reader is None or reader.parsed + reader.pending != run.size:
            reader = journals.reader(db, *key)
        asked = LONG_AGO if run.origin else jobs.asked(db, run.job)
        clock = Clock(asked=asked, now=self._now(), behind=behind)
        offset, final, done, ended = run.size, run.final, len(run.outcomes), list[datetime]()
        for record in reader.feed(new):
            run = digest(run, record, clock)
            if done + len(ended) < len(run.outcomes):
                ended.append(clock.moment(record.at))
            if (news := alarm(run, record, clock)) is not None:
                result.alarms[key] = news
        if final or (run.final and reader.pending):
            raise IntegrityError("it goes on after its end")
        journals.append(db, *key, Chunk(offset, new), reader.parsed)
        measures.add(db, run, done, ended)
        if run.phase is not Phase.DONE:
            self._keep(key, reader)
        return replace(run, size=offset + len(new))

    def _keep(self, key: tuple[int, str], reader: Reader) -> None:
        self._readers[key] = reader
        if len(self._readers) > READERS:
            del self._readers[next(iter(self._readers))]


def _identified(run: Run, of: JournalId) -> Run:
    """*run*, now that its journal has a name; it keeps that name."""
    if run.journal not in ("", of.journal):
        raise IntegrityError(f"{run.target} has started another journal for it")
    return replace(run, journal=of.journal)


def _is_stray(run: Run, arrival: Arrival) -> bool:
    """Whether a target has taken a run that was stopped, and does not know it."""
    taken = arrival.of is not None and arrival.chunk is None
    return taken and run.phase is Phase.DONE and bool(run.stop) and not run.final


def _refuse(run: Run, reason: str, now: datetime) -> Run:
    if run.phase is not Phase.OFFERED:
        return run
    if run.stop:
        return given_up(run, Verdict.ABORTED, f"stopped by {run.stop} before it began", now)
    return given_up(run, Verdict.REFUSED, safe(reason, 500), now)


def _note(before: Run, now: Run, result: _Result) -> None:
    if now.phase is not Phase.DONE:
        return
    result.alarms.pop((now.job, now.jid), None)
    if before.phase is not Phase.DONE:
        result.ended.append(now)
    elif before.verdict is not None and now.verdict != before.verdict:
        result.revised.append((now, before.verdict))
