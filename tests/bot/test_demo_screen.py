"""What the demo's terminal shows: who says what, who is there, what targets do."""

from datetime import UTC, datetime

import pytest
from slixmpp.stanza import Presence

from agent.wire.target import TargetState, write_target
from bot.demo.roster import Roster
from bot.demo.speaker import Said
from bot.demo.transcript import lines_of

AT = datetime(2026, 11, 22, 22, 21, 50, tzinfo=UTC)
ROOM = "lab@rooms.localhost"


def shown(body: str, *, nick: str = "labbot", columns: int | None = None) -> list[str]:
    said = Said(AT, nick, body, {"kind": "answer"} if nick == "labbot" else {})
    return [line.plain for line in lines_of(said, columns=columns)]


def presence(nick: str, *, status: str = "", show: str = "", target: bool = True) -> Presence:
    made = Presence()
    made["from"] = f"{ROOM}/{nick}"
    made["status"] = status
    if show:
        made["show"] = show
    if target:
        write_target(made, TargetState(state="busy" if show else "idle"))
    return made


def leave(nick: str, *, status: str = "") -> Presence:
    made = presence(nick, status=status, target=False)
    made["type"] = "unavailable"
    return made


def test_a_table_stands_aligned_without_its_fences() -> None:
    assert shown("2 targets: 2 idle\n```\nalice  idle\nbob    idle\n```") == [
        "22:21:50   labbot 2 targets: 2 idle",
        "                  alice  idle",
        "                  bob    idle",
    ]


def test_prose_wraps_under_itself_and_a_table_never() -> None:
    row = "x" * 38
    lines = shown(f"ann: job 1 pass: memtest on alice and bob, 5 s\n```\n{row}\n```", columns=48)
    assert lines == [
        "22:21:50   labbot ann: job 1 pass: memtest on",
        "  alice and bob, 5 s",  # a narrow terminal has no room for the indent
        f"  {row}",
    ]
    assert shown(f"hi\n```\n{row}\n```", columns=80)[1] == " " * 18 + row


def test_a_terminals_commands_do_not_reach_it() -> None:
    assert shown("a\x1b]0;owned\x07b\x9b2Jc\rd", nick="m\x1b[31mal") == [
        "22:21:50  m[31mal a]0;ownedb2Jcd"
    ]


def test_the_bar_shows_the_targets_and_people_are_none() -> None:
    roster = Roster()
    assert roster.see(presence("ben", target=False)) == "ben is here"
    assert roster.see(presence("bob", status="idle")) == "bob is here"
    assert roster.see(presence("bob", status="memtest 43 %", show="dnd")) == ""
    assert roster.targets == {"bob": "memtest 43 %"}
    assert ("bold ansiyellow", "memtest 43 %") in roster.states()


@pytest.mark.parametrize(("last", "stays"), [("rebooting", "rebooting"), ("", "away")])
def test_a_target_that_left_is_expected_back(last: str, stays: str) -> None:
    roster = Roster()
    roster.see(presence("bob", status="idle"))
    assert roster.see(leave("bob", status=last)) == ("bob left: rebooting" if last else "bob left")
    assert (roster.targets, roster.present()) == ({"bob": stays}, set())
    assert roster.see(presence("bob", status="idle")) == "bob is here"
    assert (roster.targets, roster.present()) == ({"bob": "idle"}, {"bob"})


def test_last_words_are_harmless() -> None:
    roster = Roster()
    roster.see(presence("ben", target=False))
    assert roster.see(leave("ben", status="bye\x9b2J\nann: run")) == "ben left: bye2J ann: run"
