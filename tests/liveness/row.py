"""A row of ``make liveness``, and the table."""

import math
import shutil
import statistics
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tabulate import tabulate

from tests.liveness.room import Departure

MEDIAN, P95 = 7.0, 10.0
"""The goal, in seconds."""
HEADINGS = (
    "what happens", "server", "trials", "cause told",
    "told, median", "p95", "gone, median", "p95", "back, median", "wrong",
)  # fmt: skip


@dataclass(slots=True)
class Row:
    """One way on one server."""

    what: str
    server: str
    departures: list[Departure] = field(default_factory=list)
    returns: list[float] = field(default_factory=list)
    """Seconds from the mending to the room being told."""
    wrong: list[str] = field(default_factory=list)
    note: str = ""
    """Instead of figures."""
    remains: str = ""
    """The folder with logs and data, if something was wrong."""

    @contextmanager
    def kept(self, prefix: str) -> Iterator[Path]:
        """A folder for the logs; it stays if something was wrong. What fails is noted."""
        folder = Path(tempfile.mkdtemp(prefix=prefix))
        try:
            yield folder
        except (AssertionError, TimeoutError, OSError) as error:
            self.wrong.append(f"{type(error).__name__}: {error}")
        if self.wrong:
            self.remains = str(folder)
        else:
            shutil.rmtree(folder)

    @property
    def good(self) -> bool:
        """Whether all was told, rightly, and in time."""
        times = [[d.told for d in self.departures], [d.gone for d in self.departures]]
        slow = any(statistics.median(t) > MEDIAN or p95(t) > P95 for t in times if t)
        return not self.wrong and not slow

    def cells(self) -> tuple[str, ...]:
        """For the table."""
        if self.note:
            return self.what, self.server, "1", self.note, "", "", "", "", "", str(len(self.wrong))
        causes = Counter(d.cause or "none" for d in self.departures)
        return (
            self.what,
            self.server,
            str(len(self.departures)),
            ", ".join(f"{count} {cause}" for cause, count in sorted(causes.items())),
            *figures([d.told for d in self.departures]),
            *figures([d.gone for d in self.departures]),
            figures(self.returns)[0],
            str(len(self.wrong)),
        )


def p95(seconds: Sequence[float]) -> float:
    """The value that 95 % do not exceed (nearest rank)."""
    return sorted(seconds)[math.ceil(0.95 * len(seconds)) - 1]


def figures(seconds: Sequence[float]) -> tuple[str, str]:
    """Median and p95."""
    if not seconds:
        return "", ""
    return f"{statistics.median(seconds):.1f} s", f"{p95(seconds):.1f} s"


def table(found: Sequence[Row]) -> str:
    """In Markdown."""
    return tabulate([row.cells() for row in found], HEADINGS, tablefmt="pipe")
