"""``[output]``: what to read from the output while the program runs."""

import re
from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from agent.format.types import Bytes, Pattern, Word, wrapped
from agent.wire.settings import Strict


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

    progress: tuple[Annotated[Progress, BeforeValidator(lambda v: wrapped(v))], ...] = ()
    counts: Mapping[Word, Pattern] = {}
    """Each match adds 1, or the number in its group ``n``."""
    most: Bytes = 256 << 20
    """Of a step that writes more than this, beginning and end are kept."""
