"""The ways in which a target goes, and comes back."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.end_to_end.person import Person
from tests.faults import namespace
from tests.faults.network import Direct, direct
from tests.faults.stage import Setting, Stage
from tests.liveness.room import REBOOTING

SIZE, SECONDS = 60_000, 20.0
"""What a run prints while its target goes: more than ejabberd lets through by default."""

DEFAULTS = Setting(line=Direct, tuned=False, enrolled=True, around=direct())
"""Servers as Debian has them, and no proxy of ours between."""
MACHINE = Setting(line=Direct, tuned=False, enrolled=True, around=direct(), machine=True)


@dataclass(frozen=True, slots=True)
class Way:
    """
    A row's making.

    Attributes:
        name: For ``--only``.
        what: For the table.
        cause: What the notice has to say.
        harm: What makes it go; *mend* what lets it come back.
        words: What the notice has to say, too.
        streaming: Whether a run prints meanwhile, all of which has to arrive.
        quick: Whether it is in the short version of ``make faults``.
    """

    name: str
    what: str
    cause: str
    harm: Callable[[Stage, Person], Awaitable[object]]
    mend: Callable[[Stage], Awaitable[object]]
    words: str = ""
    streaming: bool = False
    quick: bool = True
    setting: Setting = DEFAULTS
    possible: Callable[[], str] = namespace.possible


async def cut(stage: Stage, _: Person) -> None:
    """No packet passes: no FIN, no RST."""
    await asyncio.to_thread(stage.network.cut)


async def heal(stage: Stage) -> None:
    """They pass again."""
    await asyncio.to_thread(stage.network.heal)


async def freeze(stage: Stage, _: Person) -> None:
    """The agent stands still; its kernel goes on to acknowledge what comes."""
    stage.agent.stop()


async def thaw(stage: Stage) -> None:
    """It goes on."""
    stage.agent.go_on()


async def kill(stage: Stage, _: Person) -> None:
    """SIGKILL, and nobody starts it again."""
    await stage.agent.down()


async def end(stage: Stage, _: Person) -> None:
    """SIGTERM."""
    await stage.agent.end()


async def start(stage: Stage) -> None:
    """After :func:`kill` and :func:`end`."""
    stage.agent.up()


async def reboot(_: Stage, person: Person) -> None:
    """Ordered in the room."""
    person.say("reboot bob")


async def nothing(_: Stage) -> None:
    """It comes back by itself."""


OFF, ON = "nor of its machine to ICMP", "but its machine answers ICMP"

WAYS: tuple[Way, ...] = (
    Way("cut", "all packets dropped, idle", "silent", cut, heal, words=OFF, quick=False),
    Way("cut-streaming", "all packets dropped, streaming", "silent", cut, heal, words=OFF,
        streaming=True),
    Way("frozen", "SIGSTOP of the agent, streaming", "silent", freeze, thaw, words=ON,
        streaming=True),
    Way("killed", "SIGKILL of the agent, streaming", "crashed", kill, start, streaming=True),
    Way("stopped", "SIGTERM of the agent, streaming", "stopped", end, start, streaming=True),
    Way("rebooted", "`reboot bob`", REBOOTING, reboot, nothing, setting=MACHINE),
)  # fmt: skip
