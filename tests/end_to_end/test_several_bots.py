"""Two bots in one room, and the machines that obey both."""

import asyncio
import signal

import psutil
from slixmpp import JID

from tests.end_to_end.conftest import Furnish
from tests.end_to_end.feed import Heard
from tests.end_to_end.lab import WITHIN, answer, facts, gone, idle, order, result
from tests.end_to_end.person import Person

TAKEOVER = 10.0
"""Seconds from the leaving that the room sees to an answer."""


def said_by_bots(ann: Person, since: int) -> list[Heard]:
    return [heard for heard in ann.messages.entries[since:] if heard.nick.startswith("labbot")]


async def result_of(ann: Person, nick: str, job: int) -> Heard:
    """The notice of this very bot: both number their jobs from 1."""
    return await ann.heard(
        lambda heard: facts(heard).get("kind") == "result" and facts(heard).get("job") == job,
        nick=nick,
        since=0,
        within=WITHIN,
    )


async def test_one_acts_on_what_is_said_to_nobody_and_each_on_what_is_said_to_it(
    furnish: Furnish,
) -> None:
    _, ann = await furnish("bob", bots=2)
    since = ann.mark()
    assert (await answer(ann, "status")).nick == "labbot"
    assert (await answer(ann, "labbot2: status")).nick == "labbot2"
    assert (await answer(ann, "labbot: status")).nick == "labbot"
    assert (await answer(ann, "@labbot2 dance")).nick == "labbot2"
    ann.whisper("labbot2", "status")
    assert "1 idle" in (await ann.heard(lambda heard: heard.private, nick="labbot2")).body
    assert len(said_by_bots(ann, since)) == 5, ann.transcript()


async def test_a_target_serves_both_in_order_of_arrival_and_both_see_it(furnish: Furnish) -> None:
    lab, ann = await furnish(bots=2)
    gate = lab.add_waiting()
    await lab.start("bob")
    bob = lab.name("bob")
    await idle(ann, bob)

    first = await order(ann, f"labbot2: run wait on {bob}")
    await gate.reached()
    second = await order(ann, f"labbot: run memtest size=1M on {bob}")
    third = await order(ann, f"labbot2: run memtest size=1M on {bob}")
    assert (first, second, third) == (1, 1, 2)  # each counts its own
    await ann.sees(lambda seen: "2 waiting" in seen.status, nick=bob, since=0, within=WITHIN)

    other = await answer(ann, f"labbot: status {bob}")
    told = facts(other)["target"]
    assert (told["state"], told["other"], told.get("job")) == ("busy", lab.name("labbot2"), None)
    assert f"for {lab.name('labbot2')}: wait" in other.body
    own = facts(await answer(ann, f"labbot2: status {bob}"))["target"]
    assert (own["state"], own["job"], own.get("other")) == ("busy", 1, None)
    refused = await answer(ann, f"labbot: reboot {bob}")
    assert f"job 1 of {lab.name('labbot2')}@" in refused.body

    gate.open()
    ended = [
        await result_of(ann, "labbot2", first),
        await result_of(ann, "labbot", second),
        await result_of(ann, "labbot2", third),
    ]
    assert [facts(heard)["verdict"] for heard in ended] == ["pass"] * 3
    begun = [
        next(
            record["at"] for record in lab.journal(job, "bob", bot=bot) if record["kind"] == "begin"
        )
        for bot, job in (("labbot2", 1), ("labbot", 1), ("labbot2", 2))
    ]
    assert begun == sorted(begun)
    assert lab.printed(1, "bob", bot="labbot2") == b"begun\nended\n"
    assert b"ok" in lab.printed(1, "bob", bot="labbot")


async def back(ann: Person) -> None:
    """The first is in the room again: what is said from now on is its."""
    await ann.sees(lambda seen: seen.type == "available", nick="labbot", within=WITHIN)


async def taken_over(ann: Person, since: int) -> None:
    """The second acts, and has said nothing but what it was asked."""
    answered = await ann.ask("status", nick="labbot2", within=TAKEOVER)
    assert "1 idle" in answered.body
    said = [heard for heard in said_by_bots(ann, since) if heard.nick == "labbot2"]
    assert len(said) == 1, ann.transcript()


async def test_the_second_takes_over_when_the_first_is_stopped_and_gives_back(
    furnish: Furnish,
) -> None:
    lab, ann = await furnish("bob", bots=2)
    assert lab.bot is not None
    since = ann.mark()
    lab.bot.end(grace=10)
    await gone(ann, "labbot")
    await taken_over(ann, since)
    await ann.sees(lambda seen: seen.status == "1 idle", nick="labbot2", within=WITHIN)

    job = await order(ann, f"run memtest size=1M on {lab.name('bob')}")
    assert facts(await result(ann, job))["verdict"] == "pass"
    await lab.start_bot()
    await back(ann)
    since = ann.mark()
    assert (await answer(ann, "status")).nick == "labbot"
    assert len(said_by_bots(ann, since)) == 1


async def test_the_second_takes_over_when_the_first_is_killed(furnish: Furnish) -> None:
    lab, ann = await furnish("bob", bots=2)
    assert lab.bot is not None
    since = ann.mark()
    psutil.Process(lab.bot.pid).send_signal(signal.SIGKILL)
    await gone(ann, "labbot")
    await taken_over(ann, since)


async def test_the_second_takes_over_when_the_first_is_put_out_until_it_is_back(
    furnish: Furnish,
) -> None:
    lab, ann = await furnish("bob", bots=2)
    since = ann.mark()
    bot = JID(f"{lab.name('labbot')}@{lab.server.domain}")
    await ann.muc.set_affiliation(JID(lab.room), "none", jid=bot)  # no owner can be kicked
    await gone(ann, "labbot")
    await taken_over(ann, since)
    await ann.muc.set_affiliation(JID(lab.room), "owner", jid=bot)
    await back(ann)
    assert (await answer(ann, "status")).nick == "labbot"


async def test_of_lines_in_a_row_while_the_bots_change_none_is_acted_on_twice(
    furnish: Furnish,
) -> None:
    lab, ann = await furnish("bob", bots=2)
    assert lab.bot is not None
    since = ann.mark()
    early = [ann.say("status") for _ in range(20)]
    await ann.heard(lambda heard: facts(heard).get("re") == early[0], since=since)
    psutil.Process(lab.bot.pid).send_signal(signal.SIGKILL)
    for _ in range(20):
        ann.say("status")
    await gone(ann, "labbot")
    late = [ann.say("status") for _ in range(20)]
    await answer(ann, "labbot2: status")  # behind all the others
    answers = [facts(heard).get("re") for heard in said_by_bots(ann, since)]
    assert len(answers) == len(set(answers)), ann.transcript()
    assert {early[0], *late} <= set(answers)


async def test_who_knocks_is_told_of_once_and_admitted_for_both(furnish: Furnish) -> None:
    lab, ann = await furnish(bots=2)
    lab.tag, tag = "guest", lab.tag  # bob-guest matches no pattern of the bots'
    bob = "bob-guest"
    try:
        lab.site.add_target(bob)
        since = ann.mark()
        await lab.start("bob")
        assert (await ann.heard("asks to be let in", within=WITHIN)).nick == "labbot"
        await answer(ann, f"admit {bob}")
        await ann.sees(lambda seen: seen.status == "idle", nick=bob, within=WITHIN)
        await ann.sees(lambda seen: "1 idle" in seen.status, nick="labbot2", within=WITHIN)
        job = await order(ann, f"labbot2: run memtest size=1M on {bob}")
        assert facts(await result_of(ann, "labbot2", job))["verdict"] == "pass"
        asked = [heard for heard in said_by_bots(ann, since) if "asks to be" in heard.body]
        assert len(asked) == 1, ann.transcript()
    finally:
        lab.machines["bob"].end(grace=10)
        lab.tag = tag


async def test_who_knocks_while_the_first_is_away_is_let_in_by_the_second(
    furnish: Furnish,
) -> None:
    lab, ann = await furnish(bots=2)
    assert lab.bot is not None
    await asyncio.to_thread(lab.bot.end, grace=10)
    await gone(ann, "labbot")
    await lab.start("bob")  # as the settings of both say
    await idle(ann, lab.name("bob"))
    lab.tag, tag = "guest", lab.tag  # matches no pattern of theirs
    try:
        await lab.start("carl")
        await ann.heard("asks to be let in", nick="labbot2", within=WITHIN)
        await answer(ann, "admit carl-guest")
        await idle(ann, "carl-guest")
    finally:
        lab.machines["carl"].end(grace=10)
        lab.tag = tag
