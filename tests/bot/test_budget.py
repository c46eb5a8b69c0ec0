"""How much is under way at once."""

import asyncio

from bot.xmpp.budget import Budget
from tests.virtual_time import settled, virtual


@virtual
async def test_no_more_is_under_way_than_may_be_and_who_comes_first_goes_first() -> None:
    budget, gone, gates = Budget(10), [], [asyncio.Event() for _ in range(5)]

    async def say(number: int, size: int) -> None:
        async with budget.spend(size):
            gone.append(number)
            await gates[number].wait()

    tasks = [asyncio.ensure_future(say(n, size)) for n, size in enumerate((6, 3, 8, 1, 50))]
    await settled()
    assert gone == [0, 1]  # the small one does not overtake
    gates[0].set()
    await settled()
    assert gone == [0, 1]  # 3 are under way, and 8 do not fit
    gates[1].set()
    await settled()
    assert gone == [0, 1, 2, 3]
    tasks[2].cancel()
    gates[3].set()
    await settled()
    assert gone == [0, 1, 2, 3, 4]  # what is larger than all goes alone
    gates[4].set()
    await asyncio.gather(*tasks, return_exceptions=True)


@virtual
async def test_who_gives_up_waiting_does_not_keep_the_others_waiting() -> None:
    budget, gone = Budget(10), asyncio.Event()

    async def second() -> None:
        async with budget.spend(10):
            gone.set()

    async with budget.spend(10):
        first = asyncio.ensure_future(second())
        other = asyncio.ensure_future(second())
        await settled()
        first.cancel()
        await settled()
        assert not gone.is_set()
    await other
    assert gone.is_set()
