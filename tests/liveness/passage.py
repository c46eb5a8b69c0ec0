"""A target goes and comes back: one trial, for ``make liveness`` and for ``make faults``."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from tests.end_to_end.person import Person
from tests.faults.stage import PATIENCE, Stage
from tests.faults.trial import order
from tests.faults.truth import Outcome
from tests.liveness.room import Departure, back, departure, told
from tests.liveness.ways import SECONDS, SIZE, Way


@dataclass(frozen=True, slots=True)
class Passage:
    """What came of it."""

    departure: Departure
    back: float
    """Seconds from the mending to the room being told."""
    outcome: Outcome
    """Of the run that printed meanwhile, and what was wrong besides."""

    @property
    def wrong(self) -> list[str]:
        """For people; empty if all was as promised."""
        return [] if self.outcome.good else [str(self.outcome)]


async def passage(way: Way, on: Stage, ann: Person) -> Passage:
    """One trial of *way*, at a random moment."""
    run = await order(on, SIZE, SECONDS) if way.streaming else None
    if run is not None:
        await run.begun()
    await asyncio.sleep(on.random.uniform(0, SECONDS / 2))
    found = await departure(ann, lambda: way.harm(on, ann))
    since, began = ann.mark(), time.monotonic()
    await way.mend(on)
    await told(ann, since, back, within=2 * PATIENCE)
    took = time.monotonic() - began
    outcome = Outcome("none") if run is None else await run.outcome(within=4 * PATIENCE)
    wrong = list(outcome.wrong)
    if found.cause != way.cause:
        wrong.append(f"{way.cause} was told as {found.cause!r}: {found.body}")
    if way.words not in found.body:
        wrong.append(f"it was not told that {way.words}: {found.body}")
    if found.gone == math.inf:
        wrong.append("nobody saw it leave the room")
    outcome = replace(outcome, wrong=tuple(wrong))
    return Passage(found, took, outcome)


def fault(way: Way) -> Callable[[Stage], Awaitable[Outcome]]:
    """The same as a trial of ``make faults``."""

    async def trial(stage: Stage) -> Outcome:
        async with stage.person() as ann:
            return (await passage(way, stage, ann)).outcome

    return trial
