"""Nothing answers an answer, and all get theirs: echoes, two bots, a burst; on both servers."""

import asyncio

import pytest
from slixmpp import JID, Message

from tests.end_to_end.conftest import Furnish, Join, OwnServer, enter
from tests.end_to_end.feed import Heard
from tests.end_to_end.lab import WITHIN, Lab, answer, facts, order, result
from tests.end_to_end.person import Person

PEOPLE, EACH = 5, 40


async def echo(lab: Lab, join: Join, name: str, client: str, prefix: str) -> Person:
    """A stock bot that says again whatever others say, with *prefix*."""
    bot = await join(name, account=lab.name(name), enter=False, client=client)

    def repeat(message: Message) -> None:
        if message["from"].resource not in ("", name) and message["body"]:
            bot.xmpp.send_message(JID(lab.room), prefix + message["body"], mtype="groupchat")

    bot.xmpp.add_event_handler("groupchat_message", repeat)
    await enter(lab, bot, name)
    return bot


@pytest.mark.parametrize("client", ["bot", "phone"])
async def test_an_echo_bot_makes_the_bot_do_nothing_twice_and_say_nothing_for_ever(
    furnish: Furnish, join: Join, client: str
) -> None:
    lab, ann = await furnish("bob", bots=2)
    await echo(lab, join, "echo", client, "labbot: ")
    job = await order(ann, f"run memtest size=1M on {lab.name('bob')}")
    await result(ann, job)
    ann.say("labbot: dance")
    await ann.heard("I know no command", nick="labbot", within=WITHIN)
    # What they had to say to each other they have said once these two are answered.
    for nick in ("labbot2", "labbot"):
        await answer(ann, f"{nick}: status")
    said = [heard for heard in ann.messages.entries if heard.nick.startswith("labbot")]
    repeated = [heard for heard in ann.messages.entries if heard.nick == "echo"]
    assert repeated
    assert len(said) < 16, ann.transcript()
    if client == "bot":
        assert facts(await answer(ann, "labbot: jobs"))["jobs"][0]["job"] == job


@pytest.mark.timeout(540)
async def test_five_people_say_forty_commands_at_once_and_all_are_answered(
    furnish: Furnish, join: Join, own_server: OwnServer
) -> None:
    """On the limits that Debian's servers come with: nobody is thrown out, nothing is lost."""
    lab, ann = await furnish(on=own_server(tuned=False))
    ben = await join("ben", account=lab.name("ben"), enter=False, on=lab.server)
    await enter(lab, ben, "ben")
    people = [ann, ben]
    for name in ("carl", "dora", "eli"):
        person = await join(name, account=lab.name(name), enter=False, on=lab.server)
        await answer(ann, f"labbot: invite {person.jid.bare}")
        await enter(lab, person, name)
        people.append(person)
    assert len(people) == PEOPLE
    asked = {person.say("jobs") for _ in range(EACH) for person in people}
    heard = await asyncio.wait_for(answers(ann, asked), 480)
    assert heard == asked
    log = lab.site.bot_log.read_text()
    assert log.count("event=room.entered") == 1, log  # it was never out
    assert "reply.lost" not in log


async def answers(person: Person, asked: set[str]) -> set[str]:
    """The ids of those of *asked* that are answered, once all are."""
    found: set[str] = set()

    def complete(heard: Heard) -> bool:
        found.add(str(facts(heard).get("re")))
        return asked <= found

    await person.heard(complete, since=0, within=470)
    return found & asked
