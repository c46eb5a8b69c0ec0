"""What a target shows of itself, in its room and on contact lists, until its last word."""

import asyncio

from slixmpp.stanza import Presence

from agent.wire import exchange as exchange  # registers the elements
from agent.wire.target import Leaving, TargetState, read_leaving, read_target
from tests.end_to_end.conftest import Furnish, Join
from tests.end_to_end.feed import Seen
from tests.end_to_end.lab import WITHIN, Lab, answer, facts, idle, order
from tests.end_to_end.person import Person

TEN_MINUTES = """\
schema = 1
summary = "Works as long as it is told to, without a word."
argv = ["sh", "-c", "echo >{begun}; read go <{go}"]
[params.time]
kind = "duration"
default = "10m"
[time]
takes = "time"
wall = "5m"
grace = "2s"
"""


async def contact(lab: Lab, join: Join, who: str) -> tuple[Person, str]:
    """Fay, who is not in the room, with *who* on her contact list; and what it is called there."""
    jid = f"{lab.name(who)}@{lab.server.domain}"
    fay = await join("fay", enter=False)
    await fay.xmpp.get_roster(timeout=WITHIN)  # who has not asked for it is not told of changes
    fay.xmpp.send_presence_subscription(jid, ptype="subscribe")
    await fay.sees(lambda seen: seen.type == "subscribed", nick=jid, within=WITHIN)
    return fay, jid


async def shows(person: Person, nick: str, show: str, status: str) -> TargetState:
    """The payload of a presence that shows *show* and whose status begins with *status*."""
    seen = await person.sees(
        lambda seen: (
            (seen.type, seen.show) == ("available", show) and seen.status.startswith(status)
        ),
        nick=nick,
        since=0,
        within=WITHIN,
    )
    return read_target(seen.presence)


async def last_words(person: Person, nick: str) -> tuple[str, Leaving | None]:
    """What *nick* says when it leaves: to people, and to programs."""
    seen = await person.sees(
        lambda seen: seen.type == "unavailable" and seen.status != "", nick=nick, within=WITHIN
    )
    assert isinstance(seen.presence, Presence)
    return seen.status, read_leaving(seen.presence)


async def test_who_has_it_on_the_contact_list_sees_it_without_being_in_the_room(
    furnish: Furnish, join: Join
) -> None:
    lab, ann = await furnish()
    gate = lab.add_waiting("work")
    (lab.recipes / "work.toml").write_text(TEN_MINUTES.format(begun=gate.begun, go=gate.go))
    await lab.start("bob")
    bob = lab.name("bob")
    await idle(ann, bob)
    fay, jid = await contact(lab, join, "bob")
    for person, name in ((ann, bob), (fay, jid)):
        state = await shows(person, name, "", "idle")
        assert (state.name, state.location) == ("bob's box", "rack 1")
        assert state.address == "127.0.0.1"
        assert (state.left, state.progress, state.run) == (None, None, None)

    job = await order(ann, f"run work on {bob}")
    await gate.reached()
    for person, name in ((ann, bob), (fay, jid)):
        state = await shows(person, name, "dnd", "work 0 %, about 10 min left")
        assert (state.state, state.step, state.left) == ("busy", "work", 600)
        assert state.run is not None
        assert state.run.number == job
    told = await answer(ann, f"status {bob}")
    assert f"busy, job {job}: work 0%, about 10 min left" in told.body
    assert "address  127.0.0.1" in told.body
    assert facts(told)["target"]["left"] == 600

    await asyncio.to_thread(lab.machines["bob"].end, grace=20)
    for person, name in ((ann, bob), (fay, jid)):
        assert await last_words(person, name) == ("agent stopped", Leaving("stopped"))


async def test_a_target_that_reboots_as_it_was_told_says_who_told_it(
    furnish: Furnish, join: Join
) -> None:
    lab, ann = await furnish("bob", machines=True)
    bob = lab.name("bob")
    fay, jid = await contact(lab, join, "bob")
    await shows(fay, jid, "", "idle")
    since = len(ann.presences.entries)
    await answer(ann, f"reboot {bob}")
    for person, name in ((ann, bob), (fay, jid)):
        said = "rebooting, ordered by ann"
        assert await last_words(person, name) == (said, Leaving("rebooting", "ann"))

    def back(seen: Seen) -> bool:
        return seen.type == "available" and seen.status == "idle"

    await idle(ann, bob, since=since)
    await fay.sees(back, nick=jid, within=WITHIN)  # without asking once more


async def test_an_agent_that_gives_up_says_so(furnish: Furnish) -> None:
    lab, ann = await furnish()
    gate = lab.add_waiting()
    await lab.start("bob")
    bob = lab.name("bob")
    await idle(ann, bob)
    await order(ann, f"run wait on {bob}")
    await gate.reached()
    await order(ann, f"run wait on {bob}")
    await shows(ann, bob, "dnd", "wait, 1 waiting")
    [second] = (lab.folder / bob / "state").glob("runs/*/*-2")
    (second / "stop").mkdir()  # as a disk that is damaged may have it
    gate.open()
    said = "agent failed: see its log"
    assert await last_words(ann, bob) == (said, Leaving("failed"))
    await asyncio.to_thread(lab.machines["bob"].join, WITHIN)
    assert "IsADirectoryError" in lab.agent_log("bob")
