"""Journals on their way in: stored, then acknowledged; believed as far as they can be true."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, select

from agent.wire.delivery import Chunk
from agent.wire.journal import encode
from agent.wire.stanza import JournalId
from agent.wire.vocabulary import RunId, Verdict
from bot.arrival import PIECE, Arrival
from bot.intake import BATCH, WAITING
from bot.jobs import Phase
from bot.store import jobs, schema
from tests.bot.lab_on_disk import ALICE, BOB, Bot, busy
from tests.virtual_time import VirtualLoop, settled

Loop = VirtualLoop
J, OTHER = "p0q4c1xw8e2z", "zzzzzzzzzzzz"
NOW = datetime.now(UTC).timestamp()
ACCEPTED = encode("accepted", NOW, journal=J)
BEGIN = encode("begin", NOW, name="memtest", boot="boot1")
OUT = encode("out", NOW, b"loop 1\n" * 30)
END = encode("end", NOW, name="memtest", verdict="pass", seconds=1.5, counts={"loops": 1})
PASS, FAIL = encode("verdict", NOW, verdict="pass"), encode("verdict", NOW, verdict="fail")
WHOLE = ACCEPTED + BEGIN + OUT + END + PASS


def offsets(bot: Bot) -> list[tuple[int, bool]]:
    return [(ack.offset, ack.gap) for _, ack in bot.wire.acks]


async def test_a_run_is_streamed_to_its_end(bot: Bot) -> None:
    await bot.submit()
    bot.accepts(1, J)
    for offset in range(0, len(WHOLE), 100):
        bot.chunk(1, J, offset, WHOLE[offset : offset + 100])
    await settled()
    run = await bot.a_run()
    assert (run.phase, run.verdict, run.printed) == (Phase.DONE, Verdict.PASS, 210)
    assert await bot.replica() == WHOLE
    assert offsets(bot)[-1] == (len(WHOLE), False)
    assert len(bot.room.heard) == 1


async def test_what_is_acknowledged_is_on_the_disk(bot: Bot) -> None:
    await bot.submit()
    bot.chunk(1, J, 0, WHOLE)
    await bot.wire.acked.wait()
    await bot.crash()  # at the very moment of the acknowledgement
    await bot.start()
    run = await bot.a_run()
    assert (run.size, run.verdict) == (len(WHOLE), Verdict.PASS)
    await settled()
    assert len(bot.room.heard) == 1


async def test_a_commit_that_fails_acknowledges_nothing(bot: Bot) -> None:
    await bot.submit()

    def refuse(*_: object) -> None:
        raise OSError("no space left on device")

    event.listen(bot.store._engine, "commit", refuse)
    bot.chunk(1, J, 0, WHOLE)
    await settled()
    assert bot.wire.acks == []
    assert bot.room.heard == []
    assert isinstance(bot.failure(), OSError)  # and systemd starts us again
    event.remove(bot.store._engine, "commit", refuse)
    assert (await bot.a_run()).size == 0


async def test_a_hole_is_named_and_a_repeat_is_answered(bot: Bot) -> None:
    await bot.submit()
    bot.chunk(1, J, 0, WHOLE[:100])
    await settled()
    bot.chunk(1, J, 150, WHOLE[150:200])
    await settled()
    bot.chunk(1, J, 50, WHOLE[50:150])
    await settled()
    bot.chunk(1, J, 0, WHOLE[:100])
    await settled()
    assert offsets(bot) == [(100, False), (100, True), (150, False), (150, False)]
    assert await bot.replica() == WHOLE[:150]


async def test_a_reader_does_not_remember_what_was_rolled_back(bot: Bot) -> None:
    await bot.submit()
    await bot.submit(2)
    half = len(ACCEPTED) + 10
    bot.chunk(1, J, 0, WHOLE[:half])
    await settled()
    bot.chunk(1, J, half, WHOLE[half : half + 50])
    bot.chunk(2, OTHER, 0, b"x" * 20_000)  # distrusted, in the same commit
    await settled()
    bot.chunk(1, J, half + 50, WHOLE[half + 50 :])
    await settled()
    assert (await bot.a_run(1)).verdict is Verdict.PASS
    assert (await bot.a_run(2)).verdict is Verdict.ERROR


async def test_a_commit_done_twice_counts_once(bot: Bot) -> None:
    await bot.submit()
    bot.chunk(1, J, 0, WHOLE[:150])
    await settled()
    commits = 0

    def fail_once(*_: object) -> None:
        nonlocal commits
        commits += 1
        if commits == 2:
            raise OSError("the disk hesitates")

    event.listen(bot.store._engine, "commit", fail_once)
    async with busy(bot.store):
        bot.chunk(1, J, 150, WHOLE[150:-50])
        bystander = asyncio.ensure_future(bot.store.do(lambda _: True))
        for _ in range(3):
            await asyncio.sleep(0)
    await settled()
    assert await bystander
    bot.chunk(1, J, len(WHOLE) - 50, WHOLE[-50:])
    await settled()
    assert commits >= 4
    run = await bot.a_run()
    assert (run.verdict, run.printed, len(run.outcomes)) == (Verdict.PASS, 210, 1)
    assert await bot.replica() == WHOLE


@pytest.mark.parametrize(
    ("lie", "why"),
    [
        (ACCEPTED + b"\x00" * 17_000, "header too long"),
        (ACCEPTED + b"[]\n", "not an object"),
        (OUT[:-3] + b"\x00" + OUT[-2:], "damaged"),
        (encode("accepted", NOW, journal=OTHER), "names another"),
        (b'{"kind":"begin","at":NaN}\n', "a time that cannot be"),
        (b'{"kind":"begin","at":1' + b"0" * 400 + b"}\n", ""),  # no float is that large
        (ACCEPTED + FAIL + PASS, "goes on after its end"),
        (ACCEPTED + FAIL + b"{", "goes on after its end"),
    ],
    ids=range(8),  # not the bytes: they hold the time, and parallel workers must agree on names
)
async def test_a_lie_ends_the_run_and_is_never_stored(bot: Bot, lie: bytes, why: str) -> None:
    await bot.submit(on=("bob", "alice"))
    bot.chunk(1, J, 0, lie)
    bot.chunk(1, OTHER, 0, encode("accepted", NOW, journal=OTHER) + PASS, ALICE)
    await settled()
    run = await bot.a_run()
    assert (run.verdict, run.final) == (Verdict.ERROR, True)
    assert "cannot be trusted" in run.reason
    assert why in run.reason
    assert await bot.replica() == b""
    assert (await bot.a_run(1, ALICE)).verdict is Verdict.PASS  # in the same commit
    assert [full for full, _ in bot.wire.acks] == [f"{ALICE}/agent"]
    assert bot.failure() is None


async def test_who_has_lied_is_not_believed_later(bot: Bot) -> None:
    await bot.submit()
    bot.chunk(1, J, 0, WHOLE[:150])
    bot.chunk(1, OTHER, 150, WHOLE[150:])
    await settled()
    assert "another journal" in (await bot.a_run()).reason
    bot.chunk(1, J, 150, WHOLE[150:])
    bot.accepts(1, OTHER)
    await settled()
    run = await bot.a_run()
    assert (run.verdict, run.size) == (Verdict.ERROR, 150)
    assert len(bot.room.heard) == 1


async def test_the_verdict_stands_whatever_comes_later(bot: Bot) -> None:
    await bot.submit()
    failed = ACCEPTED + BEGIN + FAIL
    bot.chunk(1, J, 0, failed)
    await settled()
    bot.chunk(1, J, len(failed), PASS)
    bot.chunk(1, J, len(failed), b"{")  # no whole record
    bot.refuses(1, "after all")
    await settled()
    assert (await bot.a_run()).verdict is Verdict.FAIL
    assert await bot.replica() == failed
    assert len(bot.room.heard) == 1


async def test_a_run_that_was_lost_is_revised_in_the_middle_of_its_journal(bot: Bot) -> None:
    await bot.submit()
    bot.chunk(1, J, 0, WHOLE[:150])
    await settled()

    await bot.store.do(lambda db: jobs.save_run(db, replace(
        jobs.get_run(db, 1, BOB), phase=Phase.DONE, verdict=Verdict.LOST, reason="silence"
    )))  # fmt: skip
    bot.herald.ended(await bot.a_run())
    await settled()
    bot.chunk(1, J, 150, WHOLE[150:200])
    await settled()
    assert (await bot.a_run()).verdict is Verdict.LOST
    bot.chunk(1, J, 200, WHOLE[200:])
    await settled()
    run = await bot.a_run()
    assert (run.verdict, run.reason, run.printed) == (Verdict.PASS, "", 210)
    assert len(bot.room.heard) == 2
    assert "was reported lost; its journal is here: pass" in bot.room.heard[1]


async def test_nobody_speaks_for_another(bot: Bot) -> None:
    await bot.submit()
    bot.chunk(1, J, 0, WHOLE, ALICE)
    bot.refuses(1, "no", ALICE)
    bot.accepts(7, J)
    stranger = JournalId(RunId("zzzzzzzz", 1), J)
    arrival = Arrival(f"{BOB}/agent", stranger, stranger.run, chunk=Chunk(0, WHOLE))
    bot.intake.put(arrival, behind=timedelta())
    await settled()
    assert (await bot.a_run()).phase is Phase.OFFERED
    assert bot.wire.acks == []


async def test_two_targets_with_the_same_journal_are_both_answered(bot: Bot) -> None:
    await bot.submit(on=("bob", "alice"))
    bot.chunk(1, J, 0, WHOLE[:200], BOB)
    bot.chunk(1, J, 0, WHOLE[:100], ALICE)
    await settled()
    assert {full: ack.offset for full, ack in bot.wire.acks} == {
        f"{BOB}/agent": 200, f"{ALICE}/agent": 100,
    }  # fmt: skip


async def test_a_refusal_ends_only_what_nobody_has_taken(bot: Bot) -> None:
    await bot.submit()
    await bot.submit(2)
    bot.refuses(1, "no recipe called\nmemtst\x07")
    bot.accepts(2, J)
    bot.refuses(2, "too late")
    await settled()
    run = await bot.a_run(1)
    assert (run.verdict, run.reason) == (Verdict.REFUSED, "no recipe called memtst")
    assert (await bot.a_run(2)).phase is Phase.QUEUED


async def test_a_refusal_of_what_was_stopped_is_what_was_asked_for(bot: Bot) -> None:
    job = await bot.submit()
    bot.appears()
    await bot.dispatch.stop(job, "ann")
    bot.refuses(1, "it was cancelled by ann before it came")
    await settled()
    run = await bot.a_run()
    assert (run.verdict, run.reason) == (Verdict.ABORTED, "stopped by ann before it began")


async def test_who_takes_what_was_stopped_is_told_so(bot: Bot) -> None:
    job = await bot.submit()
    await bot.dispatch.stop(job, "ann")  # bob is away: it is over
    await settled()
    bot.wire.cancels.clear()
    bot.accepts(1, J)  # the server has kept the order, and lost the cancel
    await settled()
    assert bot.wire.cancels == [(BOB, bot.run_id(1), "ann")]


async def test_a_flood_is_dropped_not_kept(bot: Bot) -> None:
    await bot.submit()
    for _ in range(2 * WAITING):
        bot.chunk(1, J, 0, WHOLE)
    await settled()
    assert (await bot.a_run()).verdict is Verdict.PASS
    assert WAITING / BATCH - 1 <= len(bot.wire.acks) <= WAITING / BATCH + 1


async def test_a_clock_that_is_days_off_is_corrected(bot: Bot) -> None:
    asked = (await bot.submit()).asked
    bot.fleet.member(BOB).behind = timedelta(days=700)
    then = datetime.now(UTC) - timedelta(days=700)
    bot.chunk(1, J, 0, ACCEPTED + encode("begin", then.timestamp()) + PASS)
    await settled()
    run = await bot.a_run()
    assert run.began is not None
    assert asked <= run.began <= datetime.now(UTC)
    assert run.ended is not None
    assert run.ended >= run.began


async def test_a_long_journal_leaves_nothing_in_memory(bot: Bot) -> None:
    await bot.submit()
    record = encode("out", NOW, bytes(60_000))
    data = ACCEPTED + record * 60
    for offset in range(0, len(data), 32_768):
        bot.chunk(1, J, offset, data[offset : offset + 32_768])
    await settled()
    (reader,) = bot.intake._readers.values()
    assert reader.pending < len(record)
    pieces = await bot.store.do(
        lambda db: db.scalars(select(schema.piece.c.offset).order_by(schema.piece.c.offset)).all()
    )
    assert len(pieces) == -(-len(data) // PIECE)
    bot.chunk(1, J, len(data), PASS)
    await settled()
    assert bot.intake._readers == {}
    assert (await bot.a_run()).printed == 60 * 60_000
