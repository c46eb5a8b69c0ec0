"""What should have arrived, what has, and the difference. No I/O."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one trial."""

    verdict: str
    lost: int = 0
    """Bytes that had to arrive, and did not."""
    doubled: int = 0
    """Bytes that arrived more often than they were printed."""
    twice: int = 0
    """Executions beyond the one that was asked for."""
    stuck: bool = False
    """Whether the run had no end, or nobody was told of it, when patience was over."""
    wrong: tuple[str, ...] = ()
    """Everything else that was not as expected, for people."""

    @property
    def good(self) -> bool:
        """Whether all was as promised."""
        return not (self.lost or self.doubled or self.twice or self.stuck or self.wrong)


@dataclass(frozen=True, slots=True)
class Difference:
    """Between what was printed and what was captured."""

    lost: int = 0
    doubled: int = 0
    wrong: tuple[str, ...] = ()


def compare(printed: bytes, captured: bytes, floor: int) -> Difference:
    """
    What *captured* lacks and repeats of *printed*, whose first *floor* bytes had to arrive.

    No two lines of *printed* are equal.
    """
    if len(captured) >= floor and printed.startswith(captured):
        return Difference()
    there = Counter(captured.split(b"\n"))
    wanted = printed[:floor].split(b"\n")[:-1]
    lost = sum(len(line) + 1 for line in wanted if line not in there)
    doubled = sum((len(line) + 1) * (times - 1) for line, times in there.items())
    wrong = () if lost or doubled else ("what arrived is not what was printed",)
    return Difference(lost, doubled, wrong)


@dataclass(slots=True)
class Row:
    """A row of the table: one fault on one server."""

    fault: str
    server: str
    outcomes: list[Outcome] = field(default_factory=list)
    skipped: str = ""
    """Why it could not be tried here; empty if it was."""
    remains: str = ""
    """The folder with logs and data, if something was wrong."""

    @property
    def good(self) -> bool:
        """Whether every trial was."""
        return all(outcome.good for outcome in self.outcomes)

    def cells(self) -> tuple[str, ...]:
        """Fault, server, trials, how they ended, lost, doubled, executed twice, stuck, wrong."""
        if self.skipped:
            return self.fault, self.server, "0", f"not tried: {self.skipped}", "", "", "", "", ""
        ends = Counter(outcome.verdict for outcome in self.outcomes)
        return (
            self.fault,
            self.server,
            str(len(self.outcomes)),
            ", ".join(f"{count} {verdict}" for verdict, count in sorted(ends.items())),
            str(sum(outcome.lost for outcome in self.outcomes)),
            str(sum(outcome.doubled for outcome in self.outcomes)),
            str(sum(outcome.twice for outcome in self.outcomes)),
            str(sum(outcome.stuck for outcome in self.outcomes)),
            str(sum(bool(outcome.wrong) for outcome in self.outcomes)),
        )

    def complaints(self) -> list[str]:
        """What was wrong in which trial, for people."""
        return [
            f"{self.fault} on {self.server}, trial {number}: {outcome}, {self.remains}"
            for number, outcome in enumerate(self.outcomes, 1)
            if not outcome.good
        ]


HEADINGS = ("fault", "server", "trials", "ended", "lost", "doubled", "twice", "stuck", "wrong")
