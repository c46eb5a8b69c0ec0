"""From output to verdict: above all, never a wrong pass."""

import itertools
import os
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import judge as judge_module
from agent.judge import RECENT, Judge, worst
from agent.screen import Screen
from agent.wire.vocabulary import Verdict

RULES: dict[str, Any] = {
    "exit": {"0": "pass"}, "fail": [], "error": [], "must": [], "same": [],
    "counts": {}, "progress": [],
}  # fmt: skip


def a_judge(**rules: Any) -> Judge:
    return Judge(RULES | rules)


def judged(data: bytes, code: int = 0, **rules: Any) -> tuple[str, str]:
    judge = a_judge(**rules)
    judge.feed(data)
    return judge.ended(code)


def test_its_order_of_verdicts_is_the_vocabulary_s() -> None:
    words = [str(verdict) for verdict in Verdict]
    assert list(judge_module._MILDEST_FIRST) == words
    assert worst("fail", "pass", "warn") == "fail"
    assert {word for word in words if Verdict(word).good} == judge_module.GOOD


# --- rules


def test_exit_codes() -> None:
    assert judged(b"") == ("pass", "")
    assert judged(b"x\ngone wrong\n", 3) == ("fail", "it ended with exit code 3: gone wrong")
    assert judged(b"", 2, exit={"0": "pass", "2": "skip"})[0] == "skip"
    assert judged(b"", -9)[0] == "error"
    assert judged(b"", 0, exit={"1": "pass"})[0] == "fail"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (126, "a program that cannot be run"),
        (127, "a program that is not there"),
        (137, "SIGKILL (out of memory?)"),
        (139, "SIGSEGV"),
    ],
)
def test_what_a_shell_says_of_a_program_that_judged_nothing(code: int, words: str) -> None:
    expected = "error", f"it ended with exit code {code}, as a shell says of {words}: dead"
    assert judged(b"dead\n", code) == expected
    assert judged(b"", code, exit={str(code): "pass"}) == ("pass", "")  # a recipe knows better
    assert judged(b"", code, bits={"0": "warn", "1": "warn"})[0] == "fail"


@pytest.mark.parametrize("code", [124, 125, 128, 150, 200, 255])
def test_it_says_nothing_of_other_codes(code: int) -> None:
    assert judged(b"", code)[0] == "fail"


def test_what_is_worse_than_a_fail_does_not_hide_it() -> None:
    findings = [("warn", "warm"), ("fail", "a: bit 3"), ("error", "line 2 is no JSON")]
    assert a_judge().ended(0, findings) == ("error", "line 2 is no JSON; also, a: bit 3")
    verdict, reason = a_judge(exit={"4": "error"}).ended(4, findings[:2])
    assert (verdict, reason) == ("error", "it ended with exit code 4; also, a: bit 3")


@pytest.mark.parametrize("code", [0, 1, -11])
def test_the_worst_rule_wins(code: int) -> None:
    rules = {"exit": {"0": "pass", "1": "error"}, "fail": ["BAD"], "must": ["Done"]}
    verdict, reason = judged(b"BAD luck\nDone\n", code, **rules)
    assert verdict == ("fail" if code == 0 else "error")
    assert "1 failure reported" in reason


def test_a_pass_lacks_nothing_that_it_must_have() -> None:
    assert judged(b"Done.\n", must=[r"^Done\.$"]) == ("pass", "")
    verdict, reason = judged(b"almost Done.\n", must=[r"^Done\.$"])
    assert verdict == "error"
    assert "Done" in reason
    assert judged(b"", 3, must=["Done"])[0] == "fail"  # it has already failed by itself


def test_numbers_that_must_be_the_same() -> None:
    same = [[r"want (\d+)", r"got (\d+)", "too little memory"]]
    assert judged(b"want 5\ngot 3\ngot 5\n", same=same)[0] == "pass"
    expected = ("error", "too little memory (5 is not 4)")
    assert judged(b"want 5\ngot 5\ngot 4\n", same=same) == expected
    assert judged(b"want 5\n", same=same)[0] == "error"
    assert judged(b"", same=same)[0] == "error"


def test_a_complaint_is_an_error_with_its_cure() -> None:
    judge = a_judge(error=[["reducing", ""], ["unlocked", "run it as root"]])
    judge.feed(b"reducing...\nunlocked\n")
    assert judge.complaint == "it said: reducing..."
    assert judge.ended(0) == ("error", "it said: reducing...")
    assert judged(b"unlocked", error=[["unlocked", "run it as root"]]) == (
        "error",
        "run it as root",
    )


def test_no_pass_comes_of_an_end_that_we_brought_about() -> None:
    for verdict in ("aborted", "timeout", "error"):
        assert a_judge().stopped(verdict, "because")[0] == verdict


def test_what_is_said_after_we_end_it_does_not_count() -> None:
    judge = a_judge(fail=["FAIL"], must=["Done"])
    judge.feed(b"fine\n")
    judge.cut()
    judge.feed(b"FAIL: interrupted\n")
    assert judge.stopped("aborted", "stopped by ann") == ("aborted", "stopped by ann")


def test_a_line_that_is_cut_off_by_the_end_counts() -> None:
    assert judged(b"FAILURE without a newline", fail=["FAILURE"])[0] == "fail"
    judge = a_judge(fail=["FAILURE"])
    judge.feed(b"FAILURE")
    assert judge.stopped("aborted", "x")[0] == "fail"


# --- lines as they come


@pytest.mark.parametrize(
    "data",
    [
        b"FAILURE\n",
        b"ok\rFAILURE\rok\n",  # overwritten by a carriage return
        b"FAILURE" + b"\b" * 7 + b"ok     \n",  # erased again
        b"\x1b[31mFAIL\x1b[0mURE\n",  # coloured in the middle
        b"\x1b]0;FAILURE\x07\n",  # in a window's title
        b"\x1b[FAILURE\n",  # after half an escape sequence
        b"FAI\x00LURE\n",
        b"testing   3\b\b\bFAILURE: bad\n",
        b"x" * 10_000 + b"FAILURE" + b"x" * 10_000,
        b"x" * 4093 + b"FAILURE",
        b"\xff\xfe FAILURE \x80\n",
        b"ok\n" * 5000 + b"FAILURE",
    ],
)
@pytest.mark.parametrize("size", [1, 3, 7, 100_000])
def test_a_failure_is_seen_however_it_is_written(data: bytes, size: int) -> None:
    judge = a_judge(fail=["FAILURE"])
    for start in range(0, len(data), size):
        judge.feed(data[start : start + size])
    assert judge.ended(0)[0] == "fail"
    assert judge.lines
    assert all(line.isprintable() and len(line) <= 200 for line in judge.lines)


@given(
    before=st.binary(max_size=300).filter(lambda data: not data.endswith(b"\x1b[")),
    after=st.binary(max_size=300),
    cuts=st.lists(st.integers(0, 700), max_size=5),
)
def test_a_failure_on_a_line_of_its_own_is_always_seen(
    before: bytes, after: bytes, cuts: list[int]
) -> None:
    data = before + b"\nFAILURE: it\n" + after
    judge = a_judge(fail=["^FAILURE: it$"])
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    for start, end in itertools.pairwise(edges):
        judge.feed(data[start:end])
    assert judge.ended(0)[0] == "fail"


@pytest.mark.parametrize("size", [1, 100])
@pytest.mark.parametrize(
    "before",
    [
        b"\xef\xbb\xbf",  # a byte order mark
        b"all is well\f",  # on a page of its own
        b"\x1b]0;a test that is under way\x07",  # a window's title, ended in either way
        b"\x1b]2;a test\x1b\\",
        b"\x1b(B\x1b[m",  # colours off, as ncurses says it
        b"\x1b7\x1b[2K",
    ],
)
def test_what_is_not_seen_does_not_hide_the_start_of_a_line(before: bytes, size: int) -> None:
    judge, data = a_judge(fail=["^FAILURE: it$"]), before + b"FAILURE: it\n"
    for start in range(0, len(data), size):
        judge.feed(data[start : start + size])
    assert judge.ended(0)[0] == "fail"


def test_a_pattern_for_the_start_of_a_line_is_not_fooled_by_a_long_one() -> None:
    assert judged((b"x" * 3 + b"BAD") * 5000, fail=["^BAD"])[0] == "pass"


def test_a_character_that_comes_in_two_parts() -> None:
    judge = a_judge(fail=["zwölf"])
    for byte in "zwölf\n".encode():
        judge.feed(bytes([byte]))
    assert judge.ended(0)[0] == "fail"


def test_a_screen_line_is_what_a_person_sees() -> None:
    screen = Screen()
    screen.write("  Stuck Address : ")
    for number in range(16):
        screen.write(f"{'setting':>7}{number:4}" + "\b" * 11)
    screen.write(" " * 11 + "\b" * 11 + "ok")
    assert screen.take() == "  Stuck Address : ok"
    screen.write("\b\b\babc\b\bX")
    assert screen.take() == "aXc"


def test_it_keeps_the_first_lines_that_matter_or_the_last_of_all() -> None:
    judge = a_judge(fail=["FAIL"])
    judge.feed(b"".join(b"FAIL %d\n" % n for n in range(100)))
    assert judge.lines == [f"FAIL {n}" for n in range(8)]
    assert judge.ended(0)[1].startswith("100 failures reported, first: FAIL 0")
    judge = a_judge()
    judge.feed(b"one\ntwo\nthree\nfour\n")
    assert judge.ended(0) == ("pass", "")
    assert judge.lines == ["two", "three", "four"]


def test_without_rules_only_the_end_is_looked_at() -> None:
    judge = a_judge()
    for number in range(300):
        judge.feed(b"%d\n" % number * 1000)
        assert judge._recent is not None
        assert len(judge._recent) <= RECENT
    judge.feed("zwölf".encode()[:3])  # cut in the middle of a letter
    judge.feed("zwölf\n".encode()[3:])
    assert judge.ended(2) == ("fail", "it ended with exit code 2: zwölf")
    assert judge.lines == ["299", "299", "zwölf"]


# --- progress and counts


def test_counts_add_up_and_start_at_zero() -> None:
    judge = a_judge(counts={"loops": "^Loop", "errors": r"errors: (?P<n>\d+)"})
    assert judge.counts == {"loops": 0, "errors": 0}
    judge.feed(b"Loop 1\nLoop 2\nerrors: 40\nerrors: 2\n")
    assert judge.counts == {"loops": 2, "errors": 42}


def test_progress_of_loops_with_parts() -> None:
    loop = [r"^(?P<text>Loop (?P<begun>\d+)/(?P<total>\d+))", None]
    judge = a_judge(progress=[loop, [r"^ +(?P<text>\w+) *: ok$", 4]])
    assert judge.progress is None
    judge.feed(b"Loop 1/2:\n a : ok\n b : ok\n")
    assert judge.progress == (0.25, "Loop 1/2, b")
    judge.feed(b" c : ok\n d : ok\nLoop 2/2:\n")
    assert judge.progress == (0.5, "Loop 2/2")
    judge.feed(b" a : ok\n b : ok\n c : ok\n d : ok\n e : ok\n")
    assert judge.progress == (1.0, "Loop 2/2, e")


@pytest.mark.parametrize("percent", [b"nan", b"inf", b"-3", b"1e400", b"x"])
def test_progress_that_is_no_number_is_none(percent: bytes) -> None:
    judge = a_judge(progress=[[r"^(?P<percent>\S+)%", None]])
    judge.feed(percent + b"%\n")
    assert judge.progress is None


def test_progress_in_percent() -> None:
    judge = a_judge(progress=[[r"(?P<percent>[\d.]+)%", None]])
    judge.feed(b"12.5%\r25%\r")
    assert judge.progress == (0.25, "25%")


# --- cost


@pytest.mark.parametrize(
    "data",
    [os.urandom(5_000_000), b"\b \b" * 1_600_000, b"x" * 5_000_000, b"\x1b[" * 2_500_000],
    ids=["noise", "backspaces", "one line", "escapes"],
)
def test_five_megabytes_of_anything_are_read_in_seconds(data: bytes) -> None:
    judge = a_judge(
        fail=["FAILURE: "], error=[["reducing", ""]], must=["^Done$"],
        counts={"loops": "^Loop"}, progress=[[r"(?P<percent>\d+)%", None]],
    )  # fmt: skip
    began = time.process_time()
    for start in range(0, len(data), 65536):
        judge.feed(data[start : start + 65536])
    judge.ended(0)
    assert time.process_time() - began < 10
