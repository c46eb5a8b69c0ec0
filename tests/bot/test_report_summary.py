"""One notice when a job ends: first a line that says it all, then what matters."""

import json
import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from agent.wire.vocabulary import Step, Verdict
from bot.findings import Case, FirstLine, Metric
from bot.insight.changes import Change, Changes
from bot.insight.insight import Insight, Note
from bot.insight.usual import Usual, compared
from bot.jobs import Job, Outcome, Phase, Run
from bot.occupant import Channel
from bot.report.acknowledgement import acknowledgement
from bot.report.summary import result, revised
from bot.report.text import width
from tests.bot.lab_in_memory import NOW, target
from tests.bot.test_report import NASTY, xml_legal


def outcome(verdict: Verdict = Verdict.PASS, seconds: float = 12, **more: object) -> Outcome:
    counts = {"loops": 1, "failures": 0 if verdict.good else 3}
    plain = Outcome(step="memtest size=16M", verdict=verdict, seconds=seconds, counts=counts)
    return replace(plain, **more)  # type: ignore[arg-type]


def ended(name: str, *outcomes: Outcome, verdict: Verdict | None = None, reason: str = "") -> Run:
    worst = verdict or Verdict.worst(each.verdict for each in outcomes)
    jid = f"{name}@lab.example"
    return Run(
        job=17,
        target=name,
        jid=jid,
        phase=Phase.DONE,
        verdict=worst,
        outcomes=outcomes,
        reason=reason,
    )


def job(*runs: Run, steps: tuple[Step, ...] = (Step("memtest", {"size": "16M"}),)) -> Job:
    return Job(
        number=17, steps=steps, asker="ann", asker_jid="ann@lab.example", channel=Channel.ROOM,
        asked=NOW, by=NOW, runs=runs,
    )  # fmt: skip


def test_one_target_that_passed_is_one_line() -> None:
    said = result(job(ended("bob", outcome())))
    assert said.body == "ann: job 17 pass: memtest size=16M on bob, 12 s, 1 loop, 0 failures"


def test_targets_that_ended_alike_are_gathered() -> None:
    said = result(job(ended("bob", outcome()), ended("alice", outcome(seconds=12.3))))
    assert (
        said.body == "ann: job 17 pass: memtest size=16M on bob and alice, 12 s, 1 loop, 0 failures"
    )
    slow = result(job(ended("bob", outcome()), ended("alice", outcome(seconds=70))))
    assert "up to 1 min 10 s" in slow.text


def test_a_failure_comes_first_with_the_lines_that_matter() -> None:
    bad = outcome(
        Verdict.FAIL,
        reason="3 failures",
        lines=("FAILURE: 0x0 != 0x1 at offset 0x123456789abcdef.",),
    )
    said = result(job(ended("alice", outcome()), ended("bob", bad), ended("carol", outcome())))
    assert said.text == (
        "ann: job 17 fail: memtest size=16M on 3 targets: bob fail (3 failures); "
        "alice and carol pass"
    )
    assert said.table.split("\n") == [
        "bob    fail  12 s  3 failures",
        "alice  pass  12 s  1 loop, 0 failures",
        "carol  pass  12 s  1 loop, 0 failures",
        "bob:",
        "FAILURE: 0x0 != 0x1 at offset",
        "  0x123456789abcdef.",
    ]


def test_of_many_counts_those_that_are_zero_are_no_news() -> None:
    counts = dict.fromkeys(("mce", "edac", "oom", "heat"), 0.0) | {"io": 2.0}
    said = result(job(ended("bob", outcome(counts=counts))))
    assert said.body.endswith("on bob, 12 s, 2 io")


def test_a_line_that_says_no_more_than_the_reason_is_not_said_again() -> None:
    why = "edac: nothing counts its errors"
    skip = outcome(Verdict.SKIP, reason=why, lines=(f"skip {why}", "1 looked at"), counts={})
    said = result(job(ended("bob", skip)))
    assert said.text.endswith(why)
    assert said.table == "1 looked at"
    bad = outcome(Verdict.FAIL, reason="bad", lines=(), counts={}, first=FirstLine(line="bad"))
    assert result(job(ended("bob", bad))).table == ""
    seen = replace(bad, first=FirstLine(line="it is bad", before=("all was well",)))
    assert "> it is bad" in result(job(ended("bob", seen))).table  # there it stands among others
    long = outcome(Verdict.FAIL, reason="b" * 200, lines=("b" * 200,), counts={})
    assert result(job(ended("bob", long))).table != ""  # the reason was cut
    several = result(job(ended("bob", bad), ended("alice", outcome())))
    assert "> bad" in several.table  # one of several has little room for its reason


def test_a_sequence_that_failed_shows_its_steps() -> None:
    steps = (Step("memtest"), Step("stress"))
    bad = outcome(Verdict.TIMEOUT, 60, step="stress", reason="took longer than 60 s", counts={})
    said = result(job(ended("bob", outcome(step="memtest"), bad), steps=steps))
    assert said.text == (
        "ann: job 17 timeout: memtest, stress on bob, 1 min 12 s, 1 loop, 0 failures, "
        "took longer than 60 s"
    )
    assert said.table == "memtest  pass     12 s\nstress   timeout  1 min"


def test_a_sequence_that_passed_adds_up() -> None:
    said = result(job(ended("bob", outcome(), outcome()), steps=(Step("memtest"), Step("memtest"))))
    assert said.body == "ann: job 17 pass: memtest 2 times on bob, 24 s, 2 loops, 0 failures"


def test_a_run_that_never_began_says_why() -> None:
    refused = ended("bob", verdict=Verdict.REFUSED, reason="memtester is not installed")
    said = result(job(refused))
    assert said.body == ("ann: job 17 refused: memtest size=16M on bob, memtester is not installed")


def test_forty_targets_stay_readable() -> None:
    runs = [ended(f"pc{n:02}", outcome()) for n in range(1, 40)]
    odd = ended("pc40", verdict=Verdict.LOST, reason="no contact for 1 h")
    said = result(job(*runs, odd))
    assert said.text == (
        "ann: job 17 lost: memtest size=16M on 40 targets: pc40 lost (no contact for 1 h); "
        "pc[01-39] pass"
    )
    assert said.table.split("\n") == [
        "pc40       lost        no contact for…", "pc[01-39]  pass  12 s  1 loop, 0 fail…",
    ]  # fmt: skip


def test_the_nick_stands_once_and_the_verdict_as_a_word() -> None:
    for verdict in Verdict:
        said = result(job(ended("bob", outcome(verdict))))
        assert said.body.count("ann") == 1
        assert f"job 17 {verdict.value}:" in said.text


def test_a_late_journal_replaces_what_was_said() -> None:
    run = ended("bob", outcome())
    said = revised(job(run), run, Verdict.LOST)
    assert said.body == (
        "ann: job 17 on bob was reported lost; its journal is here: pass, 12 s, 1 loop, 0 failures"
    )
    assert said.data["before"] == "lost"


RUNS = st.builds(
    lambda name, verdict, text, lines, count, seconds: ended(
        name,
        outcome(
            verdict,
            seconds,
            reason=text,
            lines=tuple(lines),
            counts={text or "x": count},
            cases=tuple(Case(name=line or "x", verdict=verdict, why=text) for line in lines),
            case_count=2 * len(lines),
        ),
    ),
    st.from_regex(r"[a-z]{1,64}", fullmatch=True),
    st.sampled_from(Verdict),
    NASTY,
    st.lists(NASTY, max_size=30),
    st.floats(),
    st.floats(0, 1e9),
)


@given(st.lists(RUNS, min_size=1, max_size=45), NASTY)
def test_no_result_is_too_wide_too_long_or_harmful(runs: list[Run], nick: str) -> None:
    said = result(replace(job(*runs), asker=nick))
    assert all(width(line) <= 38 for line in said.table.split("\n"))
    assert said.table.count("\n") < 20
    assert "\n" not in said.text
    assert len(said.text) < 1500
    assert xml_legal(said.body)
    json.loads(said.json)


def test_an_acknowledgement_says_who_starts_later() -> None:
    waiting = job(*(Run(job=17, target=name, jid=name) for name in ("bob", "alice", "carol")))
    known = {
        "bob": target("bob"),
        "alice": target("alice", "busy", job=16),
        "carol": target("carol", "away"),
    }
    said = acknowledgement(waiting, known, ["dave: no memtester"])
    assert said.text == (
        "job 17: memtest size=16M on bob, alice, carol; "
        "carol is away: it starts when carol is back; "
        "alice is busy: it starts there after job 16; not on dave: no memtester"
    )
    assert re.search(r"\bann\b", said.body) is None
    assert said.kind == "acknowledgement"


def test_an_acknowledgement_of_many_folds_them_or_lists_them_in_the_block() -> None:
    many = job(*(Run(job=17, target=f"pc{n:02}", jid="x") for n in range(40)))
    assert acknowledgement(many, {}).body == "job 17: memtest size=16M on pc[00-39]"
    names = [f"{a}{b}" for a in "abcdefgh" for b in "klmno"]
    said = acknowledgement(job(*(Run(job=17, target=name, jid="x") for name in names)), {})
    assert said.text == "job 17: memtest size=16M on 40 targets"
    assert all(name in said.table for name in names)
    assert all(width(line) <= 38 for line in said.table.split("\n"))


def test_targets_that_differ_only_in_numbers_ended_alike() -> None:
    runs = [
        ended(
            f"pc{n:02}",
            outcome(
                Verdict.FAIL,
                reason=f"{n} failures at 0x{n:x}",
                counts={"loops": n},
                lines=(f"FAILURE at 0x{n:08x}",),
            ),
        )
        for n in range(1, 38)
    ]
    odd = ended("pc39", outcome(Verdict.FAIL, reason="no line matches Done", lines=("bus error",)))
    said = result(job(*runs, odd))
    assert said.text == (
        "ann: job 17 fail: memtest size=16M on 38 targets: pc[01-37] fail (1 failures at 0x1); "
        "pc39 fail (no line matches Done)"
    )
    one = result(job(*runs))
    assert "on pc[01-37], 12 s, 1 to 37 loops, 1 failures at 0x1" in one.text


def test_the_first_failing_line_is_told_with_what_stands_around_it() -> None:
    first = FirstLine(line="FAILURE: 0 != 1", before=("loop 3",), after=("giving up",), at=41)
    bad = outcome(Verdict.FAIL, reason="1 failure", first=first, lines=("FAILURE: 0 != 1", "more"))
    found = Insight(new=("bus reset", "FAILURE: 7 != 8"), new_since=12)
    said = result(job(ended("bob", bad)), {"bob@lab.example": found})
    assert said.table.split("\n") == [
        "  loop 3", "> FAILURE: 0 != 1", "  (new since job 12, which passed)", "  giving up",
        "more", "new since job 12, which passed:", "bus reset",
    ]  # fmt: skip


def test_a_line_of_the_kernel_is_gathered_over_targets_and_is_called_new() -> None:
    def fails(name: str, where: int, what: str) -> Run:
        line = f"kernel: EDAC MC{where}: 1 {what} error"
        first = FirstLine(line=line, before=(f"loop {where}",), by="kernel")
        return ended(name, outcome(Verdict.FAIL, reason=line, first=first, lines=(line,)))

    runs = [
        *(fails(f"pc{number}", number, "UE") for number in range(1, 38)),
        fails("pc39", 0, "PE"),
    ]
    new = Insight(new=("kernel: EDAC MC1: 1 UE error",), new_since=12)
    said = result(job(*runs), {"pc1@lab.example": new})
    assert "pc[1-37] fail (kernel: EDAC MC1: 1 UE error); pc39 fail (kernel: EDAC MC0" in said.text
    block = said.table.split("\n")
    start = block.index("pc[1-37]:")
    assert block[start + 1 :] == [
        "  loop 1", "> kernel: EDAC MC1: 1 UE error", "  (new since job 12, which passed)",
        "pc39:", "  loop 0", "> kernel: EDAC MC0: 1 PE error",
    ]  # fmt: skip


def test_cases_are_counted_and_those_that_failed_told() -> None:
    cases = tuple(Case(name=f"case {n}", verdict=Verdict.FAIL, why="bit 3") for n in range(30))
    bad = outcome(Verdict.FAIL, reason="case 0: bit 3", cases=cases, case_count=40, counts={})
    said = result(job(ended("bob", bad)))
    assert said.text == ("ann: job 17 fail: memtest size=16M on bob, 12 s, 40 cases, case 0: bit 3")
    [step] = json.loads(said.json)["runs"][0]["steps"]
    assert (len(step["cases"]), step["case_count"]) == (8, 40)  # servers count bytes
    assert step["cases"][0] == {"name": "case 0", "verdict": "fail", "why": "bit 3"}


CHANGE = Changes(12, NOW, (Change("dimm B2", "16 GB", ""), *[Change("k", "", "v")] * 4))
COMPARED = compared(Metric(name="read", value=1, margin=5, better="higher"), Usual(9, 1, 8, 10, 7))
INSIGHTS = st.builds(
    lambda text, count: Insight(
        notes=(
            Note(replace(COMPARED, metric=replace(COMPARED.metric, name=text or "x")), kind=True),
        )
        * 4,
        usually=Usual(60, 1, 59, 61, 5),
        changes=replace(CHANGE, of=(Change(text or "x", text, text), *CHANGE.of) * count),
        new=(text,) * 5,
        new_since=3,
    ),
    NASTY,
    st.integers(1, 4),
)


@given(st.lists(RUNS, min_size=1, max_size=3), st.lists(INSIGHTS, min_size=1, max_size=3))
def test_no_insight_is_too_wide_too_long_or_harmful(
    runs: list[Run], insights: list[Insight]
) -> None:
    jids = [run.jid for run in runs]
    said = result(job(*runs), dict(zip(jids, insights, strict=False)))
    assert all(width(line) <= 38 for line in said.table.split("\n"))
    assert said.table.count("\n") < 20
    assert "\n" not in said.text
    assert len(said.text) < 3000
    assert xml_legal(said.body)
    json.loads(said.json)
