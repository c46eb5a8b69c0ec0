"""A reboot: refused at once or ordered, and then told to the end, whoever dies meanwhile."""

import re
from datetime import timedelta
from functools import partial

import pytest

from agent.wire.errors import Away, Busy, NoAnswer
from bot.machines import LOOK
from bot.reboot import Back, Reboot, back, usual
from bot.store import reboots
from tests.bot.lab_on_disk import BOB, Bot
from tests.virtual_time import VirtualLoop, settled

Loop = VirtualLoop

WITHIN = 300.0
STAYED = (
    "ann: bob has not rebooted: it is there, and shows no new boot id. Its agent's log says why"
)


async def order(bot: Bot, *, before: str = "boot1", force: bool = False) -> None:
    bot.wire.reboots = lambda _full: before
    await bot.machines.reboot("bob", force=force, by="ann")


async def round_trip(bot: Bot, number: int, seconds: float) -> str:
    """Bob reboots for the *number*th time; what the room hears."""
    heard = len(bot.room.heard)
    await order(bot, before=f"boot{number}")
    bot.leaves()
    await settled(seconds)
    bot.appears(boot=f"boot{number + 1}", session=f"s{number}")
    await settled()
    (text,) = bot.room.heard[heard:]
    return text


async def rows(bot: Bot) -> dict[str, Reboot]:
    return await bot.store.do(reboots.under_way)


async def test_who_is_away_is_not_rebooted(bot: Bot) -> None:
    with pytest.raises(Away, match="bob is away"):
        await bot.machines.reboot("bob", force=False, by="ann")
    with pytest.raises(Away):
        await bot.machines.ping("bob")


async def test_a_reboot_that_was_not_agreed_to_is_not_waited_for(bot: Bot) -> None:
    def refuses(_full: str) -> str:
        raise Busy("a run is on")

    bot.wire.reboots = refuses
    bot.appears()
    with pytest.raises(Busy, match="a run is on"):
        await bot.machines.reboot("bob", force=False, by="ann")
    assert await rows(bot) == {}
    bot.appears(boot="boot2", session="s2")
    await settled(2 * WITHIN)
    assert bot.room.heard == []


async def test_a_target_is_back_with_a_new_boot_id(bot: Bot) -> None:
    bot.appears()
    await order(bot)
    bot.leaves()
    bot.appears(session="s2")  # only its connection was lost
    await settled()
    assert bot.room.heard == []
    bot.leaves()
    await settled(47)
    bot.appears(boot="boot2", session="s3")
    await settled(10 * LOOK)
    assert bot.room.heard == ["ann: bob is back after 48 s, with a new boot id"]
    assert bot.room.said[0].data["boot"] == "boot2"
    assert await rows(bot) == {}


async def test_a_target_that_is_back_before_its_answer_is_back(bot: Bot) -> None:
    def reboots_at_once(_full: str) -> str:
        bot.leaves()
        bot.appears(boot="boot2", session="s2")
        return "boot1"

    bot.wire.reboots = reboots_at_once
    bot.appears()
    await bot.machines.reboot("bob", force=False, by="ann")
    await settled()
    assert len(bot.room.heard) == 1
    assert "is back" in bot.room.heard[0]
    assert await rows(bot) == {}


async def test_what_is_usual_is_said_from_the_fourth_time_on(bot: Bot) -> None:
    bot.appears()
    for number, seconds in enumerate((50, 40, 45), 1):
        assert "usually" not in await round_trip(bot, number, seconds)
    assert await round_trip(bot, 4, 100) == (
        "ann: bob is back after 1 min 40 s (usually 45 s), with a new boot id"
    )
    await bot.crash()
    await bot.start()
    bot.appears(boot="boot5", session="s9")
    assert "(usually 48 s)" in await round_trip(bot, 5, 60)  # of 40, 45, 50 and 100


async def test_only_the_last_ten_are_usual_and_kept(bot: Bot) -> None:
    bot.appears()
    for number in range(1, 13):
        await round_trip(bot, number, 200 if number <= 2 else 10 * number)
    took = [round(each) for each in await bot.store.do(partial(reboots.took, jid=BOB))]
    assert took == [10 * number for number in range(3, 13)]


def test_usual_is_the_median_of_enough() -> None:
    assert usual([]) is None
    assert usual([1, 2]) is None
    assert usual([1, 90, 2]) == 2
    assert usual([1, 2, 3, 90]) == 2.5


async def test_who_is_not_back_in_time_is_said_not_to_be_and_may_be_back_after_all(
    bot: Bot,
) -> None:
    bot.appears()
    await order(bot)
    bot.leaves()
    await settled(WITHIN + 2 * LOOK)
    (late,) = bot.room.heard
    assert late.startswith("ann: bob has not come back in 5 min: last heard ")
    assert late.endswith("say status bob")
    assert bot.fleet.all()[1].state == "away"
    await settled(2000)
    bot.appears(boot="boot2", session="s2")
    await settled(10 * LOOK)
    assert bot.room.heard[1:] == [
        "ann: bob is back after all, 38 min 30 s after the order, with a new boot id"
    ]
    assert await bot.store.do(partial(reboots.took, jid=BOB)) == []  # not what is usual


async def test_who_is_there_and_shows_no_new_boot_has_not_rebooted(bot: Bot) -> None:
    bot.appears()
    await order(bot, force=True)
    await settled(WITHIN + 2 * LOOK)
    assert bot.room.heard == [STAYED]


async def test_who_gives_it_up_is_told_of_at_once(bot: Bot) -> None:
    bot.appears()
    await order(bot)
    bot.appears(state="rebooting")
    bot.appears(state="idle")  # its command has failed
    await settled()
    (text,) = bot.room.heard
    assert text.startswith("ann: bob has not rebooted")
    await settled(2 * WITHIN)
    assert len(bot.room.heard) == 1


async def test_an_order_without_an_answer_is_watched(bot: Bot) -> None:
    def silent(_full: str) -> str:
        raise NoAnswer("no answer within 5 s")

    bot.wire.reboots = silent
    bot.appears()
    with pytest.raises(NoAnswer, match="has not said whether it reboots: no answer within 5 s"):
        await bot.machines.reboot("bob", force=False, by="ann")
    assert bot.fleet.member(BOB).state == "idle"
    bot.leaves()
    bot.appears(boot="boot2", session="s2")
    await settled()
    assert "bob is back after" in bot.room.heard[0]

    with pytest.raises(NoAnswer):
        await bot.machines.reboot("bob", force=False, by="ann")
    await settled(WITHIN + 2 * LOOK)
    assert bot.room.heard[1:] == [
        "ann: bob has not rebooted: it is there, and shows no new boot id, and it never agreed. "
        "Order it again"
    ]


async def test_a_target_that_reboots_is_not_ordered_twice(bot: Bot) -> None:
    bot.appears()
    await order(bot)
    with pytest.raises(Busy, match="bob is rebooting already, ordered by ann"):
        await order(bot)
    await order(bot, force=True)
    bot.leaves()
    with pytest.raises(Busy, match="already"):
        await order(bot, force=True)
    bot.appears(boot="boot2", session="s2")
    await settled(2 * WITHIN)
    assert len(bot.room.heard) == 1
    assert await rows(bot) == {}


# The bot dies


@pytest.mark.parametrize("away", [True, False])
async def test_a_bot_that_dies_meanwhile_tells_once(bot: Bot, away: bool) -> None:
    bot.appears()
    await order(bot)
    await bot.crash()
    await bot.start()
    if away:  # we are in the room, and see it come
        await settled(20)
        bot.appears(boot="boot2", session="s2")
        said = r"ann: bob is back after 2\d s, with a new boot id"
    else:  # it was there before we were
        bot.fleet.listening = False
        bot.appears(boot="boot2", session="s2")
        bot.fleet.listening = True
        said = r"ann: bob is back after \S+ s at most \(I was away meanwhile\), with a new boot id"
    await settled()
    (text,) = bot.room.heard
    assert re.fullmatch(said, text), text
    await bot.crash()
    await bot.start()
    bot.appears(boot="boot2", session="s3")
    await settled(2 * WITHIN)
    assert bot.room.heard == [text]
    took = await bot.store.do(partial(reboots.took, jid=BOB))
    assert len(took) == (1 if away else 0)


async def test_a_bot_that_dies_while_it_asks_tells_how_it_ended(bot: Bot) -> None:
    bot.appears()
    now = bot.clock()
    pending = Reboot(
        by="ann", boot="boot1", ordered=now, deadline=now + timedelta(seconds=WITHIN)
    )  # fmt: skip
    await bot.store.do(partial(reboots.add, jid=BOB, order=pending))
    await bot.crash()
    await bot.start()
    bot.appears(session="s2")
    await settled(WITHIN + 2 * LOOK)
    (text,) = bot.room.heard
    assert "has not rebooted" in text
    assert "it never agreed. Order it again" in text


async def test_a_bot_that_dies_before_the_room_heard_says_it_later(bot: Bot) -> None:
    bot.appears()
    await order(bot)
    bot.leaves()
    bot.room.open = False
    await settled(WITHIN + 2 * LOOK)
    bot.appears(boot="boot2", session="s2")
    await settled()
    assert bot.room.heard == []
    await bot.crash()
    bot.room.open = True
    await bot.start()
    bot.appears(boot="boot2", session="s2")
    await settled(10 * LOOK)
    (text,) = bot.room.heard
    assert "bob is back after" in text
    await bot.crash()
    await bot.start()
    bot.appears(boot="boot2", session="s2")
    await settled(10 * LOOK)
    assert len(bot.room.heard) == 1


async def test_what_the_room_heard_is_not_told_again_after_a_restart(bot: Bot) -> None:
    bot.appears()
    await order(bot)
    bot.leaves()
    await settled(WITHIN + 2 * LOOK)
    assert len(bot.room.heard) == 1
    await bot.crash()
    await bot.start()
    await settled(2 * WITHIN)
    assert len(bot.room.heard) == 1
    bot.appears(boot="boot2", session="s2")
    await settled()
    assert "is back after all" in bot.room.heard[1]


async def test_nothing_is_late_while_nobody_could_be_seen(bot: Bot) -> None:
    bot.appears()
    await order(bot)
    bot.fleet.nobody(bot.clock())
    await settled(2 * WITHIN)
    assert bot.room.heard == []
    bot.appears(boot="boot2", session="s2")
    bot.fleet.listening = True
    await settled(2 * LOOK)
    (text,) = bot.room.heard
    assert "at most (I was away meanwhile)" in text


async def test_a_clock_that_is_set_makes_nothing_late(bot: Bot) -> None:
    bot.appears()
    await order(bot)
    bot.leaves()
    bot.skew = timedelta(days=3)
    await settled(29)
    bot.appears(boot="boot2", session="s2")
    await settled(2 * LOOK)
    assert bot.room.heard == ["ann: bob is back after 29 s, with a new boot id"]


async def test_who_was_away_and_has_not_rebooted_may_be_asked_again(
    bot: Bot,
) -> None:
    bot.appears()
    await order(bot)
    bot.leaves()
    await settled(WITHIN + 2 * LOOK)
    bot.appears(session="s2")  # it never went down
    await settled()
    assert await rows(bot) == {}
    await order(bot)
    assert [each.late for each in (await rows(bot)).values()] == [False]
    bot.leaves()
    bot.appears(boot="boot2", session="s3")
    await settled()
    assert bot.room.heard[1:] == [
        STAYED,
        "ann: bob is back after 0 s, with a new boot id",
    ]
    assert await rows(bot) == {}


async def test_who_is_no_target_any_more_is_not_waited_for(bot: Bot) -> None:
    bot.appears()
    await order(bot)
    await bot.store.do(
        partial(reboots.add, jid="carol@other.example", order=(await rows(bot))[BOB])
    )
    await bot.crash()
    await bot.start()
    assert list(await rows(bot)) == [BOB]


def test_a_nick_cannot_spoil_the_line() -> None:
    evil = Reboot(by="ann\n```\n" + "x" * 200, boot="b", ordered=None, deadline=None)  # type: ignore[arg-type]
    of = Back(reboot=evil, boot="c", seconds=3, seen=True)
    assert "\n" not in back("bob", of, None).text
    assert len(back("bob", of, None).text) < 120
