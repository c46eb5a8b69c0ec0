"""Tell me when: once, to whom it was promised, where they are; whoever dies meanwhile."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import pytest

from agent.wire.errors import Busy
from agent.wire.vocabulary import Verdict
from bot.digest import given_up
from bot.occupant import Channel
from bot.store import jobs, reboots, schema, wishes
from bot.wish import MOST, Kind, Wish, is_so, sentence
from tests.bot.lab_on_disk import ALICE, BOB, Bot
from tests.virtual_time import VirtualLoop, settled

Loop = VirtualLoop

ANN, MAX = "ann@lab.example", "max@lab.example"
IDLE = Wish(asker=ANN, channel=Channel.ROOM, kind=Kind.IDLE, targets=(BOB,))
BACK = replace(IDLE, kind=Kind.BACK)
BOTH = replace(IDLE, targets=(BOB, ALICE))
DONE = Wish(asker=ANN, channel=Channel.ROOM, kind=Kind.DONE, job=1)


async def end(bot: Bot, number: int = 1, verdict: Verdict = Verdict.PASS, jid: str = BOB) -> None:
    done = given_up(await bot.a_run(number, jid), verdict, "", datetime.now(UTC))
    await bot.store.do(partial(jobs.save_run, run=done))
    bot.herald.ended(done)
    bot.wishes.ended(done)
    await settled()


async def kept(bot: Bot) -> list[Wish]:
    return await bot.store.do(wishes.every)


async def restart(bot: Bot) -> None:
    await bot.crash()
    await bot.start()
    await settled()


# What is so


@pytest.mark.parametrize(
    ("there", "state", "waiting", "idle", "back"),
    [
        (True, "idle", 0, True, True),
        (True, "idle", 1, False, True),  # between two runs
        (True, "busy", 0, False, True),
        (True, "rebooting", 0, False, False),
        (False, "idle", 0, False, False),
        (False, "away", 0, False, False),
        (True, "silent", 0, False, False),
    ],
)
def test_what_is_so(there: bool, state: str, waiting: int, idle: bool, back: bool) -> None:
    assert is_so(Kind.IDLE, there=there, state=state, waiting=waiting) is idle
    assert is_so(Kind.BACK, there=there, state=state, waiting=waiting) is back


def test_a_wish_as_people_say_it() -> None:
    assert sentence(IDLE, ["bob"]) == "bob is idle"
    assert sentence(BOTH, ["bob", "alice"]) == "bob and alice are idle"
    assert sentence(DONE, []) == "job 1 is done"


# Waiting


async def test_what_is_so_already_is_said_at_once_and_not_kept(bot: Bot) -> None:
    bot.appears()
    assert await bot.wishes.wait_for(IDLE)
    assert await bot.wishes.wait_for(BACK)
    assert await kept(bot) == []


async def test_bob_is_idle(bot: Bot) -> None:
    bot.appears(state="busy")
    assert not await bot.wishes.wait_for(IDLE)
    bot.appears(state="busy", queue=1)
    bot.appears(state="idle", queue=1)
    await settled()
    assert bot.room.heard == []
    bot.appears()
    bot.appears()
    await settled()
    bot.appears(state="busy")
    bot.appears()
    await settled()
    assert bot.room.heard == ["ann: bob is idle"]
    assert await kept(bot) == []


async def test_bob_is_not_idle_while_a_job_is_on_its_way_to_him(bot: Bot) -> None:
    bot.appears()
    await bot.submit()
    assert not await bot.wishes.wait_for(IDLE)
    bot.appears()
    await settled()
    assert bot.room.heard == []
    await end(bot)
    assert [text.partition(":")[2] for text in bot.room.heard][-1] == " bob is idle"
    assert len(bot.room.heard) == 2


async def test_of_several_all_must_be_so_at_once(bot: Bot) -> None:
    bot.appears(BOB)
    assert not await bot.wishes.wait_for(BOTH)
    bot.leaves(BOB)
    bot.appears(ALICE)
    await settled()
    assert bot.room.heard == []
    bot.appears(BOB, session="s2")
    await settled()
    assert bot.room.heard == ["ann: bob and alice are idle"]


async def test_bob_is_back_when_his_reboot_is_over(bot: Bot) -> None:
    bot.wire.reboots = lambda _full: "boot1"
    bot.appears()
    await bot.machines.reboot("bob", force=False, by="ann")
    assert not await bot.wishes.wait_for(BACK)  # although he is there yet
    bot.leaves()
    bot.appears(boot="boot2", session="s2")
    await settled()
    assert bot.room.heard[1:] == ["ann: bob is back"]


async def test_a_job_is_done_and_how(bot: Bot) -> None:
    await bot.submit(on=("bob", "alice"))
    assert not await bot.wishes.wait_for(replace(DONE, asker=MAX))
    await end(bot, jid=BOB)
    assert bot.room.heard == []
    await end(bot, jid=ALICE, verdict=Verdict.LOST)
    assert bot.room.heard[1:] == ["max: job 1 is done: lost"]
    assert await bot.wishes.wait_for(DONE)


async def test_the_same_is_waited_for_once(bot: Bot) -> None:
    for wish in (IDLE, IDLE, BOTH, replace(BOTH, targets=(ALICE, BOB)), replace(IDLE, asker=MAX)):
        assert not await bot.wishes.wait_for(wish)
    assert len(await kept(bot)) == 3


async def test_nobody_waits_for_too_much(bot: Bot) -> None:
    for number in range(1, MOST + 1):
        await bot.submit(number)
        await bot.wishes.wait_for(replace(DONE, job=number))
    with pytest.raises(Busy, match=f"you wait for {MOST} things already"):
        await bot.wishes.wait_for(IDLE)
    assert not await bot.wishes.wait_for(replace(DONE, job=3))  # that one is there
    assert not await bot.wishes.wait_for(replace(IDLE, asker=MAX))
    assert len(await bot.wishes.forget(ANN)) == MOST
    assert not await bot.wishes.wait_for(IDLE)
    assert [wish.asker for wish in await kept(bot)] == [MAX, ANN]


async def test_who_wants_to_know_nothing_is_told_nothing(bot: Bot) -> None:
    bot.room.open = False
    await bot.wishes.wait_for(IDLE)
    await bot.wishes.wait_for(replace(IDLE, asker=MAX))
    bot.appears()
    await settled()
    await bot.wishes.forget(ANN)  # it is so already, and could not be said
    bot.room.open = True
    await settled(60)
    assert bot.room.heard == ["max: bob is idle"]
    assert await kept(bot) == []
    assert bot.wishes.of(ANN) == []


# Where


@pytest.mark.parametrize("channel", Channel)
async def test_it_is_told_where_it_was_asked(bot: Bot, channel: Channel) -> None:
    await bot.wishes.wait_for(replace(IDLE, channel=channel))
    bot.room.nicks[ANN] = "ann-2"
    bot.appears()
    await settled()
    if channel is Channel.ROOM:
        assert bot.room.heard == ["ann-2: bob is idle"]
        assert bot.room.told == []
    else:
        ((jid, reply, direct),) = bot.room.told
        assert (jid, reply.text, direct) == (ANN, "bob is idle", channel is Channel.DIRECT)
        assert bot.room.heard == []


@pytest.mark.parametrize("channel", Channel)
async def test_who_left_the_room_is_told_in_private(bot: Bot, channel: Channel) -> None:
    await bot.wishes.wait_for(replace(IDLE, channel=channel))
    del bot.room.nicks[ANN]
    bot.room.nicks["eve@lab.example"] = "ann"  # a nick is nobody
    bot.appears()
    await settled()
    ((jid, reply, direct),) = bot.room.told
    assert (jid, reply.text, direct) == (ANN, "bob is idle", channel is not Channel.WHISPER)
    assert bot.room.heard == []


async def test_who_is_no_member_any_more_is_told_nothing(bot: Bot) -> None:
    await bot.wishes.wait_for(IDLE)
    del bot.room.nicks[ANN]
    bot.room.members.remove(ANN)
    bot.appears()
    await settled()
    assert (bot.room.heard, bot.room.told, await kept(bot)) == ([], [], [])
    assert bot.wishes.of(ANN) == []


# What can never be so


async def test_of_a_target_that_is_none_any_more_is_told(bot: Bot) -> None:
    wish = replace(IDLE, targets=(BOB, "carol@other.example"))
    await bot.store.do(partial(wishes.add, wish=wish))
    await restart(bot)
    assert bot.room.heard == [
        "ann: carol@other.example is no target any more, so I do not wait for it"
    ]
    assert await kept(bot) == []


async def test_of_a_job_that_is_not_known_any_more_is_told(bot: Bot) -> None:
    await bot.store.do(partial(wishes.add, wish=DONE))
    await restart(bot)
    assert bot.room.heard == ["ann: job 1 is no longer known, so I cannot tell when it is done"]
    assert await kept(bot) == []


# The bot dies


async def test_a_wish_survives_a_crash(bot: Bot) -> None:
    bot.appears(state="busy")
    await bot.submit()
    for wish in (IDLE, replace(DONE, asker=MAX, channel=Channel.WHISPER)):
        await bot.wishes.wait_for(wish)
    await restart(bot)
    assert [wish.kind for wish in bot.wishes.of(ANN)] == [Kind.IDLE]
    await end(bot)
    bot.appears(session="s2")
    await settled()
    assert bot.room.heard[1:] == ["ann: bob is idle"]
    assert [(jid, reply.text) for jid, reply, _ in bot.room.told] == [(MAX, "job 1 is done: pass")]
    await restart(bot)
    bot.appears(session="s3")
    await settled()
    assert (len(bot.room.heard), len(bot.room.told)) == (2, 1)


async def test_what_came_to_pass_while_the_bot_was_dead_is_told(bot: Bot) -> None:
    await bot.submit()
    await bot.wishes.wait_for(DONE)
    done = given_up(await bot.a_run(), Verdict.PASS, "", datetime.now(UTC))
    await bot.store.do(partial(jobs.save_run, run=done))
    await restart(bot)  # before anybody heard of it
    assert bot.room.heard[-1] == "ann: job 1 is done: pass"


async def test_a_bot_that_dies_before_it_spoke_speaks_later(bot: Bot) -> None:
    bot.room.open = False
    await bot.wishes.wait_for(IDLE)
    bot.appears()
    await settled()
    await bot.crash()
    bot.room.open = True
    await bot.start()
    bot.appears()
    await settled()
    assert bot.room.heard == ["ann: bob is idle"]


async def test_what_cannot_be_said_yet_is_not_piled_up(bot: Bot) -> None:
    bot.room.open = False
    await bot.wishes.wait_for(IDLE)
    for _ in range(5):
        bot.appears()
        await settled()
    assert bot.herald._queue.empty()  # the one there is, is being tried


async def test_what_the_room_cannot_take_is_said_later(bot: Bot) -> None:
    bot.room.broken = lambda _: True
    await bot.wishes.wait_for(IDLE)
    bot.appears()
    await settled()
    bot.room.broken = lambda _: False
    await settled(200)
    assert bot.room.heard == ["ann: bob is idle"]
    assert await kept(bot) == []


# The tables


@pytest.mark.parametrize(
    "missing",
    ["drop table wish", "drop table reboot", "alter table wish drop column job"],
)
async def test_a_database_that_lacks_only_tables_and_columns_gets_them(
    bot: Bot, missing: str
) -> None:
    await bot.submit()
    grown = f"update meta set value = '{schema.GROWS_FROM[-1]}' where key = 'version'"
    for statement in (missing, grown):
        await bot.store.do(lambda db, s=statement: db.exec_driver_sql(s))  # type: ignore[misc]
    before = bot.id
    await restart(bot)
    assert bot.id == before
    assert (await bot.job()).number == 1
    assert not await bot.wishes.wait_for(DONE)
    assert (await kept(bot))[0].job == 1
    assert await bot.store.do(reboots.under_way) == {}
    version = "select value from meta where key = 'version'"
    assert await bot.store.do(lambda db: db.exec_driver_sql(version).scalar()) == schema.VERSION


@pytest.mark.parametrize("version", ["2", str(int(schema.VERSION) + 1), "x"])
async def test_a_database_that_would_not_do_is_left_as_it_is(bot: Bot, version: str) -> None:
    await bot.store.do(lambda db: db.exec_driver_sql("drop table wish"))
    await bot.store.do(
        lambda db: db.exec_driver_sql(f"update meta set value = '{version}' where key = 'version'")
    )
    with pytest.raises(schema.VersionError, match=f"its tables have version {version}"):
        await bot.store.do(schema.create)
    tables = "select name from sqlite_master where name = 'wish'"
    assert await bot.store.do(lambda db: db.exec_driver_sql(tables).scalar()) is None
