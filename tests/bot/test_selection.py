"""Who is meant: by name, by number, by place, by facts; frozen, and never in part."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.wire.errors import Refusal
from agent.wire.machine import NOTHING, Machine
from bot.conditions import Being, Comparison, Junction, Negation, holds
from bot.grammar import NoSuch
from bot.report.nodes import folded, unfolded
from bot.selection import (
    EVERYBODY,
    Choice,
    Every,
    Group,
    Known,
    Part,
    Selection,
    Word,
    choose,
    named,
)
from tests.bot.lab_in_memory import target

LAB = Known(
    targets=[
        target("alice", "busy", queue=2, location="lab 1, rack 1"),
        target("bob", location="lab 1, rack 2", machine=Machine(memory=64 << 30, cpus=8)),
        target("carol", "away"),
        target("dave", "busy", queue=1, location="lab 1, rack 2"),
        target("erin", location="lab 1, rack 1"),
    ],
    groups={"dev": ("bob", "zed", "e*")},
    failed={},
)


def names(said: Selection, lab: Known = LAB) -> tuple[str, ...]:
    return choose(said, lab).names


def test_names_are_in_the_order_in_which_they_were_said_and_each_once() -> None:
    assert names(named("erin", "bob", "ERIN", "b*")) == ("erin", "bob")


def test_of_a_number_of_targets_those_with_the_shortest_queue_are_taken() -> None:
    assert names(Selection((Part(Every(), 3),))) == ("bob", "erin", "carol")
    assert names(Selection((Part(Every("busy"), 1),))) == ("dave",)


def test_a_target_that_cannot_do_it_is_none_of_a_number() -> None:
    only_erin = replace(LAB, suits=lambda name: name == "erin")
    assert names(Selection((Part(Every("idle"), 1),)), only_erin) == ("erin",)
    with pytest.raises(Refusal, match="only 1 target is idle and can run that: erin, not 2"):
        names(Selection((Part(Every("idle"), 2),)), only_erin)


def test_two_parts_do_not_take_the_same_target() -> None:
    assert names(Selection((Part(Every("idle"), 1), Part(Every("idle"), 1)))) == ("bob", "erin")


def test_one_wrong_name_refuses_all_of_it() -> None:
    for wrong in (
        named("bob", "zed"),
        Selection(EVERYBODY.parts, but=named("zed").parts),
        named("bob", "zed*"),
        Selection((Part(Group("nobody")), *named("bob").parts)),
        Selection((*named("bob").parts, Part(Word("erin"), place="rack9"))),
    ):
        with pytest.raises(NoSuch):
            choose(wrong, LAB)


def test_who_was_named_is_not_dropped_because_of_where_it_stands() -> None:
    with pytest.raises(NoSuch, match="erin does not stand in rack2"):
        choose(Selection((*named("bob").parts, Part(Word("erin"), place="rack2"))), LAB)


def test_a_group_says_whom_it_lacks() -> None:
    dev = Selection((Part(Group("Dev")),))
    assert choose(dev, LAB) == Choice(("bob", "erin"), frozenset(), ("zed",))


def test_only_who_was_named_one_by_one_may_not_be_left_out() -> None:
    assert choose(named("bob", "e*"), LAB).by_name == {"bob"}
    assert choose(EVERYBODY, LAB).by_name == set()


def test_nobody_is_a_refusal_that_says_so() -> None:
    with pytest.raises(Refusal, match="no target is rebooting"):
        choose(Selection((Part(Every("rebooting")),)), LAB)
    with pytest.raises(Refusal, match="no target is left of"):
        choose(Selection(EVERYBODY.parts, but=EVERYBODY.parts), LAB)


MEMORY = Comparison("memory", ">=", "32G")


def test_what_a_target_has_not_told_is_neither_true_nor_false() -> None:
    told, silent = LAB.targets[1], LAB.targets[4]
    assert silent.machine == NOTHING
    assert (holds(MEMORY, told), holds(MEMORY, silent)) == (True, None)
    assert holds(Negation(MEMORY), silent) is None
    assert holds(Junction("or", (MEMORY, Being("idle"))), silent) is True
    assert holds(Junction("and", (MEMORY, Being("busy"))), silent) is False
    assert holds(Junction("and", (MEMORY, Being("idle"))), silent) is None
    with pytest.raises(Refusal):
        names(Selection(EVERYBODY.parts, where=Negation(MEMORY)))


def test_versions_are_compared_by_their_numbers_as_far_as_they_were_said() -> None:
    new = target("x", machine=Machine(kernel="6.10.3-amd64"))
    for sign, value, true in (
        (">=", "6.9", True), ("=", "6.10", True), ("<", "6.9", False), ("!=", "6.10", False),
        ("=", "6.1", False), ("=", "6.1*", True),
    ):  # fmt: skip
        assert holds(Comparison("kernel", sign, value), new) is true


# Sets of names

STEM = st.sampled_from(["pc", "node-", "a.b", "x_"])
SOME = st.lists(
    st.tuples(STEM, st.integers(0, 120), st.sampled_from(["", "02", "03"])), max_size=40
)


@given(SOME, st.lists(st.sampled_from(["bob", "alice", "bob@rack.example", "a1b2", "n1n2"])))
def test_what_is_folded_unfolds_to_the_same_names(
    numbered: list[tuple[str, int, str]], plain: list[str]
) -> None:
    said = [f"{stem}{number:{pad}}" for stem, number, pad in numbered] + plain
    back = [name for each in folded(said) for name in _names(each)]
    assert sorted(back) == sorted(set(said))


def _names(text: str) -> tuple[str, ...]:
    return tuple(n for part in _parts(text) for n in (unfolded(part) if "[" in part else (part,)))


def _parts(text: str) -> list[str]:
    """What a comma outside of brackets separates."""
    parts = [""]
    depth = 0
    for char in text:
        depth += (char == "[") - (char == "]")
        if char == "," and not depth:
            parts.append("")
        else:
            parts[-1] += char
    return parts


@pytest.mark.parametrize(
    "text", ["pc[1-100000000]", "pc[1-999999999]", "a[1-99]b[1-99]", "pc[0-9999/2]"]
)
def test_a_set_is_counted_before_it_is_unfolded(text: str) -> None:
    with pytest.raises(Refusal, match="At most 1000"):
        unfolded(text)
