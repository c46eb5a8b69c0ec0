"""Supervisors, as the agent deals with them: start, adopt, follow, clear up after."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from agent import evidence, scratch
from agent.catalogue import search_path
from agent.process import sweep
from agent.resume import Action, Decision, Story
from agent.rundir import RunDir
from agent.wire.journal import JournalError, Reader, encode
from agent.wire.vocabulary import Verdict
from agent.writer import Locked, Unwritable, Writer

__all__ = ["Locked", "Unwritable", "Watch", "adopt", "mend", "resume", "settle", "start"]

_ROOT = Path(__file__).parent.parent
_BLOCK = 256 * 1024

_COMMAND = (sys.executable, "-P", "-S", "-s", "-m", "agent.supervisor")
"""Without site-packages: the standard library, and us."""


class Watch:
    """A living supervisor: when its journal grows, and when it dies."""

    def __init__(self, folder: Path, pid: int, *, child: bool) -> None:
        self._pid, self._child = pid, child
        self._pidfd = os.pidfd_open(pid)
        # For writing, too: a FIFO without writers would be ready for ever.
        self._bell = os.open(folder / "bell", os.O_RDWR | os.O_NONBLOCK)

    def ask_to_stop(self) -> None:
        """SIGTERM: it ends the diagnostic, then itself."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL, for one that does not end by itself. Its diagnostic is not ended by that."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    async def stirs(self) -> AsyncGenerator[None, None]:
        """Comes back whenever it rings, and a last time when it is dead."""
        loop = asyncio.get_running_loop()
        stirred, dead = asyncio.Event(), asyncio.Event()

        def rang() -> None:
            with contextlib.suppress(BlockingIOError):
                os.read(self._bell, 65536)
            stirred.set()

        def died() -> None:
            loop.remove_reader(self._pidfd)
            dead.set()
            stirred.set()

        loop.add_reader(self._bell, rang)
        loop.add_reader(self._pidfd, died)
        try:
            last = False
            while not last:
                await stirred.wait()
                stirred.clear()
                last = dead.is_set()  # now: it may die while we are looked after
                yield
        finally:
            loop.remove_reader(self._bell)
            loop.remove_reader(self._pidfd)

    def close(self) -> None:
        """Stop watching; bury it if it is dead and ours."""
        if self._child:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self._pid, os.WNOHANG)
        os.close(self._pidfd)
        os.close(self._bell)


def start(run: RunDir, boot: str) -> Watch:
    """Start the supervisor of *run*, in the machine's boot *boot*."""
    environment = os.environ | {"PYTHONPATH": str(_ROOT), "PATH": search_path()}
    pid = os.posix_spawn(
        sys.executable,
        [*_COMMAND, str(run.path.absolute()), boot],
        environment,
        setsid=True,
        setsigmask=[signal.SIGTERM],  # until it can say why it stopped
    )
    return Watch(run.path, pid, child=True)


def adopt(run: RunDir) -> Watch | None:
    """The supervisor of *run*, which another agent started; None if it is dead."""
    pid = run.pid()
    if pid in (None, os.getpid()):  # we have mended it ourselves
        return None
    try:
        watch = Watch(run.path, pid, child=False)
    except ProcessLookupError:
        return None
    if run.alive() and run.pid() == pid:  # then it was alive when we got hold of that process
        return watch
    watch.close()
    return None


def mend(run: RunDir) -> None:
    """
    Make the journal of a run that nobody writes to whole, and all of it synced.

    A record that was cut off by a power cut goes. JournalError if what was synced is
    damaged: the disk is not to be trusted, and nothing is touched.
    """
    writer = Writer(str(run.path))
    try:
        writer.repair(_whole(run.journal, writer.synced))
    finally:
        writer.close()


def settle(run: RunDir, story: Story, decision: Decision, boot: str) -> None:
    """
    Write the verdict of a run whose supervisor is gone; also end what it left behind.

    The journal has been mended, and *story* is all of it. Unwritable if the disk takes
    no more.
    """
    _sweep(run, story)
    records = _ending(story, decision, boot)
    verdict, reason = decision.verdict, decision.reason
    if Verdict.worst((story.worst, verdict)) is not verdict:  # it has crashed before
        verdict, reason = story.worst, f"{story.why}; then: {reason}"
    writer = Writer(str(run.path))
    try:
        writer.finish(verdict, reason, *records)
    finally:
        writer.close()


def resume(run: RunDir, story: Story, decision: Decision, boot: str) -> None:
    """
    Leave word for the next supervisor of *run*: how its open step ended, and where to go on.

    Nothing is written to the journal here: the supervisor does that together with its first
    record, so that there is no state between.
    """
    _sweep(run, story)
    worst = Verdict.worst((story.worst, decision.verdict))
    before = {
        "size": run.synced,
        "from": decision.go_on,
        "verdict": worst,
        "reason": story.why if worst is story.worst else decision.reason,
        "last": b"".join(_ending(story, decision, boot)).decode("latin-1"),
    }
    run.leave_word(before)


def _ending(story: Story, decision: Decision, boot: str) -> list[bytes]:
    """The records that end the open step of a run; before them, what speaks for a crash."""
    now, found = time.time(), []
    if decision.verdict is Verdict.CRASHED:
        found = evidence.gather(story.boot, story.at)
    records = [
        encode("evidence", now, each.said, step=story.index, what=each.what) for each in found
    ]
    if not story.open:
        return records
    lines = [story.last_line()] if decision.verdict is Verdict.CRASHED else []
    lines += [line for each in found if each.what != "last" for line in each.lines]
    seconds: dict[str, Any] = {}
    if decision.action is Action.RESUME:  # by the wall clock: none other goes on over a reboot
        seconds = {"seconds": round(max(0.0, now - story.at), 3)}
    end = encode(
        "end", now, step=story.index, name=story.step, verdict=decision.verdict,
        reason=decision.reason, boot=boot, counts={}, lines=[line for line in lines if line][:8],
        **seconds,
    )  # fmt: skip
    return [*records, end]


def _sweep(run: RunDir, story: Story) -> None:
    """End what the steps of a dead supervisor have left."""
    if story.step:
        sweep(story.journal)
        _clear(run, story.journal)


def _clear(run: RunDir, journal: str) -> None:
    """Remove what its steps left on the disk. A request that cannot be read has had no steps."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        for step in run.request()["steps"]:
            if (folder := scratch.place(step, journal)) is not None:
                scratch.remove(folder)


def _whole(path: Path, synced: int) -> int:
    """The end of the last whole record; JournalError if that is before *synced*."""
    reader = Reader()
    damage: JournalError | None = None
    with path.open("rb") as journal:
        try:
            while data := journal.read(_BLOCK):
                for _ in reader.feed(data):
                    pass
        except JournalError as error:
            damage = error
    if reader.parsed < synced:
        raise JournalError(reader.parsed, "less than was synced") from damage
    return reader.parsed
