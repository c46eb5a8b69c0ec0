"""How long it will take: from what such a run took before, less what is over already."""

from dataclasses import replace
from datetime import timedelta

import pytest

from agent.wire.vocabulary import Verdict
from bot.annals import Annals
from bot.digest import given_up
from bot.insight.estimate import estimate
from bot.insight.usual import Usual, usual
from bot.jobs import Outcome, Phase, Run
from bot.report.acknowledgement import usual_words
from bot.store import jobs
from tests.bot.lab_in_memory import NOW, World, target
from tests.bot.lab_on_disk import ALICE, BOB, Bot, line
from tests.bot.test_commands import say
from tests.bot.test_history import DISK, several
from tests.virtual_time import VirtualLoop, settled

Loop = VirtualLoop
TEN = usual([600, 600, 600])
RUNNING = Run(
    job=1, target="bob", jid=BOB, phase=Phase.RUNNING, began=NOW - timedelta(seconds=100)
)  # fmt: skip
OVER = Outcome(step="disk", verdict=Verdict.PASS, seconds=60)


def test_what_is_over_is_not_left() -> None:
    assert estimate(RUNNING, [TEN], NOW).left == 500
    assert estimate(RUNNING, [TEN, TEN], NOW).left == 1100
    second = replace(RUNNING, outcomes=(OVER,))
    assert estimate(second, [TEN, TEN], NOW).left == 560


def test_what_waits_or_takes_longer_than_ever_has_no_end_that_we_know() -> None:
    assert estimate(replace(RUNNING, phase=Phase.QUEUED, began=None), [TEN], NOW).left is None
    late = replace(RUNNING, began=NOW - timedelta(seconds=601))
    found = estimate(late, [TEN], NOW)
    assert (found.left, found.usually) == (None, TEN)
    assert estimate(RUNNING, [None], NOW).left is None
    assert estimate(RUNNING, [TEN, None], NOW).left is None
    early = replace(RUNNING, began=NOW + timedelta(hours=1))  # somebody set the clock
    assert estimate(early, [TEN], NOW).left == 600


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (3120, 3300, "52 to 55 min"), (40, 40, "40 s"), (40, 70, "40 s to 1 min 10 s"),
        (2400, 3700, "40 min to 1 h 1 min"),
    ],
)  # fmt: skip
def test_what_is_usual_in_words(low: float, high: float, words: str) -> None:
    assert usual_words([Usual(low, 0, low, high, 9)]) == words


def test_many_take_as_long_as_the_slowest_and_unknown_ones_are_not_guessed() -> None:
    slow = Usual(900, 0, 900, 900, 3)
    assert usual_words([TEN, slow]) == "10 to 15 min"
    assert usual_words([TEN, None]) == ""
    assert usual_words([]) == ""


async def test_an_order_says_how_long_it_usually_takes(bot: Bot) -> None:
    bot.appears()
    await several(bot, 500, 501, 499, seconds=1200)
    await several(bot, 1, 2, 3, seconds=5, verdict="fail")
    await bot.dispatch.submit(DISK * 2, ("bob", "alice"), line(98, text="again"))
    await settled(1)
    ((jid, order),) = [each for each in bot.wire.offers if each[1].run.number == 7]
    assert (jid, order.usual) == (BOB, (1200, 1200))


async def test_the_bot_knows_what_is_left_where_nobody_says_it(bot: Bot) -> None:
    await several(bot, 500, 501, 499, seconds=1200)
    await bot.dispatch.submit(DISK, ("bob", "alice"), line(97, text="on"))
    await settled()
    annals, now = Annals(bot.store, now=bot.clock), bot.clock()
    run = replace(
        await bot.a_run(4), phase=Phase.RUNNING, began=now - timedelta(seconds=200)
    )  # fmt: skip
    await bot.store.do(lambda db: jobs.save_run(db, run))
    found = await annals.left({BOB: 4, ALICE: 4, "eve@lab.example": 9, "x@lab.example": 4})
    assert {jid: round(left, -1) for jid, left in found.items()} == {BOB: 1000}
    known = await annals.estimates(await bot.job(4))
    assert known[BOB].usually is not None
    assert known[ALICE].usually is None
    done = given_up(run, Verdict.LOST, "", now)
    await bot.store.do(lambda db: jobs.save_run(db, done))
    assert set(await annals.estimates(await bot.job(4))) == {ALICE}


async def test_it_is_told_where_people_ask() -> None:
    world = World(target("bob", "busy", job=1, doing="memtest"), target("alice"))
    usually = Usual(3200, 5, 3120, 3300, 9)
    plain = estimate(replace(RUNNING, began=NOW), [usually], NOW)
    world.history.estimated = {BOB: plain}
    said = await say(world, "run memtest on bob")
    assert said.text == "job 1: memtest on bob; usually 52 to 55 min"
    job = world.jobs.jobs[1]
    run = replace(job.runs[0], phase=Phase.RUNNING, began=NOW)
    world.jobs.jobs[1] = replace(job, runs=(run,))
    status = await say(world, "status bob")
    assert status.text == "bob: busy, job 1: memtest, about 54 min left"
    detail = await say(world, "job 1")
    assert detail.text == "job 1 running: memtest on bob, about 54 min left"
    assert "usually  52 to 55 min" in detail.table
    assert detail.data["left"] == 3200
    world.targets.known["bob"] = target("bob", "busy", job=1, doing="memtest", left=60.0)
    assert "about 1 min left" in (await say(world, "status bob")).text  # its own word is better
    assert "about 1 min left" in (await say(world, "job 1")).text
