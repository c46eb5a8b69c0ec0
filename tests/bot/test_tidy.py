"""What is kept no longer: only what is over and whole, in small pieces, and never to come back."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select

from agent.wire.alone import alone
from agent.wire.delivery import Chunk
from agent.wire.journal import encode
from agent.wire.query import Have, HeldRun, Meeting, Standing
from agent.wire.settings import BadSettings, Credentials
from agent.wire.stanza import JournalId
from agent.wire.vocabulary import Held, RunId, Verdict
from bot.config import Config, Keeping
from bot.jobs import Phase
from bot.store import jobs, measures, schema, tidying
from bot.tidy import EVERY, Tidy, at_once, would
from tests.bot.lab_on_disk import BOB, Bot, held, standing
from tests.virtual_time import VirtualLoop, settled

Loop = VirtualLoop
J = "p0q4c1xw8e2z"
NOW = datetime.now(UTC).timestamp()
START = encode("accepted", NOW, journal=J) + encode("begin", NOW, name="memtest", boot="boot1")
OUT = encode("out", NOW, b"loop 1\n" * 1000)
END = encode("end", NOW, name="memtest", verdict="pass", seconds=1.5)
PASS = encode("verdict", NOW, verdict="pass")
WHOLE = START + OUT + END + PASS
OLD, DAYS = timedelta(days=91), Keeping()
YEARS = timedelta(days=731)


async def ran(bot: Bot, number: int = 1, *, data: bytes = WHOLE) -> None:
    await bot.submit(number)
    bot.accepts(number, J)
    for at in range(0, len(data), 1000):
        bot.chunk(number, J, at, data[at : at + 1000])
    await settled(3)


async def tidied(bot: Bot, keeping: Keeping = DAYS, *, after: timedelta = OLD) -> None:
    await Tidy(bot.store, keeping, now=lambda: bot.clock() + after).once()


async def count(bot: Bot, table: Any) -> int:
    found = await bot.store.do(lambda db: db.scalar(select(func.count()).select_from(table)))
    return found or 0


async def test_old_output_goes_and_all_else_stays(bot: Bot) -> None:
    await ran(bot)
    before = await bot.a_run()
    await tidied(bot, after=timedelta(days=89))
    assert await bot.replica() == WHOLE
    await tidied(bot)
    after = await bot.a_run()
    assert after.dropped == "older than 90 days"
    assert (after.size, after.journal, after.verdict) == (before.size, J, Verdict.PASS)
    assert after.outcomes == before.outcomes
    assert await count(bot, schema.piece) == await count(bot, schema.waste) == 0
    assert len(await bot.store.do(lambda db: measures.of_job(db, 1))) == 1


async def test_of_too_much_the_oldest_goes(bot: Bot) -> None:
    for number in (1, 2, 3):
        await ran(bot, number)
    most = 2 * len(WHOLE)
    await tidied(bot, Keeping(journals_bytes=most), after=timedelta(days=1))
    whys = [(await bot.a_run(number)).dropped for number in (1, 2, 3)]
    assert whys == ["more than 14.3 KiB were kept", "", ""]
    assert [len(await bot.replica(number)) for number in (1, 2, 3)] == [0, len(WHOLE), len(WHOLE)]


async def test_0_is_for_ever(bot: Bot) -> None:
    await ran(bot)
    for_ever = Keeping(journals_days=0, journals_bytes=0, runs_days=0)
    await tidied(bot, for_ever, after=timedelta(days=30_000))
    assert await bot.replica() == WHOLE


async def unfinished(bot: Bot) -> None:
    await ran(bot, data=START + OUT)


async def lost_with_half_a_journal(bot: Bot, number: int = 1) -> None:
    await ran(bot, number, data=START + OUT)
    lost = await bot.a_run(number)
    lost = replace(lost, phase=Phase.DONE, verdict=Verdict.LOST, ended=bot.clock())
    await bot.store.do(lambda db: jobs.save_run(db, lost))
    await bot.store.do(lambda db: jobs.set_told(db, jobs.get_job(db, number)))


@pytest.mark.parametrize("owed", [unfinished, lost_with_half_a_journal])
async def test_what_is_not_over_and_what_a_target_owes_stays(
    bot: Bot, owed: Callable[[Bot], Any]
) -> None:
    await owed(bot)
    await tidied(bot, Keeping(journals_bytes=1), after=YEARS)
    assert await bot.replica() == START + OUT
    bot.chunk(1, J, len(START + OUT), END + PASS)
    await settled()
    assert (await bot.a_run()).verdict is Verdict.PASS


async def test_a_job_whose_end_nobody_has_heard_stays(bot: Bot) -> None:
    bot.room.open = False
    await ran(bot)
    await tidied(bot, after=YEARS)
    assert (await bot.job()).number == 1


async def test_old_jobs_go_and_what_they_measured_stays(bot: Bot) -> None:
    await ran(bot)
    await tidied(bot, Keeping(journals_days=0, journals_bytes=0), after=YEARS)
    with pytest.raises(KeyError):
        await bot.job()
    assert await count(bot, schema.piece) == await count(bot, schema.run) == 0
    assert len(await bot.store.do(lambda db: measures.of_job(db, 1))) == 1
    assert (await bot.submit(2)).number == 2


def still_holds(bot: Bot, at: HeldRun) -> None:
    """Until it hears that it need not."""

    def answers(_full: str, meeting: Meeting) -> Standing:
        rid = Have(at.of, at.size) in meeting.have
        return standing(*[] if rid else [at])

    bot.wire.answers = answers


@pytest.mark.parametrize("after", [OLD, YEARS])
async def test_a_target_that_still_holds_what_was_dropped_hears_that_it_is_here(
    bot: Bot, after: timedelta
) -> None:
    await ran(bot)
    await tidied(bot, after=after)
    still_holds(bot, held(bot, 1, J, len(WHOLE), Held.DONE))
    bot.appears()
    await settled(bot.patience.sync)
    told = Have(JournalId(bot.run_id(1), J), len(WHOLE))
    assert [told in meeting.have for _, meeting in bot.wire.meetings] == [False, True]
    assert await count(bot, schema.piece) == 0
    assert await count(bot, schema.job) == (1 if after == OLD else 0)
    assert len(bot.room.heard) == 1


async def test_what_is_sent_again_is_acknowledged_and_not_stored(bot: Bot) -> None:
    await ran(bot)
    await tidied(bot)
    bot.wire.acks.clear()
    bot.chunk(1, J, 0, WHOLE)
    await settled()
    assert [(ack.offset, ack.gap) for _, ack in bot.wire.acks] == [(len(WHOLE), False)]
    assert await count(bot, schema.piece) == 0
    assert (await bot.a_run()).verdict is Verdict.PASS


async def test_of_a_job_that_is_gone_the_target_that_sends_is_asked_what_it_holds(bot: Bot) -> None:
    await ran(bot)
    await tidied(bot, after=YEARS)
    bot.appears()
    still_holds(bot, held(bot, 1, J, len(WHOLE), Held.DONE))
    await settled(1)
    bot.wire.meetings.clear()
    bot.chunk(1, J, 0, WHOLE)
    await settled(bot.patience.offer + 1)
    assert bot.wire.meetings
    assert await count(bot, schema.run) == 0


async def test_a_run_of_an_earlier_database_is_not_learned_twice(bot: Bot) -> None:
    of = JournalId(RunId("k3x9q2ab", 17), J)
    at = HeldRun(of, len(WHOLE), Held.DONE, "memtest size=16M")
    bot.wire.answers = lambda _full, _meeting: standing(at)
    bot.appears()
    await settled(1)
    bot.carries(of, Chunk(0, WHOLE))
    await settled(10)
    assert (await bot.a_run()).final
    await tidied(bot, after=YEARS)
    assert await count(bot, schema.piece) == 0
    bot.appears(session="s2")
    await settled(10)
    assert await count(bot, schema.job) == 1
    assert (await bot.a_run()).dropped


async def test_a_bot_that_dies_in_the_middle_goes_on_where_it_was(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tidying, "PIECES", 5)
    many = START + OUT * 200 + END + PASS
    await ran(bot, data=many)
    now = bot.clock() + OLD
    await bot.store.do(lambda db: tidying.drop_outputs(db, keeping=DAYS, now=now))
    before = await count(bot, schema.piece)
    assert await bot.store.do(tidying.sweep) == tidying.PIECES < before
    await bot.crash()
    await bot.start()
    assert (await bot.a_run()).dropped
    await tidied(bot)
    assert await count(bot, schema.piece) == 0


async def test_what_was_freed_is_used_again(bot: Bot) -> None:
    many = START + OUT * 200 + END + PASS
    await ran(bot, data=many)
    pages = "PRAGMA page_count"
    size = await bot.store.do(lambda db: db.exec_driver_sql(pages).scalar_one())
    await tidied(bot)
    await ran(bot, 2, data=many)
    again = await bot.store.do(lambda db: db.exec_driver_sql(pages).scalar_one())
    assert again <= size * 1.1


async def test_a_dry_run_says_what_goes_and_changes_nothing(bot: Bot) -> None:
    assert would(bot.url, DAYS, bot.clock()) == "nothing is due to go\n"
    for number in (1, 2):
        await ran(bot, number)
    said = would(bot.url, DAYS, bot.clock() + OLD)
    assert said == "output of 2 runs, 14.3 KiB: older than 90 days; jobs 1 to 2\n"
    assert "2 jobs: older than 730 days; jobs 1 to 2\n" in would(bot.url, DAYS, bot.clock() + YEARS)
    assert [(await bot.a_run(number)).dropped for number in (1, 2)] == ["", ""]
    await tidied(bot)
    assert would(bot.url, DAYS, bot.clock() + OLD) == "nothing is due to go\n"


async def test_it_looks_every_hour_and_a_bad_one_is_not_its_last(bot: Bot) -> None:
    await ran(bot)
    tidy = Tidy(bot.store, Keeping(journals_days=EVERY * 1.5 / 86400), now=bot.clock)
    task = asyncio.create_task(tidy.run())
    await settled(EVERY + 60)
    assert not (await bot.a_run()).dropped
    await settled(EVERY + 60)
    assert (await bot.a_run()).dropped
    assert not task.done()
    task.cancel()


async def test_a_job_that_never_was_is_not_said_to_be_here(bot: Bot) -> None:
    """A job that was never there is no dropped one: its target is not told that it is here."""
    await ran(bot)
    await tidied(bot, after=YEARS)
    assert [await bot.store.do(lambda db, n=n: tidying.is_dropped(db, n)) for n in (1, 2)] == [  # type: ignore[misc]
        True,
        False,
    ]
    still_holds(bot, held(bot, 2, J, len(WHOLE), Held.DONE))
    bot.appears(BOB)
    await settled(bot.patience.sync)
    assert all(not meeting.have for _, meeting in bot.wire.meetings)


async def test_while_no_bot_runs_tidy_drops_it_now_and_the_file_shrinks(bot: Bot) -> None:
    await ran(bot, data=START + OUT * 200 + END + PASS)
    await bot.crash()
    file = bot.path / "labroom.db"
    before = file.stat().st_size
    config = Config(
        jid="labbot@lab.example", room="lab@rooms.lab.example", database=bot.url,
        lock=bot.path / "lock", keeping=Keeping(journals_bytes=1),
        credentials=Credentials(password=SecretStr("x")),
    )  # fmt: skip
    with alone(config.lock, "bot"), pytest.raises(BadSettings, match="this bot runs already"):
        await at_once(config)
    assert "more than 1 byte were kept; job 1\n" in await at_once(config)
    assert file.stat().st_size < before / 2
    assert would(bot.url, config.keeping, datetime.now(UTC)) == "nothing is due to go\n"
    await bot.start()
    assert (await bot.a_run()).dropped
