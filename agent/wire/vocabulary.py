"""The words both sides share: run ids, verdicts, steps, orders. Pure values, no I/O."""

import enum
import re
import secrets
import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Self

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
"""What a recipe, a parameter and a target may be called: safe in a path and in a sentence."""

TOKEN = re.compile(r"[a-z0-9]{8,32}")
"""A random id: of a store, a journal, a state folder. Checked before it touches a path."""

_ALPHABET = string.ascii_lowercase + string.digits
_RUN_ID = re.compile(r"([a-z0-9]{8,32})-([1-9][0-9]{0,8})")


def token(length: int = 12) -> str:
    """A new random id of *length* letters and digits (5.2 bits each)."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


class Verdict(enum.StrEnum):
    """How a run ended. Defined mildest first: a job's verdict is its worst run's."""

    PASS = "pass"  # noqa: S105  (a verdict, not a password)
    SKIP = "skip"  # not applicable here
    WARN = "warn"  # it passed, and somebody should look
    ABORTED = "aborted"  # a person stopped it
    REFUSED = "refused"  # the target would not start it
    FAIL = "fail"  # the hardware failed the test
    TIMEOUT = "timeout"  # it took longer than its recipe allows
    STALLED = "stalled"  # it stopped making progress
    CRASHED = "crashed"  # the machine rebooted unasked
    LOST = "lost"  # no contact past the deadline
    ERROR = "error"  # the lab failed, not the hardware: a missing tool, a full disk, a killed test

    @staticmethod
    def worst(verdicts: "Iterable[Verdict]") -> "Verdict":
        """The one a person must look at first."""
        return max(verdicts, key=list(Verdict).index)

    @classmethod
    def read(cls, said: object) -> Self:
        """What a peer *said*; an error if we do not know it: that is never a pass."""
        try:
            return cls(str(said))
        except ValueError:
            return cls("error")

    @property
    def good(self) -> bool:
        """Whether nobody has to act."""
        return self in (Verdict.PASS, Verdict.SKIP, Verdict.WARN)


@dataclass(frozen=True, slots=True, order=True)
class RunId:
    """
    A job as a target sees it, together with who ordered it. Written ``k3x9q2ab-17``.

    People say ``17@bob``. On the wire the number alone would not do: a bot whose
    database is new counts from 1 again, and must never be taken to mean an old run.
    """

    store: str
    """The random id of the controller's database."""
    number: int
    """The job's number, for people."""

    def __str__(self) -> str:
        return f"{self.store}-{self.number}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read back what ``str()`` wrote; ValueError for anything else."""
        match = _RUN_ID.fullmatch(text)
        if match is None:
            raise ValueError(f"not a run id: {text[:60]!r}")
        return cls(match[1], int(match[2]))


@dataclass(frozen=True, slots=True)
class Step:
    """One recipe with the parameters that were given, as text; defaults are the target's."""

    recipe: str
    params: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def __str__(self) -> str:
        params = self.params.items()
        said = (f"for {value}" if key == "for" else f"{key}={value}" for key, value in params)
        return " ".join([self.recipe, *said])


@dataclass(frozen=True, slots=True)
class Order:
    """What a controller wants a target to run, and until when it may start."""

    run: RunId
    steps: tuple[Step, ...]
    ttl: float
    """Seconds from now until it may no longer start."""
    by: datetime
    """The same moment by the controller's clock (UTC): for an order that a server kept back."""
    usual: tuple[int, ...] = ()
    """Seconds that each step usually takes on this target, 0 if unknown; empty if all are."""


class Held(enum.StrEnum):
    """How far a target is with a run it holds."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
