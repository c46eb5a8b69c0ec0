"""What is no death: a machine or a network that is busy, a bot that was away."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.end_to_end.lab import answer
from tests.end_to_end.person import Person
from tests.faults import memory, namespace
from tests.faults.network import Direct, direct
from tests.faults.stage import PATIENCE, Setting, Stage, stage
from tests.faults.trial import order
from tests.liveness.room import BOB, back, gone, notices, told
from tests.liveness.row import Row

RATE = 1000
"""Bytes a second that are printed all the while."""
LOST = 0.05
"""Of the packets, each way."""
LIMIT = 320 << 20
"""Bytes of memory for the agent and all it runs; the stress wants more than is left."""
STRESS = (
    "stress-ng", "--cpu", "0", "--vm", "1", "--vm-bytes", "300M", "--hdd", "1",
    "--hdd-bytes", "64M", "--timeout", "3h", "--temp-path",
)  # fmt: skip
AWAY, STOPPED = 30.0, 20.0
"""Seconds for which the bot, and an agent, stand still."""
DOWN, UP = 12.0, 8.0
"""Seconds of a target that flaps; its bot takes 3 + 2 + 2 to be sure."""
MOST_LINES = 3
FLAPPING = 600.0
"""Seconds in which it flaps, at most."""


DEFAULTS = Setting(line=Direct, tuned=False)


@dataclass(frozen=True, slots=True)
class Alarm:
    """
    A row's making.

    Attributes:
        name: For ``--only``.
        what: For the table.
        trial: Gets for how many seconds; what was wrong.
    """

    name: str
    what: str
    trial: Callable[[Stage, Person, float], Awaitable[list[str]]]
    setting: Setting = DEFAULTS
    possible: Callable[[], str] = lambda: ""


def stressing(stream: list[str]) -> dict[str, list[str]]:
    """The recipe ``stressed``: what *stream* does, and all the machine can do beside."""
    script = (
        f'folder=$(mktemp -d); {" ".join(STRESS)} "$folder" >/dev/null 2>&1 & "$@"; status=$?; '
        'kill $!; wait; rm -r "$folder"; exit $status'
    )
    return {"stressed": ["sh", "-c", script, "sh", *stream]}


@contextmanager
def in_little_memory(stage: Stage) -> Iterator[None]:
    """The agent and all it starts have so much, and no more."""
    with memory.limited(LIMIT) as stage.memory:
        stage.agent.prefix = stage.memory.prefix
        yield


async def stressed(stage: Stage, ann: Person, seconds: float) -> list[str]:
    """Every processor, memory to its limit, the disk: and a run that prints."""
    wrong = await _streaming(stage, ann, seconds, recipe="stressed")
    return wrong if stage.memory.hit else [*wrong, "the limit of the memory was never met"]


async def dropping(stage: Stage, ann: Person, seconds: float) -> list[str]:
    """Packets are lost, and a run prints."""
    return await _streaming(stage, ann, seconds)


async def bot_away(stage: Stage, ann: Person, _: float) -> list[str]:
    """The bot stands still; what it missed is no silence of others."""

    async def harm() -> None:
        stage.bot.stop()
        await asyncio.sleep(AWAY)
        stage.bot.go_on()

    return await _streaming(stage, ann, AWAY + 15, harm=harm)


async def agent_stopped(stage: Stage, ann: Person, _: float) -> list[str]:
    """An agent stands still: told down, and back, and no output is lost."""
    since = ann.mark()

    async def harm() -> None:
        loop = asyncio.get_running_loop()
        stage.agent.stop()
        until = loop.time() + STOPPED
        await told(ann, since, gone)
        await asyncio.sleep(until - loop.time())
        stage.agent.go_on()
        await told(ann, since, back, within=2 * PATIENCE)

    return await _streaming(stage, ann, 10, harm=harm, lines=2)


async def flapping(stage: Stage, ann: Person, seconds: float) -> list[str]:
    """A target that comes and goes, and a room that is not told of each time."""
    since, seen = ann.mark(), len(ann.presences.entries)
    loop = asyncio.get_running_loop()
    until = loop.time() + min(seconds, FLAPPING)
    while loop.time() < until:
        stage.agent.stop()
        await asyncio.sleep(DOWN)
        stage.agent.go_on()
        await asyncio.sleep(UP)
    await answer(ann, "labbot: status")  # whatever there was to say has been said
    lines = [*notices(ann, since, there=False), *notices(ann, since, there=True)]
    left = [s for s in ann.presences.entries[seen:] if s.nick == BOB and s.type == "unavailable"]
    wrong = [f"{len(lines)} lines: {[str(line) for line in lines]}"] * (len(lines) > MOST_LINES)
    return wrong if lines and left else [*wrong, "nobody was told of it"]


async def _streaming(
    stage: Stage,
    ann: Person,
    seconds: float,
    *,
    recipe: str = "stream",
    harm: Callable[[], Awaitable[None]] | None = None,
    lines: int = 0,
) -> list[str]:
    """A run that prints for so long, meanwhile *harm*; what was wrong, besides too many lines."""
    since, seen = ann.mark(), len(ann.presences.entries)
    run = await order(stage, int(RATE * seconds), seconds, recipe=recipe)
    await run.begun()
    if harm is not None:
        await harm()
    outcome = await run.outcome(within=2 * seconds + 4 * PATIENCE)
    await answer(ann, "labbot: status")  # whatever there was to say has been said
    said = [*notices(ann, since, there=False), *notices(ann, since, there=True)]
    wrong = [] if outcome.good else [str(outcome)]
    if len(said) != lines:
        wrong.append(f"{len(said)} lines, not {lines}: {[str(line) for line in said]}")
    left = [s for s in ann.presences.entries[seen:] if s.nick == BOB and s.type == "unavailable"]
    if left and not lines:
        wrong.append(f"it left the room: {[str(seen) for seen in left]}")
    return wrong


ALARMS: tuple[Alarm, ...] = (
    Alarm("stressed", "stress-ng on all CPUs, memory to its cgroup's limit, and disk", stressed,
          Setting(line=Direct, tuned=False, beside=stressing, around=in_little_memory),
          memory.possible),
    Alarm("dropping", f"{LOST:.0%} of the packets dropped", dropping,
          Setting(line=Direct, tuned=False, enrolled=True,
                  around=direct(lambda network: network.drop(LOST))),
          namespace.possible),
    Alarm("bot-away", f"SIGSTOP of the bot for {AWAY:.0f} s", bot_away),
    Alarm("agent-stopped", f"SIGSTOP of the agent for {STOPPED:.0f} s", agent_stopped),
    Alarm("flapping", f"SIGSTOP of the agent every {DOWN + UP:.0f} s", flapping),
)  # fmt: skip


async def work(alarm: Alarm, kind: str, *, seed: int, seconds: float) -> Row:
    """One row."""
    row = Row(alarm.what, kind)
    if why := alarm.possible():
        row.note = f"not tried: {why}"
        return row
    with row.kept(f"liveness-{alarm.name}-{kind}-") as folder:
        began = time.monotonic()
        async with (
            stage(folder, kind, f"{seed} {alarm.name} {kind}", alarm.setting) as on,
            on.person() as ann,
        ):
            row.wrong += await alarm.trial(on, ann, seconds)
        row.note = f"{'wrong' if row.wrong else 'as promised'}, {time.monotonic() - began:.0f} s"
    return row
