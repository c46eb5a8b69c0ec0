"""The store, on a real disk: what was promised is there, and nobody loses by another's fault."""

import asyncio
import random
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine, delete, insert, select, text
from sqlalchemy.exc import OperationalError

from agent.wire.delivery import Chunk
from agent.wire.journal import Reader, encode
from agent.wire.machine import Machine
from agent.wire.parameter import RecipeInfo
from agent.wire.vocabulary import Verdict
from bot.jobs import Phase, Run
from bot.occupant import Channel
from bot.store import jobs, journals, schema, targets
from bot.store.targets import Remembered
from bot.store.writer import Writer
from tests.bot.lab_in_memory import MEMTEST, NOW
from tests.bot.lab_on_disk import BOB, STEPS, busy


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Writer]:
    store = Writer(f"sqlite:///{tmp_path}/labroom.db")
    await store.do(schema.create)
    yield store
    await store.close()


def remember(key: str, size: int = 1) -> Callable[[Connection], str]:
    def work(db: Connection) -> str:
        db.execute(insert(schema.meta).values(key=key, value="x" * size))
        return key

    return work


def keys(db: Connection) -> set[str]:
    return set(db.scalars(select(schema.meta.c.key)))


async def together(store: Writer, *works: Callable[[Connection], Any]) -> list[Any]:
    """What became of *works*, which are in one commit."""
    async with busy(store):
        asked = [asyncio.ensure_future(store.do(work)) for work in works]
        await asyncio.sleep(0)
    return await asyncio.gather(*asked, return_exceptions=True)


def fails(db: Connection) -> None:
    remember("undone")(db)
    raise LookupError("no such thing")


async def test_one_piece_of_work_that_fails_takes_nothing_with_it(store: Writer) -> None:
    before, failed, after = await together(store, remember("a"), fails, remember("b"))
    assert (before, after) == ("a", "b")
    assert isinstance(failed, LookupError)
    assert await store.do(keys) == {"a", "b"}


async def test_a_full_disk_fails_only_what_does_not_fit(store: Writer) -> None:
    pages = await store.do(lambda db: db.scalar(text("PRAGMA page_count")))
    await store.do(lambda db: db.scalar(text(f"PRAGMA max_page_count = {pages + 5}")))
    before, full, after = await together(
        store, remember("a"), remember("b", 500_000), remember("c")
    )
    assert isinstance(full, OperationalError)
    assert "full" in str(full)
    kept = await store.do(keys)
    assert kept == {key for key in (before, after) if isinstance(key, str)} == {"a", "c"}


async def test_what_a_commit_does_not_take_is_not_promised(store: Writer) -> None:
    def dangling(db: Connection) -> None:
        db.execute(text("PRAGMA defer_foreign_keys = ON"))  # checked by the commit only
        db.execute(insert(schema.run).values(
            job=99, jid=BOB, target="bob", phase="offered", outcomes=[]
        ))  # fmt: skip

    before, failed, after = await together(store, remember("a"), dangling, remember("b"))
    assert isinstance(failed, Exception)
    assert (before, after) == ("a", "b")
    assert await store.do(keys) == {"a", "b"}
    with pytest.raises(KeyError):
        await store.do(lambda db: jobs.get_run(db, 99, BOB))


async def test_a_database_that_cannot_be_opened_is_said_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "labroom.db").write_bytes(b"this is no database, but long enough to be read")
    store = Writer(f"sqlite:///{tmp_path}/labroom.db")
    with pytest.raises(Exception, match="not a database"):
        await store.do(keys)
    await store.close()
    store = Writer(f"sqlite:///{tmp_path}/missing/labroom.db")
    with pytest.raises(Exception, match="unable to open"):
        await store.do(keys)
    await store.close()


async def test_what_waits_is_done_before_it_closes_and_nothing_after(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/labroom.db"
    store = Writer(url)
    await store.do(schema.create)
    waiting = [asyncio.ensure_future(store.do(remember(f"k{n}"))) for n in range(200)]
    await asyncio.sleep(0)
    await store.close()
    await asyncio.gather(*waiting)
    with pytest.raises(RuntimeError, match="closed"):
        await store.do(keys)
    with create_engine(url).connect() as db:
        assert len(keys(db)) == 200


async def test_who_no_longer_waits_does_not_undo_what_was_asked(store: Writer) -> None:
    gate = threading.Event()
    asking = asyncio.ensure_future(store.do(lambda db: gate.wait() and remember("a")(db)))
    await asyncio.sleep(0)
    asking.cancel()
    gate.set()
    assert await store.do(keys) == {"a"}


async def test_the_store_s_id_is_made_once(store: Writer) -> None:
    first = await store.do(targets.store_id)
    assert await store.do(targets.store_id) == first
    assert first


async def test_a_target_is_remembered_as_it_was(store: Writer) -> None:
    wipe = RecipeInfo(name="wipe", summary="x", takes="time", class_="storage", destructive=True)
    machine = Machine(memory=64 << 30, cpus=8, model="R6515")
    recipes = (MEMTEST, wipe)
    bob = Remembered(
        jid=BOB, epoch="e" * 12, boot="b", digest="d", recipes=recipes, machine=machine
    )
    await store.do(lambda db: targets.remember(db, Remembered(jid=BOB)))
    await store.do(lambda db: targets.remember(db, bob))
    assert await store.do(targets.remembered) == [bob]


# Jobs


def add(db: Connection, line: str = "l1", **targets: str) -> tuple[int, bool]:
    job, new = jobs.add_job(
        db, line=line, text="run memtest", steps=STEPS, targets=targets or {BOB: "bob"},
        asker="ann", asker_jid="ann@lab.example", channel=Channel.ROOM, asked=NOW, by=NOW,
    )  # fmt: skip
    return job.number, new


async def test_the_same_line_is_the_same_job(store: Writer) -> None:
    assert await store.do(add) == (1, True)
    assert await store.do(add) == (1, False)
    assert await store.do(lambda db: add(db, "l2")) == (2, True)
    assert await asyncio.gather(*[store.do(lambda db: add(db, "l3")) for _ in range(3)]) == [
        (3, True), (3, False), (3, False),
    ]  # fmt: skip


def end(db: Connection, number: int, verdict: Verdict, **known: Any) -> Run:
    run = jobs.get_run(db, number, BOB)
    jobs.save_run(db, replace(run, phase=Phase.DONE, verdict=verdict, **known))
    return jobs.get_run(db, number, BOB)


async def test_what_is_known_of_a_run_comes_back_whole(store: Writer) -> None:
    await store.do(add)
    run = await store.do(lambda db: jobs.get_run(db, 1, BOB))
    full = replace(
        run, phase=Phase.DONE, verdict=Verdict.FAIL, reason="bit 3", journal="p0q4c1xw8e2z",
        size=9, printed=5, began=NOW, ended=NOW, heard=NOW, stop="ann", final=True,
    )  # fmt: skip
    await store.do(lambda db: jobs.save_run(db, full))
    assert await store.do(lambda db: jobs.get_run(db, 1, BOB)) == full


async def test_a_target_is_asked_first_about_what_is_open(store: Writer) -> None:
    for number in range(1, 9):
        await store.do(lambda db, line=f"l{number}": add(db, line))  # type: ignore[misc]
    await store.do(lambda db: end(db, 1, Verdict.LOST, journal="j" * 12))
    await store.do(lambda db: end(db, 2, Verdict.LOST))  # it never had a journal
    await store.do(lambda db: end(db, 3, Verdict.PASS, journal="j" * 12, final=True))
    await store.do(lambda db: end(db, 6, Verdict.LOST, journal="j" * 12))

    async def asked(limit: int) -> list[int]:
        runs = await store.do(lambda db: jobs.incomplete_runs(db, BOB, limit))
        return [run.job for run in runs]

    assert await asked(99) == [4, 5, 7, 8, 6, 1]
    assert await asked(3) == [4, 5, 7]


async def test_the_room_s_knowledge_is_compared_with_the_truth(store: Writer) -> None:
    await store.do(add)
    await store.do(lambda db: end(db, 1, Verdict.LOST))
    assert [job.number for job in await store.do(jobs.untold_jobs)] == [1]
    assert await store.do(jobs.misreported_runs) == []
    job = await store.do(lambda db: jobs.get_job(db, 1))
    await store.do(lambda db: jobs.set_told(db, job))
    await store.do(lambda db: end(db, 1, Verdict.PASS))
    assert await store.do(jobs.untold_jobs) == []
    (run,) = await store.do(jobs.misreported_runs)
    assert await store.do(lambda db: jobs.told_verdict(db, 1, BOB)) is Verdict.LOST
    await store.do(lambda db: jobs.set_run_told(db, run))
    assert await store.do(jobs.misreported_runs) == []


async def test_open_jobs_come_before_newer_ones_that_are_done(store: Writer) -> None:
    for number in range(1, 5):
        await store.do(lambda db, line=f"l{number}": add(db, line))  # type: ignore[misc]
    await store.do(lambda db: end(db, 3, Verdict.PASS))
    recent = await store.do(lambda db: jobs.recent_jobs(db, 4))
    assert [job.number for job in recent] == [4, 2, 1, 3]


# Journals


def fill(db: Connection, data: bytes, cuts: list[int]) -> None:
    """A replica of *data* that came in pieces, and the size in its run."""
    reader, at = Reader(), 0
    for cut in [*sorted(cuts), len(data)]:
        if cut > at:
            list(reader.feed(data[at:cut]))
            journals.append(db, 1, BOB, Chunk(at, data[at:cut]), reader.parsed)
            at = cut


def journal(payloads: list[bytes]) -> bytes:
    parts = [encode("accepted", 1.0, journal="p0q4c1xw8e2z")]
    for payload in payloads:
        parts += [encode("out", 1.0, payload), encode("progress", 1.0, fraction=0.5)]
    return b"".join(parts)


@settings(max_examples=60, deadline=None)
@given(
    payloads=st.lists(st.binary(max_size=60), max_size=30),
    cuts=st.lists(st.integers(0, 4000), max_size=20),
    limit=st.integers(1, 200),
    missing=st.integers(0, 100),
    start=st.integers(0, 3000),
)
def test_the_tail_is_the_end_of_what_was_printed(
    payloads: list[bytes], cuts: list[int], limit: int, missing: int, start: int
) -> None:
    whole = journal(payloads)
    data = whole[: max(1, len(whole) - missing)]
    printed = b"".join(record.payload for record in Reader().feed(data) if record.kind == "out")
    engine = create_engine("sqlite://")
    with engine.begin() as db:
        schema.create(db)
        fill(db, data, [cut for cut in cuts if cut < len(data)])
        assert journals.tail(db, 1, BOB, len(data), limit) == printed[-limit:]
        assert b"".join(journals.read(db, 1, BOB)) == data
        assert b"".join(journals.read(db, 1, BOB, start)) == data[start:]
        reader = journals.reader(db, 1, BOB)
        assert reader.parsed + reader.pending == len(data)
    engine.dispose()


async def test_the_tail_of_a_big_journal_reads_only_its_end(store: Writer) -> None:
    noise = random.Random(7)
    output = [noise.randbytes(60_000) for _ in range(200)]
    data = b"".join(encode("out", 1.0, each) for each in output)
    await store.do(lambda db: fill(db, data, list(range(0, len(data), 16_384))))

    def forget_all_but_the_end(db: Connection) -> None:
        db.execute(delete(schema.piece).where(schema.piece.c.offset < len(data) - 1_000_000))

    await store.do(forget_all_but_the_end)
    tail = await store.do(lambda db: journals.tail(db, 1, BOB, len(data), 256 * 1024))
    assert tail == b"".join(output)[-256 * 1024 :]
