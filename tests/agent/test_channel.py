"""The side channel: what programs say there counts, and what cannot be read is never a pass."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.channel import CASES, FACTS, LINE, MOST, TOLD, TOLD_SIZE, Channel, each, told
from agent.judge import Judge, gravest
from agent.metrics import Metrics
from tests.agent.bench import output, records, verdict
from tests.agent.target import RULES, Target, listen, sh


def a_channel(*lines: object, expect: tuple[str, ...] = ()) -> Channel:
    channel = Channel(Metrics({}), expect)
    for line in lines:
        channel.feed((line if isinstance(line, str) else json.dumps(line)).encode() + b"\n")
    channel.close()
    return channel


def said(*lines: object, expect: tuple[str, ...] = ()) -> tuple[str, str]:
    return gravest(a_channel(*lines, expect=expect).findings(whole=True))


def test_what_is_said_is_kept() -> None:
    metrics = Metrics({})
    channel = Channel(metrics)
    lines = (
        b'{"case": "a", "verdict": "pass"}\n\n{"count": "loops"}\n{"count": "loops", "n": 2}\n'
        b'{"metric": "triad", "value": 41.2, "unit": "GB/s"}\n'
        b'{"fact": "dimm A1", "value": "16 GB\\u0007 DDR4"}\n'
        b'{"fact": "dimm A1", "value": "32 GB"}\n'
        b'{"progress": 0.5, "text": "half"}'
    )
    for at in range(len(lines)):
        channel.feed(lines[at : at + 1])
    assert channel.progress is None
    channel.close()
    assert channel.findings(whole=True) == []
    assert channel.counts == {"loops": 3}
    assert channel.facts == {"dimm A1": "32 GB"}
    assert channel.progress == (0.5, "half")
    assert metrics.told()[0]["value"] == 41.2


def test_the_worst_that_is_said_of_a_case_stays() -> None:
    worse = {"case": "a", "verdict": "fail", "why": "bit 3"}
    assert said(worse, {"case": "a", "verdict": "pass"}) == ("fail", "a: bit 3")
    assert said({"case": "a", "verdict": "skip"}) == ("skip", "a: skip")
    assert said({"case": "a", "verdict": "warn", "why": "x"}, worse) == ("fail", "a: bit 3")


def test_a_case_that_is_missing_is_a_fail() -> None:
    a = {"case": "a", "verdict": "pass"}
    assert said(a, expect=("a",)) == ("pass", "")
    assert said(a, expect=("a", "b")) == ("fail", "b: there is no result of it")
    assert a_channel(a, expect=("b",)).findings(whole=False) == []  # somebody stopped it


def test_what_is_told_of_cases_is_bounded_and_the_worst_comes_first() -> None:
    ends = ["pass", "skip", "warn", "fail", "error"]
    said = [{"case": f"case {n}", "verdict": end} for n, end in enumerate(ends * 2)]
    said += [{"case": "case 5", "verdict": "pass", "why": "x"}]
    said += [{"case": "case 1", "verdict": "skip", "why": why} for why in ("a", "b")]
    said += [{"case": "case 6", "verdict": "fail", "why": "x"}]
    cases = each(a_channel(*said).cases(whole=True))
    assert [case["name"] for case in told(cases)] == [
        "case 4", "case 9", "case 3", "case 8", "case 6", "case 2", "case 7", "case 1",
        "case 0", "case 5",
    ]  # fmt: skip
    assert told(cases)[4] == {"name": "case 6", "verdict": "fail", "why": "x"}
    assert told(cases)[7:9] == [
        {"name": "case 1", "verdict": "skip"}, {"name": "case 0", "verdict": "pass"},
    ]  # fmt: skip
    assert len(told([("a", "pass", "")] * CASES)) == TOLD
    large = told([("é" * 80, "fail", "é" * 200)] * CASES)
    assert TOLD_SIZE * 3 / 4 < len(json.dumps(large)) <= TOLD_SIZE + 2


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("no JSON", "not JSON"),
        ("[" * 5000, "not JSON"),
        ("[]", "no object"),
        ('{"cases": "a", "verdict": "fail"}', "not one of case"),
        ('{"case": "a", "metric": "b"}', "not one of case"),
        ('{"case": "a"}', "a verdict is one of pass"),
        ('{"case": "a", "verdict": "failed"}', "a verdict is one of pass"),
        ('{"case": "a", "verdict": ["fail"]}', "a verdict is one of pass"),
        ('{"case": "", "verdict": "fail"}', "a case has a name"),
        ('{"case": 5, "verdict": "fail"}', "a case has a name"),
        ('{"case": "a", "verdict": "fail", "why": 5}', "why is text"),
        ('{"metric": "a"}', "value is no number"),
        ('{"metric": "a", "value": "5"}', "value is no number"),
        ('{"metric": "a", "value": true}', "value is no number"),
        ('{"metric": "a", "value": NaN}', "no number that we take"),
        ('{"metric": "a", "value": 1e999}', "no number that we take"),
        ('{"metric": "a", "value": 1' + "0" * 400 + "}", "no number that we take"),
        ('{"metric": "A b", "value": 1}', "a name is a-z"),
        ('{"metric": "a", "value": 1, "unit": 5}', "a unit is text"),
        ('{"count": "a", "n": null}', "n is no number"),
        ('{"fact": "a"}', "the value of a fact is text"),
        ('{"fact": "' + "a" * 61 + '", "value": "x"}', "at most 60"),
        ('{"progress": 2}', "from 0 to 1"),
        ('{"progress": 0.5, "text": 5}', "text is text"),
        ('{"case": "a", "verdict": "fail"', "not JSON"),
        ('{"case": "a", "verdict": "fail", "verdict": "pass"}', "it says something twice"),
        ('{"case": "' + "a" * LINE + '"}', "longer than"),
    ],
)
def test_what_cannot_be_read_is_an_error(line: str, why: str) -> None:
    verdict, reason = said({"case": "a", "verdict": "pass"}, line)
    assert verdict == "error"
    assert why in reason
    assert reason.startswith("line 2 of its results")
    assert len(reason) < 250


def test_facts_come_all_or_not_at_all() -> None:
    facts = [{"fact": f"f{n}", "value": "x"} for n in range(FACTS)]
    assert len(a_channel(*facts).facts) == FACTS
    assert a_channel(*facts, {"fact": "more", "value": "x"}).facts == {}
    assert said(*facts, {"fact": "more", "value": "x"})[0] == "error"
    large = [{"fact": f"f{n}", "value": "x" * 200} for n in range(60)]
    assert a_channel(*large).facts == {}
    assert a_channel(facts[0], "no JSON").facts == {}


def test_there_is_an_end_to_all_of_it() -> None:
    channel = Channel(Metrics({}))
    block = b'{"count": "a"}\n' * 4000
    for _ in range(MOST // len(block) + 2):
        channel.feed(block)
    assert channel.findings(whole=True) == [("error", "more than 1024K of results")]
    cases = [{"case": f"c{n}", "verdict": "pass"} for n in range(CASES + 1)]
    assert said(*cases)[0] == "error"
    assert said(*[{"count": f"c{n}"} for n in range(21)])[0] == "error"
    endless = Channel(Metrics({}))
    for _ in range(100):
        endless.feed(b"x" * 1000)
    assert len(endless._rest) <= LINE + 1000
    assert gravest(endless.findings(whole=True))[0] == "error"


@given(st.binary(max_size=300))
def test_no_bytes_do_harm(data: bytes) -> None:
    channel = Channel(Metrics({}), ("a",))
    channel.feed(data)
    channel.close()
    assert gravest(channel.findings(whole=True))[0] in ("fail", "error")


# --- as programs use it


def say(*lines: dict[str, Any]) -> str:
    return "; ".join(f"echo '{json.dumps(line)}' >> \"$LABROOM_RESULTS\"" for line in lines)


def test_a_program_appends_to_it_as_to_a_file(target: Target) -> None:
    script = say(
        {"case": "a", "verdict": "pass"}, {"count": "loops", "n": 2}, {"fact": "cpu", "value": "x"},
        {"metric": "triad", "value": 41.2, "unit": "GB/s"},
    )  # fmt: skip
    run = target.run(sh(script, expect=["a"]))
    assert verdict(run) == ("pass", "")
    end = records(run)[-2].fields
    assert end["counts"] == {"loops": 2}
    assert end["facts"] == {"cpu": "x"}
    assert end["metrics"][0]["value"] == 41.2
    assert not (run.path / "results").exists()
    assert output(run) == b""


def test_its_cases_stand_in_the_last_record(target: Target) -> None:
    cases = [{"case": f"c{n}", "verdict": "pass"} for n in range(30)]
    run = target.run(sh(say(*cases, {"case": "bad", "verdict": "skip", "why": "x"}, *cases)))
    end = records(run)[-2].fields
    assert (end["case_count"], len(end["cases"])) == (31, 31)
    assert end["cases"][0] == {"name": "bad", "verdict": "skip", "why": "x"}


def test_cases_take_the_room_that_facts_leave_them(target: Target, tmp_path: Path) -> None:
    lines = [{"fact": f"f{n}", "value": "x" * 180} for n in range(50)]
    lines += [{"case": "y" * 70 + str(n), "verdict": "pass"} for n in range(200)]
    lines.append({"case": "a", "verdict": "skip"})
    (tmp_path / "said").write_text("".join(json.dumps(line) + "\n" for line in lines))
    end = records(target.run(sh(f"cat {tmp_path}/said > $LABROOM_RESULTS")))[-2].fields
    assert len(end["facts"]) == 50
    assert end["case_count"] == 201
    assert 20 < len(end["cases"]) < 80
    assert end["cases"][0]["name"] == "a"


def test_a_fail_there_is_a_fail_whatever_its_exit_code(target: Target) -> None:
    run = target.run(sh(say({"case": "a", "verdict": "fail", "why": "bit 3"}) + "; exit 0"))
    assert verdict(run) == ("fail", "a: bit 3")
    end = records(run)[-2].fields
    assert end["lines"] == ["a: bit 3"]
    assert end["first"] == {"line": "a: bit 3", "before": [], "after": [], "by": "case"}


@pytest.mark.parametrize(
    ("end", "expected"), [("exit 0", "fail"), ("exit 3", "fail"), ("kill -SEGV $$", "error")]
)
def test_what_did_not_come_is_no_pass_however_it_ends(
    target: Target, end: str, expected: str
) -> None:
    script = say({"case": "a", "verdict": "pass"}, {"fact": "cpu", "value": "x"})
    run = target.run(sh(f"{script}; {end}", expect=["a", "b"]))
    assert verdict(run)[0] == expected
    assert "b: there is no result of it" in verdict(run)[1]
    cases = records(run)[-2].fields["cases"]
    assert cases[0] == {"name": "b", "verdict": "fail", "why": "there is no result of it"}
    assert ("facts" in records(run)[-2].fields) == (not end.startswith("kill"))


def test_progress_goes_before_that_of_the_output_and_the_clock(target: Target) -> None:
    run = target.create(
        sh(f"{say({'progress': 0.25, 'text': 'a quarter'})}; read _ < {target.gate.path}")
        | {"takes": 1000}
    )
    supervisor = target.start(run)
    run_until = run.path / "bell"
    assert run_until.exists()
    while not any(r.number("fraction") == 0.25 for r in records(run)):
        with run_until.open("r+b", buffering=0) as bell:
            bell.read(1)
    supervisor.terminate()
    assert supervisor.wait(20) == 0
    assert "facts" not in records(run)[-2].fields


@pytest.mark.parametrize(
    "how", ["mv", "cp --remove-destination"], ids=["moved over it", "in its place"]
)
def test_a_file_that_takes_its_place_is_an_error(target: Target, how: str) -> None:
    fail = json.dumps({"case": "a", "verdict": "fail"})
    script = f"echo '{fail}' > {target.home}/mine; {how} {target.home}/mine $LABROOM_RESULTS"
    run = target.run(sh(script))
    assert verdict(run) == ("error", "it replaced the file LABROOM_RESULTS: append to it")


def test_more_than_we_take_neither_blocks_it_nor_passes(target: Target) -> None:
    run = target.run(sh("head -c 3000000 /dev/zero > $LABROOM_RESULTS; echo done"))
    assert output(run) == b"done\n"
    assert verdict(run)[0] == "error"


def test_what_it_says_after_we_ended_it_does_not_count(target: Target) -> None:
    last = say({"case": "a", "verdict": "fail"})
    script = f"trap '{last.replace(chr(39), chr(39) + chr(92) + chr(39) + chr(39))}; exit' TERM"
    run = target.create(sh(f"{script}; echo hi; read _ < {target.gate.path}"))
    supervisor = target.start(run)
    listen(run, b"hi")
    run.ask_to_stop("ann")
    supervisor.terminate()
    assert supervisor.wait(20) == 0
    assert verdict(run) == ("aborted", "stopped by ann")


def test_a_fail_before_it_was_stopped_is_a_fail() -> None:
    judge = Judge(RULES)
    found = a_channel({"case": "a", "verdict": "fail"}).findings(whole=False)
    assert judge.stopped("aborted", "stopped by ann", found) == ("fail", "a: fail; stopped by ann")
    verdict, reason = Judge(RULES).stopped("timeout", "too long", found)
    assert (verdict, reason) == ("timeout", "too long; before that, a: fail")


def test_two_steps_each_have_their_own(target: Target, tmp_path: Path) -> None:
    failing = sh(say({"case": "a", "verdict": "warn"}))
    run = target.run(failing, sh("true", expect=["a"]))
    assert verdict(run)[0] == "fail"
