"""What Tab offers in the demo's terminal."""

import pyparsing as pp
import pytest

from agent.wire.parameter import Kind, Parameter, RecipeInfo
from bot.commands import discover
from bot.demo.completion import Known, Place, complete, read_catalogues, wants_recipes

VERBS = discover()
SIZE = Parameter(kind=Kind.SIZE, default="64M", min="1M", max="4G", help="How much.")
MODE = Parameter(kind=Kind.CHOICE, default="read", choices=("read", "write"))
MEMTEST = RecipeInfo(name="memtest", summary="tests RAM", params={"size": SIZE})
DISK = RecipeInfo(name="disk", summary="tests a disk", params={"mode": MODE, "size": SIZE})
SMART = RecipeInfo(name="smart", summary="asks a disk", missing="smartctl is not installed")
KNOWN = Known(
    {"alice": "idle", "bob": "memtest 43 %", "carol": "away"},
    {"alice": {"memtest": MEMTEST, "disk": DISK}, "bob": {"memtest": MEMTEST, "smart": SMART}},
    {1: "memtest on bob", 2: "disk on alice"},
)


def offered(line: str) -> list[str]:
    return [each.text for each in complete(line, VERBS, KNOWN)]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("r", ["reboot", "recipes", "run"]),
        ("RU", ["run"]),
        ("run ", ["disk", "memtest", "smart"]),
        ("run m", ["memtest"]),
        ("run memtest,", ["disk", "memtest", "smart"]),
        ("run memtest and d", ["disk"]),
        ("run memtest s", ["size=64M"]),
        ("run memtest size=8M s", []),  # given already
        ("run memtest, disk m", ["mode=read", "mode=write"]),
        ("run disk mode=w", ["mode=write"]),
        ("run disk, memtest m", []),  # mode is disk's
        ("run memtest o", ["on"]),
        ("run memtest on ", ["all", "idle", "alice", "bob", "carol", "where"]),
        ("run memtest on bob, ", ["alice", "carol"]),
        ("run memtest on bob,c", ["carol"]),
        ("run memtest on bob", []),  # it stands there already
        ("reboot bob n", ["now"]),
        ("status A", ["all", "alice"]),
        ("job ", ["2", "1"]),
        ("log 2@b", ["bob"]),
        ("help reb", ["reboot"]),
        ("hello b", []),  # talk
        ("reboot bob now ", []),
        ("run memtest on bob or ", []),
    ],
)
def test_tab_offers_what_may_come_next(line: str, words: list[str]) -> None:
    assert offered(line) == words


def test_an_empty_line_offers_every_command() -> None:
    assert offered("") == list(VERBS)


def test_each_candidate_says_what_it_is() -> None:
    about = {each.text: each.about for each in complete("run ", VERBS, KNOWN)}
    assert about == {
        "disk": "tests a disk", "memtest": "tests RAM", "smart": "smartctl is not installed",
    }  # fmt: skip
    (size,) = complete("run memtest s", VERBS, KNOWN)
    assert (size.about, size.replaces) == ("How much, 1M to 4G", 1)
    (bob,) = complete("status b", VERBS, KNOWN)
    assert bob.about == "memtest 43 %"


def test_a_space_follows_where_something_follows() -> None:
    more = {each.text: each.more for each in complete("", VERBS, KNOWN)}
    assert (more["run"], more["reboot"], more["status"], more["jobs"]) == (
        True, True, False, False,
    )  # fmt: skip
    assert [each.more for each in complete("run memtest o", VERBS, KNOWN)] == [True]
    assert [each.more for each in complete("status b", VERBS, KNOWN)] == [False]


def test_the_places_are_what_the_grammar_calls_them() -> None:
    names = {str(part) for verb in VERBS.values() for part in verb.grammar.visit_all()}  # type: ignore[no-untyped-call]
    assert {place.value for place in Place} <= names


def test_looking_leaves_the_grammar_as_it_was() -> None:
    complete("run memtest on ", VERBS, KNOWN)
    for verb in VERBS.values():
        parts: list[pp.ParserElement] = verb.grammar.visit_all()  # type: ignore[no-untyped-call]
        assert {part.failAction for part in parts} == {None}


@pytest.mark.parametrize(
    ("line", "wants"),
    [("run ", True), ("run memtest s", True), ("run memtest on b", False), ("status ", False),
     ("", False), ("hello ", False)],
)  # fmt: skip
def test_the_bot_is_asked_only_for_what_is_needed(line: str, wants: bool) -> None:
    assert wants_recipes(line, VERBS) is wants


def test_the_bots_facts_become_catalogues() -> None:
    facts = {
        "recipes": {
            "alice": {
                "disk": {
                    "summary": "tests a disk",
                    "params": {"mode": {"kind": "choice", "default": "read", "choices": ["read"]}},
                },
                "smart": {"summary": "asks a disk", "missing": "smartctl is not installed"},
            }
        }
    }
    read = read_catalogues(facts)
    assert read["alice"]["disk"].params["mode"].choices == ("read",)
    assert read["alice"]["smart"] == SMART
    assert read_catalogues({}) == {}
