"""The bot is away while targets print: their disks are the queue, not the server."""

import asyncio
import hashlib
import random
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from agent.config import Config
from agent.rundir import RunDir
from agent.service import serve
from agent.wire import stanza
from agent.wire.delivery import Chunk
from agent.wire.journal import encode
from agent.wire.settings import load
from agent.wire.stanza import JournalId
from agent.wire.vocabulary import Order, RunId, Step, token
from agent.writer import Writer
from bot.demo import Server
from tests.end_to_end.conftest import Furnish, Join, unique
from tests.end_to_end.kept import kept
from tests.end_to_end.lab import Lab, facts, idle, order, peak, result

HANDFUL = 5
"""Stanzas that a server may keep for the bot; ejabberd's quota is 100."""

FLAT = 30 << 10
"""KiB that the bot may need beyond what it needs anyway."""

TARGETS = {"ejabberd": 150, "prosody": 60}
"""ejabberd keeps 100 messages for one account; Prosody 10,000, and lets so many in very slowly."""

HOURS = 6

TOGETHER = 30
"""Targets that come at the same time: a room is quadratic, and all of them are in this process."""

pytestmark = pytest.mark.timeout(1200)  # some seconds, if this machine has nothing else to do


async def until(true: Callable[[], bool], *, within: float = 600) -> None:
    """Wait for what files tell, of which there is no event."""
    async with asyncio.timeout(within):
        while not await asyncio.to_thread(true):  # noqa: ASYNC110  (files)
            await asyncio.sleep(0.2)


async def test_fifty_megabytes_wait_on_the_target_and_not_on_the_server(furnish: Furnish) -> None:
    lab, ann = await furnish()
    rows = b"".join(b"\x1b[32mloop %d\x1b[0m: %08x ok\r\n" % (n, n * 4) for n in range(4000))
    data = rows * (50_000_000 // len(rows) + 1)
    (lab.folder / "first").write_bytes(data[: 2 << 20])
    (lab.folder / "rest").write_bytes(data[2 << 20 :])
    gate = lab.add_waiting()
    lab.add_script(
        "print",
        f"cat {lab.folder}/first; echo >{gate.begun}; read go <{gate.go}; cat {lab.folder}/rest\n",
    )
    lab.add_script("hello", "echo hello\n")
    await lab.start("bob")
    bob = lab.name("bob")
    await idle(ann, bob)
    await result(ann, await order(ann, f"run hello on {bob}"))
    assert lab.bot is not None
    before = peak(lab.bot)

    job = await order(ann, f"run print on {bob}")
    await gate.reached()
    lab.bot.kill()  # in the middle of the first two megabytes
    mark = len(ann.presences.entries)
    gate.open()
    await ann.sees(lambda seen: seen.status == "idle", nick=bob, since=mark, within=600)
    assert await asyncio.to_thread(kept, lab.server, lab.name("labbot")) <= HANDFUL
    await lab.start_bot()
    assert facts(await result(ann, job, within=600))["verdict"] == "pass"
    assert peak(lab.bot) - before < FLAT
    assert len(data) >= 50_000_000
    assert lab.digest(job, "bob") == hashlib.sha256(data).hexdigest()


async def test_what_a_target_says_is_not_kept_for_a_bot_that_is_away(
    server: Server, join: Join
) -> None:
    away = unique("labbot")
    await asyncio.to_thread(server.add_account, away, away)
    bob = await join("bob", enter=False)
    run = RunId("an0therst0re", 1)
    of, to = JournalId(run, token()), f"{away}@{server.domain}"
    for number in range(300):
        bob.xmpp.send(stanza.write_chunk(to, of, Chunk(1000 * number, bytes(1000))))
        accepted = bob.xmpp.make_message(to, mtype="headline")
        stanza.write_accepted(accepted, of)
        refused = bob.xmpp.make_message(to, mtype="headline")
        stanza.write_refused(refused, run, "no")
        for message in (accepted, refused):
            message.send()
    bob.tell(to, "the last")  # what people write is kept, and in order
    await until(lambda: kept(server, away) > 0)
    assert kept(server, away) == 1


class Rack:
    """A target with a run that prints when it is told to; its agent is the real one, in here."""

    def __init__(self, lab: Lab, number: int) -> None:
        self.name = lab.name(f"rack{number}")
        folder = lab.site.add_target(self.name)
        (folder / "boot_id").write_text("boot1")
        self.config: Config = load(folder / "agent.toml", Config)
        journal, order = token(), _an_order(number)
        self.run = RunDir.create(
            self.config.state, self.config.controllers[0], order,
            steps=[{"name": "memtest"}], seq=1, journal=journal, at=_now(),
        )  # fmt: skip
        self.of = JournalId(order.run, journal)
        self.pen = Writer(str(self.run.path))  # holds the lock, as a living supervisor does
        self.task: asyncio.Task[None] | None = None

    def prints(self, text: bytes) -> None:
        self.pen.append(encode("out", _now(), text))
        self.pen.sync()

    def ends(self) -> None:
        self.pen.finish("pass", "")

    def starts(self, group: asyncio.TaskGroup) -> None:
        self.task = group.create_task(serve(self.config))

    async def stops(self) -> None:
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait({self.task})


def _now() -> float:
    return datetime.now(UTC).timestamp()


def _an_order(number: int) -> Order:
    by = datetime.now(UTC) + timedelta(days=1)
    return Order(RunId("an0therst0re", number), (Step("memtest"),), 86400.0, by)


class Racks:
    """Many of them, and what the bot has of their journals."""

    def __init__(self, lab: Lab, many: int) -> None:
        self._lab, self._all = lab, [Rack(lab, number) for number in range(1, many + 1)]

    async def start(self, group: asyncio.TaskGroup) -> None:
        """Let all of them come, until the bot has all that they hold."""
        for begin in range(0, len(self._all), TOGETHER):
            some = self._all[begin : begin + TOGETHER]
            for rack in some:
                rack.starts(group)
            await until(partial(self._stored, some))

    async def stop(self) -> None:
        await asyncio.gather(*(rack.stops() for rack in self._all))

    async def restart_some(self, group: asyncio.TaskGroup) -> None:
        """A power cut in one rack: its agents go, and come again."""
        some = self._all[:TOGETHER]
        await asyncio.gather(*(rack.stops() for rack in some))
        for rack in some:
            rack.starts(group)

    def print(self, text: bytes) -> None:
        for rack in self._all:
            rack.prints(text)

    def end(self) -> None:
        for rack in self._all:
            rack.ends()

    def stored(self) -> int:
        """Bytes that the bot has of all their journals."""
        return sum(self._sizes().values())

    def all_stored(self) -> bool:
        return self._stored(self._all)

    def _stored(self, racks: Sequence[Rack]) -> bool:
        sizes, domain = self._sizes(), self._lab.server.domain
        return all(sizes.get(f"{rack.name}@{domain}") == rack.pen.synced for rack in racks)

    def _sizes(self) -> dict[str, int]:
        database = self._lab.site.bot_folder(self._lab.name("labbot")) / "labroom.db"
        with closing(sqlite3.connect(database)) as db:
            return dict(db.execute("select jid, size from run").fetchall())


async def test_the_bots_quota_is_not_touched_by_a_lab_that_prints_for_hours(
    furnish: Furnish,
) -> None:
    # All these agents share one loop, and so do not always answer in time; that is not the point.
    lab, _ = await furnish(settings="\n[liveness]\nsilence = 600\nanswer = 60\n")
    many = TARGETS[lab.server.name]
    racks, labbot = await asyncio.to_thread(Racks, lab, many), lab.name("labbot")
    noise = random.Random(7).randbytes(40_000)
    async with asyncio.TaskGroup() as group:
        await racks.start(group)
        racks.print(noise)
        await until(lambda: racks.stored() > many * len(noise) // 4)
        assert lab.bot is not None
        lab.bot.kill()  # while they all send
        for _ in range(HOURS):
            racks.print(noise[:5000])
            await racks.restart_some(group)
            assert await asyncio.to_thread(kept, lab.server, labbot) <= HANDFUL
        racks.end()
        await lab.start_bot()
        await until(racks.all_stored)
        assert await asyncio.to_thread(kept, lab.server, labbot) <= HANDFUL
        await racks.stop()
