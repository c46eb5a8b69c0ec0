"""
The bot's services on a real store, with the edges of bot/ports.py in memory.

A :class:`Bot` can be crashed at any await, and started again on what is on the disk.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection

from agent.wire.delivery import Chunk
from agent.wire.errors import Away
from agent.wire.machine import NOTHING, Machine
from agent.wire.parameter import RecipeInfo
from agent.wire.query import HeldRun, Meeting, Standing
from agent.wire.stanza import Ack, JournalId
from agent.wire.target import TargetState
from agent.wire.vocabulary import Held, Order, RunId, Step
from bot.arrival import Arrival
from bot.config import Patience
from bot.deadlines import Deadlines
from bot.dispatch import Dispatch
from bot.fleet import Fleet
from bot.followers import Followers
from bot.herald import Herald
from bot.intake import Intake
from bot.jobs import Job, Run
from bot.logs import Logs
from bot.machines import Machines
from bot.occupant import Affiliation, Channel, Line, Occupant
from bot.relearn import Relearned
from bot.reply import Reply
from bot.store import growth, jobs, journals, targets
from bot.store.writer import Writer
from bot.wishes import Wishes
from tests.virtual_time import BEGAN, VirtualLoop, settled

T = TypeVar("T")

US = "labbot@lab.example"
BOB, ALICE = "bob@lab.example", "alice@lab.example"
ANN = Occupant("ann", Affiliation.OWNER, "ann@lab.example")
STEPS = (Step("memtest", {"size": "16M"}),)


def line(
    number: int = 1, *, channel: Channel = Channel.ROOM, text: str = "run memtest on bob"
) -> Line:
    return Line(ANN, text, f"ann@lab.example#{number}", channel=channel)


class Store(Writer):
    """The real one; only virtual time knows that it is at work."""

    async def do(self, work: Callable[[Connection], T]) -> T:
        loop = asyncio.get_running_loop()
        if not isinstance(loop, VirtualLoop):
            return await super().do(work)
        with loop.thread():
            return await super().do(work)


@asynccontextmanager
async def busy(store: Writer) -> AsyncIterator[None]:
    """What is asked of *store* meanwhile goes into one commit, afterwards."""
    loop, at_work, gate = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def work(_: Connection) -> None:
        loop.call_soon_threadsafe(at_work.set)
        gate.wait()

    working = asyncio.ensure_future(store.do(work))
    await at_work.wait()
    yield
    gate.set()
    await working


class Targets:
    """:class:`bot.ports.Wire`: what was sent, and the answers a test gives."""

    def __init__(self) -> None:
        self.offers: list[tuple[str, Order]] = []
        self.cancels: list[tuple[str, RunId, str]] = []
        self.acks: list[tuple[str, Ack]] = []
        self.acked = asyncio.Event()
        self.meetings: list[tuple[str, Meeting]] = []
        self.answers: Callable[[str, Meeting], Standing] | None = None
        self.catalogues: Callable[[str], tuple[RecipeInfo, ...]] = lambda _: ()
        self.machine = NOTHING
        self.reboots: Callable[[str], str] | None = None

    def offer(self, jid: str, order: Order) -> bool:
        self.offers.append((jid, order))
        return True

    def cancel(self, jid: str, run: RunId, who: str) -> bool:
        self.cancels.append((jid, run, who))
        return True

    def ack(self, full: str, ack: Ack) -> bool:
        self.acks.append((full, ack))
        self.acked.set()
        return True

    async def sync(self, full: str, meeting: Meeting) -> Standing:
        self.meetings.append((full, meeting))
        if self.answers is None:
            raise Away("no answer within 5 s")
        return self.answers(full, meeting)

    async def catalogue(self, full: str) -> tuple[tuple[RecipeInfo, ...], Machine]:
        return self.catalogues(full), self.machine

    async def reboot(self, full: str, who: str, *, force: bool) -> str:
        if self.reboots is None:
            raise Away("no answer within 5 s")
        return self.reboots(full)

    async def ping(self, full: str) -> float:
        return 0.01


class Room:
    """:class:`bot.ports.Voice`: what was heard, and a door that a test may close."""

    def __init__(self) -> None:
        self.said: list[Reply] = []
        self.told: list[tuple[str, Reply, bool]] = []
        self.open = True
        self.nicks = {"ann@lab.example": "ann", "max@lab.example": "max"}
        self.members = set(self.nicks)
        self.broken: Callable[[Reply], bool] = lambda _: False

    async def say(self, reply: Reply) -> None:
        self._door(reply)
        self.said.append(reply)

    async def tell(self, jid: str, reply: Reply, *, direct: bool) -> None:
        self._door(reply)
        self.told.append((jid, reply, direct))

    def nick(self, jid: str) -> str | None:
        if not self.open:
            raise Away("I am not in the room")
        return self.nicks.get(jid)

    async def belongs(self, jid: str) -> bool:
        return jid in self.members

    def _door(self, reply: Reply) -> None:
        if not self.open:
            raise Away("I am not in the room")
        if self.broken(reply):
            raise RuntimeError("the stream does not take it")

    @property
    def heard(self) -> list[str]:
        return [reply.text for reply in self.said]


class Bot:
    """The services, made as bot/service.py makes them."""

    def __init__(self, path: Path, *, patience: Patience | None = None) -> None:
        self.path = path
        self.url = f"sqlite:///{path / 'labroom.db'}"
        self.patience = patience or Patience()
        self.wire, self.room = Targets(), Room()
        self._tasks: list[asyncio.Task[None]] = []
        self._base = datetime.now(UTC)
        self.skew = timedelta()
        self.withdrawn: set[str] = set()
        self.room_is_silent = False

    def clock(self) -> datetime:
        """What the bot's clock shows: virtual time, and how wrong it is."""
        virtual = self._loop.time() - BEGAN if isinstance(self._loop, VirtualLoop) else 0.0
        return self._base + timedelta(seconds=virtual) + self.skew

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.store = Store(self.url)
        await self.store.do(growth.prepare)
        self.id = await self.store.do(targets.store_id)
        self.fleet = Fleet(US, self.id, lambda jid: jid in (BOB, ALICE))
        self.fleet.load(await self.store.do(targets.remembered))
        for jid in (BOB, ALICE):
            self.fleet.member(jid)
        self.herald = Herald(self.store, self.room, Logs(self.store))
        now = self.clock
        self.machines = Machines(
            self.fleet, self.wire, self.herald, self.store, within=300, now=now
        )  # fmt: skip
        await self.machines.load()
        self.followers = Followers(self.store, Logs(self.store), self.room)
        self.wishes = Wishes(self.store, self.fleet, self.herald)
        await self.wishes.load()

        def ended(run: Run) -> None:
            self.herald.ended(run)
            self.wishes.ended(run)

        found = Relearned(self.herald.news)
        self.dispatch = Dispatch(
            self.store, self.id, self.fleet, self.wire, self.patience,
            ended=ended, found=found.add, warrant=self, now=now,
        )  # fmt: skip
        self.intake = Intake(
            self.store, self.id, self.wire,
            ended=ended, revised=self.herald.revised, alarmed=self.herald.alarmed,
            unknown=self.dispatch.wonder, now=now,
        )  # fmt: skip
        self.deadlines = Deadlines(self.store, self.fleet, self.patience, ended=ended, now=now)
        self.fleet.listening = True
        services = (
            self.intake, self.dispatch, self.deadlines, self.herald, self.machines, self.wishes,
            self.followers,
        )  # fmt: skip
        self._tasks = [asyncio.create_task(service.run()) for service in services]
        await self.herald.catch_up()

    async def lacks(self, job: Job, target: str) -> str:
        """:class:`bot.warrant.Asks`: whose right is withdrawn, by their nicks."""
        if self.room_is_silent:
            raise Away("the room does not say who belongs to it")
        return f"{job.asker} may no longer" if job.asker in self.withdrawn else ""

    async def crash(self) -> None:
        """Lose everything that is not on the disk."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.store.close()

    def failure(self) -> BaseException | None:
        """What ended one of the services, if one has ended."""
        return next((task.exception() for task in self._tasks if task.done()), None)

    async def lose_database(self) -> None:
        """Crash, and start with another disk."""
        await self.crash()
        for path in self.path.glob("labroom.db*"):
            path.unlink()
        await self.start()

    # What the world does

    def appears(
        self, jid: str = BOB, *, session: str = "s1", boot: str = "boot1", state: str = "idle",
        queue: int = 0,
    ) -> None:  # fmt: skip
        says = TargetState(boot=boot, session=session, state=state, queue=queue)
        if self.fleet.arrived(f"{jid}/agent", says, datetime.now(UTC)):
            self.dispatch.appeared(jid)
        self.machines.appeared(jid)
        self.wishes.changed(jid)

    def leaves(self, jid: str = BOB) -> None:
        if self.fleet.left(f"{jid}/agent", datetime.now(UTC)):
            self.deadlines.left(jid)

    def run_id(self, number: int) -> RunId:
        return RunId(self.id, number)

    def accepts(self, number: int, journal: str, jid: str = BOB) -> None:
        of = JournalId(self.run_id(number), journal)
        self.hears(Arrival(f"{jid}/agent", of, of.run))

    def refuses(self, number: int, reason: str, jid: str = BOB) -> None:
        self.hears(Arrival(f"{jid}/agent", None, self.run_id(number), refused=reason))

    def chunk(self, number: int, journal: str, offset: int, data: bytes, jid: str = BOB) -> None:
        of = JournalId(self.run_id(number), journal)
        self.hears(Arrival(f"{jid}/agent", of, of.run, chunk=Chunk(offset, data)))

    def carries(self, of: JournalId, chunk: Chunk, jid: str = BOB) -> None:
        """A chunk as it is on the wire, of whatever store's run."""
        self.hears(Arrival(f"{jid}/agent", of, of.run, chunk=chunk))

    def hears(self, arrival: Arrival) -> None:
        """Something a target said, as it is on the wire."""
        self.intake.put(arrival, behind=self.fleet.member(arrival.jid).behind)

    # What there is

    async def job(self, number: int = 1) -> Job:
        return await self.store.do(lambda db: jobs.get_job(db, number))

    async def a_run(self, number: int = 1, jid: str = BOB) -> Run:
        return await self.store.do(lambda db: jobs.get_run(db, number, jid))

    async def replica(self, number: int = 1, jid: str = BOB) -> bytes:
        return await self.store.do(lambda db: b"".join(journals.read(db, number, jid)))

    async def submit(
        self, number: int = 1, *, on: tuple[str, ...] = ("bob",), channel: Channel = Channel.ROOM
    ) -> Job:
        job = await self.dispatch.submit(STEPS, on, line(number, channel=channel))
        await settled()
        return job


def standing(
    *held: HeldRun, epoch: str = "epoch00000", catalogue: str = "", clock: datetime | None = None
) -> Standing:
    return Standing(
        epoch=epoch, boot="boot1", clock=clock or datetime.now(UTC), version="0.1.0",
        catalogue=catalogue, held=held,
    )  # fmt: skip


def held(bot: Bot, number: int, journal: str, size: int, phase: Held = Held.RUNNING) -> HeldRun:
    return HeldRun(JournalId(bot.run_id(number), journal), size, phase)
