"""
Journals on their way out: what is synced here and not acknowledged there, to its controller.

Rule 1: nothing is sent before a controller has met us in this session (``<sync>``), nor
after it has left: the spool on our disk is the queue, not the server's offline store.

Rule 2: the oldest runs first, a few at a time, each with a window of its own. Those that
have nothing to send take no turn, and those that get no answer lose theirs: a run that its
controller does not want must not keep back the others.

Rule 3: the disk is read in a thread: a hanging one must not keep us from answering pings.
A journal that cannot be read is left alone until the next meeting; the others go on.
"""

import asyncio
import contextlib
import math
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import structlog

from agent.run import Holding
from agent.rundir import RunDir
from agent.wire.delivery import Chunk, MisackError, Sender
from agent.wire.query import Have
from agent.wire.stanza import Ack, JournalId
from agent.wire.vocabulary import Held, RunId

log = structlog.get_logger()

AT_ONCE = 2
"""Journals under way to one controller at the same time."""


@dataclass(slots=True)
class _Delivery:
    run: RunDir
    of: JournalId
    sender: Sender = field(default_factory=Sender)
    dirty: bool = True
    """Whether more may have been synced since we looked."""
    over: bool = False
    """Whether the journal is complete: once delivered, we are done with it."""
    broken: bool = False
    """Whether it cannot be read, or is not what the controller holds a part of."""


class Courier:
    """
    Delivers journals.

    Args:
        send: Sends one chunk to a controller; False if there is no session.
        noted: Told of a controller, a run, and how much of its journal is known to be there.
    """

    def __init__(
        self,
        send: Callable[[str, JournalId, Chunk], bool],
        noted: Callable[[str, RunId, int], object] = lambda *_: None,
    ) -> None:
        self._send, self._noted = send, noted
        self._open: dict[str, dict[RunId, _Delivery]] = {}
        self._stores: dict[str, str] = {}
        self._looked: dict[JournalId, int] = {}
        self._wake = asyncio.Event()

    def meet(
        self,
        controller: str,
        store: str,
        held: Iterable[Holding],
        have: Mapping[JournalId, Have],
    ) -> None:
        """
        *controller* is there, with *store*; of each journal it holds what *have* says.

        A controller that meets us again, as it does every minute, is sent on at the pace
        that was found before. What another store had ordered it gets only if it names it: the
        others would be sent for ever to somebody who does not want them.
        """
        before = self._open.pop(controller, {})
        deliveries = self._open[controller] = {}
        self._stores[controller] = store
        for holding in held:
            of = JournalId(holding.dir.run, holding.journal)
            if of.run.store != store and of not in have:
                continue
            known = before.get(of.run)
            pace = known.sender if known is not None and known.of == of else Sender()
            sender = pace.anew(have[of].offset if of in have else 0)
            deliveries[of.run] = _Delivery(holding.dir, of, sender, over=holding.phase is Held.DONE)
        self._wake.set()

    def store(self, controller: str) -> str | None:
        """The store that *controller* had when it met us last; None if it has not yet."""
        return self._stores.get(controller)

    def looked(self, of: JournalId) -> int:
        """
        How far a journal is synced, as we saw last; 0 if we never looked, or are done with it.

        We look at the disk ourselves, so that may be more than our executor knows of, and some of
        it sent: a controller that is told of less would take it for a lie.
        """
        return self._looked.get(of, 0)

    def part(self, controller: str) -> None:
        """*controller* left."""
        self._open.pop(controller, None)

    def part_all(self) -> None:
        """We left."""
        self._open.clear()

    def changed(self, holding: Holding) -> None:
        """More of a run's journal is synced, or it is complete."""
        deliveries = self._open.get(holding.dir.controller)
        if deliveries is None:
            return
        of = JournalId(holding.dir.run, holding.journal)
        foreign = self._stores[holding.dir.controller] != of.run.store
        if of.run not in deliveries and (foreign or delivered(holding)):
            return
        delivery = deliveries.setdefault(of.run, _Delivery(holding.dir, of))
        delivery.dirty, delivery.over = True, holding.phase is Held.DONE
        self._wake.set()

    def acked(self, controller: str, ack: Ack) -> None:
        """*controller* acknowledges."""
        delivery = self._open.get(controller, {}).get(ack.of.run)
        if delivery is None or delivery.of != ack.of:
            return  # of a journal that is delivered, or not ours
        now = asyncio.get_running_loop().time()
        try:
            if ack.gap:
                delivery.sender.gap(ack.offset, now)
            else:
                delivery.sender.ack(ack.offset, now)
        except MisackError as error:
            log.warning("journal.misack", run=str(ack.of.run), peer=controller, reason=str(error))
            return
        self._wake.set()

    async def run(self) -> None:
        """Send what there is to send, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            self._wake.clear()
            self._tick(loop.time())
            for controller in list(self._open):
                await self._serve(controller)
            deadline = min(
                (d.sender.deadline for ds in self._open.values() for d in ds.values()),
                default=math.inf,
            )
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(None if deadline == math.inf else deadline):
                    await self._wake.wait()

    def _tick(self, now: float) -> None:
        """What is overdue is sent again, after those that have waited for a turn."""
        for deliveries in self._open.values():
            for run, delivery in list(deliveries.items()):
                if now >= delivery.sender.deadline:
                    delivery.sender.tick(now)
                    deliveries[run] = deliveries.pop(run)

    async def _serve(self, controller: str) -> None:
        """Everything that may be sent to *controller* now."""
        deliveries = self._open.get(controller, {})
        turns = AT_ONCE
        for delivery in list(deliveries.values()):
            if turns == 0 or self._open.get(controller) is not deliveries:
                return  # the rest has to wait; or it left, or met us anew
            if delivery.broken:
                continue
            try:
                turns -= await self._deliver(controller, delivery)
            except (ValueError, OSError, EOFError) as error:
                # Lost, or less than the controller holds: nothing is spliced, a person must look.
                log.exception("journal.integrity", run=str(delivery.of.run), reason=str(error))
                delivery.broken = True
                delivery.sender.rewind()  # it has no deadline any more

    async def _deliver(self, controller: str, delivery: _Delivery) -> bool:
        """Send what there is of one journal. Whether it takes a turn."""
        over = delivery.over  # before we look: then what we see is all
        if delivery.dirty:
            delivery.dirty = False
            synced = await asyncio.to_thread(_synced, delivery.run)
            self._looked[delivery.of] = max(synced, self.looked(delivery.of))
            delivery.sender.grow(synced)
        if not delivery.sender.drained:
            await self._send_some(controller, delivery)
            return True
        if over and not delivery.dirty:
            if await asyncio.to_thread(_note, delivery.run, delivery.sender.acked):
                self._noted(controller, delivery.of.run, delivery.sender.acked)
            self._open.get(controller, {}).pop(delivery.of.run, None)
            self._looked.pop(delivery.of, None)
            log.info("run.delivered", run=str(delivery.of.run), bytes=delivery.sender.acked)
        return False

    async def _send_some(self, controller: str, delivery: _Delivery) -> None:
        loop = asyncio.get_running_loop()
        while spans := list(iter(lambda: delivery.sender.next(loop.time()), None)):
            start = spans[0].start  # they follow each other: one read is enough
            data = await asyncio.to_thread(_read, delivery.run, range(start, spans[-1].stop))
            for span in spans:
                if self._open.get(controller, {}).get(delivery.run.run) is not delivery:
                    return  # it left, or met us anew
                piece = data[span.start - start : span.stop - start]
                if not self._send(controller, delivery.of, Chunk(span.start, piece)):
                    self.part(controller)
                    return


def delivered(holding: Holding) -> bool:
    """Whether the controller has acknowledged all of a run that is over; asks no disk."""
    return holding.phase is Held.DONE and holding.acked >= holding.synced > 0


def _synced(run: RunDir) -> int:
    return run.synced


def _note(run: RunDir, acked: int) -> bool:
    """Remember that it is delivered, and whether that worked; if not, it is offered again."""
    try:
        run.mark_acked(acked)
    except OSError as error:
        log.warning("run.delivery_not_noted", run=str(run.run), reason=str(error))
        return False
    return True


def _read(run: RunDir, span: range) -> bytes:
    with run.journal.open("rb", buffering=0) as journal:
        data = os.pread(journal.fileno(), len(span), span.start)
    if len(data) != len(span):
        raise EOFError(f"{run.journal} ends at {span.start + len(data)}, synced to {span.stop}")
    return data
