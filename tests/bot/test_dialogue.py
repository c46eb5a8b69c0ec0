"""What is answered, what is left alone, and who may."""

import json
from contextlib import suppress
from dataclasses import replace
from typing import NoReturn

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from agent.wire.errors import Busy, UnknownName
from bot.commands import discover
from bot.dialogue import POINTER, Dialogue, address, caret, prefixed
from bot.grammar import NotUnderstood
from bot.occupant import Affiliation, Line, Occupant
from bot.policy import Permission, Rights, Rule
from bot.reply import Reply
from bot.report.text import width
from bot.verb import understand
from tests.bot.lab_in_memory import ANN, EVE, MAX, Targets, World, line

VERBS = discover()


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def dialogue(world: World) -> Dialogue:
    return Dialogue(VERBS, world.lab, Rights())


async def answered(dialogue: Dialogue, said: Line) -> Reply:
    reply = await dialogue.answer(said)
    assert reply is not None
    return reply


# whom a line is addressed to


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("labbot: status", "status"),
        ("labbot, status", "status"),
        ("labbot:status", "status"),
        ("LabBot : status", "status"),
        ("@labbot status", "status"),
        ("@labbot: status", "status"),
        ("  labbot:\u00a0status ", "status"),
        ("labbot\uff1astatus", "status"),
        ("labbot", ""),
        ("labbot:", ""),
        ("@labbot", ""),
        ("labbot: labbot: status", "labbot: status"),
    ],
)
def test_our_name_before_a_line_is_an_address(text: str, rest: str) -> None:
    assert address(text, "labbot") == (rest, True)


@pytest.mark.parametrize(
    "text",
    [
        "status",
        "labbot status",
        "labbots: status",
        "@labbots status",
        "the labbot: status",
        "ann: labbot: status",
        "> labbot: status",
        "labbot is broken",
        "",
    ],
)
def test_other_lines_are_not_addressed_to_us(text: str) -> None:
    assert address(text, "labbot") == (text, False)


def test_a_nick_is_taken_as_it_is_written() -> None:
    assert address("lab.bot (2): help", "lab.bot (2)") == ("help", True)
    assert address("labxbot (2): help", "lab.bot (2)")[1] is False


@pytest.mark.parametrize("text", ["!status", "! status", " !status", "!\u00e9tat"])
def test_a_prefix_is_an_address(text: str) -> None:
    assert prefixed(text, "!") == (text.strip(" !"), True)


@pytest.mark.parametrize("text", ["status", "!", "!!!", "!1", "!?", "!/x", "a !status"])
def test_a_prefix_before_nothing_calls_nobody(text: str) -> None:
    assert prefixed(text, "!") == (text, False)
    assert prefixed(text, "") == (text, False)


@given(st.text(max_size=40), st.text(min_size=1, max_size=20))
def test_addressing_never_raises(text: str, nick: str) -> None:
    rest, _ = address(text, nick)
    assert rest in text


# talk and commands


@pytest.mark.parametrize("text", ["status", "help", "jobs", "recipes", "ping bob", "status bob"])
async def test_a_bare_line_that_is_a_command_is_answered(dialogue: Dialogue, text: str) -> None:
    assert (await answered(dialogue, line(text))).kind == "answer"


@pytest.mark.parametrize(
    ("text", "contains"),
    [
        ("run memtest on bbo", "no target called bbo. Did you mean bob?"),
        ("reboot bbo", "Did you mean bob?"),
        ("reboot alcie now", "Did you mean alice?"),
        ("run memtst on bob", "Did you mean memtest?"),
        ("run memtst on all", "Did you mean memtest?"),
        ("run memtest on friday", "no target called friday"),
        ("run errands on bob", "no recipe on bob called errands"),
        ("run memtest sise=1M on bob", "Did you mean size?"),
        ("run memtest size=huge on bob", "size=64M"),
        ("stop 7", "no job 7"),
    ],
)
async def test_a_bare_line_about_things_that_nearly_exist_is_answered(
    world: World, dialogue: Dialogue, text: str, contains: str
) -> None:
    reply = await answered(dialogue, line(text))
    assert contains in reply.body
    assert reply.kind == "refusal"
    assert world.deeds == []


@pytest.mark.parametrize(
    "text",
    ["reboot everything", "run errands on friday", "run errands on all", "admit defeat",
     "status quo", "ping xavier", "help wanted", "recipes online"],
)  # fmt: skip
async def test_a_bare_line_about_nothing_that_exists_is_talk(
    world: World, dialogue: Dialogue, text: str
) -> None:
    assert await dialogue.answer(line(text)) is None
    assert (await answered(dialogue, line(text, addressed=True))).body
    assert world.jobs.jobs == {}


async def test_talk_of_somebody_without_rights_is_talk_too(dialogue: Dialogue) -> None:
    assert await dialogue.answer(line("reboot everything", EVE)) is None


async def test_a_target_that_knocked_may_be_admitted_by_a_bare_line(
    world: World, dialogue: Dialogue
) -> None:
    assert await dialogue.answer(line("admit dave")) is None
    world.knocking = frozenset({"dave@lab.example"})
    assert (await answered(dialogue, line("admit dave"))).kind == "acknowledgement"
    assert "Did you mean dave?" in (await answered(dialogue, line("admit dvae"))).text
    assert world.room.admitted == ["dave@lab.example"]


@pytest.mark.parametrize("text", ["", "  ", "\n"])
async def test_our_name_alone_gets_a_pointer(dialogue: Dialogue, text: str) -> None:
    assert (await answered(dialogue, line(text, addressed=True))).text == POINTER
    assert await dialogue.answer(line(text)) is None


# who may


async def test_members_run_and_do_not_reboot(world: World, dialogue: Dialogue) -> None:
    assert (await answered(dialogue, line("run memtest on bob", MAX))).kind == "acknowledgement"
    refusal = await answered(dialogue, line("reboot bob", MAX))
    assert "disrupt" in refusal.text
    assert refusal.data["condition"] == "forbidden"
    assert world.targets.rebooted == []


async def test_a_look_alike_nick_can_do_nothing(world: World, dialogue: Dialogue) -> None:
    for nick in ("ann", "Ann", "\u0430nn"):
        eve = Occupant(nick, Affiliation.NONE, "eve@lab.example")
        for text in (
            "run memtest on bob",
            "reboot bob",
            "stop 1",
            "invite eve@lab.example",
            "admit eve@x.y",
        ):
            assert (await answered(dialogue, line(text, eve))).kind == "refusal"
    assert world.deeds == []


async def test_where_addresses_are_hidden_nothing_is_done(world: World, dialogue: Dialogue) -> None:
    hidden = replace(ANN, jid=None)
    reply = await answered(dialogue, line("run memtest on bob", hidden))
    assert "hides who you are" in reply.text
    assert (await answered(dialogue, line("status", hidden))).kind == "answer"
    assert world.deeds == []


async def test_a_grant_of_the_configuration_counts(world: World) -> None:
    may = frozenset({Permission.DISRUPT})
    rule = Rule(place="grants", people=frozenset({"max@lab.example"}), may=may)
    dialogue = Dialogue(VERBS, world.lab, Rights((rule,)))
    assert (await answered(dialogue, line("reboot bob", MAX))).kind == "acknowledgement"


@pytest.mark.parametrize("text", ["reboot alice", "status", "help", "labbot", "", "nonsense"])
@pytest.mark.parametrize("addressed", [True, False])
async def test_a_target_never_orders(
    world: World, dialogue: Dialogue, text: str, addressed: bool
) -> None:
    bob = Occupant("ann", Affiliation.OWNER, "Bob@lab.example")
    assert await dialogue.answer(line(text, bob, addressed=addressed)) is None
    assert world.deeds == []


# what goes wrong


async def test_a_bug_is_logged_and_answered_and_stays_inside(world: World) -> None:
    class Broken(Targets):
        def all(self) -> NoReturn:
            raise ZeroDivisionError

    lab = replace(world.lab(), targets=Broken())
    with capture_logs() as logs:
        reply = await answered(Dialogue(VERBS, lambda: lab, Rights()), line("status"))
    assert reply.kind == "error"
    assert "went wrong inside me" in reply.text
    assert [entry["event"] for entry in logs] == ["command.failed"]


async def test_a_refusal_is_an_answer_with_its_hint(world: World, dialogue: Dialogue) -> None:
    reply = await answered(dialogue, line("reboot alice"))
    assert reply.text == "alice is busy. Say reboot alice now."
    assert json.loads(reply.json) == {
        "labroom": 1,
        "kind": "refusal",
        "condition": Busy.condition,
        "what": "alice is busy",
        "hint": "Say reboot alice now.",
    }


async def test_an_unknown_job_is_answered_even_bare(dialogue: Dialogue) -> None:
    assert (await answered(dialogue, line("log 99"))).data["condition"] == UnknownName.condition


@given(st.text(max_size=300), st.booleans())
async def test_no_text_escapes_or_acts(text: str, addressed: bool) -> None:
    with suppress(NotUnderstood):  # hypothesis draws constants of the code, too: our examples
        assume(understand(text, VERBS)[0].needs is Permission.LOOK)
    world = World()
    reply = await Dialogue(VERBS, world.lab, Rights()).answer(line(text, addressed=addressed))
    assert (reply is not None) or not addressed
    assert world.deeds == []
    if reply is not None:
        assert reply.kind != "error"
        assert all(width(row) <= 38 for row in reply.table.split("\n"))


# the caret


def test_the_caret_stands_under_the_place() -> None:
    assert caret("reboot bob noww", 12) == "reboot bob noww\n           ^"
    assert caret("reboot", 7) == "reboot\n      ^"


@given(
    st.text(alphabet=st.characters(categories=["L", "N", "P"]), min_size=1, max_size=300), st.data()
)
def test_the_caret_points_at_its_letter_in_any_line(text: str, data: st.DataObject) -> None:
    column = data.draw(st.integers(1, len(text) + 1))
    shown, mark = caret(text, column).split("\n")
    assert width(shown) <= 38
    assert len(mark) <= 38
    assert mark.endswith("^")


def test_a_long_line_is_shown_around_its_mistake() -> None:
    text = "run memtest on " + ", ".join(["bob"] * 30) + " alice"
    shown, mark = caret(text, len(text) - 4).split("\n")
    assert shown[len(mark) - 1 :] == "alice"
    assert shown.startswith("…")
