"""
Keeping: every hour what is too old, or too much, is dropped, a little at a time.

Between two transactions others have their turn, so nobody waits for more than one of them.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from functools import partial

import structlog
from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError

from agent.wire.alone import alone
from agent.wire.errors import Refusal
from bot.config import Config, Keeping
from bot.ports import clock
from bot.report.text import plural, size
from bot.store import tidying
from bot.store.readonly import reading
from bot.store.writer import Writer

log = structlog.get_logger()

EVERY = 3600.0
"""Seconds between two looks."""

PAUSE = 0.05
"""Seconds between two transactions: a disk that others need, too, is never busy with this alone."""


class Tidy:
    """Drops what is kept no longer."""

    def __init__(
        self, store: Writer, keeping: Keeping, *, now: Callable[[], datetime] = clock
    ) -> None:
        self._store, self._keeping, self._now = store, keeping, now

    async def run(self) -> None:
        """Look every hour, for ever."""
        while True:
            await asyncio.sleep(EVERY)
            try:
                await self.once()
            except Exception:
                log.exception("tidy.failed", cure="what is old is kept until that is cured")

    async def once(self) -> None:
        """Drop all that is due now."""
        now = self._now()
        drop_outputs = partial(tidying.drop_outputs, keeping=self._keeping, now=now)
        drop_jobs = partial(tidying.drop_jobs, keeping=self._keeping, now=now)
        outputs, freed, jobs = 0, 0, 0
        while dropped := await self._store.do(drop_outputs):
            outputs, freed = outputs + len(dropped), freed + sum(each.size for each in dropped)
            await asyncio.sleep(PAUSE)
        while numbers := await self._store.do(drop_jobs):
            jobs += len(numbers)
            await asyncio.sleep(PAUSE)
        while await self._store.do(tidying.sweep):  # noqa: ASYNC110  (no event: others have their turn)
            await asyncio.sleep(PAUSE)
        if outputs or jobs:
            log.info("tidy.dropped", outputs=outputs, bytes=freed, jobs=jobs)


def would(database: str, keeping: Keeping, now: datetime) -> str:
    """What would be dropped from *database* (an SQLAlchemy URL), a line for each reason."""
    with reading(database) as db:
        outputs = tidying.outputs(db, keeping, now)
        jobs = tidying.old_jobs(db, keeping, now)
    lines = []
    for why in dict.fromkeys(each.why for each in outputs):
        mine = [each for each in outputs if each.why == why]
        freed = size(sum(each.size for each in mine))
        numbers = sorted({each.job for each in mine})
        lines.append(f"output of {plural(len(mine), 'runs')}, {freed}: {why}; {_span(numbers)}")
    if jobs:
        age = f"older than {keeping.runs_days:g} days"
        lines.append(f"{plural(len(jobs), 'jobs')}: {age}; {_span(sorted(jobs))}")
    return "".join(f"{line}\n" for line in lines) or "nothing is due to go\n"


def _span(numbers: list[int]) -> str:
    if len(numbers) == 1:
        return f"job {numbers[0]}"
    return f"jobs {numbers[0]} to {numbers[-1]}"


async def at_once(config: Config) -> str:
    """Drop what is due while no bot runs, and make the file as small as it can be."""
    now = clock()
    with alone(config.lock, "bot"):
        said = would(config.database, config.keeping, now)
        store = Writer(config.database)
        try:
            await Tidy(store, config.keeping, now=lambda: now).once()
            _shrink(config.database)
        except SQLAlchemyError as error:
            raise Refusal(
                f"database: cannot tidy it: {str(error).splitlines()[0]}",
                hint="Nothing is broken: say it again once that is cured.",
            ) from error
        finally:
            await store.close()
    return said


def _shrink(database: str) -> None:
    engine = create_engine(database, isolation_level="AUTOCOMMIT")
    with engine.connect() as db:
        db.exec_driver_sql("VACUUM")
    engine.dispose()
