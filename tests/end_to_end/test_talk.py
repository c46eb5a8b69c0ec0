"""
Talk is talk: what is said, and is no command all the same.

Corrections, what was kept or forwarded or encrypted, what was missed; on both servers.
"""

import asyncio
import re
from xml.etree import ElementTree as ET

from slixmpp import JID

from tests.end_to_end.conftest import Furnish, Join, enter
from tests.end_to_end.feed import Heard
from tests.end_to_end.lab import WITHIN, Lab, answer, facts, gone, order, result
from tests.end_to_end.person import Person


def send(person: Person, to: str, text: str, *extra: str, kind: str = "groupchat") -> str:
    """Say *text* with XML elements beside it; the message's id."""
    message = person.xmpp.make_message(JID(to), text or None, mtype=kind)  # type: ignore[arg-type]
    message["id"] = identity = person.xmpp.new_id()
    for xml in extra:
        message.xml.append(ET.fromstring(xml))
    message.send()
    return identity


def correct(person: Person, original: str, text: str) -> str:
    """Say that *original* was meant as *text* (XEP-0308)."""
    replace = f"<replace xmlns='urn:xmpp:message-correct:0' id='{original}'/>"
    return send(person, str(person.room), text, replace)


async def reply_to(person: Person, identity: str) -> Heard:
    return await person.heard(
        lambda heard: facts(heard).get("re") == identity, since=0, within=WITHIN
    )


async def test_a_correction_before_it_acted_is_the_new_line_and_after_it_is_answered(
    furnish: Furnish,
) -> None:
    lab, ann = await furnish()
    gate = lab.add_waiting()
    await lab.start("bob")
    bob = lab.name("bob")
    await ann.sees(lambda seen: seen.status == "idle", nick=bob, within=WITHIN)

    wrong = ann.say(f"labbot: run wait on {bob}x")
    assert facts(await reply_to(ann, wrong))["kind"] == "refusal"
    right = correct(ann, wrong, f"labbot: run wait on {bob}")
    acknowledged = facts(await reply_to(ann, right))
    assert (acknowledged["kind"], acknowledged["job"]) == ("acknowledgement", 1)
    await gate.reached()

    for original in (wrong, right):
        late = correct(ann, original, f"run wait on {bob}, {bob}")
        told = await reply_to(ann, late)
        assert re.search("job 1 is (queued|running) already: stop it first", told.body)
        assert facts(told)["condition"] == "conflict"
    assert facts(await answer(ann, "jobs"))["jobs"][0]["job"] == 1  # and no second one
    gate.open()
    await result(ann, 1)


async def test_forwarded_copied_and_delayed_lines_do_nothing(furnish: Furnish, join: Join) -> None:
    lab, ann = await furnish("bob", machines=True)
    ben = await join("ben", account=lab.name("ben"), enter=False)
    await enter(lab, ben, "ben")
    order = f"reboot {lab.name('bob')}"
    inner = f"<message xmlns='jabber:client' type='chat'><body>{order}</body></message>"
    delay = "<delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'/>"
    forwarded = f"<forwarded xmlns='urn:xmpp:forward:0'>{delay}{inner}</forwarded>"
    for extra in (
        delay,
        forwarded,
        f"<sent xmlns='urn:xmpp:carbons:2'>{forwarded}</sent>",
        "<json xmlns='urn:xmpp:json:0'>{}</json>",
    ):
        for person in (ann, ben):
            send(person, lab.room, order, extra)
            send(person, f"{lab.room}/labbot", order, extra, kind="chat")
    for extra in (forwarded, f"<received xmlns='urn:xmpp:carbons:2'>{forwarded}</received>"):
        send(ann, lab.room, "", extra)
    since = ann.mark()
    await answer(ann, "status")
    assert "reboot.ordered" not in lab.agent_log("bob")
    said = [heard for heard in ann.messages.entries[since:] if heard.nick == "labbot"]
    assert len(said) == 1, ann.transcript()


async def test_an_encrypted_line_gets_a_plain_word_once(furnish: Furnish, join: Join) -> None:
    lab, ann = await furnish()
    ben = await join("ben", account=lab.name("ben"), enter=False)
    await enter(lab, ben, "ben")
    omemo = (
        "<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'/>"
        "<payload>c2VjcmV0</payload></encrypted>"
    )
    eme = "<encryption xmlns='urn:xmpp:eme:0' namespace='eu.siacs.conversations.axolotl'/>"
    fallback = "I sent you an OMEMO encrypted message but your client does not support it."
    for person in (ann, ben):
        first = send(person, lab.room, fallback, omemo, eme)
        assert "turn encryption (OMEMO) off" in (await reply_to(person, first)).body
        send(person, lab.room, fallback, omemo, eme)
        send(person, f"{lab.room}/labbot", "", omemo, kind="chat")
    await answer(ben, "status")
    told = [heard for heard in ben.messages.entries if "OMEMO) off" in heard.body]
    assert len(told) == 2, ben.transcript()


async def test_commands_missed_while_away_are_listed_once_and_done_on_demand(
    furnish: Furnish, join: Join
) -> None:
    lab, ann = await furnish("bob")
    bob = lab.name("bob")
    ben = await join("ben", account=lab.name("ben"), enter=False)
    await enter(lab, ben, "ben")
    done = await order(ann, f"run memtest size=1M on {bob}")
    await result(ann, done)
    meanwhile = (f"reboot {bob}", f"run memtest size=2M on {bob}", "good morning", "jobs")
    await restart(lab, ann, *meanwhile)
    listed = await ann.heard("missed while I was away", nick="labbot", within=WITHIN)
    assert [each["text"] for each in facts(listed)["missed"]] == list(meanwhile[:2])

    refused = await answer(ben, "do 1")  # ben may not reboot, whoever said it
    assert facts(refused)["condition"] == "forbidden"
    job = await order(ben, "do 2")
    ended = await result(ben, job)
    assert ended.body.startswith(f"ben: job {job} pass")
    assert "done already" in (await answer(ann, "labbot: do 2")).body

    await restart(lab, ann)
    await answer(ann, "status")
    lists = [heard for heard in ann.messages.entries if "missed while" in heard.body]
    assert len(lists) == 1, ann.transcript()


async def restart(lab: Lab, ann: Person, *said: str) -> None:
    """The bot is away, and back; *ann* has spoken meanwhile."""
    assert lab.bot is not None
    await asyncio.to_thread(lab.bot.end, grace=10)
    await gone(ann, "labbot")
    for line in said:
        ann.say(line)
    since = len(ann.presences.entries)
    await lab.start_bot()
    await ann.sees(lambda seen: seen.type == "available", nick="labbot", since=since, within=WITHIN)


async def test_what_the_server_kept_for_the_bot_is_answered_and_not_done(
    furnish: Furnish, join: Join
) -> None:
    lab, ann = await furnish("bob")
    ben = await join("ben", account=lab.name("ben"), enter=False)
    assert lab.bot is not None
    await asyncio.to_thread(lab.bot.end, grace=10)
    await gone(ann, "labbot")
    bot = f"{lab.site.bot_name}@{lab.server.domain}"
    asked = ben.tell(bot, f"run memtest size=1M on {lab.name('bob')}")
    await lab.start_bot()
    told = await reply_to(ben, asked)
    assert "while I was away" in told.body
    assert facts(told)["kind"] == "refusal"
    assert (await answer(ann, "jobs")).body.endswith("no jobs yet")
