"""Tables for a phone: plain, at most 38 columns, the most important column first."""

from collections.abc import Iterable, Sequence

from tabulate import tabulate

from bot.report.text import COLUMNS, clusters, cut, safe, width

GAP = 2
"""Columns between two cells, as tabulate's plain format has them."""

NARROWEST = 6
"""A column is not cut below this; rather the last one goes."""

ROWS = 25
"""What a phone shows of a block without scrolling, less a line or two."""


def table(rows: Iterable[Sequence[object]], *, columns: int = COLUMNS, most: int = ROWS) -> str:
    """
    *rows* aligned, at most *columns* wide and *most* lines long.

    The last columns are cut, then left out, before the first loses a letter: put what
    matters first. Cells are made safe.
    """
    cells = [[safe("" if cell is None else str(cell)) for cell in row] for row in rows]
    if len(cells) > most:
        left = len(cells) - most + 1
        return f"{table(cells[: most - 1], columns=columns)}\nand {left} more"
    filled = _filled(cells)
    widths = _widths(filled, columns)
    stand_in = _StandIn()
    drawn = tabulate(
        [
            [stand_in.put(cut(cell, room)) for cell, room in zip(row, widths, strict=False)]
            for row in filled
        ],
        tablefmt="plain",
        disable_numparse=True,
        preserve_whitespace=True,
    )
    return "\n".join(line.rstrip() for line in stand_in.take(drawn).split("\n"))


def _filled(rows: list[list[str]]) -> list[list[str]]:
    """*rows* of the same length, without columns that are empty everywhere."""
    longest = max(map(len, rows), default=0)
    square = [row + [""] * (longest - len(row)) for row in rows]
    used = [index for index in range(longest) if any(row[index] for row in square)]
    return [[row[index] for index in used] for row in square]


def _widths(rows: list[list[str]], columns: int) -> list[int]:
    """How wide each column may be; fewer than there are where there is no room."""
    natural = [max(map(width, column)) for column in zip(*rows, strict=True)]
    for count in range(len(natural), 1, -1):
        widths = natural[:count]
        for index in range(count - 1, 0, -1):
            excess = sum(widths) + GAP * (count - 1) - columns
            if excess > 0:
                widths[index] = max(widths[index] - excess, min(widths[index], NARROWEST))
        if sum(widths) + GAP * (count - 1) <= columns:
            return widths
    return [min(each, columns) for each in natural[:1]]


class _StandIn:
    """
    Private characters in place of wide and combined ones: one for each column taken.

    tabulate counts characters, or what wcwidth says of them where that is installed (a lone
    accent: none). Cells hold no private characters of their own (safe()).
    """

    def __init__(self) -> None:
        self._clusters: dict[str, str] = {}

    def put(self, text: str) -> str:
        if text.isascii():
            return text
        return "".join(self._one(cluster, columns) for cluster, columns in clusters(text))

    def _one(self, cluster: str, columns: int) -> str:
        place = self._clusters.setdefault(cluster, chr(0xF0000 + len(self._clusters)))
        return place + "\uf8ff" * (columns - 1)

    def take(self, text: str) -> str:
        back = {ord(place): cluster for cluster, place in self._clusters.items()}
        return text.translate({**back, 0xF8FF: None})


def block(lines: Iterable[str], *, columns: int = COLUMNS) -> str:
    """*lines* under each other, each made safe and cut to *columns*."""
    return "\n".join(cut(safe(line), columns).rstrip() for line in lines)
