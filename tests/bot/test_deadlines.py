"""What waits for too long is stranded, then lost; silence that we could not hear is nobody's."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from agent.wire.journal import encode
from agent.wire.query import Meeting, Standing
from agent.wire.vocabulary import Held, Verdict
from bot.config import Patience
from bot.jobs import Phase
from bot.store import jobs
from tests.bot.lab_on_disk import BOB, Bot, held, standing
from tests.virtual_time import VirtualLoop, settled

Loop = VirtualLoop
J = "p0q4c1xw8e2z"
HOUR, DAY = 3600.0, 86400.0
ACCEPTED = encode("accepted", 1.7e9, journal=J)
BEGIN = encode("begin", 1.7e9, name="memtest", boot="boot1")
PASS = encode("verdict", 1.7e9, verdict="pass")


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Bot]:
    bot = Bot(tmp_path, patience=Patience(lost=4 * HOUR))
    await bot.start()
    yield bot
    await bot.crash()


async def accepted(bot: Bot, *, begun: bool = False) -> None:
    """Job 1 is bob's, who is there and says so whenever he is asked."""
    size = len(ACCEPTED + BEGIN) if begun else len(ACCEPTED)
    phase = Held.RUNNING if begun else Held.QUEUED

    def answers(_full: str, _meeting: Meeting) -> Standing:
        return standing(held(bot, 1, J, size, phase), clock=bot.clock())

    bot.wire.answers = answers
    bot.appears()
    await bot.submit()
    bot.chunk(1, J, 0, (ACCEPTED + BEGIN)[:size])
    await settled()


async def phase(bot: Bot) -> Phase:
    return (await bot.a_run()).phase


async def test_a_target_that_leaves_strands_its_runs_and_its_return_unstrands(bot: Bot) -> None:
    await accepted(bot)
    bot.leaves()
    await settled()
    assert await phase(bot) is Phase.STRANDED
    assert [run.name for run in await bot.dispatch.stranded()] == ["1@bob"]
    bot.appears(session="s2")
    await settled()
    assert await phase(bot) is Phase.QUEUED
    assert bot.room.heard == []


async def test_what_ran_is_running_again_when_its_target_is_back(bot: Bot) -> None:
    await accepted(bot, begun=True)
    bot.leaves()
    await settled()
    bot.accepts(1, J)  # a server has kept it all the time
    await settled()
    assert await phase(bot) is Phase.RUNNING


async def test_an_offer_is_not_stranded_it_waits_for_its_target(bot: Bot) -> None:
    bot.appears()
    await bot.submit()
    bot.leaves()
    await settled(HOUR)
    assert await phase(bot) is Phase.OFFERED


async def test_a_target_that_is_there_and_says_nothing_is_silent_too(bot: Bot) -> None:
    await accepted(bot)
    bot.wire.answers = None
    await settled(bot.patience.silence)
    assert await phase(bot) is Phase.QUEUED
    await settled(2 * bot.patience.sync)
    assert await phase(bot) is Phase.STRANDED


async def test_a_run_whose_target_answers_waits_without_end(bot: Bot) -> None:
    await accepted(bot)
    await settled(2 * bot.patience.lost)
    assert await phase(bot) is Phase.QUEUED


async def test_past_its_deadline_it_is_lost_and_a_late_journal_is_told_once(bot: Bot) -> None:
    await accepted(bot, begun=True)
    bot.leaves()
    await settled(bot.patience.lost - 2 * bot.patience.sync)
    assert await phase(bot) is Phase.STRANDED
    await settled(4 * bot.patience.sync)
    run = await bot.a_run()
    assert (run.verdict, run.final) == (Verdict.LOST, False)
    assert run.reason == "no word from bob for 4 h"
    assert len(bot.room.heard) == 1
    bot.chunk(1, J, len(ACCEPTED + BEGIN), PASS)
    bot.chunk(1, J, len(ACCEPTED + BEGIN), PASS)
    await settled(HOUR)
    assert (await bot.a_run()).verdict is Verdict.PASS
    assert len(bot.room.heard) == 2
    assert "was reported lost; its journal is here: pass" in bot.room.heard[1]


async def test_a_journal_that_cannot_be_read_there_is_not_waited_for_without_end(bot: Bot) -> None:
    await accepted(bot, begun=True)
    bot.wire.answers = lambda _full, _meeting: standing(held(bot, 1, J, 999, Held.DONE))
    await settled(HOUR)
    assert await phase(bot) is Phase.STRANDED
    await settled(bot.patience.lost)
    assert (await bot.a_run()).verdict is Verdict.LOST


async def test_a_long_journal_on_its_way_is_a_word(bot: Bot) -> None:
    await accepted(bot)
    bot.wire.answers = lambda _full, _meeting: standing(held(bot, 1, J, 10**9, Held.DONE))
    data, out = ACCEPTED, encode("out", 1.7e9, bytes(100))
    for _ in range(30):
        bot.chunk(1, J, len(data), out)
        data += out
        await settled(bot.patience.silence / 2)
        assert await phase(bot) is Phase.QUEUED


# Only time in which we listen counts


async def test_deadlines_outlive_the_bot(bot: Bot) -> None:
    await accepted(bot)
    bot.leaves()
    await settled(bot.patience.lost / 2)
    await bot.crash()
    await bot.start()
    await settled(bot.patience.lost / 2 - HOUR)
    assert await phase(bot) is Phase.STRANDED
    await settled(HOUR + 5 * bot.patience.sync)
    assert (await bot.a_run()).verdict is Verdict.LOST


async def test_while_the_bot_was_down_nobody_was_silent(bot: Bot) -> None:
    await accepted(bot)
    await bot.crash()
    await settled(3 * DAY)
    await bot.start()
    await settled(bot.patience.silence - bot.patience.sync)
    assert await phase(bot) is Phase.QUEUED
    await settled(4 * bot.patience.sync)
    assert await phase(bot) is Phase.STRANDED
    await settled(bot.patience.lost / 2)
    assert await phase(bot) is Phase.STRANDED


async def test_while_the_bot_was_out_of_its_room_nobody_was_silent(bot: Bot) -> None:
    await accepted(bot)
    bot.fleet.nobody(bot.clock())
    await settled(3 * DAY)
    assert await phase(bot) is Phase.QUEUED
    bot.fleet.listening = True
    await settled(bot.patience.silence - bot.patience.sync)
    assert await phase(bot) is Phase.QUEUED


async def test_a_clock_that_is_set_makes_nobody_silent(bot: Bot) -> None:
    await accepted(bot)
    bot.leaves()
    await settled(bot.patience.lost / 2)
    for days in (400, -800, 1):
        bot.skew += timedelta(days=days)
        await settled(HOUR / 3)
        assert await phase(bot) is Phase.STRANDED
    await settled(bot.patience.lost / 2 - HOUR - 10 * bot.patience.sync)
    assert await phase(bot) is Phase.STRANDED
    await settled(20 * bot.patience.sync)
    assert (await bot.a_run()).verdict is Verdict.LOST


async def test_a_word_from_between_the_jump_and_the_look_is_not_of_the_future(bot: Bot) -> None:
    await accepted(bot)
    await settled(1.5 * bot.patience.sync)
    bot.wire.answers = None
    bot.skew += timedelta(days=30)
    bot.accepts(1, J)
    await settled(bot.patience.sync)
    run = await bot.a_run()
    assert run.heard is not None
    assert run.heard <= bot.clock()


async def test_a_target_that_is_back_in_that_moment_is_not_stranded(bot: Bot) -> None:
    await accepted(bot)
    bot.leaves()
    bot.appears(session="s2")
    await settled()
    assert await phase(bot) is Phase.QUEUED


async def test_every_open_run_of_a_database_has_heard_a_word(bot: Bot) -> None:
    await accepted(bot)
    for run in await bot.store.do(lambda db: jobs.open_runs(db, BOB)):
        assert run.phase is Phase.OFFERED or run.heard is not None
