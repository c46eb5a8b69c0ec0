"""
The agent's courier and the bot's intake, with nothing between them but a bad link: real run
directories on one side, the real store on the other. Everything arrives, byte for byte.
"""

import asyncio
import contextlib
import os
import random
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.courier import Courier, delivered
from agent.run import Holding
from agent.rundir import RunDir
from agent.wire.delivery import Chunk
from agent.wire.journal import encode
from agent.wire.query import Have, HeldRun, Meeting, Standing
from agent.wire.stanza import Ack, JournalId
from agent.wire.vocabulary import Held, Order, Verdict, token
from agent.writer import Writer
from tests.bot.lab_on_disk import BOB, STEPS, US, Bot, Targets, line, standing
from tests.virtual_time import VirtualLoop, settled


class BadLink:
    """Loses, repeats and delays what is sent over it; while it is cut, everything is lost."""

    def __init__(self, chance: random.Random, loss: float, repeats: float, delay: float) -> None:
        self.chance, self.loss, self.repeats, self.delay = chance, loss, repeats, delay
        self.cut = False

    def carry(self, arrive: Callable[[], None]) -> None:
        for _ in range(1 + (self.chance.random() < self.repeats)):
            if self.cut or self.chance.random() < self.loss:
                continue
            loop = asyncio.get_running_loop()
            if self.delay:
                loop.call_later(self.chance.random() * self.delay, arrive)
            else:
                loop.call_soon(arrive)  # in order, as XMPP promises


class Answers(Targets):
    """The bot's edge, with acknowledgements that go over the link."""

    def __init__(self, link: BadLink, courier: Courier) -> None:
        super().__init__()
        self._link, self._courier = link, courier

    def ack(self, full: str, ack: Ack) -> bool:
        self._link.carry(lambda: self._courier.acked(US, ack))
        return True


class TargetOfOne:
    """The agent's half for bob, as agent/controllers.py ties it together."""

    def __init__(self, state: Path, bot: Bot, link: BadLink) -> None:
        self._state, self._bot, self._link = state, bot, link
        self.courier = Courier(self._send)
        self.runs: dict[int, tuple[RunDir, str, Writer]] = {}
        self.over: set[int] = set()

    def _send(self, controller: str, of: JournalId, chunk: Chunk) -> bool:
        self._link.carry(lambda: self._bot.carries(of, chunk))
        return True

    def take(self, order: Order) -> None:
        journal = token()
        made = RunDir.create(
            self._state, US, order, steps=[{"name": "memtest"}], seq=order.run.number,
            journal=journal, at=datetime.now(UTC).timestamp(),
        )  # fmt: skip
        self.runs[order.run.number] = made, journal, Writer(str(made.path))
        self.courier.changed(self.holding(order.run.number))

    def write(self, number: int, payload: bytes, *, ends: bool = False) -> None:
        _, _, pen = self.runs[number]
        at = datetime.now(UTC).timestamp()
        pen.append(encode("out", at, payload))
        if ends:
            pen.finish("pass", "")
            self.over.add(number)
        pen.sync()
        self.courier.changed(self.holding(number))

    def holding(self, number: int) -> Holding:
        made, journal, _ = self.runs[number]
        phase = Held.DONE if number in self.over else Held.RUNNING
        return Holding(made, journal, made.synced, phase, acked=made.acked)

    def meet(self, _full: str, meeting: Meeting) -> Standing:
        held = [each for each in map(self.holding, self.runs) if not delivered(each)]
        have: dict[JournalId, Have] = {each.of: each for each in meeting.have}
        self.courier.meet(US, meeting.store, held, have)
        return standing(
            *(HeldRun(JournalId(h.dir.run, h.journal), h.synced, h.phase, "memtest") for h in held)
        )

    def close(self) -> None:
        for _, _, pen in self.runs.values():
            pen.close()


async def story(
    folder: Path, chance: random.Random, link: BadLink, *, runs: int, size: int, crashes: int
) -> None:
    bot = Bot(folder)
    target = TargetOfOne(folder / "state", bot, link)
    bot.wire = Answers(link, target.courier)
    bot.wire.answers = target.meet
    await bot.start()
    carrying = asyncio.create_task(target.courier.run())
    sessions = 0

    def meets() -> None:
        nonlocal sessions
        sessions += 1
        bot.appears(session=f"s{sessions}")

    meets()
    for number in range(1, runs + 1):
        await bot.submit(number)
        target.take(bot.wire.offers[-1][1])
    for _ in range(12):
        for number in target.runs:
            target.write(number, chance.randbytes(chance.randrange(size)))
        await settled(chance.random() * 3)
        link.cut = chance.random() < 0.2
        if crashes and chance.random() < 0.3:
            crashes -= 1
            await bot.crash()
            target.courier.part_all()
            await bot.start()
            meets()
    for number in target.runs:
        target.write(number, b"the end", ends=True)
    link.cut = False
    meets()
    await settled(40_000)  # 8 s each way, and a third of it lost, takes its time
    assert bot.failure() is None
    assert not carrying.done()
    for number, (made, _, _) in target.runs.items():
        run = await bot.a_run(number)
        assert (run.verdict, run.final) == (Verdict.PASS, True)
        assert await bot.replica(number) == made.journal.read_bytes()
        assert delivered(target.holding(number))
    assert len(bot.room.said) == runs
    carrying.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await carrying
    target.close()
    await bot.crash()


@settings(max_examples=16, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    loss=st.sampled_from([0.0, 0.05, 0.3]),
    repeats=st.sampled_from([0.0, 0.3]),
    delay=st.sampled_from([0.0, 0.5, 8.0]),
    runs=st.integers(1, 6),
    size=st.sampled_from([1, 200, 10_000]),
    crashes=st.integers(0, 3),
)
def test_everything_arrives_byte_for_byte(
    seed: int, loss: float, repeats: float, delay: float, runs: int, size: int, crashes: int
) -> None:
    chance = random.Random(seed)
    link = BadLink(chance, loss, repeats, delay)
    with (
        tempfile.TemporaryDirectory() as folder,
        asyncio.Runner(loop_factory=VirtualLoop) as runner,
    ):
        runner.run(story(Path(folder), chance, link, runs=runs, size=size, crashes=crashes))


def test_five_megabytes_of_every_byte_arrive_over_a_good_link(tmp_path: Path) -> None:
    output = bytes(range(256)) * 200 + b"\x1b[31mred\x1b[0m\r50%\r100%"

    async def stream() -> None:
        link = BadLink(random.Random(1), 0.0, 0.0, 0.0)
        bot = Bot(tmp_path)
        target = TargetOfOne(tmp_path / "state", bot, link)
        bot.wire = Answers(link, target.courier)
        bot.wire.answers = target.meet
        await bot.start()
        carrying = asyncio.create_task(target.courier.run())
        bot.appears()
        await bot.dispatch.submit(STEPS, ("bob",), line())
        await settled()
        target.take(bot.wire.offers[-1][1])
        for _ in range(100):
            target.write(1, output)
        target.write(1, os.urandom(1000), ends=True)
        await settled(600)
        run = await bot.a_run(1, BOB)
        assert run.verdict is Verdict.PASS
        assert run.printed == 100 * len(output) + 1000
        assert await bot.replica(1) == target.runs[1][0].journal.read_bytes()
        carrying.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await carrying
        target.close()
        await bot.crash()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(stream())


@pytest.mark.parametrize(
    ("seed", "loss", "delay", "before"),
    [
        (1, 0.0, 0.0, 3),
        (2, 0.3, 0.0, 0),
        (3, 0.0, 8.0, 1),
        (4, 0.3, 8.0, 6),
        (5, 0.3, 8.0, 11),
        (6, 0.3, 0.0, 1),
        (7, 0.3, 8.0, 0),
    ],
)
def test_a_bot_without_its_database_gets_every_journal_anew_and_whole(
    seed: int, loss: float, delay: float, before: int
) -> None:
    async def lose(folder: Path) -> None:
        chance = random.Random(seed)
        link = BadLink(chance, loss, 0.1, delay)
        bot = Bot(folder)
        target = TargetOfOne(folder / "state", bot, link)
        bot.wire = Answers(link, target.courier)
        bot.wire.answers = target.meet
        await bot.start()
        carrying = asyncio.create_task(target.courier.run())
        bot.appears()
        await settled()
        await bot.submit(1)  # of which nothing is held any more
        for number in (2, 3):
            await bot.submit(number)
            target.take(bot.wire.offers[-1][1])
        for step in range(12):
            for number in (2, 3):
                target.write(number, chance.randbytes(chance.randrange(5000)))
            await settled(chance.random() * 3)
            if step == before:
                first = bot.id
                await bot.lose_database()
                bot.appears(session="s2")
        for number in (2, 3):
            target.write(number, b"the end", ends=True)
        await settled(4_000)
        assert bot.failure() is None
        assert not carrying.done()
        assert bot.id != first
        for job in await bot.dispatch.recent(9):
            assert job.was in (2, 3)
            run = await bot.a_run(job.number)
            assert (run.verdict, run.final) == (Verdict.PASS, True)
            made, _, _ = target.runs[job.was]
            assert await bot.replica(job.number) == made.journal.read_bytes()
            assert delivered(target.holding(job.was))
        assert len(await bot.dispatch.recent(9)) == 2
        assert len(bot.room.heard) == 3  # what it holds, and two ends
        carrying.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await carrying
        target.close()
        await bot.crash()

    with (
        tempfile.TemporaryDirectory() as folder,
        asyncio.Runner(loop_factory=VirtualLoop) as runner,
    ):
        runner.run(lose(Path(folder)))
