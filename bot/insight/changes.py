"""What is gone, new or another since the facts of a machine were last looked at. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Change:
    """One fact that is not what it was; empty is not there."""

    key: str
    before: str
    now: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What is another since job *job*, of *at*."""

    job: int
    at: datetime
    of: tuple[Change, ...]
    """What is gone first, then what is another, then what is new."""


def changed(before: Mapping[str, str], now: Mapping[str, str]) -> tuple[Change, ...]:
    """What differs from *before*, *now*; what is gone comes first."""
    gone = [Change(key, text, "") for key, text in before.items() if key not in now]
    other = [
        Change(key, before[key], text)
        for key, text in now.items()
        if key in before and before[key] != text
    ]
    new = [Change(key, "", text) for key, text in now.items() if key not in before]
    return (*gone, *other, *new)
