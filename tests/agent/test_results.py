"""Results as JSON: read with care, and never a pass without them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.assessment import Assessment
from agent.judge import Judge, gravest
from agent.results import Results, find
from tests.agent.test_judge import RULES

SPEC: dict[str, Any] = {
    "file": "",
    "message": "log/*/text",
    "counts": {"hours": ["on/hours", 1], "us": ["ns", 1000]},
    "rules": [
        {"path": "passed", "is": False, "then": "fail", "why": "it says so"},
        {"path": "passed", "missing": True, "then": "error", "why": "it does not say"},
        {"path": "table/id=5/raw", "above": 0, "then": "warn", "why": "replaced"},
        {"path": "reads", "below": 1, "then": "error", "why": "nothing was read"},
    ],
}
DEEP = "[" * 100_000


def read(document: object) -> Results:
    return Results(SPEC, json.dumps(document).encode())


def test_what_is_counted() -> None:
    assert read({"passed": True, "on": {"hours": 7}, "ns": 1500}).counts == {"hours": 7, "us": 1.5}
    assert read({"on": {"hours": None}, "ns": True}).counts == {}
    assert read({"on": {"hours": 1e300}, "ns": "5"}).counts == {}
    assert read({"on": [], "ns": 123_456_789}).counts == {"us": 123_457}


@pytest.mark.parametrize(
    ("document", "verdict", "reason"),
    [
        ({"passed": True}, "pass", ""),
        ({"passed": False}, "fail", "it says so"),
        ({"passed": 0}, "pass", ""),  # not false; and not missing
        ({}, "error", "it does not say"),
        ({"passed": None}, "error", "it does not say"),
        ({"passed": True, "table": [{"id": 4, "raw": 9}, {"id": 5, "raw": 0}]}, "pass", ""),
        ({"passed": True, "table": [{"id": 4}, {"id": 5, "raw": 8}]}, "warn", "replaced: 8"),
        # A counter that is full is not 0, and what cannot be compared is not good.
        ({"passed": True, "table": [{"id": 5, "raw": 2**64 - 1}]}, "warn", "replaced"),
        ({"passed": True, "table": [{"id": 5, "raw": float("inf")}]}, "warn", "replaced"),
        ({"passed": True, "table": [{"id": 5, "raw": float("nan")}]}, "warn", "replaced"),
        ({"passed": True, "table": [{"id": 5, "raw": "8"}]}, "warn", "replaced"),
        ({"passed": True, "table": [{"id": 5, "raw": {"low": 8}}]}, "warn", "replaced"),
        ({"passed": True, "table": [{"id": 5, "raw": None}]}, "pass", ""),
        ({"passed": False, "table": [{"id": 5, "raw": 8}]}, "fail", "it says so"),
        ({"passed": False, "reads": 0}, "error", "nothing was read: 0"),
    ],
)
def test_the_worst_of_what_they_say(document: object, verdict: str, reason: str) -> None:
    results = read(document)
    assert gravest(results.findings) == (verdict, reason)


@pytest.mark.parametrize(
    ("document", "verdict"),
    [
        ({"state": ["OK", "OK"]}, "pass"),
        ({"state": ["OK", "degraded"]}, "fail"),
        ({"state": ["OK", None]}, "fail"),
        ({"state": ["OK", True]}, "fail"),
        ({"state": []}, "fail"),
        ({}, "fail"),
    ],
)
def test_what_may_be_nothing_else(document: object, verdict: str) -> None:
    rule = {"path": "state/*", "is_not": "OK", "then": "fail", "why": "it is not well"}
    results = Results(SPEC | {"rules": [rule]}, json.dumps(document).encode())
    assert gravest(results.findings)[0] == verdict


@pytest.mark.parametrize(
    ("document", "lack"),
    [
        ({"wrote": 5, "read": 5}, ""),
        ({"wrote": 5, "read": 4}, "not all of it (5 is not 4)"),
        ({"wrote": 5}, "not all of it (5 is not nothing)"),
        ({"read": 0}, "not all of it (nothing is not 0)"),
        ({}, "not all of it (nothing is not nothing)"),
        ({"wrote": "5", "read": "5"}, "not all of it (nothing is not nothing)"),
        ({"wrote": float("nan"), "read": float("nan")}, "not all of it (nothing is not nothing)"),
    ],
)
def test_numbers_that_must_be_the_same(document: object, lack: str) -> None:
    spec = SPEC | {"rules": [], "same": [["wrote", "read", "not all of it"]]}
    data = json.dumps(document).encode()
    assert Results(spec, data).lack == lack
    assessment = Assessment({"rules": RULES, "results": spec})
    assessment.feed(data)
    assert assessment.ended(0, lasted=1)[0] == ("error" if lack else "pass")
    bad = Assessment({"rules": RULES, "results": spec})
    bad.feed(data)
    assert bad.ended(3, lasted=1)[0] == "fail"  # it has already failed by itself


@pytest.mark.parametrize(
    "data",
    [b"", b"no JSON", b"{", b'{"passed": true', b"[]", b"true", b"\xff{}", b'  {"a": 1}',
     b'{"a":' + DEEP.encode(), b'{"passed": true}\n{"passed": false}\n'],
)  # fmt: skip
def test_what_cannot_be_read_is_an_error(data: bytes) -> None:
    assert gravest(Results(SPEC, data).findings)[0] == "error"


def test_all_of_many_values_are_looked_at() -> None:
    rule = {"path": "table/*/bad", "above": 0, "then": "fail", "why": "bad"}
    table = [{"bad": 0}] * 5000 + [{"bad": 1}]
    results = Results(SPEC | {"rules": [rule]}, json.dumps({"table": table}).encode())
    assert results.findings == [("fail", "bad: 1")]


def test_messages_around_them_do_no_harm() -> None:
    results = Results(SPEC, b'fio: a word before {it}\n{"passed": true}\nand after\n')
    assert results.findings == []


def test_a_message_is_the_program_s_own() -> None:
    assert read({"log": [{"text": 5}, {"text": "no\x1b such\ndisk"}]}).message == "no such disk"
    assert read({"log": []}).message == ""


def test_paths() -> None:
    document = {"a": [{"b": 1}, {"b": 2}, 3], "": {"x": 4}}
    assert find(document, "a/1/b") == [2]
    assert find(document, "a/*/b") == [1, 2]
    assert find(document, "a/b=2/b") == [2]
    assert find(document, "*/*/b") == [1, 2]
    for nowhere in ("b", "a/3", "a/b", "a/b=3", "a/0/b/c", "a/²"):
        assert find(document, nowhere) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["passed", "on", "table", "id", "raw", "log"]), inner)
    ),
    max_leaves=20,
)


@given(JSON)
def test_only_what_says_that_it_passed_passes(document: object) -> None:
    results = read(document)
    if not results.findings:
        assert isinstance(document, dict)
        assert "passed" in document
        assert document["passed"] is not False
    assert json.dumps(results.counts, allow_nan=False)
    assert all(why.isprintable() for _, why in results.findings)


# --- together with the other rules


def test_results_and_exit_codes_together() -> None:
    judge = Judge(RULES)
    assert judge.ended(0, [("warn", "worn")]) == ("warn", "worn")
    assert judge.ended(0, [("warn", "worn"), ("fail", "it is broken")]) == ("fail", "it is broken")
    assert judge.ended(3, [("warn", "worn")], "ouch")[0] == "fail"
    assert judge.ended(3, [], "ouch") == ("fail", "it ended with exit code 3: ouch")
    assert judge.ended(3, [("error", "none")], "ouch") == ("error", "none (exit code 3: ouch)")
    assert judge.ended(-9, [])[0] == "error"


@pytest.mark.parametrize(
    ("code", "verdict"),
    [(0, "pass"), (2, "error"), (8, "fail"), (64, "warn"), (72, "fail"), (10, "error"),
     (128, "fail"), (192, "fail")],
)  # fmt: skip
def test_an_exit_code_that_is_a_bit_mask(code: int, verdict: str) -> None:
    bits = {"1": "error", "3": "fail", "6": "warn"}
    assert Judge(RULES | {"bits": bits}).ended(code)[0] == verdict
