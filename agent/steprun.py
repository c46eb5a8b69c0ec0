"""One step, from its start to its verdict: the supervisor's loop. Standard library only."""

import os
import select
import signal
import time
from typing import Any

from agent import scratch
from agent.assessment import Assessment
from agent.kept import Kept
from agent.process import Process
from agent.results import MOST
from agent.signals import Signals, stopper
from agent.sources import Sources
from agent.stall import Stall
from agent.wire.journal import PAYLOAD, encode
from agent.writer import Unwritable, Writer

BATCH = 0.05
"""Seconds that output may wait for more of it."""

SYNC = 1.0
"""Seconds between two times that output is made durable, and between two reports of progress."""

MUCH = 1024 * 1024
"""Bytes of output that are made durable at once: they are on their way while more is printed."""

LINGER = 1.0
"""Seconds that we listen to what outlives the diagnostic and holds its pipe open."""

NOTICE = 600.0
"""Most seconds before its time is over that a step is warned of; one with less is not."""

DOOMED = 10.0
"""Seconds that a killed process may take to die; one that hangs in the kernel never does."""

_NEVER = float("inf")


class StepRun:
    """One step from its start to its verdict."""

    def __init__(self, index: int, step: dict[str, Any], writer: Writer, signals: Signals) -> None:
        self._index, self._step = index, step
        self._writer, self._signals = writer, signals
        self._assessment = Assessment(step)
        self._clock = self._assessment.clock
        self._pending = bytearray()
        self._since = _NEVER  # when the first pending byte came
        self._synced_at = self._told_at = -_NEVER
        self._told: tuple[float, str] | None = None
        self._kept = Kept(step["most"])
        self._ending: tuple[str, str] | None = None  # verdict and reason, once we end it
        self._kill_at = self._give_up_at = _NEVER
        self._started = time.monotonic()
        self._stall = self._patient()
        self._warned: set[str] = set()
        self.sources = Sources(step, self._assessment)
        self.code: int | None = None

    def run(self, process: Process, folder: str = "/") -> tuple[str, str]:
        """See *process*, which works in *folder*, to its end. Its verdict and the reason."""
        self._started = time.monotonic()
        self._stall = self._patient()
        poll = select.poll()
        poll.register(self._signals.fd, select.POLLIN)
        for source in (process.output, *self.sources.fds):
            poll.register(source, select.POLLIN)
        while not process.exited() and time.monotonic() < self._give_up_at:
            for fd, _ in poll.poll(self._patience()):
                if not self._hear(fd, process):
                    poll.unregister(fd)  # it closed its output, and lives on
            self._keep_time(process, time.monotonic())
        verdict, reason = self._end(process, folder)
        try:
            note = self._keep_files(process, folder, verdict)
        except Unwritable as error:  # what the step has shown, it has shown
            note = f"not all of its files are kept: {error}"
        notes = (reason, self._kept.note, note)
        return verdict, "; ".join(part for part in notes if part)

    def _patient(self) -> Stall:
        return Stall(self._step.get("stall", 0), self._started, self._step.get("start", 0))

    def _keep_files(self, process: Process, folder: str, verdict: str) -> str:
        """Write down the files of a step that ended with *verdict*; what is missing, in words."""
        if not {"artifacts", "on_bad"} & self._step.keys():
            return ""
        from agent.files import Files  # noqa: PLC0415  (most steps have none: a faster start)

        files = Files(self._step, verdict)
        if files.commands:  # which take a while
            self._writer.sync()
        for piece, data in files.pieces(folder, process.mark, self._signals):
            self._writer.append(encode("file", time.time(), data, step=self._index, **piece))
        return files.note

    def _hear(self, fd: int, process: Process) -> bool:
        """Take what there is of *fd*. Whether there may be more, some time."""
        if fd == self._signals.fd:
            self._signals.drain()
        elif fd == process.output:
            return self._read(process)
        elif self.sources.hear(fd):
            self._stall.spoke()
        return True

    @property
    def seconds(self) -> float:
        """How long it has run."""
        return round(time.monotonic() - self._started, 3)

    def facts(self, verdict: str) -> dict[str, Any]:
        """What is known of it, for its last record."""
        return self._assessment.facts(verdict)

    def flush(self) -> None:
        """Write down the output that is not written yet."""
        if self._pending:
            record = encode("out", time.time(), bytes(self._pending))
            self._pending.clear()
            self._since = _NEVER
            self._writer.append(record)

    def _flush_rest(self) -> None:
        """Write down the end of the output, and how much is missing before it."""
        self.flush()
        rest = self._kept.rest()
        if self._kept.cut:
            self._writer.append(encode("cut", time.time(), step=self._index, size=self._kept.cut))
        for start in range(0, len(rest), PAYLOAD):
            self._writer.append(encode("out", time.time(), rest[start : start + PAYLOAD]))

    def _patience(self) -> float:
        """Milliseconds until something is due."""
        now = time.monotonic()
        due = [self._since + BATCH, self._kill_at, self._give_up_at]
        if self._ending is None:
            due += [self._started + self._step["wall"], self._stall.due, self._stall.speaks_by]
            if "wall" not in self._warned:
                due.append(self._started + self._notice())
        if self._writer.size > self._writer.synced:
            due.append(self._synced_at + SYNC)
        if self._progress(now) != self._told:
            due.append(self._told_at + SYNC)
        elif self._clock is not None and not self._assessment.progress:
            due.append(self._started + self._clock.moves(now - self._started))
        return max(0.0, min(due) - now) * 1000 + 1

    def _progress(self, now: float) -> tuple[float, str] | None:
        """How far it is: as it says, or else by the clock."""
        if said := self._assessment.progress:
            return said
        if self._clock is None:
            return None
        return self._clock.at(now - self._started)

    def _read(self, process: Process) -> bool:
        """Take what there is of the output, at most a payload. Whether there may be more."""
        try:
            data = os.read(process.output, PAYLOAD - len(self._pending))
        except BlockingIOError:
            return True
        if data:
            if (now := self._kept.take(data)) and not self._pending:
                self._since = time.monotonic()
            self._pending += now
            self._stall.spoke()
            self._assessment.feed(data)
        if len(self._pending) == PAYLOAD:
            self.flush()
        return bool(data)

    def _keep_time(self, process: Process, now: float) -> None:
        """Do what is due."""
        if now >= self._since + BATCH:
            self.flush()
        if now >= self._told_at + SYNC and self._progress(now) != self._told:
            self._tell(now)
        unsynced = self._writer.size - self._writer.synced
        if unsynced >= MUCH or (unsynced and now >= self._synced_at + SYNC):
            self._writer.sync()
            self._synced_at = time.monotonic()
        if self._ending is None:
            self._watch(process, now)
        if self._ending is None and (ending := self._reason_to_end(now)):
            self._ending = ending
            self._assessment.cut()
            process.terminate()
            self._kill_at = now + self._step["grace"]
        if now >= self._kill_at:
            process.kill()
            self._kill_at, self._give_up_at = _NEVER, now + DOOMED

    def _tell(self, now: float) -> None:
        self._told, self._told_at = self._progress(now), now
        if self._told is not None:
            fraction, text = self._told
            record = encode("progress", time.time(), step=self._index, fraction=fraction, text=text)
            self.flush()
            self._writer.append(record)

    def _notice(self) -> float:
        """After how many seconds it is warned of: its time is nearly over."""
        wall: float = self._step["wall"]
        return wall - NOTICE if wall >= 2 * NOTICE else _NEVER

    def _watch(self, process: Process, now: float) -> None:
        """Look whether it hangs, and warn of it, or of its time; say so when it moves again."""
        if now >= self._stall.due:
            self._stall.look(now, process.used())
            if self._stall.warned:
                self._warn("stall", self._stall.silent(now), self._stall.left)
            elif "stall" in self._warned:
                self._warned.remove("stall")
                self._note("relief")
        if now >= self._started + self._notice():
            self._warn("wall", now - self._started, NOTICE)

    def _warn(self, why: str, seconds: float, left: float) -> None:
        if why not in self._warned:
            self._warned.add(why)
            self._note("warning", why=why, seconds=round(seconds, 1), left=round(left, 1))

    def _note(self, kind: str, **fields: Any) -> None:
        """Write down what somebody should hear of now."""
        self.flush()
        name = self._step["name"]
        self._writer.append(encode(kind, time.time(), step=self._index, name=name, **fields))

    def _reason_to_end(self, now: float) -> tuple[str, str] | None:
        if self._signals.stop:
            return "aborted", f"stopped by {stopper() or 'the system'}"
        if self._assessment.complaint:
            return "error", self._assessment.complaint
        if now >= self._started + self._step["wall"]:
            return "timeout", f"it took longer than {self._step['wall']} s"
        if now >= self._stall.speaks_by:
            return "stalled", f"it said nothing within {self._step['start']} s of its start"
        if self._stall.hangs:
            silent = self._stall.silent(now)
            return "stalled", f"it said nothing and did nothing for {silent:.0f} s"
        return None

    def _end(self, process: Process, folder: str) -> tuple[str, str]:
        lasted = time.monotonic() - self._started
        # What it left may have the rest of what it said, as a shell's tee has.
        whole = self._listen(process, 0 if self._ending else LINGER)
        self.sources.hear_out(LINGER)
        self._assessment.channel.close()
        process.kill()  # what it left behind
        self._listen(process, LINGER)
        self._flush_rest()
        if process.exited():
            self.code = process.reap()
        self.sources.hear_out(LINGER)
        more = self.sources.findings
        if self._ending is not None:
            verdict, reason = self._ending
            stuck = "" if self.code is not None else "; it could not be killed"
            return self._assessment.stopped(verdict, reason + stuck, more)
        if not whole:
            more += (("warn", "it ended before its children, which were ended"),)
        code = self.code if self.code is not None else -signal.SIGKILL
        file = self._assessment.file
        document = scratch.read(f"{folder}/{file}", MOST) if file else b""
        return self._assessment.ended(code, lasted=lasted, document=document, more=more)

    def _listen(self, process: Process, seconds: float) -> bool:
        """
        Take the output until nothing comes for *seconds*, or for too long.

        Whether that was its end: nobody can write to it any more.
        """
        poll = select.poll()
        poll.register(process.output, select.POLLIN)
        end = time.monotonic() + LINGER
        while poll.poll(seconds * 1000):
            if not self._read(process):
                return True
            if time.monotonic() > end:
                break
        return False
