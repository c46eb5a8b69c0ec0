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
