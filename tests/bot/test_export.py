"""A job for other programs: read beside the running bot, and as strict readers take it."""

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import xmlschema
from hypothesis import given
from hypothesis import strategies as st
from junitparser import JUnitXml

from agent.wire.errors import Refusal
from agent.wire.vocabulary import Step, Verdict
from bot.export import export
from bot.findings import Case, FirstLine, Metric
from bot.jobs import Job, Phase, Run
from bot.report.junit import FAILURES, junit
from tests.answers import check
from tests.bot.lab_on_disk import ALICE, BOB, Bot
from tests.bot.test_history import runs
from tests.bot.test_report import NASTY
from tests.bot.test_report_summary import RUNS, ended, job, outcome
from tests.virtual_time import VirtualLoop

Loop = VirtualLoop

JENKINS = xmlschema.XMLSchema10(Path(__file__).with_name("junit.xsd"))


def valid(text: str) -> ET.Element:
    """The document: by the schema of Jenkins' xUnit plugin, and with the sums that others find."""
    JENKINS.validate(text)
    read = JUnitXml.fromstring(text.encode())
    told = [(each.tests, each.failures, each.errors, each.skipped) for each in read]
    for suite in read:
        suite.update_statistics()  # type: ignore[no-untyped-call]
    assert told == [(each.tests, each.failures, each.errors, each.skipped) for each in read]
    root = ET.fromstring(text.encode())
    for index, name in enumerate(("tests", "failures", "errors")):
        assert root.get(name) == str(sum(sums[index] or 0 for sums in told))
    return root


def ends(text: str) -> list[list[str]]:
    """What the cases of each suite came to, as another program reads it."""
    valid(text)
    return [
        [type(case.result[0]).__name__ if case.result else "Passed" for case in suite]
        for suite in JUnitXml.fromstring(text.encode())
    ]


def named(text: str) -> dict[str, str]:
    """What each case came to, by its name."""
    names = [case.get("name", "") for case in valid(text).iter("testcase")]
    return dict(zip(names, [end for suite in ends(text) for end in suite], strict=True))


@pytest.mark.parametrize("verdict", Verdict)
def test_a_failure_is_the_hardwares_and_an_error_the_labs(verdict: Verdict) -> None:
    text = junit(job(ended("bob", outcome(verdict, reason="why"))), {})
    expected = "Failure" if verdict in FAILURES else "Error"
    if verdict.good:
        expected = "Skipped" if verdict is Verdict.SKIP else "Passed"
    assert ends(text) == [[expected]]
    assert (FAILURES, str(Verdict.ERROR) in FAILURES) == ((Verdict.FAIL, Verdict.CRASHED), False)


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (ended("bob", outcome(Verdict.FAIL)), ["Failure", "Skipped"]),
        (ended("bob", outcome(), verdict=Verdict.LOST), ["Passed", "Error"]),
        (ended("bob", verdict=Verdict.REFUSED, reason="no memtester"), ["Error", "Skipped"]),
        (ended("bob", outcome(), outcome(Verdict.WARN)), ["Passed", "Passed"]),
    ],
)
def test_what_was_not_run_is_skipped(run: Run, expected: list[str]) -> None:
    twice = (Step("memtest"), Step("memtest"))
    text = junit(job(run, steps=twice), {})
    assert ends(text) == [expected]
    assert list(named(text)) == ["memtest (1)", "memtest (2)"]


def test_a_report_has_what_a_person_looks_for() -> None:
    first = FirstLine(line="FAILURE: 0 != 1", before=("loop 3",), after=("giving up",))
    read = Metric(name="read", value=41.2, unit="GB/s")
    bad = outcome(Verdict.FAIL, reason="1 failure", first=first, metrics=(read,))
    text = junit(
        job(ended("bob", bad), ended("alice", outcome())), {"bob@lab.example": "all\x1b of it"}
    )
    document = valid(text)
    failure = document.find(".//failure")
    assert failure is not None
    assert (failure.get("message"), failure.get("type")) == ("1 failure", "fail")
    assert failure.text == "loop 3\nFAILURE: 0 != 1\ngiving up"
    told = {each.get("name"): each.get("value") for each in document.iter("property")}
    assert told["memtest size=16M: read"] == "41.2 GB/s"
    assert [each.text for each in document.iter("system-out")] == ["all of it"]
    assert document.get("failures") == "1"


@given(st.lists(RUNS, min_size=1, max_size=4), NASTY)
def test_whatever_a_machine_says_the_xml_is_valid(found: list[Run], text: str) -> None:
    document = valid(junit(job(*found, steps=(Step("x", {"a": text}),)), {found[0].jid: text}))
    assert len(document) == len(found)


CASES = tuple(
    Case(name=str(verdict), verdict=verdict, why=f"why {verdict}")
    for verdict in (Verdict.ERROR, Verdict.FAIL, Verdict.WARN, Verdict.SKIP, Verdict.PASS)
)


def test_each_case_that_a_program_told_of_is_one() -> None:
    told = outcome(Verdict.ERROR, reason="error: why error", cases=CASES, case_count=9)
    text = junit(job(ended("bob", told), ended("alice", outcome())), {})
    step = "memtest size=16M"
    assert named(text) == {
        step: "Passed",  # alice's, which told of none
        f"{step}: error": "Error", f"{step}: fail": "Failure", f"{step}: warn": "Passed",
        f"{step}: skip": "Skipped", f"{step}: pass": "Passed", f"{step}: 4 more": "Skipped",
    }  # fmt: skip
    assert ends(text)[0][0] == "Error"
    document = valid(text)
    for name, kind in (("error", "error"), ("fail", "failure"), ("skip", "skipped")):
        bad = document.find(f".//testcase[@name='{step}: {name}']/{kind}")
        assert bad is not None
        assert bad.get("message") == f"why {name}"
    assert [each.text for each in document.iter("system-out")] == ["why warn", "why pass"]
    assert {case.get("classname") for case in document[0].iter("testcase")} == {"bob.memtest"}


@pytest.mark.parametrize(
    "text", ["x" * 10**6, "\x00\x1b[1m\ufffe", "]]><a>&amp;", "\ud800\udfff", ""]
)
def test_what_a_machine_says_is_bounded_and_stays_xml(text: str) -> None:
    bad = Case(name=text, verdict=Verdict.FAIL, why=text)
    told = outcome(Verdict.FAIL, reason=text, lines=(text,), cases=(bad,), case_count=1)
    xml = junit(job(ended("bob", told), steps=(Step("x", {"a": text}),)), {"bob@lab.example": text})
    assert ends(xml) == [["Failure", "Failure"]]
    assert len(xml) < 12 * 20_000


async def test_it_is_read_beside_the_running_bot_and_after_it(bot: Bot) -> None:
    for value in (500, 501, 499):
        await runs(bot, value)
    await runs(bot, 460, jids=(BOB, ALICE))
    beside = export(bot.url, 4, as_junit=True)
    told = json.loads(export(bot.url, 4, as_junit=False))
    check(told)
    notes = [run.get("insight", {}).get("unusual") for run in told["runs"]]
    assert (notes[0], notes[1][0]["percent"]) == (None, -8.0)
    await bot.crash()
    path = bot.path / "labroom.db"
    before = path.read_bytes()
    assert export(bot.url, 4, as_junit=True) == beside
    assert path.read_bytes() == before
    assert ends(beside) == [["Passed"], ["Passed"]]


async def test_what_cannot_be_exported_is_refused_with_a_cure(bot: Bot) -> None:
    await bot.submit()
    with pytest.raises(Refusal, match="job 1 is waiting: only one that is done") as refused:
        export(bot.url, 1, as_junit=True)
    assert "--wait" in refused.value.hint
    assert json.loads(export(bot.url, 1, as_junit=False))["runs"][0]["phase"] == "offered"
    with pytest.raises(Refusal, match="no job 9"):
        export(bot.url, 9, as_junit=True)
    missing = bot.path / "not there?.db"
    with pytest.raises(Refusal, match=r"there is no .*not there"):
        export(f"sqlite:///{missing}", 1, as_junit=True)
    assert not missing.exists()
    await bot.store.do(
        lambda db: db.exec_driver_sql("update meta set value='6' where key='version'")
    )
    with pytest.raises(Refusal, match="have version 6"):
        export(bot.url, 1, as_junit=True)


def test_a_run_that_is_not_over_is_no_pass() -> None:
    open_ = replace(ended("bob", outcome()), phase=Phase.RUNNING, verdict=None)
    waiting: Job = job(replace(open_, outcomes=()))
    assert ends(junit(waiting, {})) == [["Skipped"]]
