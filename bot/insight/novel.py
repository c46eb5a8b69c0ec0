"""
What a log has that another has not: lines whose template (:mod:`bot.insight.templates`) is new.

Both are read once, from the beginning, as :class:`bot.scan.Scan`; memory is bounded. Pure.
"""

from collections.abc import Sequence

from bot.insight.templates import MOST, template
from bot.scan import shown

KEPT = 12
"""Most new lines that are kept, the first of each template: what comes first is the cause."""

_CUT = "[here "
"""How a line begins that stands for what was not kept (:func:`bot.logs.printed`)."""


class Templates:
    """The templates of a log."""

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._cut = False
        self.enough = False

    def feed(self, lines: Sequence[str]) -> None:
        """Look at the next *lines*."""
        for line in lines:
            self._cut = self._cut or line.startswith(_CUT)
            self._seen.add(hash(template(line)))  # a number takes a tenth of a text's memory
        self.enough = self._cut or len(self._seen) > MOST

    @property
    def whole(self) -> bool:
        """Whether these are all: of a log that is gone, cut or too varied nothing can be said."""
        return bool(self._seen) and not self.enough

    def __contains__(self, line: str) -> bool:
        return hash(template(line)) in self._seen


class Novel:
    """The first lines that are not among those *before*."""

    def __init__(self, before: Templates) -> None:
        self._before = before
        self._found: dict[str, str] = {}
        self.enough = False

    def feed(self, lines: Sequence[str]) -> None:
        """Look at the next *lines*."""
        for line in lines:
            if len(self._found) >= KEPT:
                self.enough = True
                return
            if line.strip() and line not in self._before and not line.startswith(_CUT):
                self._found.setdefault(template(line), shown(line))

    @property
    def lines(self) -> tuple[str, ...]:
        """What was found."""
        return tuple(self._found.values())
