"""What all bots notice is said once, and not never."""

import asyncio

import pytest

from bot import notices
from bot.notices import Notices
from bot.reply import Reply


class Bot:
    def __init__(self, *, acts: bool) -> None:
        self.said: asyncio.Queue[Reply] = asyncio.Queue()
        self.notices = Notices(self.said.put_nowait, acts=lambda: acts)

    def knocks(self) -> None:
        self.notices.tell("knocks", "bob@lab.example", "bob asks")


async def test_who_acts_says_it_at_once_and_once() -> None:
    bot = Bot(acts=True)
    bot.knocks()
    bot.knocks()
    assert bot.said.get_nowait().data == {"knocks": "bob@lab.example"}
    assert bot.said.empty()


@pytest.mark.parametrize("before", [True, False])
async def test_the_others_are_silent_if_it_was_said(
    before: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "WAIT", 0)
    bot = Bot(acts=False)
    said: dict[str, object] = {"labroom": 1, "kind": "notice", "knocks": "bob@lab.example"}
    if before:
        bot.notices.overheard(said)
        bot.knocks()
    else:
        bot.knocks()
        bot.notices.overheard(said)
    bot.notices.tell("knocks", "carl@lab.example", "carl asks")  # its turn is after bob's
    assert (await bot.said.get()).text == "carl asks"
    assert bot.said.empty()


async def test_the_others_say_it_if_nobody_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "WAIT", 0)
    bot = Bot(acts=False)
    bot.knocks()
    assert bot.said.empty()
    bot.notices.overheard({"kind": "answer", "knocks": "bob@lab.example"})
    bot.notices.overheard({"kind": "notice", "knocks": ["bob@lab.example"]})
    assert (await bot.said.get()).text == "bob asks"


async def test_what_is_over_is_news_when_it_comes_again() -> None:
    bot = Bot(acts=True)
    bot.knocks()
    bot.notices.forget("knocks", "bob@lab.example")
    bot.knocks()
    assert bot.said.qsize() == 2
