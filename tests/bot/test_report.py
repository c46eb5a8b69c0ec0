"""What people read is safe, fits a phone, and says it all in the first line."""

import json
import re
import unicodedata
from datetime import timedelta
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.reply import Reply
from bot.report.printed import last_lines, written
from bot.report.table import block, table
from bot.report.text import (
    age,
    counted,
    cut,
    duration,
    listed,
    safe,
    size,
    unmentioned,
    width,
    wrapped,
)
from tests.bot.lab_in_memory import NOW

PIECES = (
    "```", "`", "\u1fef", "\u202e", "\u2066", "\u200b", "\u200d", "\x1b[31m", "\x00", "\x08", "\r",
    "\n", "\x85", "\u2028", "\ufffe", "\uffff", "\U0001ffff", "\ud800", "\u0301", "\ufe0f",
    "\ue000", "\uf8ff", "日本", "🔴", "e\u0301", "\uff46", " ", "plain words", "x" * 50,
)  # fmt: skip
# Not an alphabet for st.text(): that draws from all of Unicode evenly, and none of these.
NASTY = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=4)), max_size=15).map("".join)


def xml_legal(text: str) -> bool:
    """Whether a server's parser takes *text*; it reads back what was written, save line ends."""
    node = ElementTree.Element("body")
    node.text = text
    try:
        read = ElementTree.fromstring(ElementTree.tostring(node, "utf-8")).text or ""
    except ElementTree.ParseError:
        return False
    return read == text


# what is safe


@given(NASTY)
def test_what_is_safe_is_one_legal_line_that_ends_no_block(text: str) -> None:
    shown = safe(text)
    assert xml_legal(shown)
    assert "```" not in shown
    assert len(shown) <= 200
    assert not {unicodedata.category(char) for char in shown} & {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    assert safe(shown) == shown


def test_plain_text_is_left_as_it_is() -> None:
    for text in ("bob's rack, 3rd floor (left)", "Zürich", "日本", "``two``", "🔴 fail"):
        assert safe(text) == text


@pytest.mark.parametrize("fence", ["```", "`\u200b``", "``\u1fef", "`\x00``", "`````"])
def test_no_disguise_of_a_fence_gets_through(fence: str) -> None:
    assert "```" not in safe(fence)


def test_direction_and_towers_of_accents_are_removed() -> None:
    assert safe("abc\u202edcba\u2066x") == "abcdcbax"
    assert safe("a" + "\u0335" * 50) == "a\u0335\u0335"


@given(NASTY, NASTY)
def test_a_body_is_legal_and_its_block_is_closed(text: str, lines: str) -> None:
    body = Reply(text, lines).body
    assert xml_legal(body)
    assert body.count("```") in (0, 2)


@given(NASTY)
def test_facts_are_ascii_and_come_back(text: str) -> None:
    facts = Reply("x", data={"said": text}).json
    assert facts.isascii()
    assert facts.isprintable()
    said = {"said": text} if text else {}  # what is empty is left out
    assert json.loads(facts) == {"labroom": 1, "kind": "answer", **said}


@given(NASTY)
def test_output_calls_nobody(text: str) -> None:
    said = unmentioned(f"{text} ann: (Ben) annex ann", ["ann", "ben", "", "a+b"])
    assert re.search(r"(?<!\w)(ann|ben)(?!\w)", said, re.IGNORECASE) is None
    assert said.replace("\u2060", "") == f"{text} ann: (Ben) annex ann".replace("\u2060", "")
    assert "annex" in said


# width and tables


@given(st.lists(st.lists(NASTY, min_size=1, max_size=6), max_size=40))
@example([["```"], ["\u0301", "x" * 50]])
def test_a_table_fits_a_phone(rows: list[list[str]]) -> None:
    drawn = table(rows)
    assert all(width(line) <= 38 for line in drawn.split("\n"))
    assert drawn.count("\n") < 25


@given(NASTY, st.integers(2, 60))
def test_what_is_cut_or_wrapped_fits(text: str, columns: int) -> None:
    assert width(cut(safe(text), columns)) <= columns
    if columns > 6:
        pieces = wrapped(safe(text), columns)
        assert all(width(piece) <= columns for piece in pieces)
        assert "".join(pieces).replace(" ", "") == safe(text).replace(" ", "")


def test_wide_letters_do_not_bend_a_table() -> None:
    lines = table(
        [["日本", "idle", "x"], ["bob", "busy", "y"], ["e\u0301e\u0301", "away", "z"]]
    ).split("\n")
    assert [
        width(line[: line.index(word)])
        for line, word in zip(lines, ["idle", "busy", "away"], strict=True)
    ] == [6, 6, 6]
    assert lines[0].startswith("日本 ")


def test_the_first_columns_are_the_last_to_be_cut() -> None:
    drawn = table([["a" * 20, "b" * 12, "c" * 30, "d" * 30]])
    assert drawn.startswith("a" * 20 + "  ")
    assert drawn.endswith("bbbbb…  ccccc…")


def test_a_number_stays_as_it_is_written() -> None:
    assert table([["1e5", "007"], ["0x10", "1.50"]]) == "1e5   007\n0x10  1.50"


def test_a_long_table_says_how_much_is_missing() -> None:
    lines = table([[f"pc{number}"] for number in range(100)]).split("\n")
    assert (len(lines), lines[-1]) == (25, "and 76 more")


def test_a_block_cuts_each_line() -> None:
    assert block(["x" * 50, "ok"]) == "x" * 37 + "…\nok"


# numbers


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (0.04, "0.1 s"),
        (0.31, "0.3 s"),
        (0.97, "1 s"),
        (48.2, "48 s"),
        (59.7, "1 min"),
        (125, "2 min 5 s"),
        (3599.9, "1 h"),
        (4320, "1 h 12 min"),
        (273600, "3 d 4 h"),
        (-3, "0 s"),
        (float("nan"), "0 s"),
    ],
)
def test_a_duration_is_said_as_people_do(seconds: float, said: str) -> None:
    assert duration(seconds) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "just now"),
        (-5, "just now"),
        (2, "2 s ago"),
        (59.6, "1 min ago"),
        (200, "3 min ago"),
        (7300, "2 h ago"),
        (200000, "2 d ago"),
    ],
)
def test_an_age(seconds: float, said: str) -> None:
    assert age(NOW - timedelta(seconds=seconds), NOW) == said


def test_sizes_counts_and_lists() -> None:
    assert [size(n) for n in (1, 312, 5_000_000, 3 << 30)] == [
        "1 byte",
        "312 bytes",
        "4.77 MiB",
        "3 GiB",
    ]
    assert counted({"loops": 1, "failures": 0}) == "1 loop, 0 failures"
    assert counted({"passes": 1, "retries": 1, "rate": 0.4375}) == "1 pass, 1 retry, 0.4375 rate"
    assert [listed(n) for n in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]
    assert listed([f"pc{n}" for n in range(40)], 4) == "pc0, pc1, pc2 and 37 more"


# what was printed


@pytest.mark.parametrize(
    ("raw", "seen"),
    [
        ("plain", "plain"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x9b31mred", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link", "link"),
        ("10%\r20%\r30%", "30%"),
        ("long line\rshort", "shortline"),
        ("long line\r\x1b[Kshort", "short"),
        ("setting   1\b\b\b\b\b\b\b\b\b\b\btesting   1", "testing   1"),
        ("a\tb", "a       b"),
        ("abc\b\b\b\b\bx", "xbc"),
        ("\x1b", ""),
        ("ok\r", "ok"),
    ],
)
def test_a_line_looks_as_on_a_terminal(raw: str, seen: str) -> None:
    assert written(raw) == seen


def test_memtester_counting_is_one_line() -> None:
    counting = "".join(
        "\b" * 11 + f"setting {n:3}" + "\b" * 11 + f"testing {n:3}" for n in range(1, 257)
    )
    lines = ["  Stuck Address       : ok         ", f"  Random Value        : {' ' * 11}{counting}"]
    data = "\n".join(lines).encode()
    assert last_lines(data, 20) == [
        "  Stuck Address       : ok",
        "  Random Value        : testing 256",
    ]


def test_the_last_lines_skip_blank_ones_and_keep_their_order() -> None:
    data = b"one\n\n\x1b[0m\ntwo\r\nthree\n\n"
    assert last_lines(data, 2) == ["two", "three"]


@given(st.binary(max_size=500))
def test_any_output_becomes_safe_lines(data: bytes) -> None:
    lines = last_lines(data, 20)
    assert len(lines) <= 20
    assert all(xml_legal(line) and safe(line, 400) == line for line in lines)
