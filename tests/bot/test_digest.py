"""What records mean; and what they may not do, whatever they say."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.wire.journal import JournalError, Reader, Record, encode
from agent.wire.vocabulary import Step, Verdict
from bot.digest import Clock, IntegrityError, digest, distrusted, given_up
from bot.findings import FirstLine
from bot.jobs import ImpossibleError, Job, Phase, Run
from bot.occupant import Channel
from bot.report.summary import result
from bot.store.outcomes import outcome_in, outcome_out

ASKED = datetime(2026, 11, 22, 12, tzinfo=UTC)
NOW = ASKED + timedelta(hours=1)
CLOCK = Clock(asked=ASKED, now=NOW)
OFFERED = Run(job=17, target="bob", jid="bob@lab.example", journal="p0q4c1xw8e2z")


def record(kind: str, at: float | None = None, payload: bytes = b"", **fields: Any) -> Record:
    when = ASKED.timestamp() + 60 if at is None else at
    return Record(kind, when, fields, payload, 0)


def after(*records: Record, run: Run = OFFERED, clock: Clock = CLOCK) -> Run:
    for each in records:
        run = digest(run, each, clock)
    return run


def test_a_journal_is_a_run_s_life() -> None:
    run = after(record("accepted", journal="p0q4c1xw8e2z"))
    assert run.phase is Phase.QUEUED
    run = after(record("begin"), run=run)
    assert (run.phase, run.began) == (Phase.RUNNING, ASKED + timedelta(seconds=60))
    run = after(record("out", payload=b"12345"), record("progress"), run=run)
    assert run.printed == 5
    end = record("end", name="memtest", verdict="fail", seconds=3, reason="bit 3", lines=["x"])
    run = after(end, record("verdict", verdict="fail", reason="bit 3"), run=run)
    assert (run.phase, run.verdict, run.reason, run.final) == (
        Phase.DONE, Verdict.FAIL, "bit 3", True,
    )  # fmt: skip
    assert run.outcomes[0].seconds == 3


def test_a_journal_that_names_another_is_not_believed() -> None:
    with pytest.raises(IntegrityError, match="names another"):
        after(record("accepted", journal="zzzzzzzzzzzz"))


@pytest.mark.parametrize("kind", ["verdict", "out", "begin", "end", "accepted"])
def test_nothing_follows_the_verdict(kind: str) -> None:
    done = after(record("verdict", verdict="fail"))
    with pytest.raises(IntegrityError, match="after its end"):
        after(record(kind, verdict="pass"), run=done)


def test_a_run_given_up_is_revised_once() -> None:
    lost = given_up(OFFERED, Verdict.LOST, "silence", NOW)
    run = after(record("begin"), run=lost)
    assert (run.verdict, run.phase) == (Verdict.LOST, Phase.DONE)
    run = after(record("verdict", verdict="pass"), run=run)
    assert (run.verdict, run.reason, run.began) == (Verdict.PASS, "", ASKED + timedelta(seconds=60))
    with pytest.raises(ImpossibleError):
        given_up(run, Verdict.LOST, "again", NOW)


def test_what_is_told_outlives_distrust() -> None:
    lost = given_up(OFFERED, Verdict.LOST, "silence", NOW)
    assert distrusted(lost, IntegrityError("spliced"), NOW) is lost
    broken = distrusted(OFFERED, IntegrityError("spliced"), NOW)
    assert (broken.verdict, broken.final) == (Verdict.ERROR, True)
    assert broken.reason == "the journal from bob cannot be trusted: spliced"


@pytest.mark.parametrize("at", [float("nan"), float("inf"), -float("inf"), 1e300, -1e18])
def test_a_time_that_cannot_be_is_a_lie(at: float) -> None:
    with pytest.raises(IntegrityError, match="a time that cannot be"):
        after(record("begin", at))


@pytest.mark.parametrize("at", [0.0, 4e9, 2.5e11])
def test_nothing_happened_before_it_was_asked_or_after_it_was_heard(at: float) -> None:
    run = after(record("begin", at), record("verdict", at, verdict="pass"))
    assert run.began is not None
    assert run.ended is not None
    assert ASKED <= run.began <= run.ended <= NOW


def test_a_clock_that_jumps_back_makes_no_negative_time() -> None:
    start = ASKED.timestamp()
    run = after(record("begin", start + 600), record("verdict", start + 60, verdict="pass"))
    assert run.began == run.ended


def test_the_target_s_clock_is_corrected() -> None:
    clock = replace(CLOCK, behind=timedelta(days=4000))
    at = (ASKED + timedelta(minutes=5) - timedelta(days=4000)).timestamp()
    assert after(record("begin", at), clock=clock).began == ASKED + timedelta(minutes=5)


def test_what_is_no_verdict_is_no_pass() -> None:
    for lie in ("PASS", "", None, 7, "passed", ["pass"]):
        assert after(record("verdict", verdict=lie)).verdict is Verdict.ERROR


def test_numbers_are_finite_and_text_is_printable() -> None:
    lie = record(
        "end", name="\ud800a\x00\x1b[1m\nb", verdict="pass", seconds=float("inf"),
        reason="\u202e" + "x" * 9999,
        counts={"ok": 1, "nan": float("nan"), "inf": float("inf"), "huge": 10**400, "bool": True,
                "text": "1", "big": -(10**15), "\ud800": 2},
        lines=["a\tb", "\ud800", 5, None, "y" * 999, *["z"] * 100],
    )  # fmt: skip
    outcome = after(lie).outcomes[0]
    assert outcome.step == "a[1m b"
    assert outcome.seconds == 0
    assert outcome.reason == "x" * 499
    assert outcome.counts == {"ok": 1, "big": -(10**15), "": 2}
    assert outcome.lines[0] == "a b"
    assert len(outcome.lines) <= 8
    assert all(len(line) <= 200 for line in outcome.lines)


def test_cases_are_bounded_and_what_is_no_verdict_is_no_pass() -> None:
    told: list[Any] = [
        {"name": "a\tb", "verdict": "skip", "why": "\ud800" + "y" * 999}, {"name": "c"}, "d", None,
        {"name": "e", "verdict": ["pass"], "why": 5}, {"verdict": "pass"},
        {"name": "f", "verdict": "x"},
    ]  # fmt: skip
    [outcome] = after(record("end", verdict="pass", cases=told, case_count=12)).outcomes
    ends = [(case.name, str(case.verdict), len(case.why)) for case in outcome.cases]
    assert ends == [("a b", "skip", 200), ("c", "error", 0), ("e", "error", 0), ("f", "error", 0)]
    assert (outcome.case_count, len(outcome.bad_cases)) == (12, 3)
    for lie in (-1, True, "9", float("nan"), None, 10**400):
        [outcome] = after(record("end", verdict="pass", cases=told, case_count=lie)).outcomes
        assert outcome.case_count == 4

    many = record("end", verdict="pass", cases=[{"name": "x", "verdict": "pass"}] * 700)
    run = after(many, many, many)
    assert [len(outcome.cases) for outcome in run.outcomes] == [700, 300, 0]


def test_what_is_not_printed_comes_back_out_of_the_store() -> None:
    told = record(
        "end", name="x", verdict="fail", first={"line": "kernel: UE", "by": "kernel"},
        cases=[{"name": "a", "verdict": "fail", "why": "bit 3"}], case_count=9,
    )  # fmt: skip
    [outcome] = after(told).outcomes
    assert outcome.first is not None
    assert (outcome.first.by, outcome.case_count) == ("kernel", 9)
    written = outcome_out(outcome)
    assert outcome_in(json.loads(json.dumps(written))) == outcome
    del written["cases"], written["case_count"], written["first"]["by"]  # as it was before
    old = outcome_in(written)
    assert (old.cases, old.case_count, old.first and old.first.by) == ((), 0, "")
    for lie in ("output", 5, None):
        [outcome] = after(record("end", verdict="fail", first={"line": "x", "by": lie})).outcomes
        assert outcome.first == FirstLine(line="x")


def test_a_journal_of_steps_is_bounded() -> None:
    ends = [record("end", name="x", verdict="pass", seconds=1)] * 1000
    assert len(after(*ends).outcomes) == 60


ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=6,
)
FIELDS = (
    "name", "verdict", "seconds", "reason", "counts", "lines", "journal", "metrics", "first",
    "known", "facts", "cases", "case_count",
)  # fmt: skip
TIMES = st.integers(-(2**70), 2**70) | st.floats()
KINDS = st.sampled_from(["accepted", "begin", "out", "end", "verdict", "progress", "new"])


LIES = st.tuples(KINDS, TIMES, st.dictionaries(st.sampled_from(FIELDS), ANYTHING))


@given(st.lists(LIES, max_size=8))
def test_whatever_a_target_writes_can_be_stored_and_told(
    lies: list[tuple[str, float, dict[str, Any]]],
) -> None:
    run, reader = OFFERED, Reader()
    for kind, at, fields in lies:
        header = {"kind": kind, "at": at} | fields
        try:
            for each in reader.feed(json.dumps(header).encode() + b"\n"):
                run = digest(run, each, CLOCK)
        except (IntegrityError, ImpossibleError, JournalError) as error:
            run, reader = distrusted(run, error, NOW), Reader()
    run.reason.encode()
    for outcome in run.outcomes:
        told = outcome_in(json.loads(json.dumps(outcome_out(outcome), allow_nan=False)))
        assert told == replace(outcome, facts={})
    if run.phase is not Phase.DONE:
        run = given_up(run, Verdict.LOST, "silence", NOW)
    job = Job(
        number=17, steps=(Step("memtest"),), asker="ann", asker_jid="ann@lab.example",
        channel=Channel.ROOM, asked=ASKED, by=NOW, runs=(run,),
    )  # fmt: skip
    reply = result(job)
    reply.body.encode()
    assert json.loads(reply.json)["job"] == 17


def test_only_output_counts_as_printed() -> None:
    reader, run = Reader(), OFFERED
    journal = (
        encode("out", 1.0, b"\n" * 70) + encode("blob", 1.0, b"1234") + encode("out", 2.0, b"")
    )
    for each in reader.feed(journal):
        run = digest(run, each, CLOCK)
    assert run.printed == 70
