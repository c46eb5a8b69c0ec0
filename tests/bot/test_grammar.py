"""
Any text becomes a command or a refusal; nothing runs in part; no line costs much.

What lines mean is in tests/bot/test_dialogue_corpora.py.
"""

import contextlib
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.wire.duration import seconds, spelled
from agent.wire.errors import Refusal
from bot.commands import discover
from bot.dialogue import Dialogue
from bot.grammar import LONGEST, NotUnderstood, tidy
from bot.policy import Rights
from bot.verb import understand
from tests.bot.lab_in_memory import ANN, line
from tests.bot.lab_of_corpora import lab, read
from tests.bot.nasty_lines import NASTY

VERBS = discover()
ACTS = re.compile(r"(?i)\s*(?:run|reboot|stop|admit|invite) ")
ORDERS = [way for each in read("ways.txt") if ACTS.match(way := each.rsplit(" => ", 1)[0])]
WORD = st.from_regex(r"[A-Za-z0-9#;:@?'\"\\$(){}<>|]{1,12}", fullmatch=True)


@given(line=st.sampled_from(ORDERS), extra=WORD)
def test_a_line_with_an_extra_word_is_no_order(line: str, extra: str) -> None:
    said = tidy(line)
    if extra.casefold() in ("please", "pls", "plz", "now", "twice", "once", "thrice"):
        return
    if re.fullmatch(r"[0-9]+x|x[0-9]+|[a-z]", extra, re.IGNORECASE) or extra[0] in "&|#@":
        return  # "3x" is how often, "64 M" a size, "& bob" and "@bob" more targets
    if re.search(r"[0-9]$", said) or re.match(r"[0-9]+$", extra):
        return  # "in rack 3", "size=64 mb"
    with pytest.raises(NotUnderstood):
        understand(f"{said} {extra}", VERBS)


@given(line=st.sampled_from(ORDERS), extra=WORD)
def test_a_line_with_a_word_before_it_is_no_order(line: str, extra: str) -> None:
    if extra.casefold() in ("please", "pls", "plz", *VERBS):
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
        "idle",
        "any",
        "3 idle",
        "in rack3",
        "except",
        "where",
        "memory >= 64G",
        "not",
        "or",
        "(",
        ")",
        "failed in job 41",
        "@burnin",
        "pc[01-04]",
        "pc*",
        "rack3/*",
        "then",
        "2 times",
        "until failure",
        "if offline skip",
        "wait 8h",
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


@given(
    st.one_of(
        st.text(max_size=300),
        st.lists(SYNTAX, max_size=15).map(" ".join),
        st.sampled_from(ORDERS).flatmap(
            lambda way: st.integers(0, len(way)).map(lambda at: way[:at] + way[at + 1 :])
        ),
    ),
    st.booleans(),
)
async def test_nothing_that_is_said_raises_or_is_answered_with_a_fault(
    text: str, addressed: bool
) -> None:
    reply = await Dialogue(VERBS, lab().lab, Rights()).answer(line(text, ANN, addressed=addressed))
    assert reply is None or reply.kind != "error"


@given(st.text(alphabet=st.characters(), max_size=100))
async def test_only_machines_of_the_lab_are_ever_meant(text: str) -> None:
    world = lab()
    try:
        verb, asked = understand(f"reboot {text}", VERBS)
        found = await verb.resolve(asked, world.lab(), line(text, ANN))
    except Refusal:
        return
    assert set(found.targets) <= set(world.targets.known)


@pytest.mark.parametrize(
    "line",
    NASTY,
    ids=lambda line: line[:30],
)
def test_a_long_line_costs_little(line: str) -> None:
    started = time.process_time()
    with contextlib.suppress(Refusal):
        understand(line, VERBS)
    assert time.process_time() - started < 0.5  # measured: see make bench


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
        ("run stress for 2h3 on bob", "how long", "2h3"),
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
    assert seconds(asked.said[0].step.params["for"]) == span
