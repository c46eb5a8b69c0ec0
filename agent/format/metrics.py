"""``[metrics.NAME]``: a measured value, where it is said, and what it must be."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from agent.format.types import Path, Pattern
from agent.wire.settings import Strict

MOST = 20
"""Metrics of one step."""

Unit = Annotated[str, Field(pattern=r"^([!-~µ°²](?:[ -~µ°²]{0,10}[!-~µ°²])?)?$")]


class Metric(Strict):
    """
    One measured value: from lines of the output, from the JSON, or from the side channel.

    A recipe that sets a limit for it needs it: without a value there is no pass.
    """

    unit: Unit = ""
    better: Literal["higher", "lower", ""] = ""
    """Which way is an improvement; without it nobody can say what is a loss."""
    marginal: float = Field(default=0, ge=0, le=100)
    """Percent by which it may be worse than its own history before people are told."""
    at_least: float | None = None
    """Below this, the step fails."""
    at_most: float | None = None
    """Above this, the step fails."""
    line: Pattern | None = None
    """A line of the output that tells it, in the pattern's group ``value``."""
    path: Path | None = None
    """Where the JSON results tell it."""
    per: float = Field(default=1, gt=0)
    """What it is divided by: 1e6 makes MB of bytes."""
    nonzero: bool = False
    """A 0 says that nothing was measured."""
    take: Literal["last", "min", "max", "mean", "sum"] = "last"
    """Which of several values counts."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.line is not None and self.path is not None:
            raise ValueError("needs line or path, not both; or neither, for the side channel")
        if self.line is not None and "value" not in re.compile(self.line).groupindex:
            raise ValueError("line: needs a group 'value': (?P<value>[0-9.]+)")
        if self.marginal and not self.better:
            raise ValueError('marginal: needs better = "higher" or "lower"')
        if None not in (self.at_least, self.at_most) and self.at_least > self.at_most:  # type: ignore[operator]  # neither is None
            raise ValueError("at_least is more than at_most")
        return self

    def plain(self) -> dict[str, Any]:
        """For :mod:`agent.metrics`."""
        return self.model_dump(exclude_none=True)
