"""What answers about the past cost, with 10,000 runs in the store; beside the read of one row."""

import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert

from agent.wire.machine import Machine
from agent.wire.vocabulary import Step, Verdict
from bot.annals import Annals
from bot.findings import Metric
from bot.insight.measure import model_of, settings_of
from bot.jobs import Job, Outcome, Phase
from bot.report.summary import result
from bot.store import history, jobs, schema, targets
from bot.store.outcomes import metrics_out, outcome_out
from bot.store.targets import Remembered
from tests.bot.lab_in_memory import DOMAIN, MEMTEST, STRESS, World, target
from tests.bot.lab_on_disk import Bot
from tests.bot.test_commands import say

RUNS, TARGETS, ROUNDS = 10_000, 40, 9
GOAL = 200.0
"""Milliseconds."""

NAMES = [f"pc{number:02}" for number in range(1, TARGETS + 1)]
DELL = Machine(vendor="Dell Inc.", model="R6515", cpu="EPYC 7302P")
RECIPES = {"memtest": MEMTEST, "stress": STRESS}
UNITS = {
    "read": "MB/s",
    "write": "MB/s",
    "riops": "IOPS",
    "wiops": "IOPS",
    "lat": "ms",
    "p99": "ms",
}


async def measure() -> list[str]:
    """Rows: milliseconds until the answer is there, the median of some rounds."""
    with tempfile.TemporaryDirectory() as folder:
        bot = Bot(Path(folder))
        await bot.start()
        try:
            last = await bot.store.do(_filled)
            return await _measured(bot, last)
        finally:
            await bot.crash()


async def _measured(bot: Bot, last: int) -> list[str]:
    world = World(*(target(name, "busy", job=last, doing="disk") for name in NAMES))
    annals: Any = Annals(bot.store)
    world.history = annals
    work: Any = bot.dispatch
    world.jobs = work
    many, open_ = last - 1, await bot.job(last)
    one: Job = await bot.job(last - 2)
    floor = partial(bot.store.do, lambda db: jobs.get_run(db, many, f"pc01@{DOMAIN}"))
    asked: dict[str, Callable[[], Awaitable[object]]] = {
        "one row": floor,
        "jobs": partial(say, world, "jobs"),
        f"job, {TARGETS} targets": partial(say, world, f"job {many}"),
        f"status, {TARGETS} busy": partial(say, world, "status"),
        "history of one test": partial(say, world, "history pc01 disk"),
        "history of one target": partial(say, world, "history pc01"),
        "flaky": partial(say, world, "flaky"),
        f"compare, {TARGETS} targets": partial(say, world, f"compare {many} with {many - 2}"),
        "summary, 1 target": partial(_summary, bot, one),
        f"summary, {TARGETS} targets": partial(_summary, bot, await bot.job(many)),
        "estimate, 1 target": partial(annals.left, {f"pc01@{DOMAIN}": last}),
        f"estimate, {TARGETS} targets": partial(annals.estimates, open_),
    }
    took = {name: await _median(ask) for name, ask in asked.items()}
    return [
        f"{name:24} {wall:7.2f} ms   {cpu:7.2f} ms of processor   "
        f"{cpu / took['one row'][1]:7.1f} x one row   goal < {GOAL:.0f} ms"
        for name, (wall, cpu) in took.items()
    ]


async def _summary(bot: Bot, job: Job) -> object:
    return result(job, await bot.store.do(partial(history.of_job, job=job)))


async def _median(ask: Callable[[], Awaitable[object]]) -> tuple[float, float]:
    """Milliseconds that pass, and of processor time: on a busy machine that says more."""
    took, used = [], []
    for _ in range(ROUNDS):
        began, worked = time.perf_counter(), time.process_time()
        await ask()
        used.append(1000 * (time.process_time() - worked))
        took.append(1000 * (time.perf_counter() - began))
    return statistics.median(took), statistics.median(used)


def _filled(db: Connection) -> int:
    """Fill the store: jobs of one, four and forty targets; the number of the last, which runs."""
    dice, now = random.Random(1), datetime.now(UTC)
    for name in NAMES:
        jid = f"{name}@{DOMAIN}"
        targets.remember(db, Remembered(jid=jid, recipes=(MEMTEST, STRESS), machine=DELL))
    runs, number = 0, 0
    while runs < RUNS:
        number += 1
        names = dice.sample(NAMES, [1, 4, TARGETS][number % 3])
        at = now - timedelta(seconds=60 * (RUNS - runs))
        step = Step(["disk", "memtest", "stress"][number // 3 % 3])
        _add(db, number, step, names, at, dice)
        runs += len(names)
    for names in (NAMES, NAMES, NAMES[:1], NAMES, NAMES):  # those that are asked for
        number += 1
        _add(db, number, Step("disk"), names, now, dice)
    db.exec_driver_sql(
        "update run set phase = 'running', verdict = null, outcomes = '[]', began = ? "
        "where job = ?",
        (now.timestamp(), number),
    )
    return number


def _add(
    db: Connection, number: int, step: Step, names: list[str], at: datetime, dice: random.Random
) -> None:
    db.execute(
        insert(schema.job).values(
            number=number, line=f"line {number}", steps=[{"recipe": step.recipe, "params": {}}],
            asker="ann", asker_jid=f"ann@{DOMAIN}", channel="room", asked=at.timestamp(),
            by=at.timestamp(), told=True,
        )
    )  # fmt: skip
    outcomes = {name: _outcome(step, dice) for name in names}
    db.execute(
        insert(schema.run),
        [
            {
                "job": number, "jid": f"{name}@{DOMAIN}", "target": name, "phase": Phase.DONE,
                "verdict": each.verdict, "outcomes": [outcome_out(each)], "told": each.verdict,
                "began": at.timestamp(), "ended": at.timestamp() + each.seconds, "final": True,
            }
            for name, each in outcomes.items()
        ],
    )  # fmt: skip
    db.execute(
        insert(schema.measure),
        [
            {
                "job": number, "jid": f"{name}@{DOMAIN}", "step": 0, "recipe": step.recipe,
                "params": settings_of(step, RECIPES.get(step.recipe)),
                "model": model_of(DELL), "verdict": str(each.verdict), "seconds": each.seconds,
                "at": at.timestamp(), "metrics": metrics_out(each.metrics),
            }
            for name, each in outcomes.items()
        ],
    )  # fmt: skip


def _outcome(step: Step, dice: random.Random) -> Outcome:
    bad = dice.random() < 0.1
    return Outcome(
        step=str(step),
        verdict=Verdict.FAIL if bad else Verdict.PASS,
        seconds=dice.gauss(1200, 20),
        reason="1 failure" if bad else "",
        lines=("FAILURE: 0x0 != 0x1 at offset 0x123456",) if bad else (),
        metrics=tuple(
            Metric(name=name, value=dice.gauss(500, 5), unit=unit, better="higher", margin=5)
            for name, unit in UNITS.items()
        ),
    )
