"""What somebody must hear is said, then marked; said again only if we die between."""

import pytest
from sqlalchemy import Connection

from bot.herald import AGAIN, RETRY
from bot.owed import Owed
from bot.ports import Voice
from bot.reply import Reply
from tests.bot.lab_on_disk import Bot
from tests.virtual_time import VirtualLoop, settled

Loop = VirtualLoop


async def hello(voice: Voice) -> None:
    await voice.say(Reply("hello"))


async def test_it_is_marked_once_it_was_said_and_not_before(bot: Bot) -> None:
    marked: list[int] = []
    bot.room.open = False
    bot.herald.owe(Owed("it", hello, lambda _: marked.append(1)))
    await settled(3 * RETRY)
    assert (bot.room.heard, marked) == ([], [])
    bot.room.open = True
    await settled(2 * RETRY)
    assert (bot.room.heard, marked) == (["hello"], [1])


@pytest.mark.parametrize("times", [1, 3])
async def test_a_disk_that_does_not_take_the_mark_makes_nobody_repeat_himself(
    bot: Bot, times: int
) -> None:
    failed: list[int] = []

    def mark(_: Connection) -> None:
        if len(failed) < times:
            failed.append(1)
            raise OSError("no space left on device")
        marked.append(1)

    marked: list[int] = []
    bot.herald.owe(Owed("it", hello, mark))
    await settled((times + 2) * AGAIN)
    assert bot.room.heard == ["hello"]
    assert marked == [1]


async def test_what_cannot_be_said_keeps_back_nobody_else(bot: Bot) -> None:
    bot.room.broken = lambda reply: reply.text == "hello"
    bot.herald.owe(Owed("it", hello, lambda _: None))
    bot.herald.news(Reply("news"))
    await settled()
    assert bot.room.heard == ["news"]
    bot.room.broken = lambda _: False
    await settled(2 * AGAIN)
    assert bot.room.heard == ["news", "hello"]
