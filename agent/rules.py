"""
How recipes say what to read from a program's output, and what its verdict is.

The models only check what a recipe's author wrote; :mod:`agent.judge` does the judging.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from agent.wire.errors import BadValue
from agent.wire.parameter import Kind, Parameter
from agent.wire.settings import Strict

EXITS = ("pass", "warn", "skip", "fail", "error")
"""What an exit code can mean."""


def count(text: str) -> int:
    """The number of bytes in what :meth:`Parameter.check` made of a size."""
    unit = "KMGT".find(text[-1]) + 1
    return int(text[:-1] if unit else text) << (10 * unit)


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return pattern


def _seconds(value: object) -> int:
    if not isinstance(value, str):
        raise ValueError('write it like "90s" or "2h30m"')  # noqa: TRY004  (pydantic wants it)
    try:
        return int(Parameter(kind=Kind.DURATION, default="", min="1").check("it", value))
    except BadValue as error:
        raise ValueError(str(error)) from error


def _bytes(value: object) -> int:
    if not isinstance(value, str):
        raise ValueError('write it like "256M"')  # noqa: TRY004  (pydantic wants it)
    try:
        return count(Parameter(kind=Kind.SIZE, default="", min="1").check("it", value))
    except BadValue as error:
        raise ValueError(str(error)) from error


Pattern = Annotated[str, AfterValidator(_compiles)]
Seconds = Annotated[int, BeforeValidator(_seconds)]
Bytes = Annotated[int, BeforeValidator(_bytes)]
Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]


def _wrapped(value: object) -> object:
    """A pattern alone is short for a table with nothing else."""
    return {"line": value} if isinstance(value, str) else value


class Progress(Strict):
    """
    One level of progress; levels are listed from the outermost to the innermost.

    The pattern has a group ``percent``; or ``done`` (so many are) or ``begun`` (this one
    is under way) with ``total``; or no such group, and each match is one more of ``total``.
    A group ``text`` is what to show of the line.
    """

    line: Pattern
    total: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        groups = set(re.compile(self.line).groupindex)
        if "percent" not in groups and "total" not in groups and self.total is None:
            raise ValueError("needs a group 'percent', or a group or key 'total'")
        return self


class Output(Strict):
    """What to read from the output while it runs."""

    progress: tuple[Annotated[Progress, BeforeValidator(lambda v: _wrapped(v))], ...] = ()
    counts: Mapping[Word, Pattern] = {}
    """Each match adds 1, or the number in its group ``n``."""
    most: Bytes = 256 << 20
    """A step that writes more than this is stopped: verdict error."""


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
    fail: tuple[Pattern, ...] = ()
    error: tuple[Annotated[Complaint, BeforeValidator(lambda v: _wrapped(v))], ...] = ()
    must: tuple[Pattern, ...] = ()
    """Lines without which it is no pass: it ended early, whatever its exit code."""
    same: tuple[Same, ...] = ()

    @model_validator(mode="after")
    def _verdicts(self) -> Self:
        for code, verdict in self.exit.items():
            if verdict not in EXITS:
                raise ValueError(f"exit {code} is {verdict!r}, none of {', '.join(EXITS)}")
        return self
