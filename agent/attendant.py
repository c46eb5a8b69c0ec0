"""
Sees one run through, from its turn to its verdict, whatever becomes of its supervisor.

It starts a supervisor, or adopts one, and watches it, but is not needed by it.

Rule 1: only what the supervisor says is synced is looked at or told.

Rule 2: a run that has no supervisor gets its verdict from here; a disk that takes none is
asked again.

Rule 3: a supervisor that lets its run's time pass (agent/limit.py) hangs itself, and is killed.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

from agent import launch, limit
from agent.launch import Watch
from agent.reboot import uptime
from agent.resume import Action, Decision, decide
from agent.run import Run
from agent.rundir import RunDir
from agent.wire.vocabulary import Held, Verdict

log = structlog.get_logger()

RETRY = 5.0
"""Seconds until we try again to write to a disk that would not take it."""

BEGINS = 120.0
"""Seconds in which a supervisor begins its first step, or the next."""


class Attendant:
    """
    What the queue calls for a run whose turn it is.

    Args:
        boot: Gives the id of the machine's present boot.
        changed: Called in the event loop whenever more of a run's journal is synced, or
            its phase changed.
        restart: Reboots the machine within so many seconds, or says why that failed.
        machine: What people call this machine, for reasons.
    """

    def __init__(
        self,
        boot: Callable[[], str],
        changed: Callable[[RunDir], None],
        *,
        restart: Callable[[float], Awaitable[str]],
        machine: str,
    ) -> None:
        self._boot, self._changed = boot, changed
        self._restart, self._machine = restart, machine

    async def see_through(self, run: Run) -> None:
        """Bring *run* to its verdict."""
        decision = await self._decision(run)
        verdict = decision if decision.action is Action.SETTLE else None
        if decision.action is Action.START and asyncio.get_running_loop().time() > run.deadline:
            verdict = Decision(Action.SETTLE, Verdict.REFUSED, "it waited here for too long")
        elif decision.action in (Action.START, Action.ADOPT, Action.RESUME):
            verdict = await self._attend(run, decision)
        while not await self._settle(run, verdict):
            if await asyncio.to_thread(run.dir.alive):
                # The agent before us had started one, which had not taken the lock when we looked.
                verdict = await self._attend(run, Decision(Action.ADOPT))
            else:
                await asyncio.sleep(RETRY)  # no disk tells of room

    async def stop(self, run: Run) -> bool:
        """Give *run*, which somebody has asked to stop, its verdict, if it has not begun."""
        decision = await self._decision(run)
        return decision.action is Action.SETTLE and await self._settle(run, decision)

    async def _decision(self, run: Run) -> Decision:
        stopper, boot, up = await asyncio.to_thread(run.dir.stop_asked), self._boot(), uptime()
        return decide(
            run.story, alive=run.alive, stopper=stopper, boot=boot, up=up,
            machine=self._machine, on_crash=run.on_crash, left=run.left(boot, up),
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

    async def _attend(self, run: Run, decision: Decision) -> Decision | None:
        """Start the supervisor of *run*, or adopt it, and follow it; its verdict if it hung."""
        run.alive = False
        try:
            if decision.action is Action.RESUME:
                await asyncio.to_thread(launch.resume, run.dir, run.story, decision, self._boot())
            if decision.action is Action.ADOPT:
                run.watch = await asyncio.to_thread(launch.adopt, run.dir)
            else:
                run.watch = await asyncio.to_thread(launch.start, run.dir, self._boot())
        except OSError:
            log.exception("run.not_started", run=str(run.dir.run))
            return None
        if run.watch is None:  # it has ended since we looked
            return None
        try:
            if await asyncio.to_thread(run.dir.stop_asked) is not None:
                run.watch.ask_to_stop()  # perhaps nobody told the supervisor
            self._changed(run.dir)
            return await self._follow(run, run.watch)
        finally:
            run.watch.close()
            run.watch = None

    async def _follow(self, run: Run, watch: Watch) -> Decision | None:
        """Return when the supervisor is dead; the verdict of its run if it had to be killed."""
        loop, late = asyncio.get_running_loop(), asyncio.Event()

        def kill() -> None:
            late.set()
            log.error("supervisor.hangs", run=str(run.dir.run), path=str(run.dir.path),
                      done="it is killed, and the run ended")  # fmt: skip
            watch.kill()

        timer = loop.call_later(self._left(run), kill)
        try:
            async with contextlib.aclosing(watch.stirs()) as stirs:
                async for _ in stirs:
                    if await run.catch_up():
                        timer.cancel()
                        timer = loop.call_later(self._left(run), kill)
                        self._changed(run.dir)
        finally:
            timer.cancel()
        return self._overdue(run) if late.is_set() else None

    def _left(self, run: Run) -> float:
        """Seconds until its supervisor must have said that it is further."""
        return max(run.left(self._boot(), uptime()), 0.0) if run.story.open else BEGINS

    def _overdue(self, run: Run) -> Decision | None:
        """The verdict of a run whose supervisor let its time pass; None if a step has decided."""
        story = run.story
        if story.bad is not None:
            return None
        if not story.open:
            where = f"after {story.step}" if story.step else "before it began"
            return Decision(Action.SETTLE, Verdict.ERROR, f"its supervisor hung {where}")
        most = limit.limit(run.steps[: story.index + 1])
        why = f"its steps so far took longer than {most:.0f} s, their supervisor did not end them"
        return Decision(Action.SETTLE, Verdict.TIMEOUT, why)

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
                verdict, why = decision.verdict, decision.reason
                log.info("run.settled", run=str(run.dir.run), verdict=verdict, why=why)
        except launch.Locked:
            return False
        except (OSError, launch.Unwritable):
            log.exception("run.unsettled", run=str(run.dir.run))
            return False
        await run.catch_up()
        run.closed.set()
        self._changed(run.dir)
        return True
