"""
Journals on their way out: what is synced here and not acknowledged there, to its controller.

Rule 1: nothing is sent before a controller has met us in this session (``<sync>``), nor
after it has left: the spool on our disk is the queue, not the server's offline store.

Rule 2: the oldest runs first, a few at a time, each with a window of its own.

Rule 3: the disk is read in a thread: a hanging one must not keep us from answering pings.
"""

import asyncio
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

AT_ONCE = 4
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


class Courier:
    """
    Delivers journals.

    Args:
        send: Sends one chunk to a controller; False if there is no session.
    """

    def __init__(self, send: Callable[[str, JournalId, Chunk], bool]) -> None:
        self._send = send
        self._open: dict[str, dict[RunId, _Delivery]] = {}
        self._wake = asyncio.Event()

    def meet(
        self, controller: str, held: Iterable[Holding], have: Mapping[JournalId, Have]
    ) -> None:
        """*controller* is there; of each journal it holds what *have* says."""
        deliveries = self._open[controller] = {}
        for holding in held:
            of = JournalId(holding.dir.run, holding.journal)
            sender = Sender(have[of].offset if of in have else 0)
            deliveries[of.run] = _Delivery(holding.dir, of, sender, over=holding.phase is Held.DONE)
        self._wake.set()

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
            for controller in list(self._open):
                await self._serve(controller)
            deadline = min(
                (d.sender.deadline for ds in self._open.values() for d in ds.values()),
                default=float("inf"),
            )
            try:
                async with asyncio.timeout_at(None if deadline == float("inf") else deadline):
                    await self._wake.wait()
            except TimeoutError:
                self._tick(loop.time())

    def _tick(self, now: float) -> None:
        for deliveries in self._open.values():
            for delivery in deliveries.values():
                delivery.sender.tick(now)

    async def _serve(self, controller: str) -> None:
        """Everything that may be sent to *controller* now."""
        deliveries = self._open.get(controller, {})
        for delivery in list(deliveries.values())[:AT_ONCE]:
            over = delivery.over  # before we look: then what we see is all
            if not await self._look(delivery):
                deliveries.pop(delivery.run.run, None)
                continue
            if over and delivery.sender.drained and not delivery.dirty:
                await asyncio.to_thread(delivery.run.mark_acked, delivery.sender.acked)
                deliveries.pop(delivery.run.run, None)
                log.info("run.delivered", run=str(delivery.of.run), bytes=delivery.sender.acked)
                self._wake.set()  # the next one's turn
                continue
            await self._send_some(controller, delivery)

    async def _look(self, delivery: _Delivery) -> bool:
        """Learn how much is synced; False if that cannot be."""
        if not delivery.dirty:
            return True
        delivery.dirty = False
        try:
            delivery.sender.grow(await asyncio.to_thread(_synced, delivery.run))
        except (ValueError, OSError) as error:
            # The controller holds bytes that we do not: nothing is spliced, a person must look.
            log.exception("journal.integrity", run=str(delivery.of.run), reason=str(error))
            return False
        return True

    async def _send_some(self, controller: str, delivery: _Delivery) -> None:
        loop = asyncio.get_running_loop()
        while (span := delivery.sender.next(loop.time())) is not None:
            data = await asyncio.to_thread(_read, delivery.run, span)
            if self._open.get(controller, {}).get(delivery.run.run) is not delivery:
                return  # it left, or met us anew
            if not self._send(controller, delivery.of, Chunk(span.start, data)):
                self.part(controller)
                return


def delivered(holding: Holding) -> bool:
    """Whether the controller has acknowledged all of a run that is over."""
    return holding.phase is Held.DONE and holding.dir.acked >= holding.synced > 0


def _synced(run: RunDir) -> int:
    return run.synced


def _read(run: RunDir, span: range) -> bytes:
    with run.journal.open("rb", buffering=0) as journal:
        data = os.pread(journal.fileno(), len(span), span.start)
    if len(data) != len(span):
        raise EOFError(f"{run.journal} ends at {span.start + len(data)}, synced to {span.stop}")
    return data
