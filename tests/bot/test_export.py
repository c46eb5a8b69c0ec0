"""A job for other programs: read beside the running bot, and as strict readers take it."""

import json
import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.wire.errors import Refusal
from agent.wire.vocabulary import Step, Verdict
from bot.export import export
from bot.findings import FirstLine, Metric
from bot.jobs import Job, Phase, Run
from bot.report.junit import FAILURES, junit
from tests.answers import check
from tests.bot.lab_on_disk import ALICE, BOB, Bot
from tests.bot.test_history import runs
from tests.bot.test_report import NASTY
from tests.bot.test_report_summary import RUNS, ended, job, outcome
from tests.virtual_time import VirtualLoop

Loop = VirtualLoop

CHILDREN = {
    "testsuites": {"testsuite"},
    "testsuite": {"properties", "testcase", "system-out", "system-err"},
    "properties": {"property"},
    "testcase": {"skipped", "error", "failure", "system-out", "system-err"},
}
ATTRIBUTES = {
    "testsuites": {"name", "time", "tests", "failures", "disabled", "errors"},
    "testsuite": {
        "name", "tests", "failures", "errors", "time", "disabled", "skipped", "timestamp",
        "hostname", "id", "package",
    },
    "property": {"name", "value"},
    "testcase": {"name", "assertions", "time", "classname", "status"},
    "skipped": {"type", "message"},
    "error": {"type", "message"},
    "failure": {"type", "message"},
}  # fmt: skip
NEEDED = {"testsuite": {"name", "tests"}, "testcase": {"name"}, "property": {"name", "value"}}


def valid(text: str) -> ET.Element:
    """The document, by the rules of junit-10.xsd (Jenkins' xUnit plugin)."""
    root = ET.fromstring(text.encode())
    assert root.tag == "testsuites"
    for element in root.iter():
        assert {child.tag for child in element} <= CHILDREN.get(element.tag, set())
        assert set(element.attrib) <= ATTRIBUTES.get(element.tag, set())
        assert NEEDED.get(element.tag, set()) <= set(element.attrib)
        assert re.fullmatch(r"[0-9]+(\.[0-9]+)?", element.get("time", "0"))
    for suite in root:
        cases = suite.findall("testcase")
        assert int(suite.get("tests", "")) == len(cases)
        for kind in ("failure", "error", "skipped"):
            count = sum(case.find(kind) is not None for case in cases)
            assert (
                int(suite.get({"failure": "failures", "error": "errors"}.get(kind, kind), ""))
                == count
            )
    assert int(root.get("tests", "")) == sum(len(suite.findall("testcase")) for suite in root)
    return root


def ends(document: ET.Element) -> list[list[str]]:
    """What the cases of each suite came to."""
    bad = ("failure", "error", "skipped")
    cases = [suite.findall("testcase") for suite in document]
    return [[next((e.tag for e in case if e.tag in bad), "passed") for case in of] for of in cases]


@pytest.mark.parametrize("verdict", Verdict)
def test_a_failure_is_the_hardwares_and_an_error_the_labs(verdict: Verdict) -> None:
    document = valid(junit(job(ended("bob", outcome(verdict, reason="why"))), {}))
    expected = "failure" if verdict in FAILURES else "error"
    if verdict.good:
        expected = "skipped" if verdict is Verdict.SKIP else "passed"
    assert ends(document) == [[expected]]
    assert (FAILURES, str(Verdict.ERROR) in FAILURES) == ((Verdict.FAIL, Verdict.CRASHED), False)


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (ended("bob", outcome(Verdict.FAIL)), ["failure", "skipped"]),
        (ended("bob", outcome(), verdict=Verdict.LOST), ["passed", "error"]),
        (ended("bob", verdict=Verdict.REFUSED, reason="no memtester"), ["error", "skipped"]),
        (ended("bob", outcome(), outcome(Verdict.WARN)), ["passed", "passed"]),
    ],
)
def test_what_was_not_run_is_skipped(run: Run, expected: list[str]) -> None:
    twice = (Step("memtest"), Step("memtest"))
    document = valid(junit(job(run, steps=twice), {}))
    assert ends(document) == [expected]
    assert [case.get("name") for case in document.iter("testcase")] == [
        "memtest (1)",
        "memtest (2)",
    ]


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


def test_what_a_machine_says_is_bounded() -> None:
    text = junit(job(ended("bob", outcome(Verdict.FAIL))), {"bob@lab.example": "x" * 10**6})
    assert len(text) < 20_000


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
    assert ends(valid(beside)) == [["passed"], ["passed"]]


async def test_what_cannot_be_exported_is_refused_with_a_cure(bot: Bot) -> None:
    await bot.submit()
    with pytest.raises(Refusal, match="job 1 is waiting: only one that is done") as refused:
        export(bot.url, 1, as_junit=True)
    assert "--wait" in refused.value.hint
    assert json.loads(export(bot.url, 1, as_junit=False))["runs"][0]["phase"] == "offered"
    with pytest.raises(Refusal, match="no job 9"):
        export(bot.url, 9, as_junit=True)
    missing = bot.path / "not there?.db"
    with pytest.raises(Refusal, match="cannot read it"):
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
    assert ends(valid(junit(waiting, {}))) == [["skipped"]]
