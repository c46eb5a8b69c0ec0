"""``[[known]]``: a bad line that somebody has looked into."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any

from pydantic import Field

from agent.format.types import Whole
from agent.wire.settings import Strict


class Issue(Strict):
    """Makes a warning of a fail, for lines that it matches as a whole; see :mod:`agent.known`."""

    line: Whole
    """The whole of a line that ``fail`` finds, of a kernel message, or of why something failed."""
    why: str = Field(min_length=1, max_length=200)
    link: Annotated[str, Field(pattern=r"^(https?://\S{1,300})?$")] = ""
    exit: tuple[Annotated[int, Field(ge=1, le=255)], ...] = ()
    """Exit codes that the program has because of it."""
    until: date | None = None
    """The last day on which it counts, so that nobody forgets it."""
    where: Mapping[str, str] = {}
    """Values that parameters must have for it to count."""

    def counts(self, values: Mapping[str, str], today: date) -> bool:
        """Whether it may explain anything in a step with these *values*."""
        alike = all(values.get(name) == value for name, value in self.where.items())
        return alike and (self.until is None or today <= self.until)

    def plain(self) -> dict[str, Any]:
        """For :mod:`agent.known`."""
        return {"line": self.line, "why": self.why, "link": self.link, "exit": list(self.exit)}
