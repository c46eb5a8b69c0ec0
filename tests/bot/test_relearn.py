"""A bot whose database is gone learns anew from its targets what they still hold."""

from agent.wire.delivery import Chunk
from agent.wire.journal import encode
from agent.wire.query import MOST_RUNS, Have, HeldRun, Meeting, Standing
from agent.wire.stanza import Ack, JournalId
from agent.wire.vocabulary import Held, RunId, Step, Verdict
from bot.arrival import Arrival
from bot.jobs import Phase
from bot.relearn import FOLD
from tests.bot.lab_on_disk import ALICE, BOB, Bot, held, standing
from tests.virtual_time import VirtualLoop, settled

Loop = VirtualLoop
J, K = "p0q4c1xw8e2z", "m2n7v0d4t8yq"
OLD = RunId("k3x9q2ab", 17)
WAS = 1.7e9
WHOLE = b"".join(
    [
        encode("accepted", WAS, journal=J),
        encode("begin", WAS + 1, name="memtest size=16M", boot="boot1"),
        encode("out", WAS + 2, b"loop\n"),
        encode("end", WAS + 3, name="memtest size=16M", verdict="pass", seconds=2),
        encode("verdict", WAS + 4, verdict="pass"),
    ]
)


def old(
    of: RunId = OLD,
    journal: str = J,
    *,
    phase: Held = Held.RUNNING,
    title: str = "memtest size=16M",
) -> HeldRun:
    return HeldRun(JournalId(of, journal), len(WHOLE), phase, title)


def holds(bot: Bot, **runs: HeldRun) -> None:
    """Each target holds that."""

    def answers(full: str, _meeting: Meeting) -> Standing:
        name = full.partition("@")[0]
        return standing(*[runs[name]] if name in runs else [])

    bot.wire.answers = answers


def chunk(bot: Bot, offset: int, data: bytes, *, of: RunId = OLD, jid: str = BOB) -> None:
    journal = JournalId(of, J if jid == BOB else K)
    arrival = Arrival(f"{jid}/agent", journal, of, chunk=Chunk(offset, data))
    bot.intake.put(arrival, behind=bot.fleet.member(jid).behind)


async def test_what_a_target_holds_of_another_store_is_taken_over_and_told(bot: Bot) -> None:
    holds(bot, bob=old(), alice=old(journal=K, phase=Held.QUEUED))
    bot.appears(BOB)
    bot.appears(ALICE)
    await settled(FOLD + 1)
    job = await bot.job(1)
    assert (job.was, job.title, len(job.runs)) == (17, "memtest size=16M", 2)
    assert job.steps == (Step("memtest", {"size": "16M"}),)
    assert {run.target: run.phase for run in job.runs} == {
        "alice": Phase.QUEUED, "bob": Phase.RUNNING,
    }  # fmt: skip
    (told,) = bot.room.said
    assert told.text == (
        "alice and bob still hold 1 job of a database that I no longer have: now job 1, "
        "and I tell how they end"
    )
    assert "was 17" in told.table
    assert bot.wire.offers == []


async def test_its_journal_is_asked_for_from_the_first_byte_on(bot: Bot) -> None:
    holds(bot, bob=old())
    bot.appears()
    await settled()
    assert [meeting.have for _, meeting in bot.wire.meetings] == [
        (), (Have(JournalId(OLD, J), 0),),
    ]  # fmt: skip


async def test_it_ends_as_others_do(bot: Bot) -> None:
    holds(bot, bob=old())
    bot.appears()
    await settled()
    chunk(bot, 0, WHOLE[:200])
    chunk(bot, 200, WHOLE[200:])
    await settled(FOLD + 1)
    run = await bot.a_run(1)
    assert (run.verdict, run.final, run.printed) == (Verdict.PASS, True, 5)
    assert run.began is not None
    assert abs(run.began.timestamp() - WAS) < 60  # before we knew of it
    assert await bot.replica(1) == WHOLE
    assert [ack for _, ack in bot.wire.acks][-1] == Ack(JournalId(OLD, J), len(WHOLE))
    assert any(
        text.startswith("job 1 (was 17) pass: memtest size=16M on bob") for text in bot.room.heard
    )


async def test_it_can_be_stopped_under_the_id_that_its_target_knows(bot: Bot) -> None:
    holds(bot, bob=old())
    bot.appears()
    await settled()
    await bot.dispatch.stop(await bot.job(1), "ann")
    assert bot.wire.cancels == [(BOB, OLD, "ann")]
    await settled(bot.patience.offer + 1)
    assert set(bot.wire.cancels) == {(BOB, OLD, "ann")}
    assert len(bot.wire.cancels) == 2


async def test_it_is_lost_with_its_target_s_state(bot: Bot) -> None:
    holds(bot, bob=old())
    bot.appears()
    await settled()
    bot.wire.answers = lambda _full, _meeting: standing(epoch="epoch11111")
    bot.appears(session="s2")
    await settled(FOLD + 1)
    assert (await bot.a_run(1)).reason == "bob lost the run: its state folder is new"
    assert len(bot.room.heard) == 2


async def test_it_is_learned_once_and_its_job_is_told_again_if_more_of_it_turns_up(
    bot: Bot,
) -> None:
    holds(bot, bob=old(), alice=old(journal=K))
    bot.appears(BOB)
    await settled()
    chunk(bot, 0, WHOLE)
    await settled(3 * bot.patience.sync)
    assert len(bot.room.heard) == 2
    bot.appears(BOB, session="s2")
    await settled(3 * bot.patience.sync)
    assert len(bot.room.heard) == 2
    bot.appears(ALICE)  # it was away until now
    await settled()
    chunk(bot, 0, WHOLE.replace(J.encode(), K.encode()), jid=ALICE)
    await settled(FOLD + 1)
    assert [text.split(":")[0] for text in bot.room.heard[2:]] == [
        "job 1 (was 17) pass",
        "alice still holds 1 job of a database that I no longer have",
    ]
    assert {run.verdict for run in (await bot.job(1)).runs} == {Verdict.PASS}


async def test_new_jobs_are_other_jobs(bot: Bot) -> None:
    """The database is gone, and its numbers begin again."""
    bot.appears()
    await bot.submit()
    first = bot.run_id(1)
    await bot.lose_database()
    assert bot.id != first.store
    holds(bot, bob=old(first))
    await bot.submit()  # while bob has not yet been met
    bot.appears()
    await settled(FOLD + 1)
    assert bot.wire.offers[-1][1].run != first
    assert (await bot.job(2)).was == 1
    chunk(bot, 0, WHOLE, of=first)
    await settled()
    assert (await bot.a_run(2)).verdict is Verdict.PASS
    assert (await bot.a_run(1)).phase is Phase.OFFERED
    assert await bot.replica(1) == b""


async def test_what_a_server_has_kept_for_the_old_store_is_asked_about(bot: Bot) -> None:
    holds(bot)
    bot.appears()
    await settled()
    holds(bot, bob=old(phase=Held.QUEUED))  # its order came late
    of = JournalId(OLD, J)
    bot.intake.put(Arrival(f"{BOB}/agent", of, of.run), behind=bot.fleet.member(BOB).behind)
    await settled(bot.patience.offer + FOLD + 1)
    assert (await bot.job(1)).was == 17


async def test_a_target_is_believed_a_bounded_number_of_such_runs(bot: Bot) -> None:
    for wave in range(3):
        many = [old(RunId("k3x9q2ab", wave * 200 + n)) for n in range(1, 201)]
        bot.wire.answers = lambda _full, _meeting, many=many: standing(*many)
        bot.appears(session=f"s{wave}")
        await settled()
    known = await bot.dispatch.recent(999)
    assert len(known) == MOST_RUNS


async def test_a_title_that_is_none_is_words(bot: Bot) -> None:
    title = "stress for 30s, ```evil\x1b[31m, " + "x" * 900
    holds(bot, bob=old(title=title))
    bot.appears()
    await settled(FOLD + 1)
    job = await bot.job(1)
    assert job.steps[0] == Step("stress for 30s")
    assert "\x1b" not in job.title
    assert "\x1b" not in bot.room.said[0].table


async def test_its_own_runs_come_first_and_are_not_relearned(bot: Bot) -> None:
    await bot.submit()
    bot.wire.answers = lambda _full, _meeting: standing(held(bot, 1, J, 9), held(bot, 7, K, 9))
    bot.appears()
    await settled(FOLD + 1)
    assert [job.number for job in await bot.dispatch.recent(9)] == [1]
    assert bot.room.heard == []
