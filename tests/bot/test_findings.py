"""What a target says it found: bounded and typed, or left out."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot import findings
from bot.findings import FirstLine, Known, Metric, facts_of, first_of, known_of, metrics_of, sane

ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["name", "value", "unit", "better", "margin", "line", "before", "at", "why", "link"]
            ),
            inner,
        )
    ),
    max_leaves=12,
)


def test_a_metric_is_read() -> None:
    told = {"name": "read", "value": 512, "unit": "MB/s", "better": "higher", "margin": 5}
    (metric,) = metrics_of([told])
    assert metric == Metric(name="read", value=512, unit="MB/s", better="higher", margin=5)


def test_what_is_no_metric_is_left_out_and_nothing_else() -> None:
    good = {"name": "read", "value": 1}
    bad = [
        *({"name": "x", "value": value} for value in (True, "1", None, 1e16, -1e16, [1])),
        *({"name": "x", "value": float(value)} for value in ("nan", "inf", "-inf")),
        *({"name": name, "value": 1} for name in ("", "a b", "1x", 7, None, "a" * 65)),
        {"value": 1}, {"name": "x"}, "read", None, ["read", 1],
    ]  # fmt: skip
    assert metrics_of([*bad, good][-20:]) == (Metric(name="read", value=1),)
    assert all(metrics_of([each]) == () for each in bad)
    assert metrics_of({"name": "read", "value": 1}) == ()


def test_a_metric_is_bounded() -> None:
    told = {"name": "x", "value": 1, "unit": "u" * 99, "better": "sideways", "margin": 1e9}
    (metric,) = metrics_of([told, {"name": "x", "value": 2}])  # said twice: the first
    assert (metric.value, len(metric.unit), metric.better, metric.margin) == (1, 12, "", 100)
    assert metrics_of([{**told, "margin": -3}])[0].margin == 0
    assert len(metrics_of([{"name": f"m{n}", "value": n} for n in range(500)])) == 20


def test_the_first_line_and_what_stands_around_it() -> None:
    told = {"line": "bit\x1b[1m 3", "before": list("abcd"), "after": list("efgh"), "at": 41}
    assert first_of(told) == FirstLine(
        line="bit[1m 3", before=("b", "c", "d"), after=("e", "f", "g"), at=41
    )
    assert first_of({"line": ""}) is None
    assert first_of({"line": "x", "before": "no", "at": True}) == FirstLine(line="x")


def test_a_link_that_is_none_is_left_out() -> None:
    told = [
        {"why": "slow fan", "link": "https://bugs.example/7"},
        {"why": "odd", "link": "javascript:alert(1)"},
        {"why": "https", "link": "https://x y"},
        {"link": "https://bugs.example/8"},
    ]
    assert known_of(told) == (
        Known(why="slow fan", link="https://bugs.example/7"), Known(why="odd"), Known(why="https"),
    )  # fmt: skip


def test_facts_are_bounded() -> None:
    facts = facts_of({f"key {n} {'x' * 99}": "v" * 999 for n in range(500)} | {"": "x"})
    assert len(facts) == findings.MOST_FACTS
    assert all(len(key) <= 60 and len(value) <= 200 for key, value in facts.items())
    assert facts_of({"dimm A1": "16 GB", "n": 3}) == {"dimm A1": "16 GB"}


@given(ANYTHING)
def test_whatever_is_told_is_bounded_and_json(told: object) -> None:
    for metric in metrics_of(told):
        assert sane(metric.value) == metric.value
        json.dumps([metric.name, metric.value, metric.unit, metric.margin], allow_nan=False)
    assert len(known_of(told)) <= findings.MOST_KNOWN
    first = first_of(told)
    assert first is None or len(first.line) <= 200
    json.dumps(facts_of(told))
