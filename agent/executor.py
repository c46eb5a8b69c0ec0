"""
The target's own queue: one run at a time, in the order in which they were accepted.

Close this executor, or kill it, and the next one goes on with what it finds.

Rule 1: everything here runs in one event loop. What waits for the disk is done in a
thread: a disk that hangs must not keep us from answering pings.

Rule 2: accept, refuse and cancel answer after it is durable; the same call again gets the
same answer.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from agent import tombs
from agent.attendant import Attendant
from agent.catalogue import Catalogue
from agent.run import REMEMBER, Accepted, Current, Holding, Run, recall
from agent.rundir import RunDir
from agent.tombs import Tomb
from agent.wire.errors import Busy, Refusal
from agent.wire.vocabulary import Held, Order, RunId, token

QUEUE = 100
"""Most runs that wait here at once."""

STEPS = 32
"""Most steps of a run."""


class Executor:
    """
    What this target runs, has run and will run.

    Args:
        state: The agent's folder; runs are kept in ``runs`` below it.
        boot: Gives the id of the machine's present boot.
        changed: Called in the event loop whenever more of a run's journal is synced, or
            its phase changed.
        restart: Reboots the machine within so many seconds, or says why that failed.
        machine: What people call this machine, for reasons.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        state: Path,
        catalogue: Catalogue,
        boot: Callable[[], str],
        changed: Callable[[RunDir], None],
        *,
        restart: Callable[[float], Awaitable[str]],
        machine: str = "the machine",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.catalogue = catalogue
        self._state, self._changed, self._clock = state, changed, clock
        self._attendant = Attendant(boot, changed, restart=restart, machine=machine)
        self._runs: dict[tuple[str, RunId], Run] = {}
        self._current: Run | None = None
        self._seq = 0
        self._admission = asyncio.Lock()
        self._wake = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Find what is there, and begin to work on it."""
        self._state.mkdir(mode=0o750, parents=True, exist_ok=True)
        await self.forget(self._clock())
        for run in await asyncio.to_thread(recall, self._state, self._clock()):
            self._runs[run.dir.controller, run.dir.run] = run
            self._seq = max(self._seq, run.seq)
        self._worker = asyncio.create_task(self._work(), name="executor")

    async def wait(self) -> None:
        """Never returns; raises what broke the executor. For a TaskGroup."""
        if self._worker is not None:
            await asyncio.shield(self._worker)

    async def close(self) -> None:
        """Stop watching. Supervisors go on."""
        if self._worker is not None:
            self._worker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._worker

    async def accept(self, controller: str, order: Order) -> Accepted:
        """
        Take *order* into the queue; durable when it returns.

        Raises a Refusal for a recipe, a parameter or a machine that will not do, for an
        order that was cancelled before it came, and for one too many. An order of the
        same run gets the answer that the first one got, be it a refusal.
        """
        async with self._admission:
            if (known := self._runs.get((controller, order.run))) is not None:
                return Accepted(order.run, known.journal)
            where = self._state, controller, order.run
            if (tomb := await asyncio.to_thread(tombs.find, *where)) is not None:
                return Accepted(order.run, tomb.answer())
            try:
                self._check(order)
                resolve = self.catalogue.resolve  # it looks for programs, on the disk
                steps = await asyncio.to_thread(lambda: [resolve(step) for step in order.steps])
                for step, usual in zip(steps, order.usual, strict=False):
                    step["usual"] = usual
                run = await self._created(controller, order, steps)
            except Refusal as refusal:
                await asyncio.to_thread(tombs.refuse, *where, refusal)
                raise
        self._changed(run.dir)
        self._wake.set()
        return Accepted(order.run, run.journal)

    async def cancel(self, controller: str, run_id: RunId, by: str) -> None:
        """
        End a run, or see to it that it never starts; durable when it returns.

        That it has ended is told by its journal.
        """
        async with self._admission:
            run = self._runs.get((controller, run_id))
            if run is None:
                where = self._state, controller, run_id
                if await asyncio.to_thread(tombs.find, *where) is None:
                    tomb = Tomb(tombs.CANCELLED, by)
                    await asyncio.to_thread(tombs.leave, *where, tomb)
            elif run.phase is not Held.DONE:
                await asyncio.to_thread(run.dir.ask_to_stop, by)
                await self._stop(run)

    async def _stop(self, run: Run) -> None:
        """End a run which somebody has asked to stop."""
        if run.watch is not None:
            run.watch.ask_to_stop()
        elif not run.taken:
            run.taken = True  # it need not wait for its turn, if it has not begun
            run.taken = await self._attendant.stop(run)
            self._wake.set()

    def held(self, controller: str | None = None) -> list[Holding]:
        """The runs that are here, for *controller* or for anybody, oldest first."""
        runs = [run for (who, _), run in self._runs.items() if controller in (None, who)]
        return [run.holding for run in sorted(runs, key=lambda run: run.seq)]

    def noted(self, controller: str, run_id: RunId, acked: int) -> None:
        """It is written down that *controller* holds so much of a journal."""
        if (run := self._runs.get((controller, run_id))) is not None:
            run.acked = acked

    async def retire(self, controller: str, run_id: RunId) -> None:
        """Remove a run that is over, whose journal its controller has; keep only its name."""
        run = self._runs.get((controller, run_id))
        if run is not None and run.phase is Held.DONE:
            await run.closed.wait()
            if self._runs.pop((controller, run_id), None) is not None:
                await asyncio.to_thread(run.dir.retire, run.journal)

    async def forget(self, now: float) -> None:
        """Forget what is gone for so long at *now* that nobody asks for it any more."""
        await asyncio.to_thread(tombs.prune, self._state, now - REMEMBER)

    @property
    def current(self) -> Current | None:
        """What runs now, or None."""
        return None if self._current is None else self._current.current()

    @property
    def queued(self) -> int:
        """How many runs wait."""
        return sum(run.phase is Held.QUEUED for run in self._runs.values())

    def _check(self, order: Order) -> None:
        if order.ttl <= 0:
            raise Refusal("it came too late to start", hint="Order it again.")
        if self.queued >= QUEUE:
            raise Busy(f"{QUEUE} runs wait here already", hint="Later, or stop some.")
        if not 1 <= len(order.steps) <= STEPS:
            raise Refusal(f"a run has 1 to {STEPS} steps", hint="Split it.")

    async def _created(self, controller: str, order: Order, steps: list[dict[str, Any]]) -> Run:
        journal, at = token(), self._clock()
        try:
            made = await asyncio.to_thread(
                RunDir.create, self._state, controller, order,
                steps=steps, seq=self._seq + 1, journal=journal, at=at,
            )  # fmt: skip
        except OSError as error:
            raise Busy(f"its disk does not take it: {error.strerror}", hint="Make room.") from error
        self._seq += 1
        deadline = asyncio.get_running_loop().time() + order.ttl
        run = Run(made, self._seq, journal, steps, deadline)
        self._runs[controller, order.run] = run
        await run.catch_up()
        return run

    async def _work(self) -> None:
        while True:
            run = self._next()
            if run is None:
                self._wake.clear()
                await self._wake.wait()
                continue
            run.taken, self._current = True, run
            try:
                await self._attendant.see_through(run)
            finally:
                self._current = None

    def _next(self) -> Run | None:
        """The run to see to: what lives before what has begun before what waits."""
        todo = [run for run in self._runs.values() if run.phase is not Held.DONE and not run.taken]
        return min(todo, key=lambda r: (not r.alive, not r.story.step, r.seq), default=None)
