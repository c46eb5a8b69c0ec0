"""All that speaks for a verdict, together: the worst rule wins, whatever else was said."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agent.assessment import Assessment
from agent.judge import GOOD, worst
from tests.agent.target import sh

STEP: dict[str, Any] = sh(
    "",
    fail=["FAIL"],
    must=["^done"],
    expect=["a"],
    metrics={"triad": {"line": r"^Triad: (?P<value>\d+)", "take": "min", "at_least": 30}},
    known=[{"line": r"FAIL: port \d", "why": "worn", "link": "", "exit": [4]}],
) | {"kernel": {"watch": ["edac"], "required": True}}

LINES = {
    "ok": "pass", "Triad: 41": "pass", "Triad: 21": "fail", "done": "pass", "FAIL: disk": "fail",
    "FAIL: port 3": "warn",
}  # fmt: skip
KERNEL = {
    "EDAC MC0: 1 UE memory read error": "fail", "EDAC MC0: 1 CE memory read error": "warn",
    "usb 1-2: new device": "pass",
}  # fmt: skip
ALL_OF_IT = st.sampled_from([["done", "Triad: 41"]] * 6 + [["done"], ["Triad: 41"], []])
CASES = st.sampled_from([[("a", "pass")]] * 4 + [[]])
CASE = st.tuples(st.sampled_from("ab"), st.sampled_from(["pass", "skip", "warn", "fail", "error"]))


def both(lists: tuple[list[Any], list[Any]]) -> list[Any]:
    return [*lists[0], *lists[1]]


def expected(code: int, lines: list[str], cases: list[tuple[str, str]], kernel: list[str]) -> str:
    """The verdict, by an oracle that knows nothing of how it is found."""
    is_known = code == 4 and "FAIL: port 3" in lines
    exit_ = "error" if code < 0 else "pass" if code == 0 or is_known else "fail"
    missing = "pass" if any(name == "a" for name, _ in cases) else "fail"
    verdict = worst(
        exit_, missing, *(LINES[line] for line in lines), *(said for _, said in cases),
        *(KERNEL[line] for line in kernel),
    )  # fmt: skip
    whole = "done" in lines and any(line.startswith("Triad") for line in lines)
    return verdict if verdict not in GOOD or whole else "error"


@given(
    st.sampled_from([0, 0, 0, 3, 4, -11]),
    st.tuples(ALL_OF_IT, st.lists(st.sampled_from(list(LINES)), max_size=3)).map(both),
    st.tuples(CASES, st.lists(CASE, max_size=2)).map(both),
    st.lists(st.sampled_from(list(KERNEL)), max_size=2),
    st.randoms(use_true_random=False),
)
def test_the_worst_rule_wins_in_whatever_order_things_are_said(
    code: int, lines: list[str], cases: list[tuple[str, str]], kernel: list[str], chance: Any
) -> None:
    assessment = Assessment(STEP)
    said = [(assessment.feed, f"{line}\n".encode()) for line in lines]
    told = [json.dumps({"case": name, "verdict": verdict}) for name, verdict in cases]
    said += [(assessment.channel.feed, f"{line}\n".encode()) for line in told]
    said += [(assessment.kernel.record, f"3,1,2,-;{line}\n".encode()) for line in kernel]
    chance.shuffle(said)
    for feed, data in said:
        feed(data)
    verdict, reason = assessment.ended(code, lasted=1.0)
    assert verdict == expected(code, lines, cases, kernel), reason
    assert bool(reason) == (verdict != "pass")
    facts = assessment.facts(verdict)
    assert (facts["lines"] == []) == (verdict == "pass") or not lines
    assert json.dumps(facts, allow_nan=False)


@given(
    st.sampled_from(["aborted", "timeout", "stalled"]),
    st.lists(st.sampled_from(list(LINES)), max_size=6),
    st.lists(CASE, max_size=4),
    st.lists(st.sampled_from(list(KERNEL)), max_size=3),
)
def test_what_was_bad_before_it_was_stopped_stays_bad(
    how: str, lines: list[str], cases: list[tuple[str, str]], kernel: list[str]
) -> None:
    assessment = Assessment(STEP)
    for line in lines:
        assessment.feed(f"{line}\n".encode())
    for name, verdict in cases:
        assessment.channel.feed(json.dumps({"case": name, "verdict": verdict}).encode() + b"\n")
    for line in kernel:
        assessment.kernel.line(line)
    verdict, _ = assessment.stopped(how, "stopped by ann")
    found = [*(LINES[line] for line in lines), *(said for _, said in cases)]
    bad = worst("pass", *found, *(KERNEL[line] for line in kernel))
    assert verdict == (how if bad in GOOD else worst(how, bad))


UE, CE = "EDAC MC0: 1 UE memory read error", "EDAC MC0: 1 CE memory read error"


def an_assessment(*said: str, code: int = 0) -> dict[str, Any]:
    """What is known of a step that said so: of the kernel, of a case (its verdict), or printed."""
    assessment = Assessment(STEP)
    for each in said:
        if each in KERNEL:
            assessment.kernel.line(each)
        elif (end := each.partition(": ")[2]) in ("pass", "fail", "error"):
            case = {"case": each.partition(": ")[0], "verdict": end, "why": "bit 3"}
            assessment.channel.feed(json.dumps(case).encode() + b"\n")
        else:
            assessment.feed(f"{each}\n".encode())
    verdict, _ = assessment.ended(code, lasted=1.0)
    return assessment.facts(verdict)


def test_the_first_that_failed_may_be_the_kernel_s_or_a_case() -> None:
    facts = an_assessment("a: pass", "loop 1", CE, "loop 2", UE, "FAIL: disk", "b: fail")
    assert facts["first"] == {
        "line": f"kernel: {UE}", "before": ["loop 1", "loop 2"], "after": [], "by": "kernel",
    }  # fmt: skip
    facts = an_assessment("a: pass", "loop 1", "b: fail", "FAIL: disk", UE)
    assert facts["first"]["line"] == "b: bit 3"
    assert (facts["first"]["by"], facts["first"]["before"]) == ("case", ["loop 1"])
    facts = an_assessment("a: pass", "FAIL: disk", "loop 1", "b: fail", UE)
    assert facts["first"] == {"line": "FAIL: disk", "before": [], "after": ["loop 1"], "at": 1}
    assert facts["lines"] == ["FAIL: disk", "b: bit 3", f"kernel: {UE}"]


def test_a_flood_of_bad_lines_leaves_room_for_what_was_not_printed() -> None:
    flood = [f"FAIL: disk {word}" for word in "abcdefghijkl"]
    assert an_assessment(*flood, UE, "a: pass")["lines"] == [*flood[:7], f"kernel: {UE}"]
    bad = [f"{name}: fail" for name in "bcdefgh"]
    told = an_assessment(*flood, *bad, "a: pass")["lines"]
    assert told == [*flood[:4], *(f"{name}: bit 3" for name in "bcde")]


def test_where_no_rule_looks_at_lines_the_last_ones_until_then_are_told() -> None:
    assessment = Assessment(sh("") | {"kernel": STEP["kernel"]})
    assessment.feed(b"one\ntwo\rthree\n\nfour\nfi")
    assessment.kernel.line(UE)
    assessment.feed(b"ve\nsix\n")
    verdict, _ = assessment.ended(0, lasted=1.0)
    first = assessment.facts(verdict)["first"]
    assert (first["before"], first["after"]) == (["three", "four", "fi"], [])


def test_what_is_worse_is_told_first() -> None:
    facts = an_assessment("a: pass", "FAIL: disk", "loop 1", "b: error")
    assert facts["first"]["line"] == "b: bit 3"
    assert facts["first"]["before"] == ["FAIL: disk", "loop 1"]


def test_what_did_not_come_failed_last() -> None:
    assert an_assessment("loop 1")["first"]["line"] == "a: there is no result of it"
    assert an_assessment(UE)["first"]["by"] == "kernel"


def test_what_is_known_or_only_a_warning_is_no_first_line() -> None:
    assert "first" not in an_assessment("a: pass", "FAIL: port 3", CE, code=3)
    worn = Assessment(STEP | {"rules": STEP["rules"] | {"known": KNOWN}})
    worn.channel.feed(b'{"case": "a", "verdict": "fail", "why": "worn"}\n')
    worn.feed(b"done\nTriad: 41\n")
    verdict, _ = worn.ended(0, lasted=1.0)
    assert verdict == "warn"
    facts = worn.facts(verdict)
    assert "first" not in facts
    assert facts["cases"] == [{"name": "a", "verdict": "warn", "why": "worn"}]


KNOWN = [{"line": "a: worn", "why": "wears out", "link": "", "exit": []}]
