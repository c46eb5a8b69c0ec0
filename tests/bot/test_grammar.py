"""Any text becomes a command or a refusal; ways to write commands; nothing runs in part."""

import contextlib
import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.wire.duration import seconds, spelled
from agent.wire.errors import Refusal
from agent.wire.vocabulary import Step
from bot.commands import discover
from bot.commands.admit import Admit
from bot.commands.help import Help
from bot.commands.invite import Invite
from bot.commands.job import Job
from bot.commands.jobs import Jobs
from bot.commands.log import Log
from bot.commands.ping import Ping
from bot.commands.reboot import Reboot
from bot.commands.recipes import Recipes
from bot.commands.run import Run
from bot.commands.status import Status
from bot.commands.stop import Stop
from bot.grammar import ALL, LONGEST, NotUnderstood, tidy
from bot.verb import understand

VERBS = discover()
MEMTEST = (Step("memtest"),)
SIZED = (Step("memtest", {"size": "64M"}),)


def stress(span: str, **params: str) -> tuple[Step]:
    return (Step("stress", {"for": span, **params}),)


WAYS: list[tuple[str, Any]] = [
    ("run memtest on bob", Run(MEMTEST, ("bob",))),
    ("Run memtest on bob", Run(MEMTEST, ("bob",))),
    ("RUN memtest ON bob", Run(MEMTEST, ("bob",))),
    ("run  memtest   on  bob", Run(MEMTEST, ("bob",))),
    ("  run memtest on bob  ", Run(MEMTEST, ("bob",))),
    ("run memtest on bob.", Run(MEMTEST, ("bob",))),
    ("run memtest on bob!", Run(MEMTEST, ("bob",))),
    ("run memtest on bob\n", Run(MEMTEST, ("bob",))),
    ("run memtest on bob please", Run(MEMTEST, ("bob",))),
    ("run memtest on bob, please", Run(MEMTEST, ("bob",))),
    ("run memtest on bob, please.", Run(MEMTEST, ("bob",))),
    ("please run memtest on bob", Run(MEMTEST, ("bob",))),
    ("Please run memtest on bob.", Run(MEMTEST, ("bob",))),
    ("run\u00a0memtest on\u00a0bob", Run(MEMTEST, ("bob",))),
    ("run\u202fmemtest\u2009on\u3000bob", Run(MEMTEST, ("bob",))),
    ("run\tmemtest\ton\tbob", Run(MEMTEST, ("bob",))),
    ("run memtest on bob\u200b", Run(MEMTEST, ("bob",))),
    ("\ufeffrun memtest on bob", Run(MEMTEST, ("bob",))),
    ("run memtest on bob,alice", Run(MEMTEST, ("bob", "alice"))),
    ("run memtest on bob , alice", Run(MEMTEST, ("bob", "alice"))),
    ("run memtest on bob and alice", Run(MEMTEST, ("bob", "alice"))),
    ("run memtest on bob AND alice", Run(MEMTEST, ("bob", "alice"))),
    ("run memtest on bob & alice", Run(MEMTEST, ("bob", "alice"))),
    ("run memtest on bob, alice, carol", Run(MEMTEST, ("bob", "alice", "carol"))),
    ("run memtest on bob, alice, and carol", Run(MEMTEST, ("bob", "alice", "carol"))),
    ("run memtest on bob and alice and carol", Run(MEMTEST, ("bob", "alice", "carol"))),
    ("run memtest on andrew and andy", Run(MEMTEST, ("andrew", "andy"))),
    ("run memtest on pc-01, pc_02, pc.03", Run(MEMTEST, ("pc-01", "pc_02", "pc.03"))),
    ("run memtest on pc\u201301", Run(MEMTEST, ("pc-01",))),
    ("run memtest on on-call", Run(MEMTEST, ("on-call",))),
    ("run memtest on allan", Run(MEMTEST, ("allan",))),
    ("run memtest on nowhere", Run(MEMTEST, ("nowhere",))),
    ("run memtest on bob@rack.example", Run(MEMTEST, ("bob@rack.example",))),
    ("run memtest on all", Run(MEMTEST, ALL)),
    ("run memtest on ALL.", Run(MEMTEST, ALL)),
    ("run memtest size=64M on bob", Run(SIZED, ("bob",))),
    ("run memtest size = 64M on bob", Run(SIZED, ("bob",))),
    ("run memtest size= 64M on bob", Run(SIZED, ("bob",))),
    ('run memtest size="64M" on bob', Run(SIZED, ("bob",))),
    ("run memtest size=\u201c64M\u201d on bob", Run(SIZED, ("bob",))),
    (
        "run memtest size=64M passes=2 on all",
        Run((Step("memtest", {"size": "64M", "passes": "2"}),), ALL),
    ),
    ("run memtest, memtest on bob", Run((*MEMTEST, *MEMTEST), ("bob",))),
    ("run memtest and memtest on bob", Run((*MEMTEST, *MEMTEST), ("bob",))),
    ("run memtest size=64M, memtest on bob", Run((*SIZED, *MEMTEST), ("bob",))),
    ("run memtest size=64M and memtest on bob", Run((*SIZED, *MEMTEST), ("bob",))),
    (
        "run disk path=/dev/sda,memtest on bob",
        Run((Step("disk", {"path": "/dev/sda"}), *MEMTEST), ("bob",)),
    ),
    ("run stress for 30s on bob", Run(stress("30s"), ("bob",))),
    ("run stress FOR 30S on bob", Run(stress("30s"), ("bob",))),
    ("run stress for 30 s on bob", Run(stress("30s"), ("bob",))),
    ("run stress for 30 sec on bob", Run(stress("30s"), ("bob",))),
    ("run stress for 90 seconds on bob", Run(stress("1m30s"), ("bob",))),
    ("run stress for 5 min on bob.", Run(stress("5m"), ("bob",))),
    ("run stress for 2h on bob", Run(stress("2h"), ("bob",))),
    ("run stress for 2h30m on bob, alice", Run(stress("2h30m"), ("bob", "alice"))),
    ("run stress for 2h 30 min on bob", Run(stress("2h30m"), ("bob",))),
    ("run stress for 2 hours and 30 minutes on bob", Run(stress("2h30m"), ("bob",))),
    ("run stress for 1 day on all", Run(stress("1d"), ALL)),
    ("run stress for 1 day, 2 hours on bob", Run(stress("1d2h"), ("bob",))),
    ("run stress for 30s cpu=2 on bob", Run(stress("30s", cpu="2"), ("bob",))),
    ("run stress cpu=2 for 30s on bob", Run(stress("30s", cpu="2"), ("bob",))),
    ("run stress for 30s, memtest on bob", Run((*stress("30s"), *MEMTEST), ("bob",))),
    ("run stress for 30s and memtest on bob", Run((*stress("30s"), *MEMTEST), ("bob",))),
    ("run memtest, stress for 1m on bob", Run((*MEMTEST, *stress("1m")), ("bob",))),
    ("run stress time=30s on bob", Run((Step("stress", {"time": "30s"}),), ("bob",))),
    ("run format on bob", Run((Step("format"),), ("bob",))),
    ("run stress on forty", Run((Step("stress"),), ("forty",))),
    ("reboot bob", Reboot("bob")),
    ("Reboot bob.", Reboot("bob")),
    ("reboot bob now", Reboot("bob", force=True)),
    ("reboot bob NOW!", Reboot("bob", force=True)),
    ("reboot bob now, please", Reboot("bob", force=True)),
    ("reboot nowhere", Reboot("nowhere")),
    ("status", Status()),
    ("Status.", Status()),
    ("status please", Status()),
    ("status?", Status()),
    ("status bob ?", Status("bob")),
    ("status bob", Status("bob")),
    ("jobs", Jobs()),
    ("job 3", Job(3)),
    ("job #3", Job(3)),
    ("log 3", Log(3)),
    ("log 3 bob", Log(3, "bob")),
    ("log 3 on bob", Log(3, "bob")),
    ("log 3@bob", Log(3, "bob")),
    ("log #3 bob.", Log(3, "bob")),
    ("stop 3", Stop(3)),
    ("stop job 3", Stop(3)),
    ("stop #3!", Stop(3)),
    ("recipes", Recipes()),
    ("recipes bob", Recipes("bob")),
    ("recipes on bob", Recipes("bob")),
    ("ping bob", Ping("bob")),
    ("help", Help()),
    ("help run", Help("run")),
    ("HELP?", Help()),
    ("admit bob", Admit("bob")),
    ("admit Bob@Lab.Example", Admit("bob@lab.example")),
    ("invite ann@lab.example", Invite("ann@lab.example")),
    ("invite ann.lee+x@lab.example.", Invite("ann.lee+x@lab.example")),
]


@pytest.mark.parametrize(("line", "asked"), WAYS, ids=[repr(line) for line, _ in WAYS])
def test_a_way_to_write_a_command(line: str, asked: object) -> None:
    assert understand(line, VERBS)[1] == asked


ORDERS = [line for line, asked in WAYS if isinstance(asked, Run | Reboot | Stop | Admit | Invite)]
WORD = st.from_regex(r"[A-Za-z0-9#;:@?'\"\\$(){}<>|]{1,12}", fullmatch=True)


@given(line=st.sampled_from(ORDERS), extra=WORD)
def test_a_line_with_an_extra_word_is_no_order(line: str, extra: str) -> None:
    if extra.casefold() in ("please", "now"):
        return
    with pytest.raises(NotUnderstood):
        understand(f"{tidy(line)} {extra}", VERBS)


@given(line=st.sampled_from(ORDERS), extra=WORD)
def test_a_line_with_a_word_before_it_is_no_order(line: str, extra: str) -> None:
    if extra.casefold() == "please" or (extra.casefold() in VERBS):
        return
    with pytest.raises(NotUnderstood):
        understand(f"{extra} {tidy(line)}", VERBS)


@given(line=st.sampled_from(ORDERS))
def test_a_question_is_no_order(line: str) -> None:
    with pytest.raises(NotUnderstood):
        understand(f"{tidy(line)}?", VERBS)


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\v", "\f", "\x85", "\u2028", "\u2029"])
def test_two_lines_are_no_command(end: str) -> None:
    with pytest.raises(NotUnderstood):
        understand(f"reboot bob{end}now", VERBS)


SYNTAX = st.sampled_from(
    [
        *VERBS,
        "on",
        "all",
        "now",
        "and",
        "for",
        "30s",
        "2 hours",
        ",",
        "=",
        "size=64M",
        "bob",
        "memtest",
        "3",
        "#",
        "@",
        '"',
        "?",
    ]
)


@given(st.one_of(st.text(max_size=200), st.lists(SYNTAX, max_size=12).map(" ".join)))
def test_any_text_is_a_command_or_a_refusal(text: str) -> None:
    with contextlib.suppress(Refusal):
        verb, asked = understand(text, VERBS)
        assert verb.name in text.casefold()
        assert isinstance(asked, verb.build)  # type: ignore[arg-type]


@given(st.text(alphabet=st.characters(), max_size=100))
def test_what_looks_like_a_name_and_is_none_is_never_a_target(text: str) -> None:
    try:
        _, asked = understand(f"reboot {text}", VERBS)
    except Refusal:
        return
    assert asked.target.isascii()
    assert not set(asked.target) & set(" \n/\\$;|&'\"<>")


@pytest.mark.parametrize(
    "line",
    [
        "run memtest on " + ", ".join(f"pc{number:03}" for number in range(280)),
        "run " + "memtest, " * 200,
        "run stress for " + "1s and " * 270,
        "run stress for " + "1 " * 900,
        "run stress for" + " " * 1900 + "1s",
        "run memtest " + "a=1 " * 450,
        "run memtest on " + "," * 1900,
        "invite a@" + "a." * 900,
        "admit " + "a@" * 900,
        "run memtest x=" + '"' * 1900,
        "status" + " " * 1900 + "x",
        "x" * 10_000,
        "run " * 2_500,
    ],
)
def test_a_long_line_costs_little(line: str) -> None:
    started = time.process_time()
    with contextlib.suppress(NotUnderstood):
        understand(line, VERBS)
    assert time.process_time() - started < 0.2  # measured: under 4 ms


def test_a_line_over_the_limit_is_refused() -> None:
    with pytest.raises(NotUnderstood, match="too long"):
        understand("reboot bob" + " " * LONGEST, VERBS)


def test_the_column_is_that_of_the_wrong_word() -> None:
    with pytest.raises(NotUnderstood) as error:
        understand("please run memtest  on bob alice", VERBS)
    assert error.value.line[error.value.column - 1 :] == "alice"


def test_a_parameter_given_twice_is_pointed_at() -> None:
    with pytest.raises(NotUnderstood, match="size is given twice") as error:
        understand("run memtest size=1M size=2M on bob", VERBS)
    assert error.value.column == len("run memtest size=1M ") + 1


@pytest.mark.parametrize(
    ("line", "words", "wrong"),
    [
        ("run stress for 90 on bob", "how long, like 30s or 2h30m", "90"),
        ("run stress for on bob", "how long", "on bob"),
        ("run stress for ages on bob", "how long", "ages"),
        ("run stress for 1.5h on bob", "how long", "1.5h"),
        ("run stress for 2h30 on bob", "how long", "2h30"),
        ("run stress for 30m 2h on bob", "larger unit first", "30m 2h"),
        ("run stress for 1m 1m on bob", "larger unit first", "1m 1m"),
        ("run stress for 30s for 20s on bob", "said twice", "for 20s"),
        ("run for 30s on bob", "a recipe", "for"),
    ],
)
def test_a_time_that_is_none_is_pointed_at(line: str, words: str, wrong: str) -> None:
    with pytest.raises(NotUnderstood, match=words) as error:
        understand(line, VERBS)
    assert line[error.value.column - 1 :].startswith(wrong)


@given(
    span=st.integers(1, 999_999_999),
    long=st.booleans(),
    between=st.sampled_from(["", " ", ", ", " and "]),
)
def test_a_time_means_the_same_however_it_is_spelled(span: int, long: bool, between: str) -> None:
    words = {"d": " days", "h": " hours", "m": " minutes", "s": " seconds"}
    parts = re.findall(r"(\d+)(\w)", spelled(span))
    said = (between or (" " if long else "")).join(
        number + (words[unit] if long else unit) for number, unit in parts
    )
    _, asked = understand(f"run stress for {said} on bob", VERBS)
    assert seconds(asked.steps[0].params["for"]) == span
