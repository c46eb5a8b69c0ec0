"""How old a line is when it is durable at the bot, from a target that prints one now and then."""

import asyncio
import sqlite3
import statistics
import tempfile
import time
from contextlib import closing
from pathlib import Path

from agent.wire.journal import Reader
from tests.bench.stage import Stage, stage
from tests.end_to_end.lab import idle, order

LINES = 60
EVERY = 0.73
"""Seconds between two lines: no part of the second in which the target makes output durable."""
LOOK = 0.005
"""Seconds between two looks into the bot's database; so much is a figure too high at most."""
CAP = 300.0


async def measure(kind: str, *, tuned: bool) -> str:
    """One row: p50, p95 and the oldest, in ms."""
    with tempfile.TemporaryDirectory() as folder:
        async with stage(Path(folder), kind, tuned=tuned) as on:
            on.lab.add_script(
                "ticks", f"for i in $(seq {LINES}); do date +%s.%N; sleep {EVERY}; done\n"
            )
            await on.lab.start("carl")
            await idle(on.ann, "carl-bench")
            job = await order(on.ann, "run ticks on carl-bench")
            async with asyncio.timeout(CAP):
                ages = await _ages(on, job)
    assert len(ages) == LINES
    cuts = statistics.quantiles(ages, n=20)
    return (
        f"{kind:9} {'tuned' if tuned else 'default':8} "
        f"p50 {1000 * cuts[9]:5.0f} ms   p95 {1000 * cuts[18]:5.0f} ms   "
        f"oldest {1000 * max(ages):5.0f} ms"
    )


async def _ages(on: Stage, job: int) -> list[float]:
    """Seconds from printed to seen in the bot's database, of each line."""
    ages: list[float] = []
    reader, over = Reader(), False
    with closing(sqlite3.connect(on.lab.folder / "labroom.db")) as db:
        while not over:
            rows = db.execute(
                'select data from piece where job = ? and "offset" >= ? order by "offset"',
                (job, reader.parsed + reader.pending),
            ).fetchall()
            now = time.time()
            for record in (record for (data,) in rows for record in reader.feed(data)):
                ages += [now - float(line) for line in record.payload.split()]
                over = over or record.kind == "verdict"
            await asyncio.sleep(LOOK)
    return ages
