"""A run as the agent knows it while it is here, and what it tells others of it."""

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from agent import launch, limit, rundir
from agent.estimate import left
from agent.resume import Story
from agent.rundir import RunDir
from agent.wire.journal import JournalError, Reader, Record
from agent.wire.vocabulary import Held, RunId, Verdict

log = structlog.get_logger()

REMEMBER = 30 * 86400.0
"""Seconds that we know of a run that is gone, or was cancelled before it came."""

_BLOCK = 256 * 1024


@dataclass(frozen=True, slots=True)
class Accepted:
    """The answer to an order."""

    run: RunId
    journal: str


@dataclass(frozen=True, slots=True)
class Holding:
    """A run that is held for a controller, for ``<sync>``."""

    dir: RunDir
    journal: str
    synced: int
    phase: Held
    title: str = ""
    """Its steps, as people write them."""
    acked: int = 0
    """How much of its journal the controller holds, as far as that is written down."""


@dataclass(frozen=True, slots=True)
class Current:
    """What the target is doing."""

    dir: RunDir
    step: str
    fraction: float | None
    text: str
    silent: bool = False
    left: float | None = None
    """Seconds until the run is probably over; None if that cannot be told."""


@dataclass(slots=True, eq=False)
class Run:
    """A run that is here: its directory, and its journal as far as it is synced."""

    dir: RunDir
    seq: int
    journal: str
    steps: list[dict[str, Any]]
    """As its supervisor runs them."""
    deadline: float
    """It may not start after this (seconds of the event loop's clock)."""
    story: Story = field(default_factory=Story)
    synced: int = 0
    acked: int = 0
    """What the file of that name says: known here, since a disk that hangs cannot be asked."""
    alive: bool = False
    """Whether a supervisor was there when we came."""
    taken: bool = False
    """Whether it is in hand, and no longer waits."""
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when it is over and nobody here will touch its directory again."""
    watch: launch.Watch | None = None
    _reader: Reader = field(default_factory=Reader)

    @property
    def phase(self) -> Held:
        """How far it is; one whose supervisor is only starting counts as running."""
        phase = self.story.phase
        return Held.RUNNING if phase is Held.QUEUED and self.watch is not None else phase

    @property
    def title(self) -> str:
        """Its steps, in the words they were ordered in."""
        return ", ".join(str(step["name"]) for step in self.steps)

    @property
    def holding(self) -> Holding:
        """What others see of it; asks no disk."""
        return Holding(self.dir, self.journal, self.synced, self.phase, self.title, self.acked)

    @property
    def on_crash(self) -> tuple[str, int]:
        """What to do if the machine crashes in its present step, and how often at most."""
        if not 0 <= self.story.index < len(self.steps):
            return "stop", 0
        then, most, *_ = self.steps[self.story.index].get("on_crash", ("stop", 0))
        return str(then), int(most)

    def left(self, boot: str, up: float) -> float:
        """Seconds that it still has for the step it is at, in the boot *boot*, *up* after it."""
        return limit.left(self.story, self.steps, boot=boot, up=up, now=time.time())

    async def catch_up(self) -> bool:
        """
        Take in what is newly synced of the journal. Whether there was anything.

        The disk is read in a thread, a piece at a time: it may hang, and we still answer.

        What is damaged is over: nothing can be added to it. It goes to its controller as
        it is, which will say so.
        """
        grown = False
        try:
            while records := await asyncio.to_thread(self._read):
                self._see(records)
                grown = True
        except JournalError as error:
            await asyncio.to_thread(self._damaged, error)
            return True
        return grown

    def mend(self) -> None:
        """Make whole what nobody writes to, and read it; blocks."""
        try:
            launch.mend(self.dir)
            self.read()
        except JournalError as error:
            self._damaged(error)

    def read(self) -> None:
        """Like :meth:`catch_up`, where there is no event loop to keep; raises JournalError."""
        while records := self._read():
            self._see(records)

    def _see(self, records: list[Record]) -> None:
        for record in records:
            self.story.see(record)
        self.synced = records[-1].end

    def _read(self) -> list[Record]:
        """The records in the next piece of what is synced and not read yet; blocks."""
        records: list[Record] = []
        with self.dir.journal.open("rb") as journal:
            synced = self.dir.synced
            while not records:  # one may be larger than a piece
                start = self._reader.parsed + self._reader.pending
                journal.seek(start)
                data = journal.read(min(_BLOCK, max(0, synced - start)))
                if not data:
                    break
                records = list(self._reader.feed(data))
        return records

    def _damaged(self, error: JournalError) -> None:
        log.critical("run.damaged", path=str(self.dir.path), error=str(error))
        self.synced, self.story.verdict = self.dir.synced, Verdict.ERROR

    def current(self) -> Current | None:
        """What it does now, if it runs."""
        if self.phase is not Held.RUNNING:
            return None
        story = self.story
        step = story.step or self.steps[0]["name"]
        gone = time.time() - story.at if story.at else 0.0
        remains = left(self.steps, max(0, story.index), story.fraction, story.lasted, gone)
        return Current(self.dir, step, story.fraction, story.text, story.silent, remains)


def recall(state: Path, now: float) -> list[Run]:
    """Every run that an earlier agent left in *state*, its journal read; blocks."""
    runs = []
    for found in rundir.scan(state):
        try:
            run = _recalled(found, now)
        except (OSError, ValueError, KeyError, TypeError, IndexError):
            log.exception("run.unreadable", path=str(found.path))
            continue
        run.acked, run.alive = found.acked, found.alive()
        if run.alive:
            with contextlib.suppress(JournalError):  # said when it is over
                run.read()
        else:
            run.mend()
        if run.phase is Held.DONE:
            run.closed.set()
        runs.append(run)
    return runs


def _recalled(found: RunDir, now: float) -> Run:
    request = found.request()
    left = min(float(request["expires"]) - now, REMEMBER)  # clocks in labs are often wrong
    steps = request["steps"]
    str(steps[0]["name"])  # so that a request which is none is found out here
    return Run(found, int(request["seq"]), request["journal"], steps, time.monotonic() + left)
