"""Known issues: they explain what they name, and hide nothing else."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from agent.assessment import Assessment
from agent.format.known import Issue
from agent.judge import Judge
from agent.recipe import BadRecipe, load
from tests.agent.bench import records, verdict
from tests.agent.target import RULES, Target, sh
from tests.agent.test_recipe import ALL, HEAD, write

ISSUE: dict[str, Any] = {
    "line": "FAIL: port [0-9]", "why": "the port is worn", "link": "https://bugs.example/7",
    "exit": [4],
}  # fmt: skip


def judged(output: str, code: int = 0, *findings: tuple[str, str]) -> tuple[str, str]:
    judge = Judge(RULES | {"fail": ["FAIL"], "must": ["Done"], "known": [ISSUE]})
    judge.feed(output.encode())
    return judge.ended(code, findings)


KNOWN = ("warn", "known: the port is worn")


@pytest.mark.parametrize(
    ("output", "code", "expected"),
    [
        ("FAIL: port 3\nDone\n", 0, KNOWN),
        ("FAIL: port 3\nFAIL: port 4\nDone\n", 0, KNOWN),
        ("FAIL: port 3\nFAIL: disk\nDone\n", 0, ("fail", "1 failure reported, first: FAIL: disk")),
        ("FAIL: disk\nFAIL: port 3\nDone\n", 4, ("fail", "1 failure reported, first: FAIL: disk")),
        ("FAIL: port 3 FAIL\nDone\n", 0, ("fail", "1 failure reported, first: FAIL: port 3 FAIL")),
        ("so FAIL: port 3\nDone\n", 0, ("fail", "1 failure reported, first: so FAIL: port 3")),
        ("FAIL: port 3\nDone\n", 4, ("warn", "known: the port is worn (exit code 4: Done)")),
        ("FAIL: port 3\nDone\n", 5, ("fail", "it ended with exit code 5: Done")),
        ("Done\n", 4, ("fail", "it ended with exit code 4: Done")),
        ("FAIL: port 3\n", 0, ("error", "it ended early: no line matches Done")),
        ("FAIL: port 3\nDone\n", -11, ("error", "it was killed by SIGSEGV, not by us")),
        ("Done\n", 0, ("pass", "")),
    ],
)  # fmt: skip
def test_it_makes_a_warning_of_what_it_explains(
    output: str, code: int, expected: tuple[str, str]
) -> None:
    assert judged(output, code) == expected


def test_what_was_erased_by_a_known_issue_was_still_said() -> None:
    assert judged("FAIL: disk" + "\b" * 10 + "FAIL: port 3\nDone\n")[0] == "fail"
    assert judged("port 3" + "\b" * 6 + "FAIL: port 3\nDone\n")[0] == "fail"  # not the whole of it


def test_what_others_say_is_explained_likewise() -> None:
    assert judged("Done\n", 0, ("fail", "FAIL: port 3")) == KNOWN
    assert judged("Done\n", 0, ("fail", "FAIL: port 3"), ("fail", "other")) == ("fail", "other")
    assert judged("Done\n", 0, ("error", "FAIL: port 3")) == ("error", "FAIL: port 3")


def test_it_hides_nothing_else_that_is_said_of_the_same_case(target: Target) -> None:
    say = 'echo \'{{"case": "port 3", "verdict": "fail", "why": "{}"}}\' >> $LABROOM_RESULTS; '
    worn = say.format("worn")
    known = [ISSUE | {"line": "port 3: worn"}]
    assert verdict(target.run(sh(worn + worn, known=known))) == KNOWN
    target.state = target.state.with_name("another")
    both = target.run(sh(worn + say.format("bit 7"), known=known))
    assert verdict(both) == ("fail", "port 3: bit 7")


def test_many_that_are_known_take_no_room_from_one_that_is_not() -> None:
    known = [ISSUE | {"line": r"kernel: EDAC MC0: \d+ UE .*"}]
    step = sh("", known=known) | {"kernel": {"watch": ["edac", "io"], "required": True}}
    assessment = Assessment(step)
    for number in range(20):
        assessment.kernel.line(f"EDAC MC0: {number} UE memory read error")
    assert assessment.ended(0, lasted=1) == KNOWN
    assessment = Assessment(step)
    for number in range(20):
        assessment.kernel.line(f"EDAC MC0: {number} UE memory read error")
    assessment.kernel.line("Buffer I/O error on dev sda, logical block 5")
    why = "kernel: Buffer I/O error on dev sda, logical block 5"
    assert assessment.ended(0, lasted=1) == ("fail", why)


def test_it_is_told_with_its_link(target: Target) -> None:
    run = target.run(sh("echo FAIL: port 3; exit 4", fail=["FAIL"], known=[ISSUE]))
    assert verdict(run) == ("warn", "known: the port is worn (exit code 4: FAIL: port 3)")
    end = records(run)[-2].fields
    assert end["known"] == [{"why": "the port is worn", "link": "https://bugs.example/7"}]
    assert "first" not in end


def test_it_has_an_end_and_a_place() -> None:
    issue = Issue(line="x", why="x", until=date(2026, 12, 31), where={"mode": "read"})
    assert issue.counts({"mode": "read", "size": "1M"}, date(2026, 12, 31))
    assert not issue.counts({"mode": "read"}, date(2027, 1, 1))
    assert not issue.counts({"mode": "write"}, date(2026, 12, 31))


RECIPE = HEAD + "argv = ['x']\n[[known]]\nline = 'FAIL'\nwhy = 'x'\n"


def test_it_comes_into_the_request(tmp_path: Path) -> None:
    load(write(tmp_path, "it", RECIPE + "until = 2026-12-31\n"))
    recipe = load(
        write(tmp_path, "it", RECIPE + "until = 0001-01-01\n[[known]]\nline='y'\nwhy='y'")
    )
    known = recipe.resolve({}, ALL)["rules"]["known"]
    assert [each["line"] for each in known] == ["FAIL", "y"]
    later = recipe.resolve({}, replace(ALL, today=date(2026, 1, 1)))
    assert [each["line"] for each in later["rules"]["known"]] == ["y"]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("link = 'javascript:x'", "link"),
        ("exit = [0]", "exit"),
        ("until = 'soon'", "until"),
        ("where = { mode = 'x' }", "[known] where: no parameter is called mode"),
    ],
)
def test_what_is_wrong_with_one(tmp_path: Path, more: str, words: str) -> None:
    with pytest.raises(BadRecipe) as refusal:
        load(write(tmp_path, "it", RECIPE + more))
    assert words in str(refusal.value)
