"""A right that was withdrawn while a run waited: it starts no more, and the room hears why."""

from functools import partial

from agent.wire.journal import encode
from agent.wire.vocabulary import Held, Verdict
from bot import settlement
from bot.jobs import Phase
from bot.occupant import Affiliation
from bot.policy import Rights
from bot.warrant import Warrant
from tests.bot.lab_on_disk import BOB, Bot, held, standing
from tests.virtual_time import VirtualLoop, settled

Loop = VirtualLoop
J = "p0q4c1xw8e2z"


async def test_nothing_is_sent_to_who_is_away(bot: Bot) -> None:
    await bot.submit()
    await settled(2 * bot.patience.sync)
    assert bot.wire.offers == []
    bot.wire.answers = lambda _full, _meeting: standing()
    bot.appears()
    await settled()
    assert [jid for jid, _ in bot.wire.offers] == [BOB]


async def test_a_run_that_waited_for_its_target_is_refused_when_it_is_back(bot: Bot) -> None:
    await bot.submit()
    bot.withdrawn.add("ann")
    bot.wire.answers = lambda _full, _meeting: standing()
    bot.appears()
    await settled()
    assert bot.wire.offers == []
    run = await bot.a_run()
    assert (run.phase, run.verdict, run.reason) == (
        Phase.DONE,
        Verdict.REFUSED,
        "ann may no longer",
    )
    (said,) = bot.room.heard
    assert said.startswith("ann: job 1 refused: memtest size=16M on bob")
    assert "ann may no longer" in said


async def test_it_is_refused_after_a_restart_of_the_bot_too(bot: Bot) -> None:
    await bot.submit()
    await bot.crash()
    bot.withdrawn.add("ann")  # the settings are others now
    await bot.start()
    bot.wire.answers = lambda _full, _meeting: standing()
    bot.appears()
    await settled()
    assert bot.wire.offers == []
    assert (await bot.a_run()).verdict is Verdict.REFUSED


async def test_while_the_room_does_not_say_nothing_starts_and_nothing_ends(bot: Bot) -> None:
    await bot.submit()
    bot.room_is_silent = True
    bot.wire.answers = lambda _full, _meeting: standing()
    bot.appears()
    await settled()
    assert bot.wire.offers == []
    assert (await bot.a_run()).phase is Phase.OFFERED
    bot.room_is_silent = False
    await settled(bot.patience.sync + 1)
    assert len(bot.wire.offers) == 1


async def test_a_run_that_waits_on_its_target_is_stopped(bot: Bot) -> None:
    bot.wire.answers = lambda _full, _meeting: standing(held(bot, 1, J, 60, Held.QUEUED))
    bot.appears()
    await bot.submit()
    bot.accepts(1, J)
    await settled(bot.patience.offer + 1)
    assert (await bot.a_run()).phase is Phase.QUEUED
    bot.withdrawn.add("ann")
    bot.dispatch.rights_changed()
    await settled()
    assert bot.wire.cancels == [(BOB, bot.run_id(1), "the bot, as ann may no longer run it")]


async def test_what_has_begun_goes_on(bot: Bot) -> None:
    bot.wire.answers = lambda _full, _meeting: standing(held(bot, 1, J, 200))
    bot.appears()
    await bot.submit()
    bot.chunk(1, J, 0, encode("accepted", 1.7e9, journal=J) + encode("begin", 1.7e9, step=0))
    await settled()
    assert (await bot.a_run()).phase is Phase.RUNNING
    bot.withdrawn.add("ann")
    bot.dispatch.rights_changed()
    await settled(2 * bot.patience.sync)
    assert bot.wire.cancels == []
    assert (await bot.a_run()).phase is Phase.RUNNING


async def test_what_began_while_the_room_was_asked_goes_on(bot: Bot) -> None:
    bot.appears()
    job = await bot.submit()
    bot.chunk(1, J, 0, encode("accepted", 1.7e9, journal=J) + encode("begin", 1.7e9, step=0))
    await settled()
    late = partial(settlement.withdraw, job=job, jid=BOB, why="x", now=bot.clock())
    assert await bot.store.do(late) == await bot.a_run()
    assert (await bot.a_run()).stop == ""


async def test_what_the_target_took_in_that_moment_is_told_to_stop(bot: Bot) -> None:
    await bot.submit()
    bot.withdrawn.add("ann")
    bot.wire.answers = lambda _full, _meeting: standing()
    bot.appears()
    await settled()
    bot.wire.cancels.clear()
    # An order that was under way when the sync was answered arrives after all.
    bot.wire.answers = lambda _full, _meeting: standing(held(bot, 1, J, 60, Held.QUEUED))
    bot.appears(session="s2")
    await settled()
    assert [run for _, run, _ in bot.wire.cancels] == [bot.run_id(1)]


async def test_a_warrant_is_what_the_room_and_the_settings_say_now(bot: Bot) -> None:
    job = await bot.submit()
    now = Affiliation.MEMBER

    async def of_the_room(jid: str) -> Affiliation:
        assert jid == "ann@lab.example"
        return now

    warrant = Warrant(Rights(), bot.fleet, of_the_room)
    assert await warrant.lacks(job, "bob") == ""
    now = Affiliation.NONE
    assert await warrant.lacks(job, "bob") == (
        "ann may no longer run memtest on bob: it needs the right to run"
    )
