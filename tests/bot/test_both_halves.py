"""
Both halves of the delivery against each other, and both may die at any await: the courier with real
run directories, the bot's services with a real store, a link that loses, repeats and delays between
them. Either may also lose what it had on its disk, and the target what it had not synced.
"""

import asyncio
import contextlib
import os
import random
import shutil
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from agent import launch
from agent.courier import Courier, delivered
from agent.run import Holding
from agent.rundir import RunDir
from agent.wire.delivery import Chunk
from agent.wire.journal import Reader, encode
from agent.wire.query import Have, HeldRun, Meeting, Standing
from agent.wire.stanza import Ack, JournalId
from agent.wire.vocabulary import Held, Order, RunId, token
from agent.writer import Writer
from bot.arrival import Arrival
from bot.config import Patience
from bot.jobs import Job, Run
from bot.store import jobs, relearned
from tests.bot.lab_on_disk import BOB, STEPS, US, Bot, Targets, line, standing
from tests.bot.test_courier_and_intake import BadLink
from tests.virtual_time import VirtualLoop, settled

PATIENCE = Patience(silence=150, lost=300)
ANY = st.integers(0, 99)
"""Which of what there is: how much depends on threads, so hypothesis is not to ask."""


@dataclass
class Pen:
    """A run on the target's disk, and who writes to it."""

    dir: RunDir
    of: JournalId
    writer: Writer
    over: bool = False


class Target:
    """The agent's half for bob: a courier, and what is on the disk."""

    def __init__(self, state: Path, half: "BothHalves") -> None:
        self.state, self.half = state, half
        self.runs: dict[RunId, Pen] = {}
        self.epoch = token()
        self.sessions = 0

    def start(self) -> None:
        self.courier = Courier(self._send)
        self.carrying = asyncio.create_task(self.courier.run())

    async def die(self) -> None:
        assert not self.carrying.done()
        self.carrying.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.carrying

    def lose_power(self, part: float) -> None:
        """Of what was not synced, a part is left; then what is whole counts as synced."""
        for pen in self.runs.values():
            pen.writer.close()
            synced, size = pen.dir.synced, pen.dir.journal.stat().st_size
            os.truncate(pen.dir.journal, synced + int(part * (size - synced)))
            launch.mend(pen.dir)
            pen.over = b'"kind":"verdict"' in pen.dir.journal.read_bytes()
            pen.writer = Writer(str(pen.dir.path))

    def lose_state(self) -> None:
        self.close()
        shutil.rmtree(self.state, ignore_errors=True)
        self.runs.clear()
        self.epoch = token()

    def take(self, order: Order) -> None:
        """An order arrives, perhaps again; the answer goes over the link."""
        if order.run not in self.runs:
            journal, at = token(), datetime.now(UTC).timestamp()
            made = RunDir.create(
                self.state, US, order, steps=[{"name": "memtest"}], seq=1, journal=journal, at=at
            )
            of = JournalId(order.run, journal)
            self.runs[order.run] = Pen(made, of, Writer(str(made.path)))
            self.courier.changed(self.holding(order.run))
        of = self.runs[order.run].of
        self.half.link.carry(lambda: self.half.bot.hears(Arrival(f"{BOB}/agent", of, of.run)))

    def write(self, run: RunId, payload: bytes, *, sync: bool, ends: bool = False) -> None:
        pen = self.runs[run]
        if pen.over:
            return
        pen.writer.append(encode("out", datetime.now(UTC).timestamp(), payload))
        if ends:
            pen.writer.finish("pass", "")
            pen.over = True
        if sync:
            pen.writer.sync()
        self.courier.changed(self.holding(run))

    def holding(self, run: RunId) -> Holding:
        pen = self.runs[run]
        phase = Held.DONE if pen.over else Held.RUNNING
        return Holding(
            pen.dir, pen.of.journal, pen.dir.synced, phase, "memtest", acked=pen.dir.acked
        )

    def meet(self, _full: str, meeting: Meeting) -> Standing:
        held = [each for each in map(self.holding, self.runs) if not delivered(each)]
        have: dict[JournalId, Have] = {each.of: each for each in meeting.have}
        self.courier.meet(US, meeting.store, held, have)
        said = (
            HeldRun(JournalId(h.dir.run, h.journal), h.synced, h.phase, "memtest") for h in held
        )
        return standing(*said, epoch=self.epoch)

    def appears(self) -> None:
        self.sessions += 1
        self.half.bot.appears(session=f"s{self.sessions}")

    def _send(self, _controller: str, of: JournalId, chunk: Chunk) -> bool:
        self.half.link.carry(lambda: self.half.bot.carries(of, chunk))
        return True

    def close(self) -> None:
        for pen in self.runs.values():
            pen.writer.close()


class Answers(Targets):
    """The bot's edge: its acknowledgements go over the link."""

    def __init__(self, half: "BothHalves") -> None:
        super().__init__()
        self._half = half

    def ack(self, full: str, ack: Ack) -> bool:
        self._half.link.carry(lambda: self._half.target.courier.acked(US, ack))
        return True


class BothHalves(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner(loop_factory=VirtualLoop)
        self.folder = Path(tempfile.mkdtemp())
        self.link = BadLink(random.Random(1), 0.0, 0.0, 0.0)
        self.bot = Bot(self.folder, patience=PATIENCE)
        self.bot.wire = Answers(self)
        self.target = Target(self.folder / "state", self)
        self.bot.wire.answers = self.target.meet
        self.lines = 0
        self.do(self.begin())

    async def begin(self) -> None:
        await self.bot.start()
        self.target.start()
        self.target.appears()

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    async def now(self, work: Any) -> None:
        """*work*, in the loop."""
        work()

    def teardown(self) -> None:
        try:
            self.do(self.heal())
        finally:
            self.do(self.target.die())
            self.do(self.bot.crash())
            self.target.close()
            self.runner.close()
            shutil.rmtree(self.folder)

    # What people and diagnostics do

    @rule()
    def order(self) -> None:
        self.lines += 1
        self.do(self.bot.dispatch.submit(STEPS, ("bob",), line(self.lines)))

    @rule(which=ANY)
    def take(self, which: int) -> None:
        if offers := self.bot.wire.offers:
            self.do(self.now(lambda: self.target.take(offers[which % len(offers)][1])))

    @rule(which=ANY, size=st.sampled_from([1, 500, 30_000]), sync=st.booleans(), ends=st.booleans())
    def write(self, which: int, size: int, sync: bool, ends: bool) -> None:
        if runs := list(self.target.runs):
            data, run = random.Random(size).randbytes(size), runs[which % len(runs)]
            self.do(self.now(lambda: self.target.write(run, data, sync=sync, ends=ends)))

    # What links do

    @rule(loss=st.sampled_from([0.0, 0.3]), repeats=st.sampled_from([0.0, 0.5]),
          delay=st.sampled_from([0.0, 2.0]), cut=st.booleans())  # fmt: skip
    def weather(self, loss: float, repeats: float, delay: float, cut: bool) -> None:
        link = self.link
        link.loss, link.repeats, link.delay, link.cut = loss, repeats, delay, cut

    @rule()
    def meet(self) -> None:
        self.do(self.now(self.target.appears))

    @rule(seconds=st.sampled_from([0.01, 1, 11, 61]))
    def wait(self, seconds: float) -> None:
        self.do(settled(seconds))

    # How they die

    @rule(steps=st.integers(0, 12), loses=st.booleans())
    def bot_dies(self, steps: int, loses: bool) -> None:
        async def die() -> None:
            for _ in range(steps):
                await asyncio.sleep(0)
            if loses:
                await self.bot.lose_database()
                self.bot.wire.offers.clear()
            else:
                await self.bot.crash()
                await self.bot.start()
            self.target.courier.part_all()
            self.target.appears()

        self.do(die())

    @rule(steps=st.integers(0, 12), how=st.sampled_from(["kill", "power", "state"]),
          part=st.sampled_from([0.0, 0.5, 1.0]))  # fmt: skip
    def target_dies(self, steps: int, how: str, part: float) -> None:
        async def die() -> None:
            for _ in range(steps):
                await asyncio.sleep(0)
            await self.target.die()
            if how == "power":
                self.target.lose_power(part)
            elif how == "state":
                self.target.lose_state()
                await settled(3)  # a server keeps order: what it said arrives before it is back
                self.bot.wire.offers.clear()  # none of before is sent to a new one
            self.target.start()
            self.target.appears()

        self.do(die())

    # What must be true

    def known(self, of: RunId) -> Run | None:
        try:
            found: Run = self.do(
                self.bot.store.do(lambda db: relearned.find(db, of, BOB, self.bot.id))
            )
        except KeyError:
            return None
        return found

    @invariant()
    def nothing_broke(self) -> None:
        assert self.bot.failure() is None
        assert not self.target.carrying.done()

    @invariant()
    def a_replica_is_a_prefix_of_what_was_synced(self) -> None:
        for run, pen in self.target.runs.items():
            known = self.known(run)
            if known is not None and known.journal == pen.of.journal:
                replica = self.do(self.bot.replica(known.job))
                assert pen.dir.journal.read_bytes()[: pen.dir.synced].startswith(replica)

    @invariant()
    def what_is_noted_as_held_is_held(self) -> None:
        """Or was, by a database that is gone."""
        for run, pen in self.target.runs.items():
            known = self.known(run)
            if pen.dir.acked and known is not None and known.journal == pen.of.journal:
                assert run.store != self.bot.id or known.size == pen.dir.acked

    # And in the end

    async def heal(self) -> None:
        """The link is good, and all goes on to its end: all that is on a disk arrives."""
        self.link.loss = self.link.repeats = self.link.delay = 0.0
        self.link.cut = False
        self.target.appears()
        await settled(61)
        for _, order in list(self.bot.wire.offers):
            self.target.take(order)
        for of in self.target.runs:
            self.target.write(of, b"the end", sync=True, ends=True)
        for _ in range(3):
            self.target.appears()
            await settled(PATIENCE.lost)
        assert self.bot.failure() is None
        for job in await self.jobs():
            [run] = job.runs
            assert job.told
            assert run.verdict is not None, "stuck"
        for of, pen in self.target.runs.items():
            await self.arrived(of, pen)

    async def arrived(self, of: RunId, pen: Pen) -> None:
        journal = pen.dir.journal.read_bytes()
        assert [r.kind for r in Reader().feed(journal)][-1] == "verdict"
        try:
            run = await self.bot.store.do(lambda db: relearned.find(db, of, BOB, self.bot.id))
        except KeyError:  # its database is gone, and it had all of it before
            assert of.store != self.bot.id
            assert delivered(self.target.holding(of))
            return
        assert run.journal == pen.of.journal
        assert (run.verdict, run.final) == ("pass", True)
        assert await self.bot.replica(run.job) == journal
        assert delivered(self.target.holding(of))

    async def jobs(self) -> list[Job]:
        return await self.bot.store.do(lambda db: jobs.recent_jobs(db, 99))


BothHalves.TestCase.settings = settings(max_examples=25, stateful_step_count=40, deadline=None)
TestBothHalves = BothHalves.TestCase
