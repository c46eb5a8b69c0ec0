"""
Known issues: bad lines that somebody has looked into, and that need no looking at again.

Pure, standard library only.

Rule 1: a known issue explains one line, the whole of it, and the exit codes that it names;
nothing else. What it does not explain fails as ever.

Rule 2: it makes a warning of a fail, never a pass. An error it does not touch: the lab
failed, and nothing was tested.
"""

import re
from typing import Any

Spec = dict[str, Any]
"""As :meth:`agent.format.known.Issue.plain` writes it into a request."""


class Known:
    """The known issues of one step, and which of them were met."""

    def __init__(self, specs: list[Spec]) -> None:
        self._issues = [(re.compile(spec["line"]), spec) for spec in specs]
        self._met: list[Spec] = []

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._issues)

    def explains(self, line: str) -> bool:
        """Whether a bad *line* is one of them; it is met then."""
        for pattern, spec in self._issues:
            if pattern.fullmatch(line):
                if spec not in self._met:
                    self._met.append(spec)
                return True
        return False

    def excuses(self, code: int) -> bool:
        """Whether those that were met account for the exit *code*."""
        return any(code in spec["exit"] for spec in self._met)

    @property
    def why(self) -> str:
        """What was met, in words; empty if nothing was."""
        return "; ".join(f"known: {spec['why']}" for spec in self._met)

    def told(self) -> list[dict[str, str]]:
        """What was met, for the step's last record."""
        return [{"why": spec["why"], "link": spec["link"]} for spec in self._met]
