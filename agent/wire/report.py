"""What ``check`` found: one line each, at once; what is wrong comes with its cure."""

import sys
from collections.abc import Callable


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


class Report:
    """
    Findings, told as they come.

    Args:
        tell: Gets each line; to standard output by default.
    """

    def __init__(self, tell: Callable[[str], object] = _print) -> None:
        self._tell = tell
        self.failed = False
        """Whether something is wrong; a warning is not."""

    def ok(self, what: str) -> None:
        """It works."""
        self._tell(f"ok   {what}")

    def warn(self, what: str, cure: str) -> None:
        """It works, but not as well as it could."""
        self._tell(f"warn {what}: {cure}")

    def bad(self, what: str, cure: str) -> None:
        """It does not work."""
        self.failed = True
        self._tell(f"BAD  {what}: {cure}")
