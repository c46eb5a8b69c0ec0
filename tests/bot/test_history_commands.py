"""What people ask of the past: history, compare, flaky."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.wire.vocabulary import Verdict
from bot.findings import Metric
from bot.insight.comparison import pairs
from bot.insight.measure import Measure
from bot.insight.series import alike, flaky, trend
from bot.report.text import width
from tests.bot.lab_in_memory import NOW, World
from tests.bot.test_commands import finish, say
from tests.bot.test_insight import READ

BOB, ALICE = "bob@lab.example", "alice@lab.example"
P, F, E, L, A = Verdict.PASS, Verdict.FAIL, Verdict.ERROR, Verdict.LOST, Verdict.ABORTED


def ran(job: int, verdict: Verdict = P, value: float | None = None, **more: Any) -> Measure:
    plain = Measure(
        job=job, jid=BOB, step=0, recipe="memtest", params="passes=1 size=64M", model="",
        verdict=verdict, seconds=60, at=NOW - timedelta(hours=100 - job),
        metrics=() if value is None else (replace(READ, value=value),),
    )  # fmt: skip
    return replace(plain, **more)


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize(
    ("verdicts", "is_flaky"),
    [
        ([P, F, P], True),
        ([P, F, P, F], True),
        ([P, P, P, F, F, F], False),  # it broke
        ([F, F, P, P], False),  # it was repaired
        ([P, E, P, L, P, A], False),  # the lab failed, not the hardware
        ([P, E, F, E, P], True),
        ([F, E, F], False),
        ([P, Verdict.TIMEOUT, P], False),
        ([P, Verdict.CRASHED, Verdict.WARN], True),
        ([], False),
    ],
)
def test_who_passes_and_fails_to_and_fro_is_flaky(
    verdicts: Sequence[Verdict], is_flaky: bool
) -> None:
    runs = [ran(job, verdict) for job, verdict in enumerate(verdicts, 1)]
    assert bool(flaky(alike(runs))) is is_flaky
    assert bool(flaky(alike(runs[::-1]))) is is_flaky


def test_other_parameters_and_other_machines_are_not_the_same_test() -> None:
    sizes = [ran(1), ran(2, F, params="size=1G"), ran(3), ran(4, F, params="size=1G")]
    assert flaky(alike(sizes)) == []
    assert flaky(alike([ran(1), ran(2, F, jid=ALICE), ran(3)])) == []


def test_a_trend_is_more_than_noise() -> None:
    assert trend([500, 501, 499, 450, 451, 449]) == -10
    assert trend([500, 501, 499, 500, 502, 498]) is None
    assert trend([500, 400, 600, 450, 550, 450]) is None
    assert trend([500, 501, 499, 450, 451]) is None  # too few
    assert trend([0, 0, 0, 1, 1, 1]) is None


@given(st.lists(st.floats(-1e15, 1e15), max_size=40))
def test_a_trend_is_a_number_or_nothing(values: list[float]) -> None:
    found = trend(values)
    assert found is None or found == found


async def test_the_history_of_a_test(world: World) -> None:
    world.history.measures = [
        *(ran(job, P, 500 + job) for job in (1, 2, 3)),
        *(ran(job, P, 450 + job) for job in (4, 5, 6)),
        ran(7, params="passes=1 size=1G"),
        ran(8, F, seconds=3),
        ran(9, P, 460, seconds=61),
    ]
    said = await say(world, "history bob memtest")
    assert said.text == (
        "memtest on bob: 8 runs, 7 pass, 1 fail, flaky, read 460 MB/s (median 460), "
        "falling by 9 %, takes 1 min, 1 more with other parameters"
    )
    assert said.table.split("\n")[:3] == [
        "9  pass  460 MB/s  1 min 1 s  3 d ago",
        "8  fail            3 s        3 d ago",
        "6  pass  456 MB/s  1 min      3 d ago",
    ]
    data: Any = said.data
    assert (data["usually"], data["flaky"], len(data["history"])) == (60, True, 9)


async def test_a_flaky_test_is_named(world: World) -> None:
    world.history.measures = [ran(1), ran(2, F), ran(3), ran(4, L)]
    assert ", flaky" in (await say(world, "history bob memtest")).text
    said = await say(world, "flaky")
    assert said.text == (
        "1 test passes and fails with nothing changed: memtest on bob failed 1 of 3"
    )
    assert said.table == "bob  memtest  1 of 3  passes=1 size=6…"
    world.history.measures = []
    assert (await say(world, "flaky")).text == "nothing is flaky (no steps yet)"


async def test_the_history_of_a_target(world: World) -> None:
    world.history.measures = [ran(1), ran(2, F, recipe="stress"), ran(3)]
    said = await say(world, "history bob")
    assert said.text == "bob: the last 3 steps, 3 runs, 2 pass, 1 fail"
    assert said.table.split("\n") == [
        "memtest  pass  2 runs  4 d ago  passe…", "stress   fail  1 run   4 d ago  passe…",
    ]  # fmt: skip
    assert (await say(world, "history alice")).text == "no run on alice has ended yet"
    assert (await say(world, "history alice stress")).text == (
        "no run of stress on alice has ended yet"
    )


async def test_a_recipe_that_is_gone_has_a_past(world: World) -> None:
    world.history.measures = [ran(1, recipe="burnin")]
    assert "burnin on bob: 1 run, pass" in (await say(world, "history of bob BURNIN")).text
    said = await say(world, "history bob burnout")
    assert said.text == "no recipe called burnout. Did you mean burnin?"


async def test_two_jobs_side_by_side(world: World) -> None:
    await say(world, "run memtest on bob, alice")
    await say(world, "run memtest on bob and alice")
    finish(world, 1, P, P)
    finish(world, 2, F, P)
    world.history.measures = [
        ran(1, P, 500), ran(1, P, 500, jid=ALICE), ran(2, F, 400), ran(2, P, 490, jid=ALICE),
    ]  # fmt: skip
    said = await say(world, "compare job 2 with 1")
    assert said.text == (
        "job 2 against job 1, 2 steps that both did: 1 verdict differs, "
        "read on alice 2 % below 500 MB/s"
    )
    assert said.table.split("\n") == [
        "bob    pass→fail  -20 %  1 min", "alice  pass       -2 %   1 min",
    ]  # fmt: skip
    data: Any = said.data
    assert [step["before"] for step in data["compared"]["steps"]] == ["pass", "pass"]
    assert data["compared"]["steps"][0]["metrics"][0]["percent"] == -20


async def test_what_is_not_alike_is_not_compared(world: World) -> None:
    await say(world, "run memtest on bob")
    await say(world, "run memtest size=1G on bob")
    finish(world, 1, P)
    early = await say(world, "compare 1 with 2")
    assert early.text == "job 1 against job 2: job 2 is not done yet"
    finish(world, 2, P)
    world.history.measures = [ran(1), ran(2, params="passes=1 size=1G")]
    said = await say(world, "compare 1 with 2")
    assert said.text == (
        "job 1 against job 2: nothing that both did: job 1 is memtest on bob (pass); "
        "job 2 is memtest size=1G on bob (pass)"
    )
    assert "there is no job 9" in (await say(world, "compare 1 with 9")).text


def test_two_machines_with_one_run_each_are_compared() -> None:
    (pair,) = pairs([ran(2, P, 400)], [ran(1, P, 500, jid=ALICE)])
    assert pair.differences[0].percent == -20
    assert pairs([ran(2), ran(2, jid=ALICE)], [ran(1, jid="carol@lab.example")]) == []


def test_repeated_steps_are_compared_in_their_order() -> None:
    now = [ran(2, P, 1, step=0), ran(2, F, 2, step=1), ran(2, P, 3, step=2)]
    before = [ran(1, P, 1, step=0), ran(1, P, 2, step=1)]
    found = pairs(now, before)
    assert [(pair.now.step, pair.before.step) for pair in found] == [(1, 1), (0, 0)]


def test_a_metric_in_another_unit_is_another() -> None:
    gib = replace(ran(2), metrics=(Metric(name="read", value=1, unit="GiB/s"),))
    (pair,) = pairs([gib], [ran(1, P, 500)])
    assert pair.differences == []


async def test_nothing_of_it_is_wider_than_a_phone(world: World) -> None:
    long_, odd = "x" * 40, Metric(name="n" * 40, value=123456789.123, unit="u" * 12)
    names = [f"machine-with-a-long-name-{n}" for n in range(30)]
    await say(world, "run memtest on bob")
    await say(world, "run memtest on bob")
    world.history.measures = [
        ran(job, [P, F][job % 2], recipe=long_, params=f"{name}=1", metrics=(odd,))
        for job in (1, 2, 3, 4)
        for name in names
    ]
    for text in ("history bob", f"history bob {long_}", "flaky", "compare 1 with 2"):
        said = await say(world, text)
        assert all(width(row) <= 38 for row in said.table.split("\n"))
        assert said.table.count("\n") <= 25
        assert "\n" not in said.text
