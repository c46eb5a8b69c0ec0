"""Who is there, who is gone, who is a ghost: the clock, the pings and what follows, in no time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from agent.wire.target import Leaving, TargetState
from bot.config import Alertness
from bot.departure import Departure
from bot.fleet import Fleet
from bot.ports import clock
from bot.reboot import Reboot
from bot.reply import Reply
from bot.store.targets import Remembered
from bot.vigil import Vigil
from tests.virtual_time import settled, virtual

BOB, CARL = "bob@lab.example/agent", "carl@lab.example/agent"
BOT = "labbot2@lab.example/bot"


@dataclass
class World:
    """A room and a network: who lives answers at once."""

    alive: set[str] = field(default_factory=set)
    acts: bool = True
    taken: bool = True
    """Whether our server answers."""
    takes: float = 0.0
    """Seconds that it needs for that."""
    icmp: bool | None = None
    asked: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    heard: Callable[[str], None] = lambda _: None

    def ping(self, full: str) -> bool:
        self.asked.append(full)
        if full in self.alive:
            asyncio.get_running_loop().call_later(self.takes, self.heard, full)
        return True

    async def echo(self) -> bool:
        await asyncio.sleep(self.takes)
        return self.taken

    async def echoes(self, address: str) -> bool | None:
        return self.icmp

    async def remove(self, full: str) -> None:
        self.removed.append(full)


@dataclass
class Bench:
    world: World
    fleet: Fleet
    vigil: Vigil
    lines: list[str]
    stranded: list[str]
    met: list[str]

    def enter(self, full: str, *, location: str = "", address: str = "") -> None:
        self.world.alive.add(full)
        state = TargetState(session="s", boot="b1", location=location, address=address)
        self.vigil.arrived(full, state)

    def die(self, *fulls: str) -> None:
        self.world.alive.difference_update(fulls)

    def state(self, full: str) -> str:
        return self.fleet.member(full.partition("/")[0]).state


@asynccontextmanager
async def bench(alertness: Alertness | None = None) -> AsyncIterator[Bench]:
    world, lines, stranded, met = World(), [], [], []  # type: ignore[var-annotated]

    def say(reply: Reply) -> None:
        lines.append(reply.text)

    fleet = Fleet("labbot@lab.example", "k3x9q2ab", lambda _: True)
    fleet.load([Remembered(jid="bob@lab.example", boot="b1")])
    fleet.listening = True
    vigil = Vigil(
        fleet, world, alertness or Alertness(),
        strand=stranded.append, meet=met.append, say=say, reboot=300,
    )  # fmt: skip
    world.heard = vigil.heard
    running = asyncio.create_task(vigil.run())
    try:
        yield Bench(world, fleet, vigil, lines, stranded, met)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@virtual
async def test_a_dead_target_is_told_removed_and_stranded() -> None:
    async with bench() as lab:
        lab.enter(BOB)
        await settled(60)
        assert lab.lines == []
        assert 20 < len(lab.world.asked) < 35  # one small stanza every two seconds
        lab.die(BOB)
        await settled(10)
        assert lab.lines == ["bob is down: no answer for 6 s, so powered off, cut off or hung"]
        assert (lab.world.removed, lab.stranded) == ([BOB], ["bob@lab.example"])
        assert lab.state(BOB) == "down"
        lab.vigil.left(BOB, Departure(removed=True))  # the room shows that we removed it
        asked = len(lab.world.asked)
        await settled(600)
        assert len(lab.world.asked) == asked
        assert len(lab.lines) == 1
        lab.enter(BOB)
        await settled(1)
        assert lab.lines[1:] == [
            "bob is back after 10 min 12 s, not rebooted: it was cut off, or hung"
        ]
        assert lab.met == ["bob@lab.example"] * 2


@virtual
async def test_a_machine_that_answers_icmp_is_not_called_off() -> None:
    async with bench() as lab:
        lab.world.icmp = True
        lab.enter(BOB, address="192.0.2.7")
        await settled()
        lab.die(BOB)
        await settled(10)
        assert lab.lines[0].endswith("but its machine answers ICMP: it hangs, or its agent does")


@virtual
async def test_a_rack_is_one_line() -> None:
    async with bench() as lab:
        pcs = [f"pc{number:02}@lab.example/agent" for number in range(1, 41)]
        for number, pc in enumerate(pcs):
            lab.enter(pc, location=f"rack {number // 20}")
            await settled(0.13)  # so that they are asked at different moments
        await settled(10)
        lab.die(*pcs)
        await settled(10)
        assert len(lab.lines) == 1
        assert "40 silent since" in lab.lines[0]
        assert lab.lines[0].endswith(": pc[01-40]")
        assert sorted(lab.world.removed) == pcs


@virtual
async def test_a_slow_server_is_nobodys_death_and_makes_us_ask_less_often() -> None:
    async with bench() as lab:
        for name in (BOB, CARL):
            lab.enter(name)
        lab.world.takes = 8
        await settled(300)
        assert lab.lines == []
        assert len(lab.world.asked) < 2 * 300 / 15
        lab.world.takes = 0
        await settled(300)
        asked = len(lab.world.asked)
        await settled(60)
        assert len(lab.world.asked) - asked > 40


@virtual
async def test_an_offline_server_is_nobodys_death() -> None:
    async with bench() as lab:
        lab.enter(BOB)
        await settled()
        lab.world.taken = False
        lab.die(BOB)
        await settled(300)
        assert lab.lines == []


@virtual
async def test_after_our_own_sleep_we_ask_again() -> None:
    async with bench() as lab:
        lab.enter(BOB)
        await settled(3)
        lab.die(BOB)
        await settled(5)  # it was asked twice
        loop = asyncio.get_running_loop()
        loop.now += 30  # type: ignore[attr-defined]
        lab.world.alive.add(BOB)  # in truth it was alive all the time, and we did not listen
        await settled(30)
        assert lab.lines == []


@virtual
async def test_an_ordered_reboot_is_no_alarm() -> None:
    async with bench() as lab:
        lab.enter(BOB)
        await settled()
        now = clock()
        order = Reboot(by="ann", boot="b1", ordered=now, deadline=now)
        lab.fleet.rebooting("bob@lab.example", order)
        lab.die(BOB)
        await settled(60)
        assert lab.lines == []
        assert lab.world.removed == [BOB]  # its ghost goes all the same
        lab.vigil.left(BOB, Departure(removed=True))
        lab.fleet.member("bob@lab.example").reboot = None  # it was told that it is late
        lab.world.alive.add(BOB)
        lab.vigil.arrived(BOB, TargetState(session="t", boot="b2"))
        await settled()
        assert lab.lines == []  # that it is back, whoever ordered it hears from elsewhere


@virtual
async def test_a_reboot_in_a_run_is_told_only_if_it_does_not_end() -> None:
    async with bench() as lab:
        for full in (BOB, CARL):
            lab.enter(full)
            await settled()
            lab.vigil.arrived(full, TargetState(session="s", boot="b1", state="rebooting"))
            lab.vigil.left(full, Departure(Leaving("rebooting")))
        await settled(60)
        lab.vigil.arrived(BOB, TargetState(session="t", boot="b2"))
        await settled(400)
        assert lab.lines == ["carl is not back from its reboot"]
        lab.vigil.arrived(CARL, TargetState(session="t", boot="b2"))
        await settled(10)
        assert lab.lines[1:] == ["carl is back after 7 min 40 s, with a new boot id"]


@pytest.mark.parametrize(
    ("reason", "line"),
    [
        ("shutdown", "bob shuts down"),
        ("rebooting", "bob reboots, and not by my order"),
        ("stopped", "bob's agent was stopped"),
        ("failed", "bob's agent gave up after an error of its own: its log says why"),
        ("", "bob's agent crashed or was killed: its connection was reset"),
    ],
)
def test_why_it_left_is_told(reason: str, line: str) -> None:
    @virtual
    async def story() -> None:
        async with bench() as lab:
            lab.enter(BOB)
            await settled()
            lab.vigil.left(BOB, Departure(Leaving(reason) if reason else None))
            await settled(20)
            assert lab.lines == [line]
            assert lab.stranded == ["bob@lab.example"]

    story()


@virtual
async def test_who_does_not_come_back_after_we_were_out_is_told() -> None:
    async with bench() as lab:
        for full in (BOB, CARL):
            lab.enter(full)
        await settled()
        lab.vigil.nobody()
        lab.vigil.nobody()  # the room is tried again and again
        lab.fleet.listening = True
        lab.vigil.listening()
        lab.enter(CARL)
        await settled(100)
        assert lab.lines == ["bob is gone: it left while I was away"]


@virtual
async def test_a_bot_that_does_not_act_knows_and_is_quiet() -> None:
    async with bench() as lab:
        lab.world.acts = False
        lab.enter(BOB)
        await settled()
        lab.die(BOB)
        await settled(20)
        assert (lab.lines, lab.world.removed) == ([], [])
        assert lab.state(BOB) == "down"


@virtual
async def test_a_dead_bot_is_removed_by_the_one_that_waits_for_it() -> None:
    async with bench() as lab:
        lab.world.acts = False
        lab.world.alive.add(BOT)
        lab.vigil.bot(BOT, there=True)
        await settled(60)
        assert lab.world.removed == []
        lab.die(BOT)
        await settled(20)
        assert lab.world.removed == [BOT]
        assert [each.kept.jid for each in lab.fleet.members()] == ["bob@lab.example"]
        assert lab.lines == []


@virtual
async def test_a_ghost_that_enters_again_and_says_nothing_is_removed_once_in_ten_minutes() -> None:
    async with bench() as lab:
        lab.enter(BOB)
        await settled()
        lab.die(BOB)
        for _ in range(20):
            await settled(20)
            lab.vigil.left(BOB, Departure(removed=True))
            lab.vigil.arrived(BOB, TargetState(session="s", boot="b1"))
        assert len(lab.world.removed) == 1
        await settled(300)
        lab.vigil.left(BOB, Departure())
        lab.vigil.arrived(BOB, TargetState(session="s", boot="b1"))
        await settled(20)
        assert len(lab.world.removed) == 2
        assert len(lab.lines) == 1
