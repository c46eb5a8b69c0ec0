"""Nicks that people take for each other are pointed out, once; nothing else follows from a nick."""

import pytest

from bot.alike import alike
from bot.config import Config
from bot.fleet import Fleet
from bot.impostors import Impostors
from bot.notices import Notices
from bot.occupant import Affiliation, Occupant
from bot.reply import Reply

CONFIG = Config.model_validate(
    {
        "jid": "labbot@lab.example",
        "room": "lab@rooms.lab.example",
        "bots": ["labbot2@lab.example"],
        "targets": ["bob@lab.example"],
    }
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("bob", "Bob"),
        ("bob", "b\u043eb"),  # Cyrillic
        ("bob", "\u0412\u03bf\u0432"),  # Cyrillic and Greek
        ("bob", "b0b"),
        ("bob", "bo\u200bb"),
        ("bob", "\uff42\uff4f\uff42"),  # full width
        ("bob", "\U0001d41b\U0001d428\U0001d41b"),  # mathematical bold
        ("bob", "b\u00f6b"),
        ("bob ", "bob"),
        ("carl", "car1"),
        ("carl", "carI"),
        ("max", "\u043c\u0430\u0445"),
        ("emma", "ernma"),
        ("labbot", "l\u0430bb\u043et"),
        ("pc01", "pcO1"),
    ],
)
def test_what_looks_alike(one: str, other: str) -> None:
    assert alike(one, other)
    assert alike(other, one)


@pytest.mark.parametrize(
    ("one", "other"), [("bob", "rob"), ("pc01", "pc02"), ("ann", "anna"), ("bob", "bo-b")]
)
def test_what_does_not(one: str, other: str) -> None:
    assert not alike(one, other)


class Room:
    def __init__(self) -> None:
        self.said: list[Reply] = []
        fleet = Fleet(CONFIG.jid, "store", CONFIG.is_target)
        fleet.member("bob@lab.example")
        notices = Notices(self.said.append, acts=lambda: True)
        self.impostors = Impostors(notices, fleet, CONFIG)

    def hears(self, nick: str, jid: str | None, *others: Occupant) -> list[str]:
        del self.said[:]
        self.impostors.look([person(nick, jid)], others)
        return [reply.text for reply in self.said]


def person(nick: str, jid: str | None) -> Occupant:
    return Occupant(nick, Affiliation.MEMBER, jid)


def test_a_person_called_like_a_target_is_pointed_out_once() -> None:
    room = Room()
    said = room.hears("b\u043eb", "eve@lab.example")
    assert said == ['"b\u043eb" here is eve@lab.example, and not the target bob: I go by addresses']
    assert room.said[0].data == {"alike": "eve@lab.example/bob"}
    assert room.hears("Bob", "eve@lab.example") == []
    assert len(room.hears("bob", "mallory@lab.example")) == 1


def test_a_person_called_like_us_is_pointed_out() -> None:
    (said,) = Room().hears("Labb0t", "eve@lab.example")
    assert said == '"Labb0t" here is eve@lab.example, and not me: I go by addresses'


def test_two_people_called_alike_are_pointed_out_whoever_came_first() -> None:
    room, ann, eve = Room(), person("ann", "ann@lab.example"), person("Ann", "eve@lab.example")
    said = room.hears("Ann", "eve@lab.example", ann, eve)
    assert said == [
        '"ann" (ann@lab.example) and "Ann" (eve@lab.example) are two people: I go by addresses'
    ]
    assert room.hears("ann", "ann@lab.example", eve) == []


def test_ones_own_second_client_is_nobody_else() -> None:
    assert Room().hears("Ann", "ann@lab.example", person("ann", "ann@lab.example")) == []


@pytest.mark.parametrize("jid", ["bob@lab.example", "labbot@lab.example", "labbot2@lab.example"])
def test_targets_and_bots_are_called_what_they_are_called(jid: str) -> None:
    assert Room().hears("bob", jid) == []


def test_who_is_hidden_is_not_accused() -> None:
    assert Room().hears("bob", None) == []


def test_what_is_shown_of_a_nick_is_harmless() -> None:
    said = Room().hears("b\u202eo\u0000b", "eve@lab.example")
    assert said == ['"bob" here is eve@lab.example, and not the target bob: I go by addresses']
