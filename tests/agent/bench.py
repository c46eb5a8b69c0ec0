"""A target without XMPP: its executor on a temporary folder, and what it tells."""

import asyncio
import fcntl
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from agent.catalogue import Catalogue
from agent.executor import Executor
from agent.rundir import RunDir
from agent.wire.journal import Reader, Record
from agent.wire.vocabulary import Held, Order, RunId, Step

BOT = "labbot@lab.example"
STORE = "k3x9q2ab"
PATIENCE = 30.0

T = TypeVar("T")


def run_id(number: int) -> RunId:
    return RunId(STORE, number)


def an_order(number: int, *steps: str, ttl: float = 600) -> Order:
    """Steps as people write them: ``memtest size=1M``."""
    parsed = []
    for text in steps:
        recipe, *params = text.split()
        pairs = (param.partition("=") for param in params)
        parsed.append(Step(recipe, {name: value for name, _, value in pairs}))
    return Order(run_id(number), tuple(parsed), ttl, datetime.now(UTC))


def records(run: RunDir) -> list[Record]:
    """What is synced of its journal."""
    data = run.journal.read_bytes()[: run.synced]
    reader = Reader()
    found = list(reader.feed(data))
    assert reader.pending == 0
    return found


def output(run: RunDir) -> bytes:
    return b"".join(record.payload for record in records(run) if record.kind == "out")


def ends(run: RunDir) -> list[str]:
    """The verdicts of its steps."""
    return [record.text("verdict") for record in records(run) if record.kind == "end"]


def verdict(run: RunDir) -> tuple[str, str]:
    """Its verdict and the reason."""
    last = records(run)[-1]
    assert last.kind == "verdict"
    return last.text("verdict"), last.text("reason")


class Gate:
    """Something that a diagnostic waits for: ``read _ < gate``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(path)
        self._fd = os.open(path, os.O_RDWR)  # held, so that nobody has to wait for nobody

    def open(self) -> None:
        os.write(self._fd, b"\n")

    def close(self) -> None:
        os.close(self._fd)


class Bench:
    """An agent's executor, started and killed at will; the state folder stays."""

    def __init__(self, home: Path) -> None:
        self.home, self.state, self.recipes = home, home / "state", home / "recipes"
        self.recipes.mkdir()
        self.boot = "boot-1"
        self.restarts, self.stays_up = 0, ""
        self.gate = Gate(home / "gate")
        self._happened = asyncio.Event()
        self.changes: list[RunDir] = []
        self.executor: Executor = None  # type: ignore[assignment]  # until start()

    def recipe(self, name: str, script: str, more: str = "") -> None:
        """A recipe that runs *script* in a shell; *more* is the rest of its file."""
        assert "'''" not in script
        head = f"schema = 1\nsummary = '{name}'\nargv = ['sh', '-c', '''{script}''']\n"
        (self.recipes / f"{name}.toml").write_text(head + more)

    async def start(self) -> Executor:
        catalogue = Catalogue([self.recipes])
        assert catalogue.bad == []
        self.executor = Executor(
            self.state, catalogue, lambda: self.boot, self._changed,
            restart=self._restart, machine="bob",
        )  # fmt: skip
        await self.executor.start()
        return self.executor

    async def _restart(self, within: float) -> str:
        """The reboot command: as the machine goes down, this agent hears no more of it."""
        self.restarts += 1
        self._happened.set()
        if self.stays_up:
            return self.stays_up
        await asyncio.Event().wait()
        raise AssertionError

    async def stop(self) -> None:
        await self.executor.close()

    async def power_on(self) -> None:
        """The machine is down; it starts, with another boot id."""
        await self.stop()
        self.boot = f"{self.boot}+"
        await self.start()

    async def run(self, number: int, *steps: str, ttl: float = 600) -> RunDir:
        """Order it; returns once it is accepted."""
        await self.executor.accept(BOT, an_order(number, *steps, ttl=ttl))
        return self.dir(number)

    def dir(self, number: int) -> RunDir:
        return RunDir(self.state / "runs" / BOT / str(run_id(number)), BOT, run_id(number))

    def phase(self, number: int) -> Held | None:
        held = {holding.dir.run: holding.phase for holding in self.executor.held(BOT)}
        return held.get(run_id(number))

    async def until(self, condition: Callable[[], T], seconds: float = PATIENCE) -> T:
        """Wait for the executor to tell of something that makes *condition* true."""
        async with asyncio.timeout(seconds):
            while not (value := condition()):
                await self._happened.wait()
                self._happened.clear()
        return value

    async def over(self, number: int) -> tuple[str, str]:
        """Wait for the end of a run, and of its supervisor. Its verdict and the reason."""
        await self.until(lambda: self.phase(number) is Held.DONE)
        async with asyncio.timeout(PATIENCE):
            await self.executor._runs[BOT, run_id(number)].closed.wait()
            await asyncio.to_thread(self._released, number)
        return verdict(self.dir(number))

    def _released(self, number: int) -> None:
        """Wait until the supervisor of a run has let go of it, which the executor need not tell."""
        with (self.dir(number).path / "lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)

    async def says(self, number: int, text: str) -> None:
        """Wait until the diagnostic has said *text*."""
        await self.until(lambda: text.encode() in output(self.dir(number)))

    def _changed(self, run: RunDir) -> None:
        self.changes.append(run)
        self._happened.set()


AGENT = """
import asyncio, sys
from pathlib import Path
from tests.agent.bench import BOT, Bench, an_order, records

async def main(home):
    bench = Bench.__new__(Bench)
    bench.home, bench.state, bench.recipes = home, home / "state", home / "recipes"
    bench.boot, bench.changes, bench._happened = "boot-1", [], asyncio.Event()
    await bench.start()
    await bench.run(1, sys.argv[2])
    await bench.says(1, "ready")
    await bench.until(lambda: any(each.kind == sys.argv[3] for each in records(bench.dir(1))), 90)
    print("ready", flush=True)
    await asyncio.Event().wait()

asyncio.run(main(Path(sys.argv[1])))
"""


def an_agent_of_its_own(bench: Bench, step: str, until: str = "out") -> "subprocess.Popen[str]":
    """Another process whose executor has *step* running, and saw a record of the kind *until*."""
    agent = subprocess.Popen(
        [sys.executable, "-c", AGENT, bench.home, step, until],
        stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert agent.stdout is not None
    assert "ready" in agent.stdout.read(6)
    return agent


async def killed(agent: "subprocess.Popen[str]") -> None:
    os.killpg(agent.pid, signal.SIGKILL)
    assert agent.stdout is not None
    with agent.stdout:
        await asyncio.to_thread(agent.wait)


_PF_EXITING = 0x4
"""In a process's flags (linux/sched.h): it is on its way out."""


def gone(mark: str) -> bool:
    """Whether no process of the run whose journal is *mark* is left; waits for what was killed."""
    wanted = f"LABROOM_RUN={mark}".encode()
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if wanted in path.read_bytes().split(b"\0") and not _dies(path.parent):
                return False
        except OSError:
            continue
    return True


def _dies(process: Path) -> bool:
    """Whether that one was killed already, and only has to be buried; returns when it is."""
    pid = os.pidfd_open(int(process.name))
    try:
        flags = int((process / "stat").read_text().rpartition(")")[2].split()[6])
        status = (process / "status").read_text()
        pending = [int(line.split()[1], 16) for line in status.splitlines() if "Pnd:" in line]
        killed = any(signals >> (signal.SIGKILL - 1) & 1 for signals in pending)
        if not (killed or flags & _PF_EXITING):
            return False
        return bool(select.select([pid], [], [], PATIENCE)[0])
    finally:
        os.close(pid)
