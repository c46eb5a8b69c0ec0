"""``[results]``: what a program says in JSON, and what that means."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from agent.format.types import Path, Word, at
from agent.wire.settings import Strict


class Count(Strict):
    """A number among the results."""

    path: Path
    per: float = Field(default=1, gt=0)
    """What it is divided by: 1000 makes microseconds of nanoseconds."""


class Same(Strict):
    """Two numbers among the results that must be equal, else something was left out."""

    this: Path
    that: Path
    why: str = Field(min_length=1, max_length=200)


class Finding(Strict):
    """What a value among the results means, if it is as one of the keys says."""

    path: Path
    is_: bool | int | str | None = Field(default=None, alias="is")
    is_not: bool | int | str | None = None
    above: float | None = None
    below: float | None = None
    missing: Literal[True] | None = None
    then: Literal["warn", "skip", "fail", "error"]
    why: str = Field(min_length=1, max_length=200)

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = (self.is_, self.is_not, self.above, self.below, self.missing)
        if sum(each is not None for each in given) != 1:
            raise ValueError("needs one of: is, is_not, above, below, missing")
        return self


class Results(Strict):
    """Where a program says in JSON what it found, and what that means; no pass without it."""

    file: str = Field(default="", pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{0,63})?$")
    """In the scratch folder; without it, the output is the JSON."""
    counts: Mapping[Word, Annotated[Count, BeforeValidator(lambda v: at(v))]] = {}
    rules: tuple[Finding, ...] = ()
    same: tuple[Same, ...] = ()
    message: Path | None = None
    """Where the program says what is wrong: told instead of its last line."""

    def plain(self) -> dict[str, Any]:
        """For :mod:`agent.results`."""
        return {
            "file": self.file,
            "message": self.message,
            "counts": {name: [count.path, count.per] for name, count in self.counts.items()},
            "rules": [rule.model_dump(by_alias=True, exclude_none=True) for rule in self.rules],
            "same": [[rule.this, rule.that, rule.why] for rule in self.same],
        }
