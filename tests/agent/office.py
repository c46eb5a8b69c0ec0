"""A courier with real run directories, and a controller in memory that answers or does not."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from agent.courier import Courier
from agent.run import Holding
from agent.rundir import RunDir
from agent.wire.delivery import Chunk
from agent.wire.journal import encode
from agent.wire.query import Have
from agent.wire.stanza import Ack, JournalId
from agent.wire.vocabulary import Held, Order, RunId
from agent.writer import Writer

BOT = "labbot@lab.example"
STORE = "k3x9q2ab"
JOURNAL = "p0q4c1xw8e2z"


class Journal:
    """A run directory, and its supervisor's pen."""

    def __init__(self, state: Path, number: int, controller: str = BOT) -> None:
        order = Order(RunId(STORE, number), (), 600, datetime.now(UTC))
        self.dir = RunDir.create(
            state, controller, order, steps=[{"name": "memtest"}], seq=number, journal=JOURNAL,
            at=1.8e9,
        )  # fmt: skip
        self.of = JournalId(order.run, JOURNAL)
        self.phase = Held.QUEUED
        self.acked = 0
        self._pen = Writer(str(self.dir.path))

    def write(self, size: int, *, sync: bool = True) -> None:
        self._pen.append(encode("out", 1.8e9, os.urandom(min(size, 60_000))))
        if size > 60_000:
            self.write(size - 60_000, sync=False)
        if sync:
            self._pen.sync()

    def end(self, verdict: str = "pass") -> None:
        self._pen.finish(verdict, "")
        self.phase = Held.DONE

    @property
    def holding(self) -> Holding:
        return Holding(self.dir, JOURNAL, self.dir.synced, self.phase, acked=self.acked)

    @property
    def synced(self) -> bytes:
        return self.dir.journal.read_bytes()[: self.dir.synced]

    def close(self) -> None:
        self._pen.close()


class Office:
    """A courier, and a controller that holds what arrived and acknowledges if it wants to."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.courier = Courier(self._send, self._noted)
        self.online = True
        self.wants: Callable[[JournalId], bool] = lambda _: True
        self.sent: list[tuple[JournalId, Chunk]] = []
        self.replicas: dict[JournalId, bytes] = {}
        self.journals: list[Journal] = []

    def journal(self, number: int, size: int = 0, *, ends: bool = False) -> Journal:
        journal = Journal(self.state, number)
        self.journals.append(journal)
        if size:
            journal.write(size)
        if ends:
            journal.end()
        return journal

    def meets(self, journals: Iterable[Journal], *, store: str = STORE, **have: int) -> None:
        offsets = {self.journals[int(key[1:]) - 1].of: size for key, size in have.items()}
        self.courier.meet(
            BOT,
            store,
            [journal.holding for journal in journals],
            {of: Have(of, size) for of, size in offsets.items()},
        )

    def changed(self, journal: Journal) -> None:
        self.courier.changed(journal.holding)

    def has(self, journal: Journal) -> bytes:
        return self.replicas.get(journal.of, b"")

    def _noted(self, controller: str, run: RunId, acked: int) -> None:
        [journal] = [each for each in self.journals if each.of.run == run]
        journal.acked = acked

    def _send(self, controller: str, of: JournalId, chunk: Chunk) -> bool:
        if not self.online:
            return False
        self.sent.append((of, chunk))
        if self.wants(of):
            have = self.replicas.get(of, b"")
            if chunk.offset <= len(have):
                have += chunk.data[len(have) - chunk.offset :]
            self.replicas[of] = have
            ack = Ack(of, len(have), gap=chunk.offset > len(have))
            asyncio.get_running_loop().call_later(0.1, self.courier.acked, controller, ack)
        return True


@asynccontextmanager
async def office(state: Path) -> AsyncIterator[Office]:
    office = Office(state)
    task = asyncio.create_task(office.courier.run())
    try:
        yield office
        assert not task.done(), task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        for journal in office.journals:
            journal.close()
