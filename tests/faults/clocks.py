"""Clocks that are a day apart, by libfaketime: the process's wall clock, not its monotonic one."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.faults.stage import Service, Stage
from tests.faults.trial import order
from tests.faults.truth import Outcome

START = 20.0
"""`patience.start` of these rows, in seconds: a busy machine takes a while to start an agent."""


def library() -> Path | None:
    """libfaketime, as Debian's package has it."""
    return next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)


def possible() -> str:
    """Why no clock can be set wrong here."""
    return "" if library() else "faketime is not installed"


def certify(folder: Path) -> None:
    """The certificates of the server in *folder*, valid for days: for who lives in the past."""
    program = (
        "import pathlib, sys; from bot.demo.certificates import make_certificates; "
        "make_certificates(pathlib.Path(sys.argv[1]))"
    )
    subprocess.run(
        [sys.executable, "-c", program, str(folder / "certificates")],
        env=os.environ | _wrong("-3d"),
        check=True,
    )


def _wrong(by: str) -> dict[str, str]:
    """What makes a process's clock wrong *by* that much."""
    return {
        "LD_PRELOAD": str(library()),
        "FAKETIME": by,
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }


def target(by: str) -> Callable[[Stage], Awaitable[Outcome]]:
    """The target's clock is wrong *by* so much."""

    async def trial(stage: Stage) -> Outcome:
        return await _apart(stage, stage.agent, by)

    return trial


def bot(by: str) -> Callable[[Stage], Awaitable[Outcome]]:
    """The bot's clock is wrong *by* so much."""

    async def trial(stage: Stage) -> Outcome:
        return await _apart(stage, stage.bot, by)

    return trial


async def _apart(stage: Stage, service: Service, by: str) -> Outcome:
    """
    An order that a server keeps back starts if its time is not over, and never afterwards.

    What is long over is what would start if the clocks were believed; what is not is what
    would not.
    """
    if not service.environment:
        service.environment = _wrong(by)
        service.kill()
        await stage.settled()
    late = stage.random.random() < 0.5
    await stage.agent.down()
    trial = await order(stage, size=20_000, seconds=0.2)
    if late:
        await asyncio.sleep(START + 2)
    stage.agent.up()
    if late:
        return await trial.outcome("refused|lost", executions=0)  # lost: nobody was told in time
    return await trial.outcome()
