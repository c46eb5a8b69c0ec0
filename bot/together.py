"""The same asked of several targets at once: what each said, or why it would not."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from agent.wire.errors import Refusal

T = TypeVar("T")

MOST = 20
"""Asked at the same time; the others wait for their turn."""


async def each(
    names: Sequence[str], ask: Callable[[str], Awaitable[T]]
) -> tuple[Mapping[str, T], Mapping[str, Refusal]]:
    """What *ask* returned, by name, and whom it refused; both in the order of *names*."""
    turn = asyncio.Semaphore(MOST)

    async def one(name: str) -> T | Refusal:
        async with turn:
            try:
                return await ask(name)
            except Refusal as refusal:
                return refusal

    async with asyncio.TaskGroup() as group:
        tasks = {name: group.create_task(one(name)) for name in names}
    said = {name: task.result() for name, task in tasks.items()}
    return (
        {name: value for name, value in said.items() if not isinstance(value, Refusal)},
        {name: value for name, value in said.items() if isinstance(value, Refusal)},
    )
