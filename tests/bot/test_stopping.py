"""A stop is for good: said again until it has come to pass, whoever lost it on the way."""

import asyncio

from agent.wire.journal import encode
from agent.wire.vocabulary import Held, Verdict
from bot.jobs import Phase
from tests.bot.lab_on_disk import BOB, Bot, held, standing
from tests.virtual_time import VirtualLoop, settled

Loop = VirtualLoop
J = "p0q4c1xw8e2z"
ACCEPTED = encode("accepted", 1.7e9, journal=J)
ABORTED = encode("verdict", 1.7e9, verdict="aborted", reason="stopped by ann")


async def test_a_stop_for_an_absent_target_ends_what_never_reached_it(bot: Bot) -> None:
    job = await bot.submit()
    (run,) = await bot.dispatch.stop(job, "ann")
    await settled()
    assert run.verdict is Verdict.ABORTED
    assert bot.wire.cancels == [(BOB, bot.run_id(1), "ann")]
    assert len(bot.room.heard) == 1
    assert await bot.dispatch.stop(job, "ann") == []


async def test_a_stop_on_one_target_leaves_the_others_alone(bot: Bot) -> None:
    job = await bot.submit(on=("bob", "alice"))
    (run,) = await bot.dispatch.stop(job, "ann", on=["alice"])
    assert (run.target, run.verdict) == ("alice", Verdict.ABORTED)
    verdicts = {each.target: each.verdict for each in (await bot.dispatch.get(1)).runs}
    assert verdicts == {"alice": Verdict.ABORTED, "bob": None}


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


async def stranded(bot: Bot) -> None:
    """Job 1 was bob's, who is gone."""
    bot.wire.answers = lambda _full, _meeting: standing(held(bot, 1, J, len(ACCEPTED)))
    bot.appears()
    await bot.submit()
    bot.chunk(1, J, 0, ACCEPTED)
    await settled()
    bot.leaves()
    await settled()
    assert (await bot.a_run()).phase is Phase.STRANDED


async def test_a_stranded_run_is_stopped_when_its_target_is_back(bot: Bot) -> None:
    await stranded(bot)
    (run,) = await bot.dispatch.stop(await bot.job(), "ann")
    assert (run.phase, run.stop) == (Phase.STRANDED, "ann")  # nobody knows yet
    bot.wire.cancels.clear()
    bot.appears(session="s2")
    await settled()
    assert bot.wire.cancels == [(BOB, bot.run_id(1), "ann")]
    bot.chunk(1, J, len(ACCEPTED), ABORTED)
    await settled()
    assert (await bot.a_run()).verdict is Verdict.ABORTED
    assert len(bot.room.heard) == 1


async def test_a_stranded_run_that_was_stopped_is_lost_in_the_end_and_says_both(bot: Bot) -> None:
    await stranded(bot)
    await bot.dispatch.stop(await bot.job(), "ann")
    await settled(bot.patience.lost + 5 * bot.patience.sync)
    run = await bot.a_run()
    assert run.verdict is Verdict.LOST
    assert run.reason == "no word from bob for 1 d, after ann had stopped it"


async def test_a_lost_run_that_comes_back_can_be_stopped(bot: Bot) -> None:
    await stranded(bot)
    await settled(bot.patience.lost + 5 * bot.patience.sync)
    assert (await bot.a_run()).missing
    bot.appears(session="s2")
    await settled()
    assert bot.wire.cancels == []  # it goes on, and nobody minds
    (run,) = await bot.dispatch.stop(await bot.job(), "ann")
    assert (run.verdict, run.stop) == (Verdict.LOST, "ann")
    assert bot.wire.cancels == [(BOB, bot.run_id(1), "ann")]
    bot.wire.cancels.clear()  # the server has lost it, and another
    await settled(2 * bot.patience.sync + 2 * bot.patience.offer)
    assert len(bot.wire.cancels) == 3
    bot.chunk(1, J, len(ACCEPTED), ABORTED)
    await settled()
    assert (await bot.a_run()).final
    assert len(bot.room.heard) == 2
    assert "was reported lost; its journal is here: aborted" in bot.room.heard[1]
    bot.wire.answers = lambda _full, _meeting: standing()
    await settled(2 * bot.patience.sync)
    bot.wire.cancels.clear()
    bot.wire.meetings.clear()
    await settled(5 * bot.patience.sync)
    assert (bot.wire.cancels, bot.wire.meetings) == ([], [])
    assert await bot.dispatch.stop(await bot.job(), "ann") == []


async def test_a_lost_run_that_was_stopped_while_away_is_stopped_when_it_is_back(bot: Bot) -> None:
    await stranded(bot)
    await settled(bot.patience.lost + 5 * bot.patience.sync)
    await bot.dispatch.stop(await bot.job(), "ann")
    await bot.crash()
    bot.wire.cancels.clear()
    await bot.start()
    bot.appears(session="s2")
    await settled()
    assert bot.wire.cancels == [(BOB, bot.run_id(1), "ann")]


async def test_what_is_over_there_needs_no_stop(bot: Bot) -> None:
    await stranded(bot)
    await settled(bot.patience.lost + 5 * bot.patience.sync)
    await bot.dispatch.stop(await bot.job(), "ann")
    bot.wire.cancels.clear()
    bot.wire.answers = lambda _full, _meeting: standing(held(bot, 1, J, 999, Held.DONE))
    bot.appears(session="s2")
    await settled()
    assert bot.wire.cancels == []
