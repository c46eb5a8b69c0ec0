"""How far a step is: by what it says, or else by the clock. No I/O; time is an argument."""

import re

from agent.wire.duration import spelled

_MOST = 1e15  # of a number that is read from a line


class Level:
    """One level of progress that is read from lines, such as loops, or tests in a loop."""

    def __init__(self, pattern: str, total: int | None) -> None:
        self._pattern, self._fixed = re.compile(pattern), total
        self.text = ""
        self.done, self.total = 0.0, float(total or 0)

    def reset(self) -> None:
        """The level above has moved on."""
        self.text, self.done = "", 0.0

    def see(self, line: str) -> bool:
        """Look at *line*, which is printable. Whether it moved this level."""
        match = self._pattern.search(line)
        if match is None:
            return False
        groups = {name: value for name, value in match.groupdict().items() if value}
        try:
            total = float(groups.get("total", self._fixed or 100))
            if "percent" in groups:
                done, total = float(groups["percent"]), 100.0
            elif "done" in groups:
                done = float(groups["done"])
            else:
                done = float(groups["begun"]) - 1 if "begun" in groups else self.done + 1
        except ValueError:
            return False
        if not (0 <= done <= _MOST and 0 < total <= _MOST):  # also not a number at all
            return False
        self.done, self.total = done, total
        self.text = printable(groups.get("text", match[0]))[:60]
        return True

    def fraction(self, inner: float) -> float:
        """How far this level is, when the part that is under way is at *inner*."""
        return min(1.0, (self.done + inner) / self.total) if self.total else 0.0


class Clock:
    """
    Progress of a program that says nothing, but was told how long to work.

    It moves by whole percents and never reaches the end: that, only the program can say.

    Args:
        takes: How long that is, in seconds.
    """

    def __init__(self, takes: float) -> None:
        self.takes = takes

    def at(self, elapsed: float) -> tuple[float, str]:
        """How far it is *elapsed* seconds after its start, 0 to 1, and in words."""
        percent = self._percent(elapsed)
        gone = spelled(int(self.takes * percent / 100))
        return percent / 100, f"{gone} of {spelled(int(self.takes))}"

    def moves(self, elapsed: float) -> float:
        """When it moves next, in seconds after its start; infinite if never."""
        percent = self._percent(elapsed)
        return float("inf") if percent == 99 else self.takes * (percent + 1) / 100

    def early(self, elapsed: float) -> bool:
        """Whether one that ends now cannot have worked as long as it was told to."""
        return elapsed < 0.9 * self.takes

    def _percent(self, elapsed: float) -> int:
        # The small share is for rounding: at the moment that moves() names, it has moved.
        return min(99, int(100 * elapsed / self.takes + 1e-6))


def printable(line: str, most: int = 200) -> str:
    """*line* without control characters and doubled spaces, at most so many characters."""
    if not line.isprintable():
        line = "".join(c if c.isprintable() else " " for c in line)
    line = " ".join(line.split())
    return line if len(line) <= most else line[: most - 1] + "…"
