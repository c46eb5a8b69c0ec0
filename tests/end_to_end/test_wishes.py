"""Tell me when: in the room, or in private when they left it; whoever is killed meanwhile."""

from slixmpp import JID

from tests.end_to_end.conftest import Furnish, Join, enter
from tests.end_to_end.lab import WITHIN, Lab, answer, facts, gone, idle, order, result
from tests.end_to_end.person import Person


async def busy(lab: Lab, ann: Person) -> tuple[str, int]:
    """Bob, who runs what waits to be let go; and the job."""
    await lab.start("bob")
    bob = lab.name("bob")
    await idle(ann, bob)
    return bob, await order(ann, f"run wait on {bob}")


async def wished(person: Person, line: str) -> None:
    """Say *line*; it is promised."""
    promised = await answer(person, line)
    assert facts(promised)["kind"] == "acknowledgement", promised
    assert facts(promised)["waits"] is True


def told(person: Person) -> list[tuple[bool, str]]:
    """Every wish of anybody's that *person* heard fulfilled: in private?, and the words."""
    return [
        (heard.private, heard.body)
        for heard in person.messages.entries
        if facts(heard).get("kind") == "notice" and "waited" in facts(heard)
    ]


async def test_who_is_in_the_room_is_told_there_once(furnish: Furnish) -> None:
    lab, ann = await furnish()
    gate = lab.add_waiting()
    bob, job = await busy(lab, ann)
    await gate.reached()
    await wished(ann, f"tell me when {bob} is free")
    await wished(ann, f"tell me when job {job} is done")
    listed = await answer(ann, "tell me what I wait for")
    assert listed.body == f"I tell you when {bob} is idle and job {job} is done"

    gate.open()
    await ann.heard(f"ann: {bob} is idle", nick="labbot", since=0, within=WITHIN)
    await ann.heard(f"ann: job {job} is done: pass", nick="labbot", since=0, within=WITHIN)
    already = await answer(ann, f"tell me when {bob} is idle")
    assert already.body == f"{bob} is idle already"
    again = await order(ann, f"run memtest size=1M on {bob}")
    await result(ann, again)
    assert (await answer(ann, "tell me what I wait for")).body == "you wait for nothing"
    assert len(told(ann)) == 2


async def test_who_follows_a_run_hears_in_private_what_it_prints(furnish: Furnish) -> None:
    lab, ann = await furnish()
    gate = lab.add_waiting()
    bob, job = await busy(lab, ann)
    await gate.reached()
    await wished(ann, f"follow {job}")
    gate.open()
    last = await ann.heard(
        lambda heard: f"job {job} on {bob}: " in heard.body and "it has ended: pass" in heard.body,
        since=0,
        within=WITHIN,
    )
    news = [heard for heard in ann.messages.entries if "count" in facts(heard)]
    assert all(heard.private for heard in news)
    assert [line for heard in news for line in facts(heard).get("lines", ())][-1] == "ended"
    assert facts(last)["state"] == "pass"
    assert (await answer(ann, f"follow {job}")).body.startswith(f"job {job} on {bob} has ended")


async def test_who_left_is_told_in_private_and_who_was_put_out_nothing(
    furnish: Furnish, join: Join
) -> None:
    lab, ann = await furnish()
    gate = lab.add_waiting()
    ben, max_ = [
        await join(who, account=lab.name(who), enter=False, on=lab.server) for who in ("ben", "max")
    ]
    await enter(lab, ben, "ben")
    await answer(ann, f"invite {max_.jid.bare}")
    await enter(lab, max_, "max")
    _, job = await busy(lab, ann)
    await gate.reached()
    for person in (max_, ben, ann):
        await wished(person, f"tell me when job {job} is done")
    await ann.muc.set_affiliation(lab.room, "none", jid=max_.jid.bare)
    await gone(ann, "max")
    max_.room = None
    ben.muc.leave_muc(JID(lab.room), "ben")
    await gone(ann, "ben")
    ben.room = None

    gate.open()
    await ben.heard(
        lambda heard: heard.private and heard.body == f"job {job} is done: pass",
        nick=f"{lab.site.bot_name}@{lab.server.domain}", since=0, within=WITHIN,
    )  # fmt: skip
    await ann.heard(f"ann: job {job} is done: pass", nick="labbot", since=0, within=WITHIN)
    assert len(told(ben)) == 1
    max_.tell(str(max_.jid), "that was all")  # and the bot had come to ann, who asked last
    await max_.heard("that was all", since=0, within=WITHIN)
    assert told(max_) == []
    assert len(told(ann)) == 1


async def test_a_wish_survives_the_bot(furnish: Furnish) -> None:
    lab, ann = await furnish()
    gate = lab.add_waiting()
    bob, job = await busy(lab, ann)
    await gate.reached()
    await wished(ann, f"tell me when {bob} is idle")
    ann.whisper("labbot", f"tell me when job {job} is done")
    promised = await ann.heard(
        lambda heard: heard.private and "I tell you when" in heard.body, within=WITHIN
    )
    assert promised.body == f"I tell you when job {job} is done"
    assert lab.bot is not None
    lab.bot.kill()
    await gone(ann, "labbot")
    since = len(ann.presences.entries)
    gate.open()
    await idle(ann, bob, since=since)

    await lab.start_bot()
    await ann.heard(f"ann: {bob} is idle", nick="labbot", since=0, within=WITHIN)
    await ann.heard(
        lambda heard: heard.private and heard.body == f"job {job} is done: pass",
        since=0, within=WITHIN,
    )  # fmt: skip
    assert (await answer(ann, "tell me what I wait for")).body == "you wait for nothing"
    assert len(told(ann)) == 2


async def test_bob_is_back(furnish: Furnish) -> None:
    lab, ann = await furnish("bob")
    bob = lab.name("bob")
    lab.machines["bob"].end(grace=10)
    await gone(ann, bob)
    await wished(ann, f"tell me when {bob} is back")
    await lab.start("bob")
    await ann.heard(f"ann: {bob} is back", nick="labbot", since=0, within=WITHIN)
    assert (await answer(ann, f"tell me when {bob} is back")).body == f"{bob} is back already"
    assert len(told(ann)) == 1
