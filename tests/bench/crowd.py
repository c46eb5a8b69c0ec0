"""
``make crowd``: what a room full of idle targets costs the bot, and what one more costs all.

The targets are real agents, many to a process; the bot is as it is, on a line that counts.
"""

import argparse
import asyncio
import os
import signal
import ssl
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from tabulate import tabulate

from bot.demo import SERVERS, Server
from bot.demo.programs import Leashed
from bot.demo.site import GRACE, Site
from tests.bench.counter import CountingLine, Tally
from tests.end_to_end.lab import answer, facts
from tests.end_to_end.person import Person
from tests.faults.stage import through

A_PROCESS = 25
"""Agents in one process."""
SIZES = (25, 50, 100, 150)
IDLE = 60.0
"""Seconds to watch a room in which nothing happens."""
SETTLE = 300.0
"""Seconds for a crowd to come in; its processes are slow, not what is measured."""
ROOT = Path(__file__).parents[2]


@dataclass(slots=True)
class Crowd:
    """A lab with many targets, and ann in its room."""

    server: Server
    site: Site
    line: CountingLine
    ann: Person
    bot: Leashed
    stack: AsyncExitStack
    processes: list[Leashed] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    async def grow(self, size: int, *, each: int = A_PROCESS) -> float:
        """
        More targets until there are *size*; seconds until the bot has met them all.

        One process after the other: a room is quadratic, and all at once would keep this
        machine so busy that their links time out, and they come in once more.
        """
        began = time.monotonic()
        while len(self.names) < size:
            await self._start(min(each, size - len(self.names)))
            await self.status(f"{len(self.names)} idle", within=SETTLE)
        return time.monotonic() - began

    async def status(self, wanted: str, *, within: float) -> None:
        """Return when the bot's status is that."""
        now = self.ann.now("labbot")
        if now is None or now.status != wanted:
            since = len(self.ann.presences.entries)
            await self.ann.sees(
                lambda seen: seen.status == wanted, nick="labbot", since=since, within=within
            )

    async def calm(self) -> None:
        """Return when the targets keep up with what they hear: those of a process share a loop."""
        async with asyncio.timeout(SETTLE):
            while "answered" not in (await answer(self.ann, f"ping {self.names[-1]}")).body:
                pass

    async def _start(self, count: int) -> None:
        new = [
            f"t{number:03}" for number in range(len(self.names) + 1, len(self.names) + count + 1)
        ]
        self.names += new
        files = []
        for name in new:
            await asyncio.to_thread(self.server.add_account, name, name)
            folder = self.site.add_target(name, location=f"rack {(len(self.names) - 1) // 40 + 1}")
            (folder / "boot_id").write_text("00000000-0000-4000-8000-000000000001\n")
            files.append(str(folder / "agent.toml"))
        process = await asyncio.to_thread(
            Leashed,
            [sys.executable, "-m", "tests.bench.agents", *files],
            log=self.site.folder / f"{new[0]}.log",
            folder=ROOT,
            environment={"PATH": "/usr/bin:/usr/sbin", "PYTHONUNBUFFERED": "1"},
        )
        self.stack.push_async_callback(asyncio.to_thread, process.end, grace=GRACE)
        self.processes.append(process)

    def halt(self) -> None:
        """All targets stand still at once (SIGSTOP)."""
        for process in self.processes:
            os.kill(process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """After :meth:`halt`."""
        for process in self.processes:
            os.kill(process.pid, signal.SIGCONT)

    async def another(self, nick: str, line: CountingLine) -> Person:
        """One more person, on *line*, not yet in the room."""
        trust = ssl.create_default_context(cafile=str(self.server.ca))
        person = Person(f"{nick}@localhost", nick, host=line.host, port=line.port, trust=trust)
        self.stack.push_async_callback(person.leave)
        await person.connect()
        return person

    def lost(self, since: int) -> int:
        """Targets that the room was told to be gone: here, all of them wrongly."""
        told = [facts(heard) for heard in self.ann.messages.entries[since:]]
        return sum(len(t.get("targets", ())) for t in told if t.get("there") is False)


@asynccontextmanager
async def crowd(
    folder: Path, kind: str, *, tuned: bool, settings: str = ""
) -> AsyncIterator[Crowd]:
    """
    A server, a bot on a counting line, ann; no targets yet.

    Args:
        settings: Of the bot, besides.
    """
    async with AsyncExitStack() as stack:
        server = SERVERS[kind](folder / "server", tuned=tuned)
        stack.push_async_callback(asyncio.to_thread, server.stop)
        await asyncio.to_thread(server.start)
        for name in ("labbot", "ann", "ben"):
            await asyncio.to_thread(server.add_account, name, name)
        room = f"lab@{server.rooms}"
        site = Site(folder / "lab", server, room=room, owners=["ann", "ben"], targets=["t[0-9]*"])
        line = await stack.enter_async_context(CountingLine(server))
        through(site.bot_settings, line)
        with site.bot_settings.open("a") as file:
            file.write(settings)
        bot = await asyncio.to_thread(site.start_bot)
        stack.push_async_callback(asyncio.to_thread, bot.end, grace=GRACE)
        while "room.entered" not in site.bot_log.read_text():  # noqa: ASYNC110  (a file)
            await asyncio.sleep(0.1)
        trust = ssl.create_default_context(cafile=str(server.ca))
        ann = Person("ann@localhost", "ann", host=server.host, port=server.port, trust=trust)
        stack.push_async_callback(ann.leave)
        await ann.connect()
        await ann.join(room, "ann")
        yield Crowd(server, site, line, ann, bot, stack)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a while costs."""

    seconds: float
    bot: float
    """Seconds of processor."""
    server: float
    sent: Tally
    """By the bot."""
    received: Tally


class Meter:
    """What is used from now on."""

    def __init__(self, on: Crowd) -> None:
        assert on.server.pid is not None
        self._line = on.line
        self._processes = psutil.Process(on.bot.pid), psutil.Process(on.server.pid)
        self._used = self._now()
        self._tallies = on.line.sent.copy(), on.line.received.copy()
        self._began = time.monotonic()

    def read(self) -> Cost:
        """What was."""
        now, (sent, received) = self._now(), self._tallies
        return Cost(
            time.monotonic() - self._began,
            now[0] - self._used[0],
            now[1] - self._used[1],
            self._line.sent - sent,
            self._line.received - received,
        )

    def _now(self) -> tuple[float, float]:
        bot, server = (float(sum(process.cpu_times()[:2])) for process in self._processes)
        return bot, server


async def measure(kind: str, *, tuned: bool, sizes: Sequence[int], idle: float) -> list[list[str]]:
    """A row for each size."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        async with crowd(Path(folder), kind, tuned=tuned) as on:
            for size in sizes:
                row = [kind, "tuned" if tuned else "default", str(size)]
                row.append(f"{await on.grow(size - 1):.0f} s")
                row += [*await _idle(on, idle), *await _target(on, size), *await _person(on)]
                rows.append(row)
                sys.stderr.write(" | ".join(row) + "\n")
    return rows


async def _idle(on: Crowd, seconds: float) -> list[str]:
    """What nothing costs."""
    since, meter = on.ann.mark(), Meter(on)
    await asyncio.sleep(seconds)  # what is measured is that nothing happens
    cost = meter.read()
    sent, received = cost.sent, cost.received
    memory = psutil.Process(on.bot.pid).memory_info().rss / 2**20
    return [
        f"{100 * cost.bot / cost.seconds:.1f} %",
        f"{100 * cost.server / cost.seconds:.1f} %",
        f"{memory:.0f} MiB",
        f"{sent.stanzas.total() / cost.seconds:.1f}",
        f"{received.stanzas.total() / cost.seconds:.1f}",
        f"{sent.sizes.total() / cost.seconds / 1000:.2f} kB",
        f"{_each(sent, 'ping')} + {_each(received, 'pong')}",
        str(on.lost(since)),
    ]


async def _target(on: Crowd, size: int) -> list[str]:
    """What one more target costs: until the bot has met it."""
    meter = Meter(on)
    await on.grow(size)
    cost = meter.read()
    return [
        f"{cost.seconds:.1f} s",
        f"{cost.received.stanzas.total() - cost.received.stanzas['pong']}"
        f" + {cost.sent.stanzas.total() - cost.sent.stanzas['ping']}",
    ]


async def _person(on: Crowd) -> list[str]:
    """What one more person gets, and how soon they are in."""
    async with CountingLine(on.server) as line:
        ben = await on.another("ben", line)
        began, before = time.monotonic(), line.received.copy()
        await ben.join(on.site.room, "ben")
        took, got = time.monotonic() - began, line.received - before
        await ben.leave()
    return [f"{took:.2f} s", str(got.stanzas["presence"]), f"{got.sizes.total() / 1000:.0f} kB"]


def _each(tally: Tally, kind: str) -> str:
    """Bytes of one."""
    return f"{tally.sizes[kind] / tally.stanzas[kind]:.0f}" if tally.stanzas[kind] else "0"


FIGURES = (
    "server", "settings", "targets", "all in after",
    "idle: bot's CPU", "server's CPU", "bot's memory", "stanzas a second, out", "in",
    "out, a second", "bytes of a ping + of its answer", "told gone, wrongly",
    "one more target: in after", "stanzas to the bot + from it",
    "one more person: in after", "presences for them", "in all",
)  # fmt: skip


def table(rows: Sequence[Sequence[str]]) -> str:
    """In Markdown, a column for each measurement."""
    heads, *figures = zip(FIGURES, *rows, strict=True)
    return tabulate(figures, heads, tablefmt="pipe", disable_numparse=True)


async def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.crowd", description=__doc__)
    parser.add_argument("--server", action="append", default=[], choices=list(SERVERS))
    parser.add_argument("--size", action="append", default=[], type=int)
    parser.add_argument("--idle", type=float, default=IDLE, help="seconds to watch")
    parser.add_argument("--only", choices=["tuned", "default"])
    asked = parser.parse_args()
    rows = []
    for kind in asked.server or SERVERS:
        for tuned in (True, False):
            if asked.only in (None, "tuned" if tuned else "default"):
                rows += await measure(kind, tuned=tuned, sizes=asked.size or SIZES, idle=asked.idle)
    sys.stdout.write(table(rows) + "\n")


if __name__ == "__main__":
    asyncio.run(main())
