"""``[verdict]``: how the verdict of a step is found. :mod:`agent.judge` does the judging."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from agent.format.output import Output
from agent.format.types import Pattern, Word, wrapped
from agent.wire.settings import Strict

Case = Annotated[str, Field(min_length=1, max_length=80)]

EXITS = ("pass", "warn", "skip", "fail", "error")
"""What an exit code can mean."""


class Complaint(Strict):
    """A line that means that the lab failed, not the hardware. The step ends at once."""

    line: Pattern
    why: str = ""
    """For people: what happened, and what to do. Without it, the line itself."""


class Same(Strict):
    """Two lines whose first groups must be equal, by the end, at their last occurrence."""

    this: Pattern
    that: Pattern
    why: str

    @model_validator(mode="after")
    def _groups(self) -> Self:
        if not (re.compile(self.this).groups and re.compile(self.that).groups):
            raise ValueError("both patterns need a group to compare")
        return self


class Rules(Strict):
    """How a step's verdict is found. The worst rule wins."""

    exit: Mapping[Annotated[str, Field(pattern=r"^\d{1,3}$")], Word] = {"0": "pass"}
    """Exit codes; any other is a fail. Death by a signal is an error."""
    bits: Mapping[Annotated[str, Field(pattern=r"^[0-7]$")], Word] = {}
    """Of an exit code that is a bit mask and not in ``exit``; any other bit is a fail."""
    fail: tuple[Pattern, ...] = ()
    error: tuple[Annotated[Complaint, BeforeValidator(lambda v: wrapped(v))], ...] = ()
    must: tuple[Pattern, ...] = ()
    """Lines without which it is no pass: it ended early, whatever its exit code."""
    same: tuple[Same, ...] = ()
    expect: tuple[Case, ...] = ()
    """Cases that the side channel must tell of: one that is missing is a fail."""

    @model_validator(mode="after")
    def _verdicts(self) -> Self:
        for what, meanings in (("exit", self.exit), ("bit", self.bits)):
            for code, verdict in meanings.items():
                if verdict not in EXITS:
                    raise ValueError(f"{what} {code} is {verdict!r}, none of {', '.join(EXITS)}")
        return self

    def plain(self, output: Output) -> dict[str, Any]:
        """Together with what is read from the *output*, for :mod:`agent.judge`."""
        return {
            "exit": dict(self.exit),
            "bits": dict(self.bits),
            "fail": list(self.fail),
            "error": [[rule.line, rule.why] for rule in self.error],
            "must": list(self.must),
            "same": [[rule.this, rule.that, rule.why] for rule in self.same],
            "expect": list(self.expect),
            "counts": dict(output.counts),
            "progress": [[level.line, level.total] for level in output.progress],
        }
