"""
How recipes say what to read from a program's output, and what its verdict is.

The models only check what a recipe's author wrote; :mod:`agent.judge` does the judging.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

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
Path = Annotated[str, Field(pattern=r"^[^/\s]+(/[^/\s]+)*$", max_length=200)]
Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]


def _wrapped(value: object) -> object:
    """A pattern alone is short for a table with nothing else."""
    return {"line": value} if isinstance(value, str) else value


def _at(value: object) -> object:
    """A path alone is short for a table with nothing else."""
    return {"path": value} if isinstance(value, str) else value


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
    """Of a step that writes more than this, beginning and end are kept."""


class Count(Strict):
    """A number among the results."""

    path: Path
    per: float = Field(default=1, gt=0)
    """What it is divided by: 1000 makes microseconds of nanoseconds."""


class Finding(Strict):
    """What a value among the results means: the values that are ``is``, above, below, missing."""

    path: Path
    is_: bool | int | str | None = Field(default=None, alias="is")
    above: float | None = None
    below: float | None = None
    missing: Literal[True] | None = None
    then: Literal["warn", "skip", "fail", "error"]
    why: str = Field(min_length=1, max_length=200)

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(each is not None for each in (self.is_, self.above, self.below, self.missing)) != 1:
            raise ValueError("needs one of: is, above, below, missing")
        return self


class Results(Strict):
    """Where a program says in JSON what it found, and what that means; no pass without it."""

    file: str = Field(default="", pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{0,63})?$")
    """In the scratch folder; without it, the output is the JSON."""
    counts: Mapping[Word, Annotated[Count, BeforeValidator(lambda v: _at(v))]] = {}
    rules: tuple[Finding, ...] = ()
    message: Path | None = None
    """Where the program says what is wrong: told instead of its last line."""

    def plain(self) -> dict[str, Any]:
        """For :mod:`agent.results`."""
        return {
            "file": self.file,
            "message": self.message,
            "counts": {name: [count.path, count.per] for name, count in self.counts.items()},
            "rules": [rule.model_dump(by_alias=True, exclude_none=True) for rule in self.rules],
        }


class On(Strict):
    """What to do when something happens to a step that it did not do itself."""

    crash: Literal["stop", "repeat", "next"] = "stop"
    """The machine rebooted unasked: the run ends, does the step again, or goes on after it."""
    repeats: int = Field(default=1, ge=1, le=100)
    """How often to repeat it, at most; then the run ends."""


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
    error: tuple[Annotated[Complaint, BeforeValidator(lambda v: _wrapped(v))], ...] = ()
    must: tuple[Pattern, ...] = ()
    """Lines without which it is no pass: it ended early, whatever its exit code."""
    same: tuple[Same, ...] = ()

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
            "counts": dict(output.counts),
            "progress": [[level.line, level.total] for level in output.progress],
        }
