"""The rows of ``make liveness``: each way in which a target goes, so many times, on each server."""

import asyncio
import math
import shutil
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tabulate import tabulate

from bot.demo import SERVERS
from tests.end_to_end.person import Person
from tests.faults.stage import PATIENCE, Stage, stage
from tests.faults.trial import Trial, order
from tests.liveness.room import BOB, Departure, departure, told
from tests.liveness.ways import DEFAULTS, SECONDS, SIZE, WAYS, Way, cut

MEDIAN, P95 = 7.0, 10.0
"""The goal, in seconds."""
ALONE = 120.0
"""Seconds for which we watch what a server does without the bot."""
HEADINGS = (
    "what happens", "server", "trials", "cause told",
    "told, median", "p95", "gone, median", "p95", "back, median", "wrong",
)  # fmt: skip


@dataclass(slots=True)
class Row:
    """One way on one server."""

    what: str
    server: str
    departures: list[Departure] = field(default_factory=list)
    returns: list[float] = field(default_factory=list)
    """Seconds from the mending to the room being told."""
    wrong: list[str] = field(default_factory=list)
    note: str = ""
    """Instead of figures."""
    remains: str = ""
    """The folder with logs and data, if something was wrong."""

    @property
    def good(self) -> bool:
        """Whether all was told, rightly, and in time."""
        times = [[d.told for d in self.departures], [d.gone for d in self.departures]]
        slow = any(statistics.median(t) > MEDIAN or p95(t) > P95 for t in times if t)
        return not self.wrong and not slow

    def cells(self) -> tuple[str, ...]:
        """For the table."""
        if self.note:
            return self.what, self.server, "1", self.note, "", "", "", "", "", str(len(self.wrong))
        causes = Counter(d.cause or "none" for d in self.departures)
        return (
            self.what,
            self.server,
            str(len(self.departures)),
            ", ".join(f"{count} {cause}" for cause, count in sorted(causes.items())),
            *figures([d.told for d in self.departures]),
            *figures([d.gone for d in self.departures]),
            figures(self.returns)[0],
            str(len(self.wrong)),
        )


def p95(seconds: Sequence[float]) -> float:
    """The value that 95 % do not exceed (nearest rank)."""
    return sorted(seconds)[math.ceil(0.95 * len(seconds)) - 1]


def figures(seconds: Sequence[float]) -> tuple[str, str]:
    """Median and p95."""
    if not seconds:
        return "", ""
    return f"{statistics.median(seconds):.1f} s", f"{p95(seconds):.1f} s"


async def work(way: Way, kind: str, *, seed: int, trials: int) -> Row:
    """One row."""
    row = Row(way.what, kind)
    if why := way.possible():
        row.note = f"not tried: {why}"
        return row
    folder = Path(tempfile.mkdtemp(prefix=f"liveness-{way.name}-{kind}-"))
    try:
        async with (
            stage(folder, kind, f"{seed} {way.name} {kind}", way.setting) as on,
            on.person() as ann,
        ):
            for number in range(trials):
                if number:
                    await afresh(on, ann)
                await _trial(way, on, ann, row)
    except (AssertionError, TimeoutError, OSError) as error:
        row.wrong.append(f"{type(error).__name__}: {error}")
    _clear(row, folder)
    return row


async def _trial(way: Way, on: Stage, ann: Person, row: Row) -> None:
    run: Trial | None = None
    if way.streaming:
        run = await order(on, SIZE, SECONDS)
        await run.begun()
    await asyncio.sleep(on.random.uniform(0, SECONDS / 2))
    found = await departure(ann, lambda: way.harm(on, ann))
    row.departures.append(found)
    if found.cause != way.cause:
        row.wrong.append(f"{way.cause} was told as {found.cause!r}: {found.body}")
    since, began = ann.mark(), time.monotonic()
    await way.mend(on)
    await told(ann, since, there=True, within=2 * PATIENCE)
    row.returns.append(time.monotonic() - began)
    if run is not None:
        outcome = await run.outcome(within=4 * PATIENCE)
        if not outcome.good:
            row.wrong.append(str(outcome))


async def afresh(on: Stage, ann: Person) -> None:
    """The bot restarts: what went before is no flapping, each trial is the first."""
    since = len(ann.presences.entries)
    await on.bot.down()
    await ann.sees(
        lambda seen: seen.type == "unavailable", nick="labbot", since=since, within=PATIENCE
    )
    on.bot.up()
    await ann.sees(lambda seen: seen.status == "1 idle", nick="labbot", since=since,
                   within=2 * PATIENCE)  # fmt: skip


async def alone(kind: str, *, seed: int) -> Row:
    """What the server does by itself about a target without power."""
    row = Row("all packets dropped, idle, no bot", kind)
    folder = Path(tempfile.mkdtemp(prefix=f"liveness-alone-{kind}-"))
    try:
        async with stage(folder, kind, f"{seed} alone {kind}", DEFAULTS) as on, on.person() as ann:
            await on.bot.down()
            found = await departure(ann, lambda: cut(on, ann), within=ALONE)
            if found.gone < math.inf:
                row.note = f"gone after {found.gone:.0f} s"
            else:
                async with on.person() as newcomer:
                    seen = newcomer.now(BOB)
                there = seen is not None and seen.type == "available"
                row.note = f"after {ALONE:.0f} s still there" if there else "gone, unseen"
    except (AssertionError, TimeoutError, OSError) as error:
        row.wrong.append(f"{type(error).__name__}: {error}")
    _clear(row, folder)
    return row


def _clear(row: Row, folder: Path) -> None:
    if row.wrong:
        row.remains = str(folder)
    else:
        shutil.rmtree(folder)


async def rows(
    names: Sequence[str], kinds: Sequence[str], *, seed: int, trials: int, at_once: int
) -> list[Row]:
    """Those rows on those servers, *at_once* at the same time; told on standard error."""
    turns = asyncio.Semaphore(at_once)

    async def turn(way: Way | None, kind: str) -> Row:
        async with turns:
            if way is None:
                row = await alone(kind, seed=seed)
            else:
                row = await work(way, kind, seed=seed, trials=trials)
            sys.stderr.write(f"{' | '.join(row.cells())}\n")
            sys.stderr.writelines(f"  {complaint} {row.remains}\n" for complaint in row.wrong)
            return row

    chosen: list[Way | None] = [way for way in WAYS if not names or way.name in names]
    if not names or "alone" in names:
        chosen.append(None)
    return await asyncio.gather(*(turn(way, kind) for way in chosen for kind in kinds or SERVERS))


def table(found: Sequence[Row]) -> str:
    """In Markdown."""
    return tabulate([row.cells() for row in found], HEADINGS, tablefmt="pipe")
