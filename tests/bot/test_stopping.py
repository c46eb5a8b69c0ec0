"""A stop is for good: said again until it has come to pass, whoever lost it on the way."""

import asyncio

from agent.wire.vocabulary import Verdict
from bot.jobs import Phase
from tests.bot.lab_on_disk import BOB, Bot, held, standing
from tests.virtual_time import VirtualLoop, settled

Loop = VirtualLoop
J = "p0q4c1xw8e2z"


async def test_a_stop_for_an_absent_target_ends_what_never_reached_it(bot: Bot) -> None:
    job = await bot.submit()
    (run,) = await bot.dispatch.stop(job, "ann")
    await settled()
    assert run.verdict is Verdict.ABORTED
    assert bot.wire.cancels == [(BOB, bot.run_id(1), "ann")]
    assert len(bot.room.heard) == 1
    assert await bot.dispatch.stop(job, "ann") == []


async def test_a_stop_is_said_again_until_it_has_come_to_pass(bot: Bot) -> None:
    bot.wire.answers = lambda _full, _meeting: standing(held(bot, 1, J, 500))
    bot.appears()
    job = await bot.submit()
    bot.accepts(1, J)
    await settled()
    await bot.dispatch.stop(job, "ann")
    await bot.dispatch.stop(job, "max")
    assert (await bot.a_run()).stop == "ann"  # the first to ask, as on the target
    await bot.crash()
    bot.wire.cancels.clear()
    await bot.start()
    bot.appears()
    await settled(2 * bot.patience.sync)
    assert len(bot.wire.cancels) >= 2
    assert set(bot.wire.cancels) == {(BOB, bot.run_id(1), "ann")}
    assert (await bot.a_run()).phase is Phase.QUEUED


async def test_a_stop_of_what_the_target_never_got_reaches_it_first(bot: Bot) -> None:
    bot.wire.answers = lambda _full, _meeting: standing()
    bot.appears()
    job = await bot.submit()
    await bot.dispatch.stop(job, "ann")
    bot.wire.cancels.clear()
    bot.wire.offers.clear()
    await settled(bot.patience.offer + 1)
    run = await bot.a_run()
    assert (run.verdict, run.reason) == (Verdict.ABORTED, "stopped by ann before it began")
    assert bot.wire.offers == []
    assert bot.wire.cancels == [(BOB, bot.run_id(1), "ann")]


async def test_a_target_that_works_on_what_was_stopped_is_told_again(bot: Bot) -> None:
    job = await bot.submit()
    await bot.dispatch.stop(job, "ann")  # the server keeps the order, and loses the cancel
    bot.wire.cancels.clear()
    bot.wire.answers = lambda _full, _meeting: standing(held(bot, 1, J, 500))
    bot.appears()
    await settled()
    assert bot.wire.cancels == [(BOB, bot.run_id(1), "ann")]
    assert (await bot.a_run()).verdict is Verdict.ABORTED


async def test_a_stop_does_not_end_what_came_back_in_that_moment(bot: Bot) -> None:
    job = await bot.submit()
    bot.accepts(1, J)
    stopping = asyncio.ensure_future(bot.dispatch.stop(job, "ann"))  # bob is away
    await settled()
    (run,) = await stopping
    assert run.phase is Phase.QUEUED
    assert run.stop == "ann"
