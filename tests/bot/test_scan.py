"""Lines as a person sees them, and what is looked for in them: pure, however the bytes come."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.report.printed import CUT, LINE, Lines, written
from bot.scan import Errors, Search, Span, having, is_error

Scan = Span | Search | Errors

LOG = (
    b"boot\r\nscan 1%\rscan 100%\n\x1b[31mECC\x1b[0m error at 0x1f\nabc\x08\x08\x08xyz\n\ttab\nlast"
)
SEEN = ["boot", "scan 100%", "ECC error at 0x1f", "xyz", "        tab", "last"]


def lines_of(data: bytes, cuts: list[int]) -> list[str]:
    lines = Lines()
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    found = [line for a, b in pairwise(places) for line in lines.feed(data[a:b])]
    return found + lines.finish()


@given(st.lists(st.integers(0, 200)))
def test_lines_are_what_a_person_sees_wherever_the_bytes_are_cut(cuts: list[int]) -> None:
    assert lines_of(LOG, cuts) == SEEN


@given(
    st.lists(st.sampled_from([b"a", b"bc", "ü€".encode(), b"\r", b"\n", b"\b", b"\t", b"\x1b[1m"])),
    st.lists(st.integers(0, 200)),
)
def test_the_quick_way_and_the_slow_one_see_the_same(parts: list[bytes], cuts: list[int]) -> None:
    data = b"".join(parts)
    raw = data.split(b"\n")
    expected = [written(line.decode("utf-8", "replace")) for line in raw]
    if not raw[-1]:
        del expected[-1]
    found = [line.rstrip() for line in lines_of(data, cuts)]  # nobody sees blanks at the end
    assert found == [line.rstrip() for line in expected]


def test_of_a_line_without_end_the_end_is_kept_and_that_the_rest_is_missing_is_seen() -> None:
    lines = Lines()
    for _ in range(100):
        assert lines.feed(b"x" * 10_000) == []
        assert len(lines._rest) <= 2 * LINE + len(CUT.encode())
    [line] = lines.feed(b"end\n")
    assert line.startswith(f"{CUT}xxx")
    assert line.endswith("xend")
    assert len(line) > LINE - 10


def feed(scan: Scan, text: list[str], at_once: int) -> None:
    for start in range(0, len(text), at_once):
        scan.feed(text[start : start + at_once])


@given(st.integers(1, 60), st.integers(0, 60), st.integers(1, 60))
def test_a_span_is_those_lines_however_they_come(first: int, more: int, at_once: int) -> None:
    text = [f"line {n}" for n in range(1, 51)]
    span = Span(first, first + more)
    feed(span, text, at_once)
    assert span.lines == text[first - 1 : first + more]
    assert span.enough == (first + more <= 50)


@given(st.sets(st.integers(1, 40)), st.integers(1, 40), st.integers(0, 3), st.integers(1, 5))
def test_a_search_has_numbers_and_what_stands_around(
    where: set[int], at_once: int, around: int, most: int
) -> None:
    text = [f"{n} {'Bad' if n in where else 'good'}" for n in range(1, 41)]
    search = Search(
        lambda line: "Bad" in line, skim=lambda page: "Bad" in page, most=most, around=around
    )
    feed(search, text, at_once)
    assert search.count == len(where)
    assert search.hits == sorted(where)[:most]
    near = {hit + step for hit in search.hits for step in range(-around, around + 1)}
    assert search.texts == {n: text[n - 1] for n in near if 1 <= n <= 40}


def test_a_search_is_for_a_text_in_any_case_and_no_pattern() -> None:
    search = having("a.C", 10)
    search.feed(["abc", "A.c!", "ä.c", "STRASSE A.C"])
    assert search.hits == [2, 4]
    search = having("straße", 10)
    search.feed(["STRASSE", "Straße"])
    assert search.hits == [1, 2]


@pytest.mark.parametrize(
    "line",
    ["ERROR: x", "read failed", "FAILURE: 0x1 != 0x2", "Kernel panic", "I/O error, dev sda",
     "errors: 3", "error: 0x1f", "10 errors", "Timed out", "segfault at 0", "0 passed, 2 failed",
     "failures: 0, errors: 1", "CPU3: Machine Check Exception"],
)  # fmt: skip
def test_a_line_that_looks_like_an_error(line: str) -> None:
    assert is_error(line)


@pytest.mark.parametrize(
    "line",
    ["ok", "0 errors", "no errors found", "errors: 0", "Errors = 0", "12 passed, 0 failed",
     "no read errors", "No uncorrectable ECC errors", "without error", "loop 3"],
)  # fmt: skip
def test_a_line_that_does_not(line: str) -> None:
    assert not is_error(line)


def test_the_lines_that_failed_the_run_come_before_what_only_looks_so() -> None:
    text = [f"error {n}" for n in range(1, 51)] + ["quiet", "wrong value", "end"]
    errors = Errors(["wrong value"], 3)
    feed(errors, text, 7)
    assert errors.count == 51
    assert errors.hits == [1, 2, 52]
    assert errors.texts == {
        1: "error 1", 2: "error 2", 3: "error 3", 51: "quiet", 52: "wrong value", 53: "end"
    }  # fmt: skip


def test_a_line_that_failed_the_run_and_looks_like_an_error_is_counted_once() -> None:
    errors = Errors(["error 3"], 9)
    feed(errors, [f"error {n}" for n in range(1, 6)], 2)
    assert (errors.count, errors.hits) == (5, [1, 2, 3, 4, 5])


def test_what_is_kept_is_harmless_and_bounded() -> None:
    search = having("x", 10)
    search.feed(["\u202ex" + "y" * 100_000, "```x"])
    assert len(search.texts[1]) == 400
    assert search.texts[2] == "'''x"
    assert re.search("[\u202e`]", "".join(search.texts.values())) is None
