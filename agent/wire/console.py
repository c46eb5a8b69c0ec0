"""How both command lines start and end."""

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from agent.wire.errors import Refusal


def run(name: str, app: Callable[[], object]) -> None:
    """Run *app*; what it refuses goes to stderr in its own words, with exit status 2."""
    try:
        app()
    except Refusal as refusal:
        _give_up(name, refusal)
    except BaseExceptionGroup as group:
        refusals, others = group.split(Refusal)
        if others is not None or refusals is None:
            raise
        _give_up(name, refusals.exceptions[0])


def _give_up(name: str, reason: BaseException) -> None:
    sys.stderr.write(f"{name}: {reason}\n")
    sys.exit(2)


T = TypeVar("T")


def run_until_told(work: Coroutine[Any, Any, T]) -> T | None:
    """Run *work*; at SIGTERM or SIGINT let it end properly, and return None."""

    async def guarded() -> T | None:
        task = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, task.cancel)
        try:
            return await task
        except asyncio.CancelledError:
            if not task.cancelled():
                raise
            return None

    return asyncio.run(guarded())
