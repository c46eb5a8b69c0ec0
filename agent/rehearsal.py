"""
A recipe tried on samples: what it would make of an output that somebody once recorded.

The very code that judges a run judges the sample; nothing is run. Pure.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from agent.assessment import Assessment
from agent.recipe import Means, Recipe

_SHOWN = 12  # steps of progress

ANY_MACHINE = Means(
    root=True,
    lockable=math.inf,
    memory=1 << 60,
    finds=lambda _: True,
    disks=("sda",),
    nics=("eth0",),
)
"""One on which every recipe can run: samples are of other machines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """What was recorded of a step."""

    log: bytes = b""
    results: bytes = b""
    """What came by the side channel."""
    document: bytes = b""
    """Its JSON, where the recipe names a file for it."""
    kernel: bytes = b""
    """The kernel's log, as ``dmesg`` shows it."""
    exit: int = 0
    """The exit code, or minus the signal that killed it."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What the recipe makes of it."""

    verdict: str
    reason: str
    facts: dict[str, Any]
    """As in the last record of a step: counts, metrics, lines and so on."""
    progress: list[tuple[float, str]] = field(default_factory=list)


def rehearse(recipe: Recipe, given: Mapping[str, str], samples: Samples) -> Rehearsal:
    """What *recipe* with *given* parameters makes of *samples*; Refusal for a bad parameter."""
    step = recipe.resolve(given, ANY_MACHINE)
    assessment = Assessment(step)
    progress: list[tuple[float, str]] = []
    for feed, data in ((assessment.feed, samples.log), (assessment.channel.feed, samples.results)):
        for line in data.splitlines(keepends=True):
            feed(line)
            told = assessment.progress
            if told is not None and (not progress or told != progress[-1]):
                progress.append(told)
    for message in samples.kernel.decode("utf-8", "replace").splitlines():
        assessment.kernel.line(_message(message))
    if assessment.complaint:
        verdict, reason = assessment.stopped("error", assessment.complaint)
    else:
        verdict, reason = assessment.ended(samples.exit, lasted=None, document=samples.document)
    return Rehearsal(verdict, reason, assessment.facts(verdict), progress)


def _message(line: str) -> str:
    """The message in a *line* of ``dmesg``, without its time."""
    if line.startswith("["):
        time, bracket, rest = line[1:].partition("] ")
        if bracket and time.strip().replace(".", "").isdecimal():
            return rest
    return line


def told(rehearsal: Rehearsal) -> Iterator[str]:
    """*rehearsal* in lines for people."""
    facts = rehearsal.facts
    yield _row("verdict", rehearsal.verdict)
    if rehearsal.reason:
        yield _row("reason", rehearsal.reason)
    for name, number in facts["counts"].items():
        yield _row("count", f"{name} {number}")
    for metric in facts.get("metrics", ()):
        better = f" ({metric['better']} is better)" if metric["better"] else ""
        yield _row(
            "metric", f"{metric['name']} {metric['value']} {metric['unit']}".rstrip() + better
        )
    for key, text in facts.get("facts", {}).items():
        yield _row("fact", f"{key}: {text}")
    for case in facts.get("cases", ()):
        yield _row("case", f"{case['verdict']} {case['name']} {case.get('why', '')}".rstrip())
    for issue in facts.get("known", ()):
        yield _row("known", f"{issue['why']} {issue['link']}".rstrip())
    yield from _first(facts.get("first"))
    for line in facts["lines"]:
        yield _row("line", line)
    yield from _progress(rehearsal.progress)


def _first(first: dict[str, Any] | None) -> Iterator[str]:
    if first is not None:
        printed = "at" in first  # else nobody knows what was printed before it
        yield _row("first", f"line {first['at']}" if printed else f"by: {first['by']}")
        yield from (f"          | {line}" for line in first["before"] if printed)
        yield f"          > {first['line']}"
        yield from (f"          | {line}" for line in first["after"])


def _progress(steps: list[tuple[float, str]]) -> Iterator[str]:
    for number, (fraction, text) in enumerate(steps):
        if number < _SHOWN - 1 or number == len(steps) - 1:
            yield _row("progress", f"{fraction:4.0%} {text}")
        elif number == _SHOWN - 1:
            yield _row("progress", f"... {len(steps) - _SHOWN} more")


def _row(name: str, text: str) -> str:
    return f"{name:9} {text}"
