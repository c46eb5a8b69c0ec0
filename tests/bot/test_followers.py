"""follow: the newest lines, seldom, to those who asked and are there, until it ends."""

from dataclasses import replace
from functools import partial

import pytest

from agent.wire.errors import Away, Busy
from agent.wire.journal import encode
from agent.wire.vocabulary import Verdict
from bot.digest import given_up
from bot.followers import EACH, EVERY, MOST, NEWEST, RAREST
from bot.occupant import Affiliation, Channel, Line, Occupant
from bot.store import jobs
from tests.bot.lab_on_disk import Bot, line
from tests.virtual_time import VirtualLoop, settled

Loop = VirtualLoop

ANN, MAX = "ann@lab.example", "max@lab.example"
MAX_LINE = replace(line(), by=Occupant("max", Affiliation.MEMBER, MAX))


class Machine:
    """bob, who has a run and prints."""

    def __init__(self, bot: Bot, number: int = 1) -> None:
        self._bot, self._number, self._at = bot, number, 0
        self.sends(encode("accepted", 1.0, journal=f"journal{number:03}"))
        self.sends(encode("begin", 1.0, step=0, name="memtest"))

    def sends(self, data: bytes) -> None:
        self._bot.chunk(self._number, f"journal{self._number:03}", self._at, data)
        self._at += len(data)

    def prints(self, text: str) -> None:
        data = text.encode()
        for start in range(0, len(data), 60_000):
            self.sends(encode("out", 1.0, data[start : start + 60_000]))

    def ends(self, verdict: str = "pass") -> None:
        self.sends(encode("end", 1.0, step=0, name="memtest", verdict=verdict, seconds=1))
        self.sends(encode("verdict", 1.0, verdict=verdict, reason=""))


async def begin(bot: Bot, number: int = 1) -> Machine:
    await bot.submit(number)
    machine = Machine(bot, number)
    machine.prints("before\n")
    await settled()
    return machine


async def follow(bot: Bot, number: int = 1, by: Line | None = None) -> None:
    await bot.followers.follow(await bot.a_run(number), by or line())


def heard(bot: Bot) -> list[str]:
    return [reply.text for _, reply, _ in bot.room.told]


async def test_what_is_printed_from_now_on_is_told_in_private(bot: Bot) -> None:
    machine = await begin(bot)
    await follow(bot)
    await settled(2 * EVERY)
    assert bot.room.told == []  # nothing new
    machine.prints("one\n\x1b[31mtwo\x1b[0m\n\nthr")
    await settled(2 * EVERY)
    [(jid, reply, direct)] = bot.room.told
    assert (jid, direct) == (ANN, False)
    assert reply.text == "job 1 on bob: 2 new lines"
    assert reply.table == "one\ntwo"
    assert reply.quotes
    machine.prints("ee\n")
    await settled(2 * EVERY)
    assert bot.room.told[-1][1].table == "three"
    assert bot.room.said == []


async def test_of_much_only_the_newest_is_told_once_in_a_while(bot: Bot) -> None:
    machine = await begin(bot)
    await follow(bot)
    for second in range(600):
        machine.prints("".join(f"{second}.{n} {'x' * 20}\n" for n in range(100)))
        await settled(1)
    assert 600 / RAREST < len(bot.room.told) <= 600 / EVERY / 2
    told = bot.room.told[-1][1]
    assert told.table.count("\n") == NEWEST - 1
    counts = [reply.data["count"] for _, reply, _ in bot.room.told]
    assert all(isinstance(count, int) and count >= 100 * (EVERY - 2) for count in counts)
    assert f"the last {NEWEST} here" in told.text
    await settled(RAREST + EVERY)
    assert sum(reply.data["count"] for _, reply, _ in bot.room.told) == 60_000  # type: ignore[misc]


async def test_it_ends_with_the_run(bot: Bot) -> None:
    machine = await begin(bot)
    await follow(bot)
    machine.prints("last words")
    machine.ends("fail")
    await settled(2 * EVERY)
    assert heard(bot) == ["job 1 on bob: 1 new line; it has ended: fail"]
    assert bot.room.told[0][1].table == "last words"
    assert bot.followers.unfollow(ANN, None) == []
    await settled(1000)
    assert len(bot.room.told) == 1


async def test_it_ends_when_they_leave_the_room(bot: Bot) -> None:
    machine = await begin(bot)
    await follow(bot)
    del bot.room.nicks[ANN]
    machine.prints("secret\n")
    await settled(2 * EVERY)
    bot.room.nicks[ANN] = "ann"
    machine.prints("more\n")
    await settled(1000)
    assert bot.room.told == []
    del bot.room.nicks[ANN]
    with pytest.raises(Away, match="you are not in the room"):
        await follow(bot)


async def test_it_ends_when_they_say_so(bot: Bot) -> None:
    for number in (1, 2):
        machine = await begin(bot, number)
        await follow(bot, number)
        await follow(bot, number, MAX_LINE)
    assert bot.followers.unfollow(ANN, 2) == ["2@bob"]
    machine.prints("hello\n")
    await settled(2 * EVERY)
    assert [jid for jid, _, _ in bot.room.told] == [MAX]
    assert bot.followers.unfollow(ANN, None) == ["1@bob"]
    assert bot.followers.unfollow(ANN, None) == []


async def test_nothing_is_lost_while_the_bot_is_not_in_the_room(bot: Bot) -> None:
    machine = await begin(bot)
    await follow(bot)
    bot.room.open = False
    machine.prints("one\n")
    await settled(3 * EVERY)
    machine.prints("two\n")
    await settled(3 * EVERY)
    bot.room.open = True
    await settled(3 * EVERY)
    assert heard(bot) == ["job 1 on bob: 2 new lines"]


async def test_so_many_and_no_more_and_twice_is_once(bot: Bot) -> None:
    for number in range(1, EACH + 2):
        await bot.submit(number)
    for number in (*range(1, EACH + 1), 1):
        await follow(bot, number)
    with pytest.raises(Busy, match="3 runs already"):
        await follow(bot, EACH + 1)
    for who in range(MOST - EACH):
        jid = f"p{who}@lab.example"
        bot.room.nicks[jid] = f"p{who}"
        await follow(bot, 1, replace(line(), by=Occupant(f"p{who}", Affiliation.MEMBER, jid)))
    with pytest.raises(Busy, match="20 runs are followed"):
        await follow(bot, 1, MAX_LINE)


async def test_where_it_was_asked_it_is_told(bot: Bot) -> None:
    machine = await begin(bot)
    await follow(bot, by=line(channel=Channel.DIRECT))
    machine.prints("hello\n")
    await settled(2 * EVERY)
    assert [direct for _, _, direct in bot.room.told] == [True]


async def test_what_goes_wrong_with_one_is_not_the_others_day(bot: Bot) -> None:
    machine = await begin(bot)
    await follow(bot)
    await follow(bot, by=MAX_LINE)
    failures = iter([True])
    bot.room.broken = lambda _: next(failures, False)
    machine.prints("one\n")
    await settled(3 * EVERY)
    machine.prints("two\n")
    await settled(3 * EVERY)
    assert bot.failure() is None
    assert [(jid, reply.table) for jid, reply, _ in bot.room.told] == [(MAX, "one"), (MAX, "two")]


async def test_a_run_that_ends_without_a_journal_is_told_too(bot: Bot) -> None:
    await begin(bot)
    await follow(bot)
    run = await bot.a_run()
    done = given_up(run, Verdict.ABORTED, "stopped", bot.clock())
    await bot.store.do(partial(jobs.save_run, run=done))
    await settled(2 * EVERY)
    assert heard(bot) == ["job 1 on bob: nothing new; it has ended: aborted"]
