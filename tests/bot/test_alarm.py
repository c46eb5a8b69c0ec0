"""What the room hears of a run while it is on: once, where it was asked, while it is true."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agent.wire.journal import Record, encode
from bot.digest import Clock
from bot.intake import ALARMS
from bot.jobs import Run
from bot.occupant import Channel
from bot.report.alarm import alarm
from tests.bot.lab_on_disk import Bot
from tests.virtual_time import VirtualLoop, settled

Loop = VirtualLoop
J = "p0q4c1xw8e2z"


def a(kind: str, ago: float = 0, **fields: Any) -> bytes:
    return encode(kind, time.time() - ago, step=0, name="memtest size=16M", **fields)


def silent(ago: float = 0, **fields: Any) -> bytes:
    return a("warning", ago, **{"why": "stall", "seconds": 600.2, "left": 120} | fields)


def start() -> bytes:
    return encode("accepted", time.time(), journal=J) + encode("begin", time.time(), name="x")


async def test_the_room_hears_that_a_step_hangs_and_that_it_moves_again(bot: Bot) -> None:
    await bot.submit()
    head, hang, relief = start(), silent(), a("relief")
    bot.chunk(1, J, 0, head + hang)
    await settled()
    bot.chunk(1, J, 0, head + hang)  # the server says it twice
    bot.chunk(1, J, len(head + hang), relief)
    await settled()
    assert bot.room.heard == [
        "1@bob: memtest has said and done nothing for 10 min; it will be stopped in 2 min",
        "1@bob: memtest moves again",
    ]
    assert bot.room.said[0].data["why"] == "stall"
    assert bot.room.said[0].kind == "notice"


async def test_the_room_hears_that_time_is_nearly_over(bot: Bot) -> None:
    await bot.submit()
    bot.chunk(1, J, 0, start() + silent(why="wall", seconds=6600, left=600))
    await settled()
    assert bot.room.heard == ["1@bob: memtest has taken 1 h 50 min; it will be stopped in 10 min"]


async def test_what_was_asked_in_private_is_told_in_private(bot: Bot) -> None:
    await bot.submit(channel=Channel.DIRECT)
    bot.chunk(1, J, 0, start() + silent())
    await settled()
    assert bot.room.heard == []
    assert [jid for jid, _, _ in bot.room.told] == ["ann@lab.example"]


@pytest.mark.parametrize(
    "stale",
    [
        silent() + a("verdict", verdict="stalled"),  # it has ended since
        silent(left=0.0),
        silent(left=float(10**30)),
        silent(why="weather"),
        silent(left="soon"),
        encode("warning", 1.0),
    ],
)
async def test_what_is_not_true_any_more_is_not_told(bot: Bot, stale: bytes) -> None:
    await bot.submit()
    bot.chunk(1, J, 0, start() + stale)
    await settled()
    assert not any("will be stopped" in heard for heard in bot.room.heard)


async def test_a_warning_that_came_hours_late_is_not_told(bot: Bot) -> None:
    await bot.submit()
    bot.room.open = False
    bot.chunk(1, J, 0, start() + silent())
    await settled()
    await asyncio.sleep(130)
    bot.room.open = True
    await asyncio.sleep(60)
    assert bot.room.heard == []


async def test_a_journal_that_came_late_tells_nothing_of_then(bot: Bot) -> None:
    await bot.submit()
    late = start() + silent()
    await asyncio.sleep(130)
    bot.chunk(1, J, 0, late)
    await settled()
    assert bot.room.heard == []


async def test_a_target_cannot_flood_the_room(bot: Bot) -> None:
    await bot.submit()
    whole = start()
    bot.chunk(1, J, 0, whole)
    for _ in range(3 * ALARMS):
        more = silent()
        bot.chunk(1, J, len(whole), more)
        await settled()
        whole += more
    assert len(bot.room.heard) == ALARMS


@pytest.mark.parametrize(("late", "true"), [(0, True), (119, True), (120, False), (9999, False)])
def test_for_how_long_it_is_true(late: float, true: bool) -> None:
    asked = datetime(2026, 11, 22, 12, tzinfo=UTC)
    record = Record(
        "warning", asked.timestamp(), {"why": "stall", "seconds": 600, "left": 120}, b"", 0
    )
    clock = Clock(asked=asked, now=asked + timedelta(seconds=late))
    news = alarm(Run(job=1, target="bob", jid="bob@lab.example"), record, clock)
    assert (news is not None) == true
    if news is not None:
        assert news[1] == 120 - late
