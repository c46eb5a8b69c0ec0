"""
Values that a step measured. No I/O, standard library only.

Rule 1: a value is a finite number that was said, in the unit that the recipe means. What is
not said is no zero.

Rule 2: a limit that is broken is a fail; one that cannot be judged, for want of a value or
because one of them is no number, is no pass.
"""

import math
import operator
import re
from collections.abc import Callable
from typing import Any

MOST = 20
"""Metrics of one step that are kept."""

_LARGEST = 1e15

_TAKE: dict[str, Callable[[float, float], float]] = {
    "last": lambda _, b: b, "min": min, "max": max, "sum": operator.add, "mean": operator.add,
}  # fmt: skip

Spec = dict[str, Any]
"""As :meth:`agent.format.metrics.Metric.plain` writes it into a request."""


class Metrics:
    """The metrics of one step, as they come."""

    def __init__(self, specs: dict[str, Spec]) -> None:
        self._specs = specs
        self._lines = [
            (name, re.compile(spec["line"])) for name, spec in specs.items() if "line" in spec
        ]
        self._values: dict[str, tuple[int, float]] = {}  # how many, and what came of them
        self._units: dict[str, str] = {}
        self._unread: set[str] = set()  # lines told them, but no number

    def __bool__(self) -> bool:
        """Whether any is read from lines."""
        return bool(self._lines)

    @property
    def paths(self) -> dict[str, str]:
        """Where the JSON results say them."""
        return {name: spec["path"] for name, spec in self._specs.items() if "path" in spec}

    def see(self, line: str) -> None:
        """Look at *line*, which may tell some of them."""
        for name, pattern in self._lines:
            match = pattern.search(line)
            if match and match["value"] is not None and self.add(name, _number(match["value"])):
                self._unread.add(name)

    def add(self, name: str, value: float | None, unit: str = "") -> str:
        """One more *value* of a metric. What is wrong with it; empty if nothing is."""
        spec = self._specs.get(name, {})
        meant = spec.get("unit", "") or self._units.get(name, unit)
        if unit not in ("", meant):
            return f"{name} is in {unit}, not in {meant}"
        if value is None or not abs(value) <= _LARGEST:  # NaN is not
            return f"{name} is no number"
        if not value and spec.get("nonzero"):
            return ""
        if name not in self._values and len(self._values) == MOST:
            return f"there are more than {MOST} metrics"
        self._units[name] = meant
        value /= spec.get("per", 1)
        if name in self._values:
            times, before = self._values[name]
            self._values[name] = times + 1, _TAKE[spec.get("take", "last")](before, value)
        else:
            self._values[name] = 1, value
        return ""

    def lacking(self) -> str:
        """The first with a limit of which a value is not known; empty if there is none."""
        for name, spec in self._specs.items():
            known = name in self._values and name not in self._unread
            if not known and ("at_least" in spec or "at_most" in spec):
                return name
        return ""

    def broken(self) -> list[tuple[str, str]]:
        """The limits that are broken: ``fail``, and why."""
        found = []
        for name, value in self._all().items():
            spec, unit = self._specs.get(name, {}), self._units[name]
            for key, than, bad in (
                ("at_least", "less than", value < spec.get("at_least", -math.inf)),
                ("at_most", "more than", value > spec.get("at_most", math.inf)),
            ):
                if bad:
                    is_, limit = _said(value, unit), _said(spec[key], unit)
                    found.append(("fail", f"{name} is {is_}, {than} {limit}"))
        return found

    def told(self) -> list[dict[str, Any]]:
        """What is known of them, for the step's last record; in the recipe's order."""
        values = self._all()
        first = [name for name in self._specs if name in values]
        names = first + [name for name in values if name not in self._specs]
        return [
            {
                "name": name,
                "value": _short(values[name]),
                "unit": self._units[name],
                "better": self._specs.get(name, {}).get("better", ""),
                "margin": self._specs.get(name, {}).get("marginal", 0),
            }
            for name in names
        ]

    def _all(self) -> dict[str, float]:
        return {
            name: value / times if self._specs.get(name, {}).get("take") == "mean" else value
            for name, (times, value) in self._values.items()
        }


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _short(value: float) -> float:
    """*value* with six digits, and without ".0"."""
    rounded = float(f"{value:.6g}")
    return int(rounded) if rounded.is_integer() else rounded


def _said(value: float, unit: str) -> str:
    return f"{_short(value):g} {unit}".rstrip()
