"""What the room is told unasked: once if all goes well, twice if we die, never not at all."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import event

from agent.wire.vocabulary import Verdict
from bot.digest import given_up
from bot.herald import AGAIN, RETRY
from bot.jobs import Phase, Run
from bot.occupant import Channel
from bot.reply import Reply
from bot.store import jobs
from tests.bot.lab_on_disk import ALICE, BOB, Bot
from tests.virtual_time import VirtualLoop, settled

Loop = VirtualLoop


async def ends(bot: Bot, number: int, verdict: Verdict, jid: str = BOB) -> Run:
    run = await bot.a_run(number, jid)
    if run.phase is Phase.DONE:
        done = replace(run, verdict=verdict, final=True)
    else:
        done = given_up(run, verdict, "", datetime.now(UTC))
    await bot.store.do(lambda db: jobs.save_run(db, done))
    return done


async def tell(bot: Bot, number: int, verdict: Verdict, jid: str = BOB) -> None:
    before = (await bot.a_run(number, jid)).verdict
    run = await ends(bot, number, verdict, jid)
    if before is None:
        bot.herald.ended(run)
    else:
        bot.herald.revised(run, before)
    await settled()


async def test_a_job_is_told_when_its_last_run_has_ended(bot: Bot) -> None:
    await bot.submit(on=("bob", "alice"))
    await tell(bot, 1, Verdict.PASS, BOB)
    assert bot.room.heard == []
    await tell(bot, 1, Verdict.FAIL, ALICE)
    assert len(bot.room.heard) == 1
    assert bot.room.heard[0].startswith("ann: job 1 fail")
    bot.herald.ended(await bot.a_run())
    await bot.herald.catch_up()
    await settled()
    assert len(bot.room.heard) == 1


@pytest.mark.parametrize("channel", [Channel.WHISPER, Channel.DIRECT])
async def test_what_was_asked_in_private_is_told_in_private(bot: Bot, channel: Channel) -> None:
    await bot.submit(channel=channel)
    await tell(bot, 1, Verdict.LOST)
    await tell(bot, 1, Verdict.PASS)
    assert bot.room.heard == []
    told = [(jid, direct) for jid, _, direct in bot.room.told]
    assert told == [("ann@lab.example", channel is Channel.DIRECT)] * 2


async def test_nothing_is_forgotten_while_the_room_is_away(bot: Bot) -> None:
    bot.room.open = False
    await bot.submit(1)
    await bot.submit(2)
    await tell(bot, 1, Verdict.PASS)
    await tell(bot, 2, Verdict.FAIL)
    bot.herald.news(Reply("bob is back"))
    await settled(100 * RETRY)
    bot.room.open = True
    await bot.herald.catch_up()  # as the client does when it is back
    await settled(2 * RETRY)
    assert [text.split(":")[-1] != "" and text[:16] for text in bot.room.heard] == [
        "ann: job 1 pass:", "ann: job 2 fail:", "bob is back",
    ]  # fmt: skip


async def test_a_bot_that_dies_before_it_spoke_speaks_later(bot: Bot) -> None:
    await bot.submit()
    await ends(bot, 1, Verdict.PASS)
    await bot.crash()
    await bot.start()
    await settled()
    assert len(bot.room.heard) == 1
    await bot.crash()
    await bot.start()
    await settled()
    assert len(bot.room.heard) == 1


async def test_a_revision_survives_a_crash(bot: Bot) -> None:
    await bot.submit()
    await tell(bot, 1, Verdict.LOST)
    await ends(bot, 1, Verdict.PASS)
    await bot.crash()  # before the herald heard of it
    await bot.start()
    await settled()
    assert len(bot.room.heard) == 2
    assert "was reported lost; its journal is here: pass" in bot.room.heard[1]
    await bot.herald.catch_up()
    await settled()
    assert len(bot.room.heard) == 2


async def test_what_was_never_told_needs_no_correction(bot: Bot) -> None:
    await bot.submit(on=("bob", "alice"))
    await tell(bot, 1, Verdict.LOST, BOB)
    await tell(bot, 1, Verdict.PASS, BOB)
    assert bot.room.heard == []
    assert not bot.herald._failed
    await tell(bot, 1, Verdict.PASS, ALICE)
    assert len(bot.room.heard) == 1
    assert "lost" not in bot.room.heard[0]


async def test_what_the_room_cannot_take_does_not_keep_back_the_rest(bot: Bot) -> None:
    bot.room.broken = lambda reply: "job 1" in reply.text
    await bot.submit(1)
    await bot.submit(2)
    await tell(bot, 1, Verdict.PASS)
    await tell(bot, 2, Verdict.PASS)
    assert [text[:10] for text in bot.room.heard] == ["ann: job 2"]
    bot.room.broken = lambda _: False
    await settled(2 * AGAIN)
    assert [text[:10] for text in bot.room.heard] == ["ann: job 2", "ann: job 1"]


async def test_a_disk_that_does_not_take_the_mark_does_not_make_us_repeat_ourselves(
    bot: Bot,
) -> None:
    await bot.submit()
    run = await ends(bot, 1, Verdict.LOST)

    def refuse(*args: Any) -> None:
        if "UPDATE job" in args[2]:
            raise OSError("no space left on device")

    event.listen(bot.store._engine, "before_cursor_execute", refuse)
    bot.herald.ended(run)
    await settled(5 * AGAIN)
    assert len(bot.room.heard) == 1
    await ends(bot, 1, Verdict.PASS)  # and meanwhile it turned out otherwise
    event.remove(bot.store._engine, "before_cursor_execute", refuse)
    await settled(3 * AGAIN)
    assert (await bot.job()).told
    assert len(bot.room.heard) == 2
    assert "its journal is here: pass" in bot.room.heard[1]
