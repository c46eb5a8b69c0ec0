"""
Results that a diagnostic writes as JSON: what is counted in them, and what they mean.

Never read from a console what a program can say in a form made for programs. No I/O,
standard library only.

Rule 1: results that should be there and cannot be read are an error, never a pass.

Rule 2: a path says where a value is: keys with "/" between, ``3`` for the fourth of a
list, ``id=5`` for the first of a list with that field, ``*`` for all of them. What a
path does not find is not there: it is neither zero nor false.
"""

import json
import math
from collections.abc import Sequence
from typing import Any

from agent.progress import printable

MOST = 256 * 1024
"""Bytes of results that are read: what they become in memory is some ten times that."""

Spec = dict[str, Any]
"""As :meth:`agent.format.results.Results.plain` writes it into a request."""


class Results:
    """What a step's results say."""

    def __init__(self, spec: Spec, data: bytes) -> None:
        self.counts: dict[str, float] = {}
        self.findings: list[tuple[str, str]] = []
        """Verdicts and why, of all rules that apply."""
        self.message = ""
        """What the program itself says of its end."""
        self.lack = ""
        """What is missing for a pass, or empty."""
        self.document = document = _document(data)
        if document is None:
            self.findings.append(("error", "it ended without results that can be read"))
            return
        for name, (path, per) in spec["counts"].items():
            if (number := number_at(document, path)) is not None:
                self.counts[name] = _short(number / per)
        self._judge(spec["rules"], document)
        self.lack = _unequal(document, spec.get("same", ()))
        said = find(document, spec["message"]) if spec["message"] else []
        self.message = printable(next((each for each in said if isinstance(each, str)), ""))

    def _judge(self, rules: list[Spec], document: object) -> None:
        for rule in rules:
            found = find(document, rule["path"])
            matched, value = _match(rule, found)
            if matched:
                why = rule["why"] + (f": {value}" if value is not None else "")
                self.findings.append((rule["then"], why))


def find(document: object, path: str) -> list[object]:
    """The values at *path*: none, one, or (with ``*``) more."""
    values = [document]
    for part in path.split("/"):
        values = [inner for value in values for inner in _inside(value, part)]
    return values


def number_at(document: object, path: str) -> float | None:
    """The number at *path*; None if there is none."""
    return _number(find(document, path))


def _unequal(document: object, same: Sequence[Sequence[str]]) -> str:
    """Why the first two numbers that should be the same are not; empty if all are."""
    for this, that, why in same:
        left, right = number_at(document, this), number_at(document, that)
        if left is None or left != right:
            return f"{why} ({_told(left)} is not {_told(right)})"
    return ""


def _told(number: float | None) -> str:
    return "nothing" if number is None else str(_short(number))


def _inside(value: object, part: str) -> list[object]:
    if isinstance(value, dict):
        if part == "*":
            return list(value.values())
        return [value[part]] if part in value else []
    if not isinstance(value, list):
        return []
    if part == "*":
        return value
    if part.isdecimal():
        return value[int(part) : int(part) + 1]
    key, equals, wanted = part.partition("=")
    like: list[object] = [
        each for each in value if isinstance(each, dict) and str(each.get(key)) == wanted
    ]
    return like[:1] if equals else []


def _match(rule: Spec, found: list[object]) -> tuple[bool, object]:
    """Whether *rule* applies to what was found, and the value that says so, if it is a number."""
    if "missing" in rule:
        return all(each is None for each in found), None
    if "is_not" in rule:
        wanted = rule["is_not"]
        return not found or any(type(v) is not type(wanted) or v != wanted for v in found), None
    if "is" in rule:
        return any(type(v) is type(rule["is"]) and v == rule["is"] for v in found), None
    for value in found:
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            return True, None  # what cannot be compared is not good
        bad = ("above" in rule and value > rule["above"]) or (
            "below" in rule and value < rule["below"]
        )
        if bad or math.isnan(value):  # likewise
            number = _number([value])  # None: too large to be told, as a counter that is full
            return True, None if number is None else _short(number)
    return False, None


def _number(found: list[object]) -> float | None:
    """The number that was found, if it is one."""
    if not found or isinstance(found[0], bool) or not isinstance(found[0], int | float):
        return None
    return found[0] if abs(found[0]) < 1e15 and math.isfinite(found[0]) else None


def _short(number: float) -> float:
    """*number* with as many digits as people read."""
    if number == int(number) or abs(number) >= 1000:
        return round(number)
    return round(number, 1 if abs(number) >= 10 else 2)


def _document(data: bytes) -> object | None:
    """The JSON object that begins a line, if there is just one; programs write messages around."""
    text = data.decode("utf-8-sig", "replace")
    start = 0 if text.startswith("{") else text.find("\n{") + 1
    if not text[start:].startswith("{"):
        return None
    try:
        document: object
        document, end = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError):
        return None
    return None if "\n{" in text[end:] else document  # who knows which of them is meant
