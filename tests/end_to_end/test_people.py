"""Who may do what, and what is no command at all."""

import pytest
from slixmpp import JID

from tests.end_to_end.conftest import Furnish, Join, enter
from tests.end_to_end.lab import WITHIN, answer, facts, gone, order, result
from tests.end_to_end.person import JoinRefusedError


async def test_history_at_join_executes_nothing(furnish: Furnish) -> None:
    lab, ann = await furnish("bob", machines=True)
    bob = lab.name("bob")
    boot = (lab.folder / bob / "boot_id").read_text()
    assert lab.bot is not None
    lab.bot.end(grace=10)
    await gone(ann, "labbot")
    ann.say(f"reboot {bob}")
    ann.say(f"run memtest size=1M on {bob}")
    since = ann.mark()
    await lab.start_bot()
    await ann.sees(
        lambda seen: seen.status == "1 idle",
        nick="labbot",
        since=len(ann.presences.entries) - 1,
        within=WITHIN,
    )
    await ann.heard("missed while I was away: 2 commands", nick="labbot", within=WITHIN)
    assert (await answer(ann, "jobs")).body == "no jobs yet"
    said = [heard.body for heard in ann.messages.entries[since:] if heard.nick == "labbot"]
    assert [text.splitlines()[0] for text in said] == [
        "missed while I was away: 2 commands; say do 1 to do the first", "no jobs yet",
    ]  # fmt: skip
    assert (lab.folder / bob / "boot_id").read_text() == boot


async def test_a_stranger_does_not_get_in(furnish: Furnish, join: Join) -> None:
    lab, _ = await furnish()
    eve = await join("eve", enter=False)
    with pytest.raises(JoinRefusedError, match="registration-required"):
        await eve.join(lab.room, "eve")


async def test_a_look_alike_nick_can_do_nothing(furnish: Furnish, join: Join) -> None:
    lab, ann = await furnish("bob", machines=True)
    bob = lab.name("bob")
    ben = await join("ben", account=lab.name("ben"), enter=False)
    await enter(lab, ben, "Ann")

    refused = await answer(ben, f"reboot {bob}")
    assert facts(refused)["condition"] == "forbidden"
    job = await order(ann, f"run memtest size=1M passes=50 on {bob}")
    refused = await answer(ben, f"stop {job}")
    assert facts(refused)["condition"] == "forbidden"
    await answer(ann, f"stop {job}")
    await result(ann, job)
    assert "reboot.ordered" not in lab.agent_log("bob")

    own = await order(ben, f"run memtest size=1M on {bob}")  # a member may run
    assert facts(await result(ben, own))["verdict"] == "pass"


async def test_a_person_called_bob_is_not_target_bob(furnish: Furnish, join: Join) -> None:
    lab, ann = await furnish("bob")
    ben = await join("ben", account=lab.name("ben"), enter=False)
    await enter(lab, ben, "carol")
    unknown = await answer(ann, "labbot: ping carol")
    assert "no target called carol" in unknown.body


async def test_talk_is_left_alone(furnish: Furnish) -> None:
    _, ann = await furnish("bob")
    since = ann.mark()
    for talk in ("good morning", "please reboot everything", "status is fine, thanks", "> status"):
        ann.say(talk)
    assert "I know no command" in (await answer(ann, "labbot: dance")).body
    said = [heard for heard in ann.messages.entries[since:] if heard.nick == "labbot"]
    assert len(said) == 1, ann.transcript()


async def test_a_target_asks_to_be_let_in_and_an_owner_admits_it(furnish: Furnish) -> None:
    lab, ann = await furnish()
    lab.tag, tag = "guest", lab.tag  # bob-guest matches no pattern of the bot's
    try:
        await lab.start("bob")
        asks = await ann.heard("asks to be let in", nick="labbot", within=WITHIN)
        assert "say admit bob-guest" in asks.body
        await answer(ann, "admit bob-guest")
        await ann.sees(lambda seen: seen.status == "idle", nick="bob-guest", within=WITHIN)
        job = await order(ann, "run memtest size=1M on bob-guest")
        assert facts(await result(ann, job))["verdict"] == "pass"
    finally:
        lab.machines["bob"].end(grace=10)
        lab.tag = tag


async def test_an_invited_person_comes_in(furnish: Furnish, join: Join) -> None:
    lab, ann = await furnish()
    dora = await join("dora", enter=False)
    await answer(ann, f"invite {dora.jid.bare}")
    await dora.join(lab.room, "dora")
    assert "no targets yet" in (await answer(dora, "status")).body


async def test_a_bot_that_does_not_own_its_room_says_so(furnish: Furnish, join: Join) -> None:
    lab, ann = await furnish()
    assert lab.bot is not None
    lab.bot.end(grace=10)
    await gone(ann, "labbot")
    bot = f"{lab.site.bot_name}@{lab.server.domain}"
    await ann.muc.set_affiliation(JID(lab.room), "member", jid=JID(bot))
    await lab.start_bot()
    await ann.heard("I do not own this room", nick="labbot", within=WITHIN)
    refused = await answer(ann, "labbot: admit bob")
    assert "I must be an owner of the room" in refused.body


async def test_a_member_may_write_from_outside_the_room_and_a_stranger_may_not(
    furnish: Furnish, join: Join
) -> None:
    lab, _ = await furnish("bob")
    bot = f"{lab.site.bot_name}@{lab.server.domain}"
    ben = await join("ben", account=lab.name("ben"), enter=False)
    eve = await join("eve", enter=False)

    eve.tell(bot, "status")
    asked = ben.tell(bot, f"run memtest size=1M on {lab.name('bob')}")
    acknowledged = await ben.heard(lambda heard: facts(heard).get("re") == asked, since=0)
    told = await result(ben, facts(acknowledged)["job"])
    assert facts(told)["verdict"] == "pass"
    assert told.private
    assert eve.messages.entries == []  # she was before ben
    assert "line.from_stranger" in lab.site.bot_log.read_text()
