"""
The target's queue against everything that may happen to it: orders of two controllers, said once or
again, cancels that come before, in the middle or after, a queue that is full, time that is over;
an agent that dies at any moment, a supervisor that does, a machine that loses power or reboots
because a run says so, a state folder that is gone.

Nothing is a model but what must hold: the executor, its run directories, the supervisors and what
they run are the real ones. A diagnostic counts its start in a file beside, before all else.
"""

import asyncio
import contextlib
import os
import select
import shutil
import signal
import tempfile
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from agent import executor as queue
from agent.process import sweep
from agent.run import Accepted
from agent.rundir import RunDir, scan
from agent.wire.errors import Busy, Refusal
from agent.wire.vocabulary import Held, Order, RunId
from tests.agent.bench import BOT, Bench, an_order, output, verdict

T = TypeVar("T")

OTHER = "other@lab.example"
MOST = 3
"""Runs that may wait, so that the queue is full now and then."""
PATIENCE = 120.0
"""Seconds in which a few short programs end on a busy machine."""

RECIPE = """
schema = 1
summary = "{name}"
argv = ["sh", "-c", '''{script}''', "{home}", "{{who}}"]
[params]
who = {{ kind = "string", default = "x" }}
"""
COUNT = 'echo "$1" >> "$0/starts"'

WHATS = {
    "quick": ("quick",),
    "waits": ("waits",),
    "both": ("quick", "waits"),
    "reboots": ("quick", "reboot", "quick"),
    "reboots at first": ("reboot", "waits"),
    "unknown": ("unknown",),
}
ORDERED = st.sampled_from([*WHATS, "waits", "both", "waits"])
ANY = st.integers(0, 99)
"""Which of what there is: how much there is depends on the machine, so hypothesis is not to ask."""
NUMBERS, SIDES = st.integers(1, 4), st.sampled_from([BOT, OTHER])
MOMENTS = st.sampled_from([0.0, 0.001, 0.005, 0.03])
"""Seconds until somebody dies: a moment, nothing that is waited for."""

Key = tuple[str, RunId]


def nth(of: Sequence[T], which: int) -> T | None:
    return of[which % len(of)] if of else None


@dataclass
class Fate:
    """What must hold of one order, by what was done and answered."""

    steps: tuple[str, ...]
    journal: str = ""
    """The answer, once there was one; or"""
    refused: str = ""
    cancelled_first: bool = False
    never: bool = False
    """It must not start: it was cancelled while it waited for another, or before it came."""
    touched: bool = False
    """Somebody stopped it, or killed what works on it: it need not pass."""
    doomed: bool = False
    """It was killed while it waited: it must not pass."""
    hurried: bool = False
    """Its time to start is nearly nothing."""
    retired: bool = False
    seen: bytes = b""
    """Its journal, as far as it was told."""

    @property
    def programs(self) -> int:
        return sum(step != "reboot" for step in self.steps)


def supervisors(run: RunDir) -> list[int]:
    """Pidfds of those who work on it, also of one that has only been started."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if {b"agent.supervisor", bytes(run.path)} <= set(words(path)):
                found.append(os.pidfd_open(int(path.name)))
    return found


def words(process: Path) -> list[bytes]:
    """Its command line; a child of ours has none for a moment, when it is not a fork any more."""
    while not (said := (process / "cmdline").read_bytes()):
        state, parent = (process / "stat").read_text().rpartition(")")[2].split()[:2]
        if state == "Z" or int(parent) != os.getpid():
            break
    return said.split(b"\0")


class Queue(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.home = Path(tempfile.mkdtemp(prefix="queue-"))
        self.bench = Bench(self.home)
        self.starts = self.home / "starts"
        self.starts.touch()
        self.age = 0
        self.boots = 0
        self.fates: dict[Key, Fate] = {}
        self.arrived: list[Key] = []
        self.most, queue.QUEUE = queue.QUEUE, MOST
        for name, script in (
            ("quick", COUNT),
            ("waits", f"{COUNT}; echo ready; read _ < {self.bench.gate.path}"),
        ):
            text = RECIPE.format(name=name, script=script, home=self.home)
            (self.bench.recipes / f"{name}.toml").write_text(text)
        self.threads = self._new_threads()
        self.do(self.live())

    def _new_threads(self) -> ThreadPoolExecutor:
        threads = ThreadPoolExecutor(4)
        self.runner.get_loop().set_default_executor(threads)
        return threads

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def teardown(self) -> None:
        try:
            if self.up:  # else something has failed already
                self.heal()
        finally:
            queue.QUEUE = self.most
            with contextlib.ExitStack() as stack:  # in the other order, whatever fails
                stack.callback(shutil.rmtree, self.home)
                stack.callback(self.runner.close)
                stack.callback(self.bench.gate.close)
                stack.callback(self.kill_all)
                stack.callback(self.threads.shutdown)
                self.do(self.bench.stop())

    # --- what controllers say

    def key(self, side: str, number: int) -> Key:
        """Another state folder is never sent what was ordered of the one before."""
        return side, RunId(f"k3x9q2a{self.age}", number)

    def an_order(self, key: Key, what: str, ttl: float) -> Order:
        """Its steps, each with the order's own name; the first that is said of a key stays."""
        fate = self.fates.setdefault(key, Fate(WHATS[what], hurried=ttl < 1))
        who = f"{key[0]}:{key[1]}"
        words = [step if step == "reboot" else f"{step} who={who}" for step in fate.steps]
        return replace(an_order(1, *words, ttl=ttl), run=key[1])

    @rule(side=SIDES, number=NUMBERS, what=ORDERED,
          ttl=st.sampled_from([600, 600, 600, 0.0001, 0]))  # fmt: skip
    def order(self, side: str, number: int, what: str, ttl: float) -> None:
        """Perhaps not for the first time."""
        key = self.key(side, number)
        order = self.an_order(key, what, ttl)
        waiting = self.bench.executor.queued
        try:
            answer = self.do(self.bench.executor.accept(side, order))
        except Refusal as refusal:
            self.was_refused(key, refusal, waiting, ttl)
        else:
            self.was_accepted(key, answer)

    @rule(which=ANY)
    def order_again(self, which: int) -> None:
        if (key := nth(sorted(self.fates), which)) is not None:
            self.order(key[0], key[1].number, "quick", 600)

    def was_accepted(self, key: Key, answer: Accepted) -> None:
        fate = self.fates[key]
        assert not fate.refused, f"{key} was refused: {fate.refused}"
        assert not fate.cancelled_first
        assert fate.steps != ("unknown",)
        assert answer.run == key[1]
        if not fate.journal:
            fate.journal = answer.journal
            self.arrived.append(key)
        assert answer.journal == fate.journal

    def was_refused(self, key: Key, refusal: Refusal, waiting: int, ttl: float) -> None:
        fate = self.fates[key]
        assert not fate.journal, f"{key} was accepted"
        if fate.refused:
            assert str(refusal) == fate.refused
        elif not fate.cancelled_first:
            full = isinstance(refusal, Busy) and waiting >= MOST
            assert full or fate.steps == ("unknown",) or ttl == 0 or fate.touched
        fate.refused = str(refusal)

    @rule(side=SIDES, number=NUMBERS)
    def cancel_early(self, side: str, number: int) -> None:
        self.cancelled(self.key(side, number))

    @rule(which=ANY)
    def cancel_any(self, which: int) -> None:
        if (key := nth(sorted(self.fates), which)) is not None:
            self.cancelled(key)

    @rule(which=ANY)
    def cancel_what_waits(self, which: int) -> None:
        self.do(self.quiet())
        todo = [key for key in self.arrived if self.phase(key) is Held.QUEUED]
        if (key := nth(todo, which)) is not None:
            self.cancelled(key)

    def cancelled(self, key: Key) -> None:
        before, current = self.phase(key), self.bench.executor.current
        fate = self.fates.setdefault(key, Fate(("quick",)))
        waits = before is Held.QUEUED and current is not None and current.dir.run != key[1]
        self.do(self.bench.executor.cancel(*key, "ann"))
        fate.touched = True
        if before is None and not (fate.journal or fate.refused):
            fate.cancelled_first = fate.never = True
        elif waits:
            fate.never = True
            assert self.phase(key) is Held.DONE  # it does not wait for its turn
            assert verdict(self.dir(key)) == ("aborted", "stopped by ann before it began")

    @rule(which=ANY)
    def retire(self, which: int) -> None:
        key = nth(self.arrived, which)
        if key is None:
            return
        over = self.phase(key) is Held.DONE
        if over:
            self.look_at(key)
        self.do(self.bench.executor.retire(*key))
        assert (self.phase(key) is None) == (over or self.fates[key].retired)
        self.fates[key].retired |= over

    # --- what happens meanwhile

    @rule()
    def work(self) -> None:
        self.do(self.quiet())

    @rule(seconds=MOMENTS)
    def work_a_little(self, seconds: float) -> None:
        self.do(asyncio.sleep(seconds))

    @rule(watched=st.booleans())
    def finish(self, watched: bool) -> None:
        """What waits need not any more; perhaps its agent is not there when it ends."""
        run = self.do(self.waiting())
        if run is None:
            return
        if watched:
            self.bench.gate.open()
            key = run.controller, run.run
            self.do(self.bench.until(lambda: self.phase(key) is Held.DONE, PATIENCE))
            return
        self.do(self.die())
        supervisor = os.pidfd_open(run.pid() or 0)
        self.bench.gate.open()
        assert select.select([supervisor], [], [], PATIENCE)[0]
        os.close(supervisor)
        self.do(self.live())

    @rule(seconds=MOMENTS, side=SIDES, number=NUMBERS, what=ORDERED)
    def die_in_an_order(self, seconds: float, side: str, number: int, what: str) -> None:
        key = self.key(side, number)
        order = self.an_order(key, what, 600)
        self.do(self.die_in(lambda: self.bench.executor.accept(side, order), seconds))
        self.fates[key].touched |= not self.fates[key].journal  # perhaps it was refused

    @rule(seconds=MOMENTS, which=ANY)
    def die_in_a_cancel(self, seconds: float, which: int) -> None:
        if (key := nth(self.arrived, which)) is not None:
            self.fates[key].touched = True
            self.do(self.die_in(lambda: self.bench.executor.cancel(*key, "ann"), seconds))

    @rule(seconds=MOMENTS, which=ANY)
    def die_in_a_retirement(self, seconds: float, which: int) -> None:
        key = nth(self.arrived, which)
        if key is not None and self.phase(key) is Held.DONE:
            self.do(self.die_in(lambda: self.bench.executor.retire(*key), seconds))
            self.fates[key].retired = self.phase(key) is None

    @rule(side=SIDES, number=NUMBERS)
    def die_while_building(self, side: str, number: int) -> None:
        """SIGKILL in the middle of a run's directory: some of it is there, under its other name."""
        self.do(self.die())
        half = self.bench.state / "runs" / side / f".building-{self.key(side, number)[1]}"
        half.mkdir(parents=True)
        (half / "request.json").write_text('{"schema": 1, "ste')
        self.do(self.live())
        assert not half.exists()

    @rule(quiet=st.booleans())
    def kill_the_supervisor(self, quiet: bool) -> None:
        """Wherever it is; what waits for sure cannot pass any more."""
        if quiet:
            self.do(self.quiet())
        for run in list(scan(self.bench.state)):
            waits = b"ready" in output(run)
            if self.kill(run):
                self.harm(run, waits=waits)

    @rule(part=st.sampled_from([0.0, 0.5, 1.0]), stale=st.booleans(), quiet=st.booleans())
    def lose_power(self, part: float, stale: bool, quiet: bool) -> None:
        """All dies; a part of what was not synced is left, and ``synced`` may be too low."""
        if quiet:
            self.do(self.quiet())
        self.do(self.die())
        for run in list(scan(self.bench.state)):
            waits = b"ready" in output(run)
            killed = self.kill(run)
            synced, size = run.synced, run.journal.stat().st_size
            os.truncate(run.journal, synced + int(part * (size - synced)))
            if killed and b'"kind":"begin"' in run.journal.read_bytes():
                self.harm(run, waits=waits)
            if stale and killed:
                (run.path / "synced").write_text("")
        self.start_anew()

    @rule()
    def lose_the_state(self) -> None:
        """A new disk: the target knows nothing, and nothing of before happens any more."""
        self.check()
        self.do(self.die())
        self.kill_all()
        shutil.rmtree(self.bench.state)
        self.age += 1
        self.fates.clear()
        self.arrived.clear()
        self.starts.write_text("")
        self.start_anew()

    def start_anew(self) -> None:
        self.boots = self.bench.restarts
        self.bench.boot = f"boot-{int(self.bench.boot.partition('-')[2]) + 1}"
        self.do(self.live())

    # --- how it happens

    async def die(self) -> None:
        """The agent is gone; what it had asked of the disk is done."""
        self.up = False
        await self.bench.stop()
        self.threads.shutdown(wait=True)
        self.threads = self._new_threads()

    async def live(self) -> None:
        """An agent starts."""
        await self.bench.start()
        self.up = True

    async def die_in(self, work: Callable[[], Coroutine[Any, Any, Any]], seconds: float) -> None:
        """Begin *work*, and die; another agent starts, and knows of orders that were written."""
        task = asyncio.ensure_future(work())
        await asyncio.sleep(seconds)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Refusal):
            await task
        await self.die()
        await self.live()
        for holding in self.bench.executor.held():
            key = holding.dir.controller, holding.dir.run
            if not self.fates[key].journal:
                self.was_accepted(key, Accepted(key[1], holding.journal))

    def harm(self, run: RunDir, *, waits: bool) -> None:
        fate = self.fates[run.controller, run.run]
        fate.touched = True
        fate.doomed |= waits

    def kill(self, run: RunDir) -> bool:
        """Its supervisor, and what that runs. Whether there was one."""
        found = supervisors(run)
        for supervisor in found:
            signal.pidfd_send_signal(supervisor, signal.SIGKILL)
            select.select([supervisor], [], [])
            os.close(supervisor)
        sweep(run.request()["journal"])
        return bool(found)

    def kill_all(self) -> None:
        for run in list(scan(self.bench.state)):
            self.kill(run)

    async def quiet(self) -> None:
        """Return when nothing happens by itself: all is over, or one waits for us."""
        await self.bench.until(lambda: self.idle or self.rebooting or self.at_the_gate, PATIENCE)

    async def waiting(self) -> RunDir | None:
        """The run that waits for us, once all is quiet."""
        await self.quiet()
        return self.at_the_gate

    @property
    def idle(self) -> bool:
        return all(held.phase is Held.DONE for held in self.bench.executor.held())

    @property
    def rebooting(self) -> bool:
        return self.bench.restarts > self.boots

    @property
    def at_the_gate(self) -> RunDir | None:
        current = self.bench.executor.current
        if current is None or b"ready" not in output(current.dir):
            return None
        return current.dir if supervisors(current.dir) else None

    def phase(self, key: Key) -> Held | None:
        held = {(h.dir.controller, h.dir.run): h.phase for h in self.bench.executor.held()}
        return held.get(key)

    def dir(self, key: Key) -> RunDir:
        return RunDir(self.bench.state / "runs" / key[0] / str(key[1]), *key)

    # --- what must be true, always

    @invariant()
    def check(self) -> None:
        self.starts_are_right()
        held = [(h.dir.controller, h.dir.run) for h in self.bench.executor.held()]
        assert held == [key for key in self.arrived if not self.fates[key].retired]
        for holding in self.bench.executor.held():
            key = holding.dir.controller, holding.dir.run
            assert holding.journal == self.fates[key].journal
            self.look_at(key)

    def starts_are_right(self) -> None:
        """At most once each, one run after the other, in the order in which they came."""
        started = self.starts.read_text().splitlines()
        runs = list(dict.fromkeys(started))
        names = [f"{side}:{run}" for side, run in self.arrived]
        assert runs == [name for name in names if name in runs]
        assert started == sorted(started, key=runs.index), "two at a time"
        for key, fate in self.fates.items():
            count = started.count(f"{key[0]}:{key[1]}")
            assert count <= fate.programs
            assert not (count and (fate.never or fate.refused)), f"{key} has started"

    def look_at(self, key: Key) -> None:
        """What was told of a journal stays; and after its verdict there is nothing more."""
        fate, run = self.fates[key], self.dir(key)
        told = run.journal.read_bytes()[: run.synced]
        if len(told) >= len(fate.seen):  # else ``synced`` was lost with the power
            assert told.startswith(fate.seen)
            fate.seen = told
        else:
            assert fate.seen.startswith(told)

    # --- and in the end

    def heal(self) -> None:
        """Nobody disturbs any more: all is over soon, and as it should be."""
        for _ in range(3 * len(self.fates) + 1):
            self.do(self.quiet())
            if self.at_the_gate is not None:
                self.finish(watched=True)
            elif self.rebooting:
                self.do(self.die())
                self.start_anew()
        assert self.idle, "stuck"
        self.check()
        started = self.starts.read_text().splitlines()
        for key in self.arrived:
            fate = self.fates[key]
            if not fate.retired:
                self.ended(fate, verdict(self.dir(key)), started.count(f"{key[0]}:{key[1]}"))

    def ended(self, fate: Fate, how: tuple[str, str], starts: int) -> None:
        if how[0] == "pass":
            assert starts == fate.programs
            assert not fate.doomed
            assert not fate.never
        elif how[0] == "refused":
            assert fate.hurried
            assert starts == 0
        else:
            assert fate.touched, how
        if fate.never:
            assert (how[0], starts) == ("aborted", 0)


Queue.TestCase.settings = settings(
    max_examples=20, stateful_step_count=25, deadline=None,
    # A shorter story of the same failure would take hundreds of tries, of seconds each.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)  # fmt: skip
TestQueue = pytest.mark.timeout(900)(Queue.TestCase)
