"""
The side channel: what a diagnostic says of itself in JSON lines, in a file made for it.

The file's name is in the environment as ``LABROOM_RESULTS``. Each line is an object:

    {"case": "walking ones", "verdict": "fail", "why": "bit 3"}
    {"metric": "triad", "value": 41.2, "unit": "GB/s"}
    {"count": "loops", "n": 2}
    {"fact": "dimm A1", "value": "16 GB DDR4-3200"}
    {"progress": 0.5, "text": "half of it"}

Pure, standard library only: it is fed bytes.

Rule 1: what cannot be read is an error, never a pass; so is more than we take.

Rule 2: a case that was expected and did not come is a fail, whatever else was said.

Rule 3: whatever else is said of a case, nothing bad that was said of it is forgotten.

Rule 4: facts come all of them or not at all: a part of an inventory looks like theft.

Rule 5: of the cases as many are passed on as a record has room for, the worst first.
"""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from agent.metrics import Metrics
from agent.progress import printable

MOST = 1024 * 1024
"""Bytes that are read in all."""

LINE = 16 * 1024
"""Bytes of a line."""

CASES, COUNTS, FACTS = 1000, 20, 200
"""How many of them there may be."""

FACTS_SIZE = 10_000
"""Bytes of all facts as JSON: they share a header of the journal with the rest."""

TOLD, TOLD_SIZE = 200, 9000
"""How many cases a step's last record has, and the bytes of them as JSON."""

Case = tuple[str, str, str]
"""Its name, its verdict, and why."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_LARGEST = 1e15
_FAULTS = 3  # that are told
_MILDEST_FIRST = ("pass", "skip", "warn", "fail", "error")


class _Unreadable(Exception):  # noqa: N818  (caught below; its text is told)
    """A line that says nothing that we can use."""


def finding(case: Case) -> tuple[str, str]:
    """The verdict of *case*, and all of it in words."""
    name, verdict, why = case
    return verdict, f"{name}: {why or verdict}"


def each(cases: Sequence[Case]) -> list[Case]:
    """Of all that was said of *cases* the worst of each name; the worst of them first."""
    found: dict[str, Case] = {}
    for case in sorted(cases, key=lambda case: -_MILDEST_FIRST.index(case[1])):
        found.setdefault(case[0], case)
    return list(found.values())


def told(cases: Sequence[Case]) -> list[dict[str, str]]:
    """As many of *cases* as may stand in a record."""
    kept: list[dict[str, str]] = []
    size = 0
    for name, verdict, why in cases[:TOLD]:
        case = {"name": name, "verdict": verdict, **({"why": why} if why else {})}
        size += len(json.dumps(case)) + 1
        if size > TOLD_SIZE:
            break
        kept.append(case)
    return kept


class Channel:
    """
    What came through the side channel of one step.

    Args:
        expect: The cases that must come.
        tell: Hears of each case that is bad (its verdict, and what it is) as soon as it is said.
    """

    def __init__(
        self,
        metrics: Metrics,
        expect: Sequence[str] = (),
        tell: Callable[[str, str], None] = lambda *_: None,
    ) -> None:
        self._metrics, self._expect, self._tell = metrics, expect, tell
        self.counts: dict[str, float] = {}
        self._facts: dict[str, str] = {}
        self.progress: tuple[float, str] | None = None
        self._cases: dict[Case, None] = {}
        """Each once, as they came."""
        self._faults: list[str] = []
        self._rest = b""
        self._read = self._lines = 0
        self._closed = False
        self._kinds: dict[str, Callable[[dict[str, Any]], None]] = {
            "case": self._case, "metric": self._metric, "count": self._count,
            "fact": self._fact, "progress": self._move,
        }  # fmt: skip

    @property
    def facts(self) -> dict[str, str]:
        """The facts; none if anything is wrong with what was said."""
        return {} if self._faults else self._facts

    def feed(self, data: bytes) -> None:
        """Take *data*, the next bytes."""
        if self._closed:
            return
        self._read += len(data)
        if self._read > MOST:
            self._fault(f"more than {MOST >> 10}K of results")
            self._closed = True
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._line(line)
        if len(self._rest) > LINE:
            self._line(self._rest)
            self._closed = True

    def close(self) -> None:
        """There is no more, or what comes now is not about the hardware."""
        if not self._closed:
            self._line(self._rest)
        self._closed = True

    def cases(self, *, whole: bool) -> list[Case]:
        """
        All that it said of cases, in its order.

        Args:
            whole: It ended by itself: what was expected and did not come is one that failed.
        """
        said = {name for name, _, _ in self._cases}
        missing = [name for name in self._expect if name not in said] if whole else []
        return [*self._cases, *((name, "fail", "there is no result of it") for name in missing)]

    def findings(self, *, whole: bool) -> list[tuple[str, str]]:
        """Verdicts and why, of all that is not a pass; *whole* as in :meth:`cases`."""
        faults = [("error", fault) for fault in self._faults]
        return faults + [finding(c) for c in self.cases(whole=whole) if c[1] != "pass"]

    def _line(self, line: bytes) -> None:
        self._lines += 1
        if not line.strip():
            return
        try:
            said = _object(line)
            kinds = [kind for kind in self._kinds if kind in said]
            if len(kinds) != 1:
                raise _Unreadable(f"not one of {', '.join(self._kinds)}")
            self._kinds[kinds[0]](said)
        except _Unreadable as error:
            self._fault(f"line {self._lines} of its results: {error}: {_shown(line)}")

    def _fault(self, text: str) -> None:
        if len(self._faults) < _FAULTS:
            self._faults.append(text)

    def _case(self, said: dict[str, Any]) -> None:
        name, verdict, why = said["case"], said.get("verdict"), said.get("why", "")
        if not isinstance(name, str) or not len(name := printable(name, 80)) > 0:
            raise _Unreadable("a case has a name")
        if verdict not in _MILDEST_FIRST:
            raise _Unreadable(f"a verdict is one of {', '.join(_MILDEST_FIRST)}")
        if not isinstance(why, str):
            raise _Unreadable("why is text")
        # Why something passed is nobody's question.
        case = name, verdict, "" if verdict == "pass" else printable(why)
        if case not in self._cases and len(self._cases) == CASES:
            raise _Unreadable(f"more than {CASES} cases")
        if case not in self._cases:
            self._cases[case] = None
            if verdict in ("fail", "error"):
                self._tell(*finding(case))

    def _metric(self, said: dict[str, Any]) -> None:
        unit = said.get("unit", "")
        if not isinstance(unit, str) or len(unit) > 12 or not unit.isprintable():
            raise _Unreadable("a unit is text of at most 12 characters")
        if wrong := self._metrics.add(_name(said["metric"]), _number(said, "value"), unit):
            raise _Unreadable(wrong)

    def _count(self, said: dict[str, Any]) -> None:
        name = _name(said["count"])
        if name not in self.counts and len(self.counts) == COUNTS:
            raise _Unreadable(f"more than {COUNTS} counts")
        total = self.counts.get(name, 0) + (_number(said, "n") if "n" in said else 1)
        if abs(total) > _LARGEST:
            raise _Unreadable("it is too large")
        self.counts[name] = total

    def _fact(self, said: dict[str, Any]) -> None:
        key, value = said["fact"], said.get("value")
        if not isinstance(key, str) or not 0 < len(key := printable(key, 61)) <= 60:
            raise _Unreadable("a fact has a name of at most 60 characters")
        if not isinstance(value, str):
            raise _Unreadable("the value of a fact is text")
        self._facts[key] = printable(value)
        if len(self._facts) > FACTS or len(json.dumps(self._facts)) > FACTS_SIZE:
            raise _Unreadable(f"more than {FACTS} facts, or {FACTS_SIZE} bytes of them")

    def _move(self, said: dict[str, Any]) -> None:
        fraction, text = _number(said, "progress"), said.get("text", "")
        if not 0 <= fraction <= 1:
            raise _Unreadable("progress is from 0 to 1")
        if not isinstance(text, str):
            raise _Unreadable("text is text")
        self.progress = round(fraction, 4), printable(text, 60) or f"{fraction:.0%}"


def _object(line: bytes) -> dict[str, Any]:
    if len(line) > LINE:
        raise _Unreadable(f"it is longer than {LINE >> 10}K")
    try:
        said = json.loads(line, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise _Unreadable("it is not JSON") from error
    if not isinstance(said, dict):
        raise _Unreadable("it is no object")
    return said


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; what is said twice in it could be a fail and a pass."""
    said = dict(pairs)
    if len(said) < len(pairs):
        raise _Unreadable("it says something twice")
    return said


def _name(value: object) -> str:
    if not isinstance(value, str) or _NAME.fullmatch(value) is None:
        raise _Unreadable("a name is a-z, 0-9 and _, at most 32")
    return value


def _number(said: dict[str, Any], key: str) -> float:
    value = said.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _Unreadable(f"{key} is no number")
    if not abs(value) <= _LARGEST:  # NaN is not
        raise _Unreadable(f"{key} is no number that we take")
    return value


def _shown(line: bytes) -> str:
    return printable(line[:200].decode("utf-8", "replace"), 80)
