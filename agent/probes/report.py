"""
What a probe says: a line for people, and the same for the agent through the side channel.

Standard library only. Facts come all of them, at the end, or not at all: a probe that fails
half way must not look like a machine that lost half of its parts.
"""

import json
import os
from typing import Any, TextIO

CHANNEL = "LABROOM_RESULTS"
"""The environment variable that names the side channel; without it, only people are told."""

_GRAVE = ("pass", "skip", "warn", "fail", "error")


class CannotLook(Exception):  # noqa: N818  (a state of the world)
    """What should be looked at is there, and cannot be read: an error, never a pass."""


class Report:
    """What one probe found."""

    def __init__(self, out: TextIO, channel: str | None = None) -> None:
        path = os.environ.get(CHANNEL) if channel is None else channel
        self._out = out
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND) if path else None
        self._facts: dict[str, str] = {}
        self.cases: list[tuple[str, str, str]] = []
        """What was looked at: name, verdict, why."""

    @property
    def heard(self) -> bool:
        """Whether there is a side channel."""
        return self._fd is not None

    @property
    def worst(self) -> str:
        """The gravest verdict of all cases; a skip if there is none."""
        return max((verdict for _, verdict, _ in self.cases), key=_GRAVE.index, default="skip")

    def case(self, name: str, verdict: str, why: str = "") -> None:
        """*name* was looked at, with that *verdict*."""
        self.cases.append((name, verdict, why))
        self._out.write(f"{verdict:5} {name}{': ' if why else ''}{why}\n")
        self._say(case=name, verdict=verdict, why=why)

    def note(self, text: str) -> None:
        """Tell people, and nobody else."""
        self._out.write(f"      {text}\n")

    def metric(self, name: str, value: float, unit: str = "") -> None:
        """A measured value."""
        self._out.write(f"      {name}: {value:g} {unit}\n")
        self._say(metric=name, value=value, unit=unit)

    def count(self, name: str, number: int) -> None:
        """So many of *name* there are."""
        self._say(count=name, n=number)

    def fact(self, key: str, value: str) -> None:
        """The machine has *key*, which is *value*; nothing that changes by itself."""
        self._facts[key] = value

    def close(self) -> None:
        """That is all."""
        if self.worst != "error":
            for key, value in sorted(self._facts.items()):
                self._out.write(f"      {key}: {value}\n")
                self._say(fact=key, value=value)
        if not self.cases:
            self.case("all", "skip", "there is nothing to look at")
        self._out.write(f"{len(self.cases)} looked at\n")
        self._out.flush()

    def _say(self, **said: Any) -> None:
        if self._fd is not None:
            os.write(self._fd, json.dumps(said).encode() + b"\n")
