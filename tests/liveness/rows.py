"""The rows of ``make liveness``: each way in which a target goes, so many times, on each server."""

import asyncio
import math
import sys
from collections.abc import Callable, Coroutine, Sequence
from functools import partial

from bot.demo import SERVERS
from tests.end_to_end.person import Person
from tests.faults import namespace
from tests.faults.stage import PATIENCE, Stage, stage
from tests.liveness.alarms import ALARMS
from tests.liveness.alarms import work as watch
from tests.liveness.passage import passage
from tests.liveness.room import BOB, departure
from tests.liveness.row import Row
from tests.liveness.ways import DEFAULTS, WAYS, Way, cut

UNAIDED = 120.0
"""Seconds for which we watch what a server does without the bot."""
ALONE = "alone"
"""The name of that row."""


async def work(way: Way, kind: str, *, seed: int, trials: int) -> Row:
    """One row."""
    row = Row(way.what, kind)
    if why := way.possible():
        row.note = f"not tried: {why}"
        return row
    with row.kept(f"liveness-{way.name}-{kind}-") as folder:
        async with (
            stage(folder, kind, f"{seed} {way.name} {kind}", way.setting) as on,
            on.person() as ann,
        ):
            for number in range(trials):
                if number:
                    await afresh(on, ann)
                passed = await passage(way, on, ann)
                row.departures.append(passed.departure)
                row.returns.append(passed.back)
                row.wrong += passed.wrong
    return row


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
    if why := namespace.possible():
        row.note = f"not tried: {why}"
        return row
    with row.kept(f"liveness-alone-{kind}-") as folder:
        async with stage(folder, kind, f"{seed} alone {kind}", DEFAULTS) as on, on.person() as ann:
            await on.bot.down()
            found = await departure(ann, lambda: cut(on, ann), within=UNAIDED)
            if found.gone < math.inf:
                row.note = f"gone after {found.gone:.0f} s"
            else:
                async with on.person() as newcomer:
                    seen = newcomer.now(BOB)
                there = seen is not None and seen.type == "available"
                row.note = f"after {UNAIDED:.0f} s still there" if there else "gone, unseen"
    return row


async def rows(
    names: Sequence[str],
    kinds: Sequence[str],
    *,
    seed: int,
    trials: int,
    alarms: float | None,
    at_once: int,
) -> list[Row]:
    """
    Those rows on those servers, *at_once* at the same time; told on standard error.

    Args:
        alarms: For how many seconds what is no death is tried; None: how targets go is tried.
    """
    turns = asyncio.Semaphore(at_once)
    makers: dict[str, Callable[[str], Coroutine[None, None, Row]]]
    if alarms is None:
        makers = {w.name: partial(work, w, seed=seed, trials=trials) for w in WAYS}
        makers[ALONE] = partial(alone, seed=seed)
    else:
        makers = {a.name: partial(watch, a, seed=seed, seconds=alarms) for a in ALARMS}

    async def turn(name: str, kind: str) -> Row:
        async with turns:
            row = await makers[name](kind)
            sys.stderr.write(f"{' | '.join(row.cells())}\n")
            sys.stderr.writelines(f"  {complaint} {row.remains}\n" for complaint in row.wrong)
            return row

    return await asyncio.gather(
        *(turn(name, kind) for name in names or makers for kind in kinds or SERVERS)
    )
