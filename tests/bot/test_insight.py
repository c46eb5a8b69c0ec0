"""What history makes of a run: what is as usual is not worth a word, and only like is compared."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.wire.vocabulary import Verdict
from bot.findings import Metric
from bot.insight.changes import Change, changed
from bot.insight.insight import Past, insight
from bot.insight.measure import Measure
from bot.insight.templates import template
from bot.insight.usual import compared, takes_unusual, total, usual

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
READ = Metric(name="read", value=500, unit="MB/s", better="higher")
VALUES = st.floats(-1e15, 1e15)


def measure(value: float, seconds: float = 60, **more: object) -> Measure:
    plain = Measure(
        job=1, jid="bob@lab.example", step=0, recipe="disk", params="", model="", at=NOW,
        verdict=Verdict.PASS, seconds=seconds, metrics=(replace(READ, value=value),),
    )  # fmt: skip
    return replace(plain, **more)  # type: ignore[arg-type]


STEADY = [measure(value) for value in (498, 500, 501, 499, 502, 500, 497, 503)]


def test_two_runs_are_no_history() -> None:
    assert usual([1, 2]) is None
    assert usual([1, 2, 3]) is not None


def test_one_wild_value_does_not_move_what_is_usual() -> None:
    calm, wild = usual([500, 501, 499, 500, 502]), usual([500, 501, 499, 500, 1e15])
    assert calm is not None
    assert wild is not None
    assert calm.median == wild.median == 500
    assert wild.sigma < 10


@given(st.lists(VALUES, min_size=3, max_size=60))
def test_what_is_usual_lies_among_the_values(values: list[float]) -> None:
    found = usual(values)
    assert found is not None
    assert min(values) <= found.low <= found.median <= found.high <= max(values)
    assert math.isfinite(found.sigma)
    assert found.count == len(values)


@given(st.lists(VALUES, min_size=3, max_size=30), VALUES, st.sampled_from(["higher", "lower", ""]))
def test_a_comparison_is_always_a_number(values: list[float], value: float, better: str) -> None:
    before = usual(values)
    assert before is not None
    found = compared(Metric(name="x", value=value, better=better, margin=5), before)  # type: ignore[arg-type]
    assert found.percent is None or not math.isnan(found.percent)
    assert not found.marginal or found.worse
    if better == "":
        assert not found.worse


@pytest.mark.parametrize(
    ("better", "value", "worse"),
    [("higher", 400, True), ("higher", 600, False), ("lower", 600, True), ("lower", 400, False)],
)
def test_which_side_is_the_bad_one_the_recipe_says(better: str, value: float, worse: bool) -> None:
    before = usual([500, 501, 499])
    assert before is not None
    metric = replace(READ, value=value, better=better, margin=10)  # type: ignore[arg-type]
    found = compared(metric, before)
    assert (found.worse, found.marginal, found.noteworthy) == (worse, worse, True)
    assert found.percent == (-20 if value == 400 else 20)


def test_the_band_alone_decides_what_is_marginal() -> None:
    before = usual([500, 501, 499])
    assert before is not None
    within = compared(replace(READ, value=470, margin=10), before)  # 6 % below, far from noise
    assert (within.noteworthy, within.marginal) == (False, False)
    plain = compared(replace(READ, value=470), before)
    assert (plain.noteworthy, plain.marginal) == (True, False)


def test_noise_is_not_worth_a_word() -> None:
    before = usual([400, 450, 500, 550, 600])
    assert before is not None
    assert not compared(replace(READ, value=380), before).noteworthy
    steady = usual([500.0] * 9)
    assert steady is not None
    assert not compared(replace(READ, value=495), steady).noteworthy  # MAD 0, and 1 %
    assert compared(replace(READ, value=480), steady).noteworthy


def test_what_was_never_otherwise_than_0_has_no_percents() -> None:
    before = usual([0.0, 0.0, 0.0])
    assert before is not None
    found = compared(Metric(name="errors", value=3, better="lower"), before)
    assert (found.percent, found.noteworthy, found.worse) == (None, True, True)


def test_a_machine_is_compared_with_itself() -> None:
    found = insight([(measure(400), Past(own=STEADY))])
    (note,) = found.notes
    assert (note.kind, note.compared.percent, note.compared.usual.count) == (False, -20, 8)
    assert insight([(measure(501), Past(own=STEADY))]).notes == ()


def test_of_a_step_that_is_repeated_the_furthest_is_told() -> None:
    past = Past(own=STEADY)
    found = insight([(measure(value, step=n), past) for n, value in enumerate((450, 400, 420))])
    assert [note.compared.metric.value for note in found.notes] == [400]


@pytest.mark.parametrize("verdict", Verdict)
def test_the_numbers_of_a_step_that_the_lab_broke_are_not_held_against_the_machine(
    verdict: Verdict,
) -> None:
    found = insight([(measure(400, verdict=verdict), Past(own=STEADY))])
    assert bool(found.notes) is (verdict in (Verdict.PASS, Verdict.WARN, Verdict.FAIL))


def test_without_a_past_it_is_compared_with_its_kind() -> None:
    (note,) = insight([(measure(400), Past(own=STEADY[:2], kind=STEADY))]).notes
    assert note.kind
    assert insight([(measure(400), Past(own=STEADY[:2], kind=STEADY[:2]))]).notes == ()


def test_what_was_always_far_worse_than_its_kind_is_told() -> None:
    slow = [measure(value) for value in (399, 400, 401)]
    (note,) = insight([(measure(400), Past(own=slow, kind=STEADY))]).notes
    assert (note.kind, note.compared.percent) == (True, -20)
    better = [measure(value) for value in (599, 600, 601)]
    assert insight([(measure(600), Past(own=better, kind=STEADY))]).notes == ()


def test_a_metric_whose_unit_changed_has_no_past() -> None:
    gib = replace(READ, value=0.5, unit="GiB/s")
    assert insight([(measure(0, metrics=(gib,)), Past(own=STEADY))]).notes == ()


def test_a_time_is_told_if_it_is_another() -> None:
    past = Past(own=[measure(500, seconds) for seconds in (2400, 2410, 2390)])
    slow = insight([(measure(500, 3120), past)])
    assert slow.usually is not None
    assert slow.usually.median == 2400
    assert insight([(measure(500, 2500), past)]).usually is None
    assert insight([(measure(500, 60, verdict=Verdict.FAIL), past)]).usually is None
    assert insight([]).usually is None


def test_a_second_is_no_difference() -> None:
    before = usual([1.0, 1.0, 1.0])
    assert before is not None
    assert not takes_unusual(3, before)
    assert takes_unusual(9, before)


def test_steps_take_as_long_as_all_of_them() -> None:
    one, two = usual([10, 10, 10]), usual([20, 30, 40])
    together = total([one, two])
    assert together is not None
    assert (together.median, together.count) == (40, 3)
    assert total([one, None]) is None
    assert total([]) is None


def test_what_is_gone_comes_first() -> None:
    before = {"dimm A1": "16 GB", "dimm B2": "16 GB", "bios": "1.0"}
    now = {"bios": "1.1", "dimm A1": "16 GB", "nvme0": "2 TB"}
    assert changed(before, now) == (
        Change("dimm B2", "16 GB", ""), Change("bios", "1.0", "1.1"), Change("nvme0", "", "2 TB"),
    )  # fmt: skip
    assert changed(before, dict(reversed(before.items()))) == ()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("FAILURE: 0x0f != 0x1f at offset 0x7f3a90.", "FAILURE: 0x00 != 0x01 at offset 0x1."),
        ("[   12.345678] ata3.00: failed", "[ 9912.1] ata12.00: failed"),
        ("2026-11-22T12:00:01.5Z start", "2026-11-23 13:00:02 start"),
        ("Nov 22 12:00:01 bob kernel: oops", "Dec  1 09:10:11 bob kernel: oops"),
        ("id 6ba7b810-9dad-11d1-80b4-00c04fd430c8", "id 00000000-0000-0000-0000-000000000000"),
        ("eth0 52:54:00:12:34:56 up", "eth1 de:ad:be:ef:00:01 up"),
        ("0000:03:00.0 lost", "0000:81:00.1 lost"),
        ("open /var/tmp/fio.1/x failed", "open /mnt/b failed"),
        ("commit d41d8cd98f00b204e980", "commit 0cc175b9c0f1b6a831c3"),
        ("read 512.5 MB/s, 3 errors", "read 9 MB/s, 12 errors"),
        ("1 2 3 4", "1 2 3 4 5 6"),
        ("DIMM_A1: correctable", "DIMM_B12: correctable".replace("B", "A")),
    ],
)
def test_lines_are_alike_but_for_what_varies(one: str, other: str) -> None:
    assert template(one) == template(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("FAILURE at 0x1", "SUCCESS at 0x1"),
        ("read failed", "read faded"),  # words, though some of their letters are hex
        ("deadbeef cafe", "facade cafe"),
        ("", "1"),
    ],
)
def test_words_make_lines_differ(one: str, other: str) -> None:
    assert template(one) != template(other)


@given(st.text(max_size=2000))
def test_a_template_is_its_own_template(line: str) -> None:
    assert len(template(line)) <= 400
    assert template(line) == template(line + " " * 500)


def test_ages_do_not_matter_to_a_past() -> None:
    old = [replace(each, at=NOW - timedelta(days=900)) for each in STEADY]
    assert insight([(measure(400), Past(own=old))]).notes
