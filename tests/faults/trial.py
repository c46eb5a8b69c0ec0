"""One trial: a run is ordered, harm is done to it, and what became of it is compared."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from agent.wire.journal import JournalError, Reader
from tests.faults.diagnostic import bursts
from tests.faults.stage import PATIENCE, Stage
from tests.faults.truth import Outcome, compare

JID = "bob@localhost"


def printed(journal: bytes) -> bytes:
    """What a diagnostic printed, by its journal."""
    reader = Reader()
    return b"".join(r.payload for r in reader.feed(journal) if r.kind == "out")


@dataclass(slots=True)
class Trial:
    """A run that prints *size* bytes in *seconds*, at best."""

    stage: Stage
    number: int
    size: int
    seconds: float
    job: int = 0
    floor: bytes = b""
    """What of the journal was written, or synced, when harm was done: it has to arrive."""
    wrong: list[str] = field(default_factory=list)

    @property
    def executions(self) -> int:
        """How often the diagnostic was started."""
        path = self._path("executions")
        return path.read_bytes().count(b"\n") if path.exists() else 0

    async def begun(self) -> None:
        """Return when it prints."""
        async with asyncio.timeout(PATIENCE):
            while not self._path("truth").exists():  # noqa: ASYNC110  (another process's file)
                await asyncio.sleep(0.01)

    async def moment(self) -> None:
        """Return at a random moment while it prints."""
        await self.begun()
        await asyncio.sleep(self.stage.random.uniform(0, self.seconds))

    def folder(self) -> Path | None:
        """Where the target keeps the run."""
        runs = self.stage.lab / "bob" / "state" / "runs" / "labbot@localhost"
        return next(runs.glob(f"*-{self.job}"), None)

    async def over(self, within: float) -> bool:
        """Whether it has its verdict, and the room was told, within so many seconds."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            rows = self.stage.query(
                "select run.phase, job.told from run join job on job.number = run.job"
                " where run.job = ?", self.job,
            )  # fmt: skip
            if rows == [("done", 1)]:
                return True
            await asyncio.sleep(0.1)
        return False

    async def outcome(
        self, expected: str = "pass", *, executions: int = 1, within: float = 2 * PATIENCE
    ) -> Outcome:
        """
        What became of it.

        Args:
            expected: The verdict, or several with ``|``.
            executions: How many there have to be.
        """
        over = await self.over(within)
        expected = self._verdict_before() or expected
        [(verdict, reason)] = self.stage.query(
            "select verdict, reason from run where job = ?", self.job
        )
        replica = b"".join(
            data
            for (data,) in self.stage.query(
                'select data from piece where job = ? and jid = ? order by "offset"', self.job, JID
            )
        )
        if over and verdict not in expected.split("|"):
            self.wrong.append(f"{verdict}: {reason}")
        if over and self.executions < executions:
            self.wrong.append(f"{self.executions} executions")
        found = self._compared(replica, verdict, whole="pass" in expected.split("|"))
        return replace(
            found,
            twice=max(0, self.executions - executions),
            stuck=not over,
            wrong=(*found.wrong, *self.wrong),
        )

    def _verdict_before(self) -> str:
        """The verdict that was written before harm was done: a slow machine does it late."""
        said = [r.text("verdict") for r in Reader().feed(self.floor) if r.kind == "verdict"]
        return said[-1] if said else ""

    def _compared(self, replica: bytes, verdict: str | None, *, whole: bool) -> Outcome:
        try:
            captured, least = printed(replica), printed(self.floor)
        except JournalError as error:
            return Outcome(verdict or "open", wrong=(f"the replica is damaged: {error}",))
        truth = b"".join(bursts(self.number, self.size))
        floor = len(truth) if whole or verdict == "pass" else len(least)
        found = compare(truth, captured, floor)
        wrong = list(found.wrong)
        folder = self.folder()
        if verdict is not None and folder is not None:
            journal = (folder / "journal").read_bytes()
            if journal != replica:
                wrong.append(f"journal of {len(journal)} bytes, replica of {len(replica)}")
        return Outcome(verdict or "open", found.lost, found.doubled, wrong=tuple(wrong))

    def _path(self, kind: str) -> Path:
        return self.stage.truth / f"{self.number}.{kind}"


async def order(
    stage: Stage, size: int = 150_000, seconds: float = 2.5, *, recipe: str = "stream"
) -> Trial:
    """Order a run in the room; returns when the room has its number."""
    async with stage.person() as ann:
        while True:
            stage.trials += 1
            trial = Trial(stage, stage.trials, size, seconds)
            params = f"trial={trial.number} size={size} ms={int(1000 * seconds)}"
            line = f"run {recipe} {params} on bob"
            ann.say(line)
            deadline = time.monotonic() + 5
            while time.monotonic() < deadline:
                # By its own number, which no other line has: said again, it is another trial.
                rows = stage.query(
                    "select number from job where steps like ?", f'%"trial": "{trial.number}"%'
                )
                if rows:
                    trial.job = rows[0][0]
                    return trial
                await asyncio.sleep(0.05)


async def harmed(
    stage: Stage,
    harm: Callable[[Trial], Awaitable[None]],
    *,
    expected: str = "pass",
    size: int = 150_000,
    seconds: float = 2.5,
    within: float = 2 * PATIENCE,
) -> Outcome:
    """One trial in which *harm* is done at a random moment while output streams."""
    trial = await order(stage, size, seconds)
    await trial.moment()
    await harm(trial)
    return await trial.outcome(expected, within=within)
