"""
The target's own queue: one run at a time, in the order in which they were accepted.

It starts a supervisor for each run and watches it, but is not needed by it: close this
executor, or kill it, and the next one adopts what lives and settles what does not.

Rule 1: everything here runs in one event loop. What waits for the disk is done in a
thread: a disk that hangs must not keep us from answering pings.

Rule 2: accept and cancel answer after it is durable; the same call again gets the same
answer.

Rule 3: only what the supervisor says is synced is looked at or told.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import structlog

from agent import launch, rundir
from agent.catalogue import Catalogue
from agent.reboot import uptime
from agent.resume import Action, Decision, decide
from agent.run import REMEMBER, Accepted, Current, Holding, Run, recall
from agent.rundir import RunDir
from agent.wire.errors import Busy, Refusal
from agent.wire.vocabulary import Held, Order, RunId, Verdict, token

log = structlog.get_logger()

QUEUE = 100
"""Most runs that wait here at once."""

STEPS = 32
"""Most steps of a run."""

RETRY = 5.0
"""Seconds until we try again to write to a disk that would not take it."""


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
        self._state, self._boot, self._changed = state, boot, changed
        self._restart, self._machine, self._clock = restart, machine, clock
        self._runs: dict[tuple[str, RunId], Run] = {}
        self._current: Run | None = None
        self._seq = 0
        self._admission = asyncio.Lock()
        self._wake = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Find what is there, and begin to work on it."""
        self._state.mkdir(mode=0o750, parents=True, exist_ok=True)
        await asyncio.to_thread(rundir.prune, self._state, self._clock() - REMEMBER)
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
        same run gets the answer that the first one got.
        """
        async with self._admission:
            if (known := self._runs.get((controller, order.run))) is not None:
                return Accepted(order.run, known.journal)
            where = self._state, controller, order.run
            if (journal := await asyncio.to_thread(rundir.retired, *where)) is not None:
                return Accepted(order.run, journal)
            if (by := await asyncio.to_thread(rundir.cancelled, *where)) is not None:
                raise Refusal(f"it was cancelled by {by} before it came")
            self._check(order)
            resolve = self.catalogue.resolve  # it looks for programs, on the disk
            steps = await asyncio.to_thread(lambda: [resolve(step) for step in order.steps])
            run = await self._created(controller, order, steps)
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
                if await asyncio.to_thread(rundir.retired, *where) is None:
                    await asyncio.to_thread(rundir.mark_cancelled, *where, by)
            elif run.phase is not Held.DONE:
                await asyncio.to_thread(run.dir.ask_to_stop, by)
                await self._stop(run)

    async def _stop(self, run: Run) -> None:
        """End a run which somebody has asked to stop."""
        if run.watch is not None:
            run.watch.ask_to_stop()
        elif not run.taken:
            run.taken = True  # it need not wait for its turn, if it has not begun
            decision = await self._decision(run)
            run.taken = decision.action is Action.SETTLE and await self._settle(run, decision)
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
                await self._see_through(run)
            finally:
                self._current = None

    def _next(self) -> Run | None:
        """The run to see to: what lives before what has begun before what waits."""
        todo = [run for run in self._runs.values() if run.phase is not Held.DONE and not run.taken]
        return min(todo, key=lambda r: (not r.alive, not r.story.step, r.seq), default=None)

    async def _see_through(self, run: Run) -> None:
        """Bring *run* to its verdict."""
        decision = await self._decision(run)
        verdict = decision if decision.action is Action.SETTLE else None
        if decision.action is Action.START and asyncio.get_running_loop().time() > run.deadline:
            verdict = Decision(Action.SETTLE, Verdict.REFUSED, "it waited here for too long")
        elif decision.action in (Action.START, Action.ADOPT, Action.RESUME):
            await self._watch(run, decision)
        while not await self._settle(run, verdict):  # noqa: ASYNC110  (no disk tells of room)
            await asyncio.sleep(RETRY)

    async def _decision(self, run: Run) -> Decision:
        stopper, boot = await asyncio.to_thread(run.dir.stop_asked), self._boot()
        return decide(
            run.story, alive=run.alive, stopper=stopper, boot=boot, up=uptime(),
            machine=self._machine, on_crash=run.on_crash,
        )  # fmt: skip

    async def _verdict(self, run: Run) -> Decision:
        """How *run*, which has no supervisor any more, ends; first its reboot, if it is for one."""
        decision = await self._decision(run)
        if decision.action is Action.REBOOT:
            self._changed(run.dir)
            left = run.story.within - (uptime() - run.story.up)
            log.info("reboot.step", run=str(run.dir.run), within=round(left))
            why = await self._restart(max(left, 0.0))
            return Decision(Action.SETTLE, Verdict.ERROR, f"{self._machine} did not reboot: {why}")
        if decision.action is Action.SETTLE:
            return decision
        why = "its supervisor did not start: see the agent's log"
        return Decision(Action.SETTLE, Verdict.ERROR, why)

    async def _watch(self, run: Run, decision: Decision) -> None:
        """Start the supervisor of *run*, or adopt it, and follow it to its end."""
        run.alive = False
        if decision.action is Action.RESUME:
            try:
                await asyncio.to_thread(launch.resume, run.dir, run.story, decision, self._boot())
            except OSError:
                log.exception("run.not_resumed", run=str(run.dir.run))
                return
        if decision.action is Action.ADOPT:
            run.watch = await asyncio.to_thread(launch.adopt, run.dir)
        else:
            run.watch = await asyncio.to_thread(launch.start, run.dir, self._boot())
        if run.watch is None:  # it has ended since we looked
            return
        try:
            if await asyncio.to_thread(run.dir.stop_asked) is not None:
                run.watch.ask_to_stop()  # perhaps nobody told the supervisor
            self._changed(run.dir)
            async with contextlib.aclosing(run.watch.stirs()) as stirs:
                async for _ in stirs:
                    if await run.catch_up():
                        self._changed(run.dir)
        finally:
            run.watch.close()
            run.watch = None

    async def _settle(self, run: Run, decision: Decision | None = None) -> bool:
        """
        See to it that *run*, which nobody writes to, has a verdict. Whether the disk took it.

        *decision* is its verdict; None to find it out from what is there.
        """
        try:
            if run.phase is not Held.DONE:
                await asyncio.to_thread(run.mend)
            if run.phase is not Held.DONE:
                decision = decision or await self._verdict(run)
                await asyncio.to_thread(launch.settle, run.dir, run.story, decision, self._boot())
                log.info("run.settled", run=str(run.dir.run), verdict=decision.verdict)
        except (OSError, launch.Unwritable):
            log.exception("run.unsettled", run=str(run.dir.run))
            return False
        await run.catch_up()
        run.closed.set()
        self._changed(run.dir)
        return True
