"""whoami, who can, can I, why can't I: rights as people ask for them."""

import pytest

from bot.commands import discover
from bot.dialogue import Dialogue
from bot.occupant import Affiliation, Occupant
from bot.policy import Permission, Rights, Rule
from bot.reply import Reply
from bot.report.text import width
from tests.bot.lab_in_memory import ANN, EVE, MAX, World, line

RULES = Rights(
    (
        Rule(
            place="rights.0",
            people=frozenset({"max@lab.example"}),
            commands=frozenset({"reboot"}),
            on=("bob",),
            text="reboot on bob",
        ),
        Rule(
            place="rights.1",
            standings=frozenset({Affiliation.OWNER}),
            may=frozenset({Permission.DISRUPT}),
            on=("alice",),
            deny=True,
            text="disrupt on alice",
        ),
    )
)


async def say(text: str, by: Occupant = ANN, rights: Rights = RULES) -> Reply:
    world = World()
    reply = await Dialogue(discover(), world.lab, rights).answer(line(text, by, addressed=True))
    assert reply is not None
    assert world.deeds == []
    assert all(width(row) <= 38 for row in reply.table.split("\n"))
    return reply


async def test_whoami_says_who_by_what_and_what() -> None:
    said = await say("whoami", MAX)
    assert said.text == "you are max@lab.example, a member of this room: you may look and run"
    assert said.table == "rights.0  reboot on bob"
    assert said.data["may"] == ["look", "run"]
    said = await say("whoami")
    assert said.text.endswith("an owner of this room: you may look, run, disrupt and administer")
    assert said.table == "rights.1  not: disrupt on alice"


async def test_whoami_where_the_room_hides_it() -> None:
    said = await say("whoami", Occupant("ann", Affiliation.OWNER, None))
    assert said.text.startswith("this room hides your address from me")
    assert said.text.endswith("you may look")


@pytest.mark.parametrize("text", ["can I reboot bob", "can I reboot bob?", "can i reboot bob"])
async def test_can_i(text: str) -> None:
    assert (await say(text)).text == "yes: you may reboot bob, by being an owner of this room"
    assert (await say(text, MAX)).text == "yes: you may reboot bob, by rights.0 of my settings"
    refused = await say(text, EVE)
    assert refused.text == (
        "no: you may not reboot bob: it needs the right to disrupt. "
        "Owners and admins of this room may."
    )
    assert refused.data["allowed"] is False


@pytest.mark.parametrize("cannot", ["can't", "cannot", "can\u2019t", "cant"])
async def test_why_cant_i(cannot: str) -> None:
    said = await say(f"why {cannot} I reboot alice")
    assert said.text.startswith("no: you may not reboot alice: rights.1 of my settings denies it.")
    assert (await say(f"why {cannot} I reboot bob")).data["allowed"] is True


async def test_who_can_names_all_who_belong_to_the_room() -> None:
    said = await say("who can reboot bob", EVE)
    assert said.text == "reboot bob: ann and max may"
    assert [row.split()[0] for row in said.table.split("\n")] == ["ann", "max"]
    assert (await say("who can reboot alice")).text == "reboot alice: nobody in this room may"
    assert (await say("who can run memtest on bob")).text == "run memtest on bob: ann and max may"


@pytest.mark.parametrize(
    ("text", "contains"),
    [
        ("who can reboot bbo", "Did you mean bob?"),
        ("can I run memtst on bob", "Did you mean memtest?"),
        ("can I stop 99", "no job 99"),
        ("can I dance", 'I know no command called "dance"'),
        ("can I yes 7f", "yes needs no rights of its own"),
        ("can I help", "everybody who may look may say help"),
        ("who can", "I expected a command"),
        ("who reboots bob", 'I expected "can"'),
    ],
)
async def test_what_cannot_be_asked_is_said(text: str, contains: str) -> None:
    assert contains in (await say(text)).body


@pytest.mark.parametrize(
    "text",
    ["who can help", "can I help", "who can reboot it for me", "can you reboot bob please?",
     "why can't I log in", "why can't I reboot my phone", "can I reboot bob?", "who is bob"],
)  # fmt: skip
async def test_talk_stays_talk(text: str) -> None:
    assert await Dialogue(discover(), World().lab, RULES).answer(line(text)) is None
