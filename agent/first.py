"""
The first line of the worst that a step said, with what was said around it.

Pure, standard library only.

Rule: of what is as bad, what came first is the cause; what is worse goes before it.
"""

from collections.abc import Sequence
from typing import Any

from agent.progress import printable

CONTEXT = 3
"""Most lines before it, and after it."""


class First:
    """What leads the tale of a step that failed."""

    def __init__(self, mildest_first: Sequence[str]) -> None:
        self._order = mildest_first.index
        self._verdict = ""
        self._ends = False  # the line itself
        self.told: dict[str, Any] | None = None
        """As docs/protocol.md has it; None while nothing is bad."""

    def lead(self, verdict: str, line: str, before: Sequence[str], **where: Any) -> None:
        """
        Take a bad *line*, unless as bad a one was said already.

        Args:
            before: The lines before it; the last ones count.
            where: ``at``, its number in the output, or ``by``, who else said it.
        """
        if self.told is None or self._order(verdict) > self._order(self._verdict):
            around = [printable(each) for each in before[-CONTEXT:]]
            self.told = {"line": printable(line), "before": around, "after": [], **where}
            self._verdict, self._ends = verdict, False

    def follow(self, line: str) -> None:
        """A *line* of the output has ended: that which is the first, or one that comes after it."""
        if self.told is None or "at" not in self.told:
            return
        if self._ends and line and len(self.told["after"]) < CONTEXT:
            self.told["after"].append(printable(line))
        self._ends = True
