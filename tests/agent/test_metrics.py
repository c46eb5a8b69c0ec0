"""Metrics: a value that was said, its limits, and no pass where a limit cannot be judged."""

import json
from pathlib import Path
from typing import Any

import pytest

from agent.judge import Judge
from agent.metrics import MOST, Metrics
from agent.recipe import BadRecipe, load
from tests.agent.bench import records, verdict
from tests.agent.target import RULES, Target, sh
from tests.agent.test_recipe import ALL, HEAD, write

TRIAD = r"^Triad: +(?P<value>\S+)"


def judged(output: str, code: int = 0, **spec: Any) -> tuple[Judge, tuple[str, str]]:
    judge = Judge(RULES | {"metrics": {"triad": {"line": TRIAD, "unit": "GB/s"} | spec}})
    judge.feed(output.encode())
    return judge, judge.ended(code)


def test_a_value_is_told_with_what_the_recipe_says_of_it() -> None:
    judge, ended = judged("Triad: 41.23456789\n", better="higher", marginal=5)
    assert ended == ("pass", "")
    assert judge.metrics.told() == [
        {"name": "triad", "value": 41.2346, "unit": "GB/s", "better": "higher", "margin": 5}
    ]


@pytest.mark.parametrize(
    ("take", "value"), [("last", 2), ("min", 1), ("max", 6), ("mean", 3), ("sum", 9)]
)
def test_which_of_several_counts(take: str, value: float) -> None:
    judge, _ = judged("Triad: 1\nTriad: 6\nTriad: 2\n", take=take)
    assert [each["value"] for each in judge.metrics.told()] == [value]


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("Triad: 30\n", ("pass", "")),
        ("Triad: 50\n", ("pass", "")),
        ("Triad: 29.9\n", ("fail", "triad is 29.9 GB/s, less than 30 GB/s")),
        ("Triad: 50.1\n", ("fail", "triad is 50.1 GB/s, more than 50 GB/s")),
        ("Triad: -inf\n", ("error", "it did not say triad, which has a limit")),
        ("Triad: nan\n", ("error", "it did not say triad, which has a limit")),
        ("Triad: 1e16\n", ("error", "it did not say triad, which has a limit")),
        ("Triad: 40\nTriad: nan\n", ("error", "it did not say triad, which has a limit")),
        ("Triad: nan\nTriad: 40\n", ("error", "it did not say triad, which has a limit")),
        ("Triad: nan\nTriad: 1\n", ("fail", "triad is 1 GB/s, less than 30 GB/s")),
        ("Triad: fast\n", ("error", "it did not say triad, which has a limit")),
        ("", ("error", "it did not say triad, which has a limit")),
    ],
)
def test_a_limit(output: str, expected: tuple[str, str]) -> None:
    judge, ended = judged(output, at_least=30, at_most=50)
    assert ended == expected
    assert json.dumps(judge.metrics.told(), allow_nan=False)
    assert (expected[1] in judge.lines) == (expected[0] == "fail")


def test_the_worst_rule_wins_over_limits_too() -> None:
    assert judged("Triad: 1\n", code=3, at_least=30)[1][0] == "fail"
    assert judged("Triad: 99\n", code=3, at_least=30)[1][0] == "fail"
    assert judged("", code=3, at_least=30)[1] == ("fail", "it ended with exit code 3")
    verdict, reason = judged("Triad: 1\n", code=-11, at_least=30)[1]
    assert verdict == "error"
    assert "less than 30" in reason


def test_a_limit_that_was_broken_before_it_was_stopped() -> None:
    judge = Judge(RULES | {"metrics": {"triad": {"line": TRIAD, "at_least": 30}}})
    judge.feed(b"Triad: 1\n")
    assert judge.stopped("aborted", "stopped by ann")[0] == "fail"
    judge = Judge(RULES | {"metrics": {"triad": {"line": TRIAD, "at_least": 30}}})
    judge.feed(b"Triad: 1\n")
    verdict, reason = judge.stopped("timeout", "too long")
    assert verdict == "timeout"
    assert "less than 30" in reason


def test_another_unit_is_no_value() -> None:
    metrics = Metrics({"triad": {"unit": "GB/s", "at_least": 30}})
    assert metrics.add("triad", 41000, "MB/s") == "triad is in MB/s, not in GB/s"
    assert metrics.lacking() == "triad"
    assert metrics.add("triad", 41, "GB/s") == ""
    assert metrics.add("free", 1, "ms") == ""  # the recipe does not speak of it
    assert metrics.add("free", 1, "s") == "free is in s, not in ms"
    assert [each["name"] for each in metrics.told()] == ["triad", "free"]


def test_a_zero_that_means_nothing_is_none() -> None:
    metrics = Metrics({"read": {"nonzero": True}, "lost": {}})
    assert (metrics.add("read", 0), metrics.add("lost", 0)) == ("", "")
    assert [each["name"] for each in metrics.told()] == ["lost"]


def test_there_are_not_too_many() -> None:
    metrics = Metrics({})
    for number in range(MOST):
        assert metrics.add(f"m{number}", 1) == ""
    assert metrics.add("more", 1) == f"there are more than {MOST} metrics"
    assert len(metrics.told()) == MOST


# --- in recipes


METRIC = HEAD + "argv = ['x']\n[metrics.triad]\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("line = '(?P<value>.)'\npath = 'a'", "line or path, not both"),
        ("line = 'Triad: (.*)'", "needs a group 'value'"),
        ("marginal = 5", "needs better"),
        ("better = 'up'", "better"),
        ("at_least = 5\nat_most = 4", "at_least is more than at_most"),
        ("path = 'a'", "[metrics.triad] path: needs [results]"),
        ("unit = 'much too long a unit'", "unit"),
        ("per = 0", "per"),
        ("at_least = nan", "finite"),  # a limit that nothing would break
        ("at_most = inf", "finite"),
    ],
)
def test_what_is_wrong_with_one_is_said(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(BadRecipe) as refusal:
        load(write(tmp_path, "it", METRIC + text))
    assert words in str(refusal.value)
    assert "triad" in str(refusal.value)


def test_from_lines_and_from_json_to_the_last_record(tmp_path: Path, target: Target) -> None:
    text = METRIC + f"line = '{TRIAD}'\n[metrics.copy]\npath = 'copy'\nper = 1e3\n"
    text += "unit = 'GB/s'\nbetter = 'higher'\nat_least = 30\n[results]\n"
    step = load(write(tmp_path, "it", text)).resolve({}, ALL)
    script = "echo Triad: 41; echo '{\"copy\": 29000}'"
    run = target.run(step | {"argv": sh(script)["argv"]})
    assert verdict(run) == ("fail", "copy is 29 GB/s, less than 30 GB/s")
    end = records(run)[-2].fields
    assert [(each["name"], each["value"]) for each in end["metrics"]] == [
        ("triad", 41), ("copy", 29),
    ]  # fmt: skip
    assert end["lines"] == ["copy is 29 GB/s, less than 30 GB/s"]


# --- the first line that is bad, with its context


def test_the_first_bad_line_with_three_before_and_after() -> None:
    judge = Judge(RULES | {"fail": ["BAD"]})
    for part in ("1\n2\n3\n4\nBA", "D one\nBAD two\n6", "\n\r7\n8\n"):
        judge.feed(part.encode())
    assert judge.ended(0)[0] == "fail"
    assert judge.first == {
        "line": "BAD one", "before": ["2", "3", "4"], "after": ["BAD two", "6", "7"], "at": 5,
    }  # fmt: skip


def test_the_end_may_come_before_what_comes_after() -> None:
    judge = Judge(RULES | {"fail": ["BAD"]})
    judge.feed(b"BAD\n6")
    judge.ended(0)
    assert judge.first == {"line": "BAD", "before": [], "after": ["6"], "at": 1}
    judge = Judge(RULES | {"error": [["BAD", ""]]})
    judge.feed(b"\n\rx\ry\nBAD")
    judge.ended(0)
    assert judge.first == {"line": "BAD", "before": ["x", "y"], "after": [], "at": 3}


def test_it_comes_with_the_last_record_unless_all_is_well(target: Target) -> None:
    run = target.run(sh("echo before; echo BAD; echo after", fail=["BAD"]), sh("echo BAD"))
    first = {"line": "BAD", "before": ["before"], "after": ["after"], "at": 2}
    assert records(run)[-2].fields["first"] == first
    assert "first" not in records(target_again(target).run(sh("echo BAD")))[-2].fields


def target_again(target: Target) -> Target:
    """The same target with an empty state: a run can be created there once more."""
    target.state = target.state.with_name("state2")
    return target


def test_a_record_that_is_too_large_loses_the_least_important(target: Target) -> None:
    wide = "\U0001f600" * 190  # of which JSON makes twelve characters each
    script = "; ".join(f"echo {wide}{number}" for number in range(9))
    metrics = {"triad": {"line": "(?P<value>[0-9])$"}}
    run = target.run(sh(script, fail=["[0-9]$"], metrics=metrics, counts={"n": "."}))
    end = records(run)[-2].fields
    assert end["counts"] == {"n": 9}
    assert end["metrics"][0]["value"] == 8
    assert 0 < len(end["lines"]) < 8  # the first of them
    assert "line" in end["first"]
