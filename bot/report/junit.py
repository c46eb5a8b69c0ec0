"""
A job as JUnit XML, as Jenkins and GitLab read it: a suite for each target, a case for each step,
and one for each case that the step's program told of.

Rule 1: a *failure* is the hardware's, an *error* the lab's: who reads a dashboard must not send
for a new DIMM because a disk was full. A step that took too long, or hung, is an error: it says
nothing for sure.

Rule 2: what junit-10.xsd knows and no more: metrics are properties of the suite, since a case
has none there.

Rule 3: what a machine printed may hold anything: what XML cannot is left out, and all is bounded.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC
from xml.etree import ElementTree as ET

from agent.wire.vocabulary import Verdict
from bot.jobs import Job, Outcome, Run
from bot.report.evidence import first_line
from bot.report.notes import quantity
from bot.report.text import legal

FAILURES = (Verdict.FAIL, Verdict.CRASHED)

MOST = 16 * 1024
"""Characters of a text."""


def junit(job: Job, printed: Mapping[str, str]) -> str:
    """
    *job*, which is done, as a document.

    Args:
        printed: The end of what a run printed, by the bare JID of its target.
    """
    root = ET.Element("testsuites", name=_text(f"job {job.number}: {job.title}"))
    suites = [_suite(job, run, printed.get(run.jid, "")) for run in job.runs]
    root.extend(suites)
    for name in ("tests", "failures", "errors"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in suites)))
    root.set("time", f"{sum(float(suite.get('time', '0')) for suite in suites):.3f}")
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _suite(job: Job, run: Run, printed: str) -> ET.Element:
    steps = range(max(len(job.steps), len(run.outcomes)))
    cases = [case for index in steps for case in _cases(job, run, index)]
    suite = ET.Element(
        "testsuite",
        name=_text(run.target),
        tests=str(len(cases)),
        failures=_count(cases, "failure"),
        errors=_count(cases, "error"),
        skipped=_count(cases, "skipped"),
        time=f"{sum(outcome.seconds for outcome in run.outcomes):.3f}",
        hostname=_text(run.target),
    )
    if run.began is not None:
        suite.set("timestamp", run.began.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"))
    properties = ET.SubElement(suite, "properties")
    _property(properties, "job", str(job.number))
    _property(properties, "verdict", str(run.verdict))
    for outcome in run.outcomes:
        for metric in outcome.metrics:
            _property(
                properties, f"{outcome.step}: {metric.name}", quantity(metric.value, metric.unit)
            )
        for name, value in outcome.counts.items():
            _property(properties, f"{outcome.step}: {name}", quantity(value))
    suite.extend(cases)
    if printed:
        ET.SubElement(suite, "system-out").text = _text(printed[-MOST:])
    return suite


def _cases(job: Job, run: Run, index: int) -> list[ET.Element]:
    """That of step *index* itself, and behind it those that its program told of."""
    step = _step(job, run, index)
    if index >= len(run.outcomes):
        return [step]
    outcome = run.outcomes[index]
    told = [_inner(step, case.name) for case in outcome.cases]
    for element, case in zip(told, outcome.cases, strict=True):
        _end(element, case.verdict, case.why, "")
    if left := outcome.case_count - len(told):
        told.append(_inner(step, f"{left} more"))
        ET.SubElement(told[-1], "skipped", message="left out: there was no room; none is worse")
    return [step, *told]


def _inner(step: ET.Element, name: str) -> ET.Element:
    """A case of *step*: nobody knows how long it took."""
    return ET.Element(
        "testcase",
        name=f"{step.get('name')}: {_text(name)}",
        classname=step.get("classname", ""),
    )


def _step(job: Job, run: Run, index: int) -> ET.Element:
    """The case of step *index*, which may never have begun."""
    outcome = run.outcomes[index] if index < len(run.outcomes) else None
    asked = str(job.steps[index]) if index < len(job.steps) else ""
    name = asked or (outcome.step if outcome else "")
    twice = sum(str(step) == name for step in job.steps) > 1
    case = ET.Element(
        "testcase",
        name=_text(f"{name} ({index + 1})" if twice else name),
        classname=_text(f"{run.target}.{name.partition(' ')[0]}"),
        time=f"{outcome.seconds if outcome else 0:.3f}",
    )
    if outcome is not None:
        _end(case, outcome.verdict, outcome.reason or run.reason, _lines(outcome))
    elif index == len(run.outcomes) and run.verdict is not None and not _told(run):
        _end(case, run.verdict, run.reason, "")
    else:
        ET.SubElement(case, "skipped", message="it was not run")
    return case


def _told(run: Run) -> bool:
    """Whether one of its steps says already why the run is what it is."""
    return any(outcome.verdict is run.verdict for outcome in run.outcomes)


def _end(case: ET.Element, verdict: Verdict, reason: str, lines: str) -> None:
    """Say how it ended, if that is no pass, and what was printed that matters."""
    if verdict is Verdict.SKIP:
        ET.SubElement(case, "skipped", message=_text(reason))
    elif not verdict.good:
        kind = "failure" if verdict in FAILURES else "error"
        bad = ET.SubElement(case, kind, message=_text(reason or str(verdict)), type=str(verdict))
        bad.text = _text(lines)
        return
    said = "\n".join(part for part in (reason, lines) if part)
    if said and verdict is not Verdict.SKIP:
        ET.SubElement(case, "system-out").text = _text(said)


def _lines(outcome: Outcome) -> str:
    first = outcome.first
    around: Sequence[str] = (*first.before, first.line, *first.after) if first else ()
    rest = [line for line in outcome.lines if line not in around and line != first_line(outcome)]
    return "\n".join(around or [first_line(outcome)] * bool(outcome.lines)) + "".join(
        f"\n{line}" for line in rest
    )


def _property(properties: ET.Element, name: str, value: str) -> None:
    ET.SubElement(properties, "property", name=_text(name), value=_text(value))


def _count(cases: Sequence[ET.Element], kind: str) -> str:
    return str(sum(case.find(kind) is not None for case in cases))


def _text(text: str) -> str:
    return legal(text)[:MOST]
