"""Runs on their way out: recorded first, offered until answered, stopped for good."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.wire.errors import Away, UnknownName
from agent.wire.fields import MalformedError
from agent.wire.journal import encode
from agent.wire.machine import Machine
from agent.wire.parameter import RecipeInfo
from agent.wire.query import MOST_RUNS, Have, HeldRun, Meeting, Standing
from agent.wire.stanza import JournalId
from agent.wire.vocabulary import Held, RunId, Verdict
from bot.config import Patience
from bot.jobs import Phase
from bot.store.jobs import AGAIN
from tests.bot.lab_on_disk import ALICE, BOB, STEPS, Bot, held, line, standing
from tests.virtual_time import VirtualLoop, settled

Loop = VirtualLoop
J, OTHER = "p0q4c1xw8e2z", "zzzzzzzzzzzz"
ACCEPTED = encode("accepted", 1.8e9, journal=J)
PASS = encode("verdict", 1.8e9, verdict="pass")


def offered(bot: Bot) -> list[int]:
    return [order.run.number for _, order in bot.wire.offers]


async def test_a_job_is_on_the_disk_before_anybody_hears_its_number(bot: Bot) -> None:
    bot.appears(BOB)
    bot.appears(ALICE)
    submitting = asyncio.ensure_future(bot.submit(on=("bob", "alice")))
    await asyncio.sleep(0)
    assert bot.wire.offers == []
    job = await submitting
    assert {jid for jid, _ in bot.wire.offers} == {BOB, ALICE}
    await bot.crash()
    await bot.start()
    assert await bot.job(job.number) == job


async def test_the_same_line_is_the_same_job_after_a_crash_too(bot: Bot) -> None:
    bot.appears()
    first = await bot.submit()
    await bot.crash()
    await bot.start()
    assert (await bot.submit()).number == first.number
    assert offered(bot) == [1]
    assert (await bot.submit(2)).number == 2


async def test_a_client_that_uses_an_id_again_is_heard_again(bot: Bot) -> None:
    async def number(text: str) -> int:
        return (await bot.dispatch.submit(STEPS, ("bob",), line(1, text=text))).number

    assert await number("run memtest on bob") == 1
    assert await number("run memtest, memtest on bob") == 2  # other words
    assert await number("run memtest on bob") == 1  # what a server says twice
    await settled(AGAIN + 1)
    assert await number("run memtest on bob") == 3  # a client that counts from 1 again
    bot.skew -= timedelta(seconds=5)
    assert await number("run memtest on bob") == 3


async def test_an_order_carries_the_time_that_is_left(bot: Bot) -> None:
    bot.appears()
    job = await bot.submit()
    ((_, order),) = bot.wire.offers
    assert 86_390 < order.ttl <= 86_400
    assert order.by == job.by


async def test_a_job_that_is_not_there_is_refused(bot: Bot) -> None:
    with pytest.raises(UnknownName, match="there is no job 7"):
        await bot.dispatch.get(7)


async def test_what_a_crash_kept_from_being_sent_is_offered_when_the_target_is_there(
    bot: Bot,
) -> None:
    await bot.submit()
    await bot.crash()
    bot.wire.offers.clear()
    await bot.start()
    bot.wire.answers = lambda _full, _meeting: standing()
    bot.appears()
    await settled()
    assert offered(bot) == [1]


async def test_an_offer_without_an_answer_is_found_out_by_asking(bot: Bot) -> None:
    bot.wire.answers = lambda _full, _meeting: standing()
    bot.appears()
    await settled()
    await bot.submit()
    bot.wire.meetings.clear()
    await settled(bot.patience.offer + 1)
    assert len(bot.wire.meetings) == 1
    assert offered(bot) == [1, 1]
    bot.wire.answers = lambda _full, _meeting: standing(held(bot, 1, J, 90, Held.QUEUED))
    await settled(bot.patience.sync + 1)
    run = await bot.a_run()
    assert (run.phase, run.journal) == (Phase.QUEUED, J)
    assert offered(bot) == [1, 1]


async def test_a_target_is_asked_every_minute_while_it_has_something_to_do(bot: Bot) -> None:
    bot.wire.answers = lambda _full, _meeting: standing(held(bot, 1, J, 500))
    bot.appears()
    await bot.submit()
    await settled(10 * bot.patience.sync)
    assert 10 <= len(bot.wire.meetings) <= 12
    bot.chunk(1, J, 0, ACCEPTED + PASS)
    await settled(2 * bot.patience.sync)
    bot.wire.meetings.clear()
    await settled(10 * bot.patience.sync)
    assert bot.wire.meetings == []


async def test_a_meeting_says_what_is_here_already(bot: Bot) -> None:
    bot.wire.answers = lambda _full, _meeting: standing(held(bot, 1, J, 500))
    await bot.submit()
    bot.chunk(1, J, 0, ACCEPTED)
    bot.appears()
    await settled()
    (_, meeting), *_ = bot.wire.meetings
    assert meeting.store == bot.id
    assert meeting.have == (Have(JournalId(bot.run_id(1), J), len(ACCEPTED)),)


async def test_a_run_that_its_target_forgot_is_lost(bot: Bot) -> None:
    bot.wire.answers = lambda _full, _meeting: standing(held(bot, 1, J, 500))
    bot.appears()
    await bot.submit()
    bot.accepts(1, J)
    await settled(2 * bot.patience.sync)
    bot.wire.answers = lambda _full, _meeting: standing(epoch="epoch11111")
    bot.appears(session="s2")
    await settled()
    run = await bot.a_run()
    assert (run.verdict, run.reason) == (Verdict.LOST, "bob lost the run: its state folder is new")
    assert len(bot.room.heard) == 1


async def test_a_run_that_was_delivered_meanwhile_is_not_lost(bot: Bot) -> None:
    await bot.submit()
    bot.accepts(1, J)
    await settled()

    def answers(_full: str, _meeting: Meeting) -> Standing:
        bot.chunk(1, J, 0, ACCEPTED + PASS)  # while we wait for the answer
        return standing()  # it has been delivered: it is held no longer

    bot.wire.answers = answers
    bot.appears()
    await settled()
    assert (await bot.a_run()).verdict is Verdict.PASS
    assert len(bot.room.heard) == 1
    assert "pass" in bot.room.heard[0]


async def test_a_run_taken_while_its_target_answered_is_not_lost(bot: Bot) -> None:
    await bot.submit()

    def answers(_full: str, _meeting: Meeting) -> Standing:
        bot.accepts(1, J)  # it was on its way
        return standing()

    bot.wire.answers = answers
    bot.appears()
    await settled()
    assert (await bot.a_run()).phase is Phase.QUEUED


async def test_a_target_that_holds_too_much_to_say_has_forgotten_nothing(bot: Bot) -> None:
    await bot.submit()
    bot.accepts(1, J)
    await settled()
    others = [HeldRun(JournalId(RunId("otherbot", n), J), 9, Held.DONE) for n in range(1, 999)]
    bot.wire.answers = lambda _full, _meeting: standing(*others[:MOST_RUNS])
    bot.appears()
    await settled()
    assert (await bot.a_run()).phase is Phase.QUEUED


@pytest.mark.parametrize(("journal", "size"), [(OTHER, 900), (J, 10)])
async def test_a_journal_that_cannot_be_the_same_is_an_error(
    bot: Bot, journal: str, size: int
) -> None:
    await bot.submit()
    bot.chunk(1, J, 0, ACCEPTED)
    bot.wire.answers = lambda _full, _meeting: standing(held(bot, 1, journal, size))
    bot.appears()
    await settled()
    run = await bot.a_run()
    assert (run.verdict, run.final) == (Verdict.ERROR, True)
    assert len(bot.room.heard) == 1
    assert "cannot be trusted" in bot.room.heard[0]


async def test_what_came_while_it_answered_is_no_lie(bot: Bot) -> None:
    await bot.submit()
    bot.accepts(1, J)
    await settled()

    def answers(_full: str, _meeting: Meeting) -> Standing:
        answer = standing(held(bot, 1, J, 10))
        bot.chunk(1, J, 0, ACCEPTED)  # longer by now
        return answer

    bot.wire.answers = answers
    bot.appears()
    await settled()
    assert (await bot.a_run()).phase is Phase.QUEUED


# What goes wrong


@pytest.mark.parametrize(
    "error", [Away("no answer"), MalformedError("not an id: ''"), OverflowError("a year too far")]
)
async def test_a_target_that_answers_nonsense_does_not_keep_the_others_waiting(
    bot: Bot, error: Exception
) -> None:
    def answers(full: str, _meeting: Meeting) -> Standing:
        if full.startswith(BOB):
            raise error
        return standing()

    bot.wire.answers = answers
    bot.appears(BOB)
    bot.appears(ALICE)
    await bot.submit(on=("bob", "alice"))
    await settled(3 * bot.patience.sync)
    assert bot.failure() is None
    asked = [full for full, _ in bot.wire.meetings]
    assert asked.count(f"{BOB}/agent") >= 3
    assert asked.count(f"{ALICE}/agent") >= 3


async def test_a_bad_catalogue_does_not_keep_a_run_from_being_offered(bot: Bot) -> None:
    def catalogue(_full: str) -> tuple[RecipeInfo, ...]:
        raise MalformedError("not a name: '../../etc'")

    bot.wire.catalogues = catalogue
    bot.wire.answers = lambda _full, _meeting: standing(catalogue="4be1d2")
    await bot.submit()
    bot.wire.offers.clear()
    bot.appears()
    await settled()
    assert offered(bot) == [1]
    assert bot.failure() is None


async def test_a_catalogue_is_asked_for_when_it_changes_and_remembered(bot: Bot) -> None:
    asked: list[str] = []

    def catalogue(full: str) -> tuple[RecipeInfo, ...]:
        asked.append(full)
        return (RecipeInfo(name="memtest", summary="", params={}),)

    bot.wire.catalogues = catalogue
    bot.wire.machine = Machine(cpus=8)
    bot.wire.answers = lambda _full, _meeting: standing(catalogue="4be1d2")
    for session in ("s1", "s2", "s3"):
        bot.appears(session=session)
        await settled()
    assert len(asked) == 1
    await bot.crash()
    await bot.start()
    assert set(bot.fleet.recipes("bob") or ()) == {"memtest"}
    assert {each.name: each.machine.cpus for each in bot.fleet.all()}["bob"] == 8


async def test_an_order_waits_as_long_as_its_line_says(bot: Bot) -> None:
    job = await bot.dispatch.submit(STEPS, ["bob"], line(1), within=60)
    assert (job.by - job.asked).total_seconds() == 60
    bot.appears()
    await settled()
    ((_, order), *_) = bot.wire.offers
    assert order.ttl <= 60


async def test_a_target_s_clock_is_measured(bot: Bot) -> None:
    late = datetime.now(UTC) - timedelta(days=700)
    bot.wire.answers = lambda _full, _meeting: standing(clock=late)
    bot.appears()
    await settled()
    assert abs(bot.fleet.member(BOB).behind - timedelta(days=700)) < timedelta(seconds=30)


async def test_what_nobody_took_in_time_is_lost_but_not_before_anybody_could_speak(
    tmp_path: Path,
) -> None:
    bot = Bot(tmp_path, patience=Patience(start=0.001))
    await bot.start()
    await bot.submit()
    await bot.submit(2)
    await bot.crash()
    await bot.start()  # a day later: the answer of one is among what the server kept
    await settled()
    bot.accepts(1, J)
    await settled(3.5 * bot.patience.sync)
    assert (await bot.a_run(1)).phase is Phase.QUEUED
    run = await bot.a_run(2)
    assert run.verdict is Verdict.LOST
    assert "did not answer" in run.reason
    assert len(bot.room.heard) == 1
    await bot.crash()


async def test_the_tail_is_what_was_printed(bot: Bot) -> None:
    await bot.submit()
    bot.chunk(1, J, 0, ACCEPTED + encode("out", 1.8e9, b"0123456789"))
    await settled()
    run = await bot.a_run()
    assert run.printed == 10
    assert await bot.dispatch.tail(run, 4) == b"6789"


async def test_open_jobs_are_shown_first(bot: Bot) -> None:
    await bot.submit(1)
    await bot.submit(2)
    await bot.dispatch.stop(await bot.job(2), "ann")
    assert [job.number for job in await bot.dispatch.recent(5)] == [1, 2]
    assert (await bot.dispatch.submit((), ("bob",), line(1))).number == 1


async def test_a_target_that_missed_the_last_acknowledgement_is_told_by_a_meeting(bot: Bot) -> None:
    data = ACCEPTED + PASS
    await bot.submit()
    bot.chunk(1, J, 0, data)
    await settled()
    bot.wire.answers = lambda _full, _meeting: standing(held(bot, 1, J, len(data), Held.DONE))
    bot.appears()
    await settled()
    assert [meeting.have for _, meeting in bot.wire.meetings] == [
        (), (Have(JournalId(bot.run_id(1), J), len(data)),),
    ]  # fmt: skip
    await settled(bot.patience.offer / 2)
    assert len(bot.wire.meetings) == 2
