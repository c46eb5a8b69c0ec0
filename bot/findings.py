"""
What a step found out beside its verdict: metrics, the first failing line, known issues, facts,
and the cases that its program told of.

Rule: what a target writes is bounded and typed here; it may be broken or hostile. What cannot
be read is left out, and nothing else with it. Pure.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from agent.wire.vocabulary import NAME, Verdict
from bot.report.text import safe

MOST_METRICS = 20
MOST_UNIT = 12
MOST_AROUND = 3
"""Lines before, and after, the first failing one."""
MOST_KNOWN = 8
MOST_FACTS = 200
MOST_CASES = 1000
"""Of all steps of a run together."""
MOST_KEY = 60
"""Characters of a fact's key."""
MOST = 1e15
"""The largest number that a target is believed."""
MOST_MARGIN = 100.0
"""Percent."""

_LINK = re.compile(r"https?://[!-~]{3,190}")

Better = Literal["higher", "lower", ""]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One number that was measured: ``read 512 MB/s``."""

    name: str
    value: float
    unit: str = ""
    better: Better = ""
    """Empty if neither is."""
    margin: float = 0
    """By how many percent it may be worse than usual before that is marginal; 0 is by any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstLine:
    """The first line of the output that failed the step, with what stood around it."""

    line: str
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    at: int = 0
    """Its number in the step's output, from 1; 0 if that is not known."""
    by: str = ""
    """Who said it if it does not stand in the output: ``kernel``, or ``case``: the program."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A known issue that explains something of what was printed."""

    why: str
    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case of a step, by the word of its program."""

    name: str
    verdict: Verdict
    why: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {self.why or self.verdict}"


def sane(value: object) -> float | None:
    """*value* if it is a number that a target is believed; neither NaN nor infinite is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if abs(value) <= MOST else None


def metrics_of(told: object) -> tuple[Metric, ...]:
    """The metrics in *told*, which should be a list of objects; each name once."""
    found: dict[str, Metric] = {}
    for each in _objects(told, MOST_METRICS):
        name, value = each.get("name"), sane(each.get("value"))
        if value is None or not isinstance(name, str) or not NAME.fullmatch(name):
            continue
        margin = sane(each.get("margin"))
        metric = Metric(
            name=name,
            value=value,
            unit=_text(each, "unit", MOST_UNIT),
            better=_better(each.get("better")),
            margin=min(MOST_MARGIN, max(0.0, margin or 0.0)),
        )
        found.setdefault(name, metric)
    return tuple(found.values())


def first_of(told: object) -> FirstLine | None:
    """The first failing line in *told*."""
    if not isinstance(told, Mapping) or not (line := _text(told, "line", 200)):
        return None
    at, by = told.get("at"), told.get("by")
    return FirstLine(
        line=line,
        before=_lines(told.get("before"))[-MOST_AROUND:],
        after=_lines(told.get("after"))[:MOST_AROUND],
        at=at if isinstance(at, int) and not isinstance(at, bool) and 0 < at <= MOST else 0,
        by=by if by in ("kernel", "case") else "",
    )


def known_of(told: object) -> tuple[Known, ...]:
    """The known issues in *told*; a link that is none is left out."""
    issues = []
    for each in _objects(told, MOST_KNOWN):
        if why := _text(each, "why", 200):
            link = each.get("link")
            fits = isinstance(link, str) and _LINK.fullmatch(link)
            issues.append(Known(why=why, link=str(link) if fits else ""))
    return tuple(dict.fromkeys(issues))


def cases_of(told: object, most: int = MOST_CASES) -> tuple[Case, ...]:
    """The first *most* cases in *told*, as it has them: the worst first."""
    return tuple(
        Case(name=name, verdict=Verdict.read(each.get("verdict")), why=_text(each, "why", 200))
        for each in _objects(told, most)
        if (name := _text(each, "name", 80))
    )


def facts_of(told: object) -> dict[str, str]:
    """The facts in *told*: what is there, by what it is called."""
    if not isinstance(told, Mapping):
        return {}
    facts: dict[str, str] = {}
    for key, value in list(told.items())[:MOST_FACTS]:
        if isinstance(key, str) and isinstance(value, str) and (name := safe(key, MOST_KEY)):
            facts[name] = safe(value)
    return facts


def _objects(told: object, most: int) -> Iterator[Mapping[str, object]]:
    for each in told[:most] if isinstance(told, list) else ():
        if isinstance(each, Mapping):
            yield each


def _text(told: Mapping[str, object], name: str, limit: int) -> str:
    value = told.get(name)
    return safe(value, limit) if isinstance(value, str) else ""


def _lines(told: object) -> tuple[str, ...]:
    lines = told[: 2 * MOST_AROUND] if isinstance(told, list) else ()
    return tuple(safe(line) for line in lines if isinstance(line, str))


def _better(told: object) -> Better:
    return told if told in ("higher", "lower") else ""
