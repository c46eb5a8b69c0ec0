"""Clocks that are a day apart, by libfaketime: the process's wall clock, not its monotonic one."""

import asyncio
from pathlib import Path

from tests.faults.stage import Service, Stage
from tests.faults.trial import order
from tests.faults.truth import Outcome

START = 6.0
"""`patience.start` of these rows, in seconds."""


def library() -> Path | None:
    """libfaketime, as Debian's package has it."""
    return next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)


def possible() -> str:
    """Why no clock can be set wrong here."""
    return "" if library() else "faketime is not installed"


def ahead(service: Service) -> None:
    """
    The clock of *service* is a day ahead from its next start on.

    Never behind: the server's certificate would not be valid yet.
    """
    service.environment = {
        "LD_PRELOAD": str(library()),
        "FAKETIME": "+1d",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }


async def target_ahead(stage: Stage) -> Outcome:
    """The target's clock is a day ahead of the bot's."""
    return await _apart(stage, stage.agent)


async def bot_ahead(stage: Stage) -> Outcome:
    """The bot's clock is a day ahead of the target's."""
    return await _apart(stage, stage.bot)


async def _apart(stage: Stage, service: Service) -> Outcome:
    """
    An order that a server keeps back starts if its time is not over, and never afterwards.

    What is long over is what would start if the clocks were believed; what is not is what
    would not.
    """
    if not service.environment:
        ahead(service)
        service.kill()
        await stage.settled()
    late = stage.random.random() < 0.5
    await stage.agent.down()
    trial = await order(stage, size=20_000, seconds=0.2)
    if late:
        await asyncio.sleep(START + 2)
    stage.agent.up()
    if late:
        return await trial.outcome("refused", executions=0)
    return await trial.outcome()
