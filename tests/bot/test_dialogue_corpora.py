"""
Ordinary talk of a lab, in which nothing acts; ways to write commands, and what each means;
wrong lines, and what each answer must say.

The lines are in tests/bot/corpora/; another set, which we do not know, is judged, too.
"""

import pytest

from bot.commands import discover
from bot.dialogue import Dialogue, called
from bot.policy import Rights
from bot.report.text import width
from bot.verb import understand
from tests.bot.lab_in_memory import ANN, line
from tests.bot.lab_of_corpora import NICK, PREFIX, lab, meaning, read

VERBS = discover()
TALK = read("talk.txt")
WAYS = [tuple(each.rsplit(" => ", 1)) for each in read("ways.txt")]
WRONG = [tuple(each.rsplit(" => ", 1)) for each in read("wrong.txt")]
LONG = ["", " ", "\u200b", "x" * 10_000, "reboot bob " + "really " * 1_000]


def heard(text: str) -> tuple[str, bool]:
    """What the room makes of *text*: the line, and whether it is said to us."""
    return called(text, NICK, PREFIX)


@pytest.mark.parametrize("text", [*TALK, *LONG], ids=repr)
async def test_nothing_acts_on_talk(text: str) -> None:
    world = lab()
    before = world.deeds
    rest, addressed = heard(text)
    assert not addressed
    assert await Dialogue(VERBS, world.lab, Rights()).answer(line(rest, ANN)) is None
    assert world.deeds == before


@pytest.mark.parametrize(("text", "meant"), WAYS, ids=[repr(text) for text, _ in WAYS])
async def test_a_way_to_write_a_command(text: str, meant: str) -> None:
    world = lab()
    rest, addressed = heard(text)
    verb, asked = understand(rest, VERBS, addressed=addressed)
    found = await verb.resolve(asked, world.lab(), line(rest, ANN, addressed=addressed))
    assert meaning(verb.name, found) == meant


@pytest.mark.parametrize("text", [text for text, _ in WAYS], ids=repr)
async def test_a_command_is_carried_out_or_refused_and_answered_on_a_screen(text: str) -> None:
    world = lab()
    rest, addressed = heard(text)
    reply = await Dialogue(VERBS, world.lab, Rights()).answer(line(rest, ANN, addressed=addressed))
    assert reply is not None
    assert reply.kind != "error"
    rows = reply.table.splitlines()
    assert len(rows) <= 30
    assert all(width(row) <= 38 for row in rows)


@pytest.mark.parametrize(("text", "contains"), WRONG, ids=[repr(text) for text, _ in WRONG])
async def test_a_wrong_line_is_answered_with_what_would_be_right(text: str, contains: str) -> None:
    world = lab()
    before = world.deeds
    reply = await Dialogue(VERBS, world.lab, Rights()).answer(line(text, ANN, addressed=True))
    assert reply is not None
    assert reply.kind == "refusal"
    assert [part for part in contains.split(" | ") if part not in reply.body] == []
    assert world.deeds == before


# A bare line that names one thing which does not exist


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("run memtest on bbo", "Did you mean bob?"),
        ("run memtst on bob", "Did you mean memtest?"),
        ("run memtest on friday", "no target called friday"),
        ("run errands on bob", "no recipe on bob called errands"),
        ("run memtest on bob, dave", "no target called dave"),
        ("run memtest on all except dave", "no target called dave"),
        ("run memtest on @burning", "Did you mean burnin?"),
        ("run memtest on all where color = red", "no fact called color"),
        ("run memtest sise=1M on bob", "Did you mean size?"),
        ("reboot bbo", "Did you mean bob?"),
        ("reboot bob, dave", "no target called dave"),
        ("status alcie", "Did you mean alice?"),
        ("run memtest on failed in job 99", "there is no job 99"),
        ("run memtest on pc[19-21]", "no target called pc21"),
    ],
)
async def test_one_unknown_name_is_pointed_out_to_somebody_who_meant_us(
    text: str, hint: str
) -> None:
    world = lab()
    before = world.deeds
    reply = await Dialogue(VERBS, world.lab, Rights()).answer(line(text, ANN))
    assert reply is not None
    assert hint in reply.text
    assert world.deeds == before


@pytest.mark.parametrize(
    "text",
    [
        "run errands on friday",
        "run memtst on bbo",
        "run memtest on bbo, acile",
        "run tests on everything",
        "run errands 50 times on friday",
        "run errands on friday size=9T",
        "run tests on all",
        "reboot friday",
        "reboot windows, friday",
        "ping mum",
        "ping everybody",
        "status quo",
        "help yourself",
        "admit defeat",
        "log 3 times",
    ],
)
async def test_a_line_about_things_that_do_not_exist_is_talk(text: str) -> None:
    world = lab()
    before = world.deeds
    assert await Dialogue(VERBS, world.lab, Rights()).answer(line(text, ANN)) is None
    assert world.deeds == before


def test_the_corpora_are_as_large_as_we_say() -> None:
    assert len(set(TALK)) >= 300
    assert len({text for text, _ in WAYS}) >= 300
    assert len({text for text, _ in WRONG}) >= 200
