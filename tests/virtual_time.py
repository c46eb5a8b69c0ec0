"""
An event loop whose clock jumps: nobody waits, and an hour is over in a moment.

The clock stands still while anything can be done, and while a thread works for us; then it
jumps to the next timer. ``asyncio.sleep(1)`` so means: when all that can happen has happened.
"""

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec

P = ParamSpec("P")

BEGAN = 1000.0
"""What the clock of a new loop shows."""


class _Selector(selectors.EpollSelector):
    def __init__(self, loop: "VirtualLoop") -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or self._loop.threads:
            return super().select(0 if timeout == 0 else None)
        events = super().select(0)
        if not events:
            self._loop.now += timeout
        return events


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.now = BEGAN
        self.threads = 0  # that will call us back
        super().__init__(_Selector(self))

    def time(self) -> float:
        return self.now

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        self.threads += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(lambda _: self._came_back())
        return future

    @contextmanager
    def thread(self) -> Iterator[None]:
        """The clock stands still meanwhile: another thread works for us."""
        self.threads += 1
        try:
            yield
        finally:
            self.threads -= 1

    def _came_back(self) -> None:
        self.threads -= 1


async def settled(seconds: float = 1.0) -> None:
    """All that can happen within *seconds* has happened."""
    await asyncio.sleep(seconds)


def virtual(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run *test* in virtual time, whatever pytest would have given it."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(test(*args, **kwargs))

    return run
