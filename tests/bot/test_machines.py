"""A reboot: refused at once or ordered, and then proven, or said not to be."""

from datetime import timedelta

import pytest

from agent.wire.errors import Away
from bot.machines import LOOK
from tests.bot.lab_on_disk import BOB, Bot
from tests.virtual_time import VirtualLoop, settled

Loop = VirtualLoop


async def test_who_is_away_is_not_rebooted(bot: Bot) -> None:
    with pytest.raises(Away, match="bob is away"):
        await bot.machines.reboot("bob", force=False, by="ann")
    with pytest.raises(Away):
        await bot.machines.ping("bob")


async def test_a_reboot_that_was_not_agreed_to_is_not_waited_for(bot: Bot) -> None:
    bot.appears()
    with pytest.raises(Away, match="no answer"):
        await bot.machines.reboot("bob", force=False, by="ann")
    bot.appears(boot="boot2", session="s2")
    await settled(10 * LOOK)
    assert bot.room.heard == []


async def test_a_target_is_back_with_a_new_boot_id(bot: Bot) -> None:
    bot.wire.reboots = lambda _full: "boot1"
    bot.appears()
    await bot.machines.reboot("bob", force=False, by="ann")
    bot.leaves()
    bot.appears(session="s2")  # only its connection was lost
    await settled()
    assert bot.room.heard == []
    bot.leaves()
    bot.appears(boot="boot2", session="s3")
    await settled(10 * LOOK)
    (text,) = bot.room.heard
    assert text.startswith("ann: bob is back after ")
    assert text.endswith("with a new boot id")


async def test_a_target_that_is_back_before_its_answer_is_back(bot: Bot) -> None:
    def reboots(_full: str) -> str:
        bot.leaves()
        bot.appears(boot="boot2", session="s2")
        return "boot1"

    bot.wire.reboots = reboots
    bot.appears()
    await bot.machines.reboot("bob", force=False, by="ann")
    await settled()
    assert len(bot.room.heard) == 1
    assert "is back" in bot.room.heard[0]


@pytest.mark.parametrize(
    ("present", "how"), [(True, "it is there, but has not rebooted"), (False, "it is away")]
)
async def test_a_target_that_is_not_back_is_said_not_to_be(
    bot: Bot, present: bool, how: str
) -> None:
    bot.wire.reboots = lambda _full: "boot1"
    bot.appears()
    bot.machines._within = timedelta()
    await bot.machines.reboot("bob", force=True, by="ann")
    if not present:
        bot.leaves()
    await settled(5 * LOOK)
    (text,) = bot.room.heard
    assert text.startswith("ann: bob has not come back within ")
    assert text.endswith(how)
    assert bot.fleet.member(BOB).reboot is None
