"""When a target says anew how it is: what is left grows less, and a room is not flooded."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

from agent.estimate import left
from agent.presence import PROGRESS_EVERY, Appearance, Work, appear
from agent.showing import LOOK, Showing
from agent.wire.target import TargetState
from agent.wire.vocabulary import RunId
from tests.virtual_time import BEGAN, settled, virtual

US = TargetState(name="bob", boot="b1")


class Target:
    """What is known of a target, and what it has said of that, with the seconds at which."""

    def __init__(self, **step: Any) -> None:
        self.steps = [{"name": "memtest", "takes": 0, **step}]
        self.fraction: float | None = None
        self.lasted = 0.0
        self.idle = False
        self.said: list[tuple[float, str]] = []
        self.showing = Showing(self.appearance, self.say)

    @property
    def gone(self) -> float:
        return asyncio.get_running_loop().time() - BEGAN

    def appearance(self) -> Appearance:
        remains = left(self.steps, 0, self.fraction, self.lasted, self.gone)
        work = Work(
            controller="labbot@lab.example", run=RunId("k3x9q2ab", 17), step="memtest",
            fraction=self.fraction, left=remains,
        )  # fmt: skip
        return appear(US, None if self.idle else work, 0, rebooting=False)

    def say(self) -> None:
        assert self.showing.shown is not None
        self.said.append((self.gone, self.showing.shown.status))

    def moves(self, fraction: float) -> None:
        self.fraction, self.lasted = fraction, self.gone
        self.showing.changed()

    @asynccontextmanager
    async def there(self) -> AsyncIterator[None]:
        self.showing.now()
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.showing.run())
            yield
            task.cancel()


@virtual
async def test_what_is_left_grows_less_where_nothing_happens() -> None:
    target = Target(usual=300)
    async with target.there():
        await settled(299)
        told = [status for _, status in target.said]
        assert told[:4] == [
            "memtest, about 5 min left", "memtest, about 4 min left", "memtest, about 3 min left",
            "memtest, about 2 min left",
        ]  # fmt: skip
        assert told[4:] == [f"memtest, about {seconds} s left" for seconds in (90, 70, 50, 20)]
        times = [at for at, _ in target.said]
        assert all(later - one >= LOOK for one, later in pairwise(times))  # no flood for it
        await settled(100)
    assert [status for _, status in target.said[len(told) :]] == ["memtest"]  # nobody knows


@virtual
async def test_what_does_not_change_is_not_said_again() -> None:
    target = Target()
    async with target.there():
        await settled(3600)
        target.showing.changed()
        await settled(3600)
    assert target.said == [(0, "memtest")]


@virtual
async def test_progress_is_said_now_and_then_and_the_last_of_it_always() -> None:
    target = Target()
    async with target.there():
        for percent in range(1, 101):
            target.moves(percent / 100)
            await settled(0.3)
        await settled(PROGRESS_EVERY)
    assert 30 / PROGRESS_EVERY <= len(target.said) <= 30 / PROGRESS_EVERY + 2
    assert target.said[-1][1] == "memtest 100 %"


@virtual
async def test_what_is_no_progress_waits_for_none() -> None:
    target = Target()
    async with target.there():
        target.moves(0.5)
        await settled(1)
        target.idle = True
        target.showing.changed()
        await settled(0)
        assert target.said == [(0, "memtest"), (1, "idle")]
        await settled(60)
    assert len(target.said) == 2
