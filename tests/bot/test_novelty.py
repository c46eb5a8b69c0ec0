"""What a run that failed printed, and the last one that passed had not."""

import itertools
import tracemalloc
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection

from agent.wire.delivery import Chunk
from agent.wire.journal import encode
from agent.wire.vocabulary import Step, Verdict
from bot import novelty
from bot.findings import Case, FirstLine
from bot.insight import novel as novel_lines
from bot.insight.insight import Insight
from bot.insight.novel import KEPT, Novel, Templates
from bot.jobs import Job, Outcome, Phase
from bot.logs import Logs
from bot.novelty import with_novel
from bot.occupant import Channel
from bot.store import growth, jobs, journals, measures
from bot.store.writer import Writer

BOB = "bob@lab.example"
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MEMTEST, SMALL = Step("memtest"), Step("memtest", {"size": "1M"})
PASS, FAIL = Verdict.PASS, Verdict.FAIL
FINE = "loop 1 of 2\n  Stuck Address: ok\nloop 2 of 2\n  Stuck Address: ok\nDone.\n"
WRONG = (
    "loop 1 of 2\n  Stuck Address: ok\nFAILURE: 0x0f != 0x1f at offset 0x7f3a90.\n"
    "FAILURE: 0x00 != 0x01 at offset 0x7f3a98.\nbus reset\nDone.\n"
)
LINES = ("FAILURE: 0x0f != 0x1f at offset 0x7f3a90.", "bus reset")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Writer]:
    store = Writer(f"sqlite:///{tmp_path}/labroom.db")
    await store.do(growth.prepare)
    yield store
    await store.close()


numbers = itertools.count(1)


async def ran(
    store: Writer, verdict: Verdict, printed: str, *steps: Step, jid: str = BOB,
    **last: object,
) -> Job:  # fmt: skip
    """A job whose steps all ended so, the last one having printed that, and told the rest."""
    steps = steps or (MEMTEST,)
    journal = b"".join(
        encode("out", 1.0, printed.encode()[at : at + 60_000])
        for at in range(0, len(printed.encode()), 60_000)
    )

    def write(db: Connection) -> Job:
        line = f"line {next(numbers)}"
        job, _ = jobs.add_job(
            db, line=line, text=line, steps=steps, targets={jid: jid.partition("@")[0]},
            asker="ann", asker_jid="ann@lab.example", channel=Channel.ROOM, asked=NOW, by=NOW,
        )  # fmt: skip
        ends = [*[PASS] * (len(steps) - 1), verdict]
        outcomes = [
            Outcome(step=str(step), verdict=end, seconds=1)
            for step, end in zip(steps, ends, strict=True)
        ]
        outcomes[-1] = replace(outcomes[-1], **last)  # type: ignore[arg-type]
        run = replace(
            job.runs[0], phase=Phase.DONE, verdict=verdict, size=len(journal),
            outcomes=tuple(outcomes),
        )  # fmt: skip
        jobs.save_run(db, run)
        measures.add(db, run, 0, [NOW + timedelta(seconds=job.number)] * len(outcomes))
        journals.append(db, job.number, jid, Chunk(0, journal), len(journal))
        return replace(job, runs=(run,))

    return await store.do(write)


async def new(store: Writer, job: Job) -> tuple[tuple[str, ...], int]:
    found = await with_novel(job, {}, store, Logs(store))
    insight = found.get(BOB, Insight())
    return insight.new, insight.new_since


async def test_what_is_new_is_found_once_for_all_that_look_like_it(store: Writer) -> None:
    await ran(store, PASS, FINE)
    good = await ran(store, PASS, FINE.replace("2", "3"))
    assert await new(store, await ran(store, FAIL, WRONG)) == (LINES, good.number)


async def test_only_a_run_that_did_the_same_and_passed_says_what_is_new(store: Writer) -> None:
    await ran(store, FAIL, FINE)
    await ran(store, Verdict.WARN, FINE)
    await ran(store, PASS, FINE, SMALL)
    await ran(store, PASS, FINE, jid="alice@lab.example")
    await ran(store, PASS, "")  # nothing of it is kept
    await ran(store, FAIL, FINE, MEMTEST, SMALL)  # it failed in what came after
    assert await new(store, await ran(store, FAIL, WRONG)) == ((), 0)
    later = await ran(store, FAIL, WRONG)
    await ran(store, PASS, FINE)  # after it
    assert await new(store, later) == ((), 0)


@pytest.mark.parametrize(
    "dropped", ["delete from run where job = 2", "update run set dropped = 'old' where job = 2"]
)
async def test_who_is_not_kept_any_more_says_nothing(store: Writer, dropped: str) -> None:
    older = await ran(store, PASS, FINE)
    await ran(store, PASS, WRONG)
    await store.do(lambda db: db.exec_driver_sql(dropped))
    assert await new(store, await ran(store, FAIL, WRONG)) == (LINES, older.number)


async def test_a_sequence_is_compared_with_the_same_sequence(store: Writer) -> None:
    await ran(store, PASS, FINE)  # of the failing step alone
    assert await new(store, await ran(store, FAIL, WRONG, SMALL, MEMTEST)) == ((), 0)
    both = await ran(store, PASS, FINE, SMALL, MEMTEST)
    assert await new(store, await ran(store, FAIL, WRONG, SMALL, MEMTEST)) == (LINES, both.number)


@pytest.mark.parametrize("verdict", [PASS, Verdict.ERROR, Verdict.LOST, Verdict.ABORTED])
async def test_of_what_is_no_failure_nothing_is_new(store: Writer, verdict: Verdict) -> None:
    await ran(store, PASS, FINE)
    assert await new(store, await ran(store, verdict, WRONG)) == ((), 0)


async def test_a_log_of_which_something_is_missing_proves_nothing(store: Writer) -> None:
    await ran(store, PASS, f"{FINE}[here 2 MiB were not kept by the agent]\n")
    assert await new(store, await ran(store, FAIL, WRONG)) == ((), 0)


async def test_what_takes_too_long_is_left_out(
    store: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ran(store, PASS, FINE)
    monkeypatch.setattr(novelty, "WITHIN", 0.0)
    kept = {BOB: Insight(new_since=7)}
    job = await ran(store, FAIL, WRONG)
    assert await with_novel(job, kept, store, Logs(store)) == kept


async def test_a_journal_that_cannot_be_read_costs_nothing_else(store: Writer) -> None:
    await ran(store, PASS, FINE)
    job = await ran(store, FAIL, WRONG)
    await store.do(lambda db: db.exec_driver_sql("update piece set data = x'7b7d0a' where job = 1"))
    kept = {BOB: Insight(new_since=7)}
    assert await with_novel(job, kept, store, Logs(store)) == kept


KERNEL = FirstLine(line="kernel: EDAC MC0: 1 UE error", by="kernel")
CASE = FirstLine(line="walking ones: bit 3", by="case")
SKIPPED = Case(name="walking ones", verdict=Verdict.SKIP, why="bit 5")


@pytest.mark.parametrize("first", [KERNEL, CASE])
async def test_a_bad_line_that_was_not_printed_is_new_too(store: Writer, first: FirstLine) -> None:
    good = await ran(store, PASS, FINE, cases=(replace(SKIPPED, name="another"),))
    bad = await ran(store, FAIL, WRONG, first=first)
    assert await new(store, bad) == ((first.line, *LINES), good.number)
    bad = await ran(store, FAIL, FINE, first=replace(first, by=""))
    assert await new(store, bad) == ((), 0)


async def test_what_the_last_one_told_of_its_cases_is_not_new(store: Writer) -> None:
    await ran(store, PASS, FINE, cases=(SKIPPED,))
    assert await new(store, await ran(store, FAIL, FINE, first=CASE)) == ((), 0)


async def test_what_was_not_printed_needs_no_log(store: Writer) -> None:
    good = await ran(store, PASS, f"{FINE}[here 2 MiB were not kept by the agent]\n")
    bad = await ran(store, FAIL, WRONG, first=KERNEL)
    assert await new(store, bad) == ((KERNEL.line,), good.number)
    await store.do(lambda db: db.exec_driver_sql("update piece set data = x'7b7d0a'"))
    assert await new(store, bad) == ((KERNEL.line,), good.number)


async def test_of_those_that_failed_in_another_way_each_is_looked_at(store: Writer) -> None:
    await ran(store, PASS, FINE)
    await ran(store, PASS, FINE, jid="alice@lab.example")
    one = await ran(store, FAIL, FINE, first=KERNEL)
    other = await ran(store, FAIL, FINE, jid="alice@lab.example", first=CASE)
    found = await with_novel(replace(one, runs=(*one.runs, *other.runs)), {}, store, Logs(store))
    assert [insight.new for insight in found.values()] == [(KERNEL.line,), (CASE.line,)]


def test_the_memory_of_a_large_log_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(novel_lines, "MOST", 5000)
    words = [f"{a}{b}{c}" for a in "abcdefghij" for b in "klmnopqrst" for c in "uvwxyzzz"]
    tracemalloc.start()
    seen = Templates()
    for one, other in itertools.product(words, words):
        seen.feed([f"{one} {other} {other} {one} 12345"])
        if seen.enough:
            break
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert seen.enough
    assert not seen.whole
    assert held < 4 << 20


def test_the_first_ones_are_kept() -> None:
    known = Templates()
    known.feed(["fine"])
    novel = Novel(known)
    novel.feed([f"{word} broke" for word in "abcdefghijklmnopqrstuvwxyz"])
    novel.feed(["more"])
    assert novel.lines == tuple(f"{word} broke" for word in "abcdefghijklmnopqrstuvwxyz"[:KEPT])
    assert novel.enough


@given(st.lists(st.text()), st.lists(st.text()))
def test_nothing_of_the_one_is_new_in_the_other(before: list[str], now: list[str]) -> None:
    known = Templates()
    known.feed([*before, *now])
    novel = Novel(known)
    novel.feed(now)
    assert novel.lines == ()
