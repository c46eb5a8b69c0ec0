"""
A picture as PNG: ``python -m bot.draw``, JSON on standard input, the PNG on standard output.

A process of its own, so that what draws neither stalls the bot nor stays in its memory. For a
phone, which shows it some 275 by 208 pixels beside what else stands in a room (Converse.js, 15 em
high at most): a picture has that shape, and a point is a pixel. So letters are large, words short,
ticks few, and of many targets those have names that stand out. Colours are such that people tell
them apart who see some of them alike (Okabe and Ito's), with a marker of its own for each.
"""

import itertools
import json
import math
import resource
import sys
import textwrap
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import matplotlib as mpl
from matplotlib import dates, ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

WIDTH, HEIGHT, DPI = 3.9, 2.95, 200
"""Inches and dots: 780 by 590."""

LETTERS, TITLE = 13, 14
"""Points."""
ACROSS = 26
"""Letters that fit beside each other above the axes."""
LEGEND, HANDLE = 36, 4
"""The same of the legend, and how many a mark in it takes."""
NAMED = 7
"""Most rows that have a name each."""

_auto: Any = dates.AutoDateLocator
_number: Any = dates.date2num
_concise: Any = dates.ConciseDateFormatter

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#8C6D00")
MARKERS = ("o", "s", "^", "D", "v", "P")
INK, FAINT, WRONG = "#222222", "#dddddd", "#B00020"
ALL, HALF = "#dcdcdc", "#b0b0b0"
"""What a target measured before, and the middle half of it."""
ODD = "#E69F00"
"""Not as usual; with a marker of its own."""
MEMORY, SECONDS = 2 << 30, 60
"""What one picture may take."""


def draw(picture: dict[str, Any]) -> Figure:
    """*picture*, as :meth:`bot.insight.picture.Picture.as_data` gives it."""
    mpl.rcParams.update({
        "font.size": LETTERS, "xtick.labelsize": LETTERS, "ytick.labelsize": LETTERS,
        "axes.labelsize": LETTERS, "legend.fontsize": LETTERS, "text.color": INK,
        "axes.labelcolor": INK, "axes.edgecolor": INK, "xtick.color": INK, "ytick.color": INK,
        "text.parse_math": False,
        "axes.spines.top": False, "axes.spines.right": False,
    })  # fmt: skip
    figure = Figure(figsize=(WIDTH, HEIGHT), dpi=DPI, layout="constrained")
    axes = figure.subplots()
    axes.grid(color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    {"lines": _lines, "rows": _rows, "histogram": _histogram}[picture["kind"]](axes, picture)
    title = textwrap.fill(picture["title"], 28, max_lines=2, placeholder="…")
    figure.suptitle(title, fontsize=TITLE, fontweight="bold", x=0.02, ha="left")
    return figure


def _lines(axes: Axes, picture: dict[str, Any]) -> None:
    label = "wrong"
    _usual(axes, picture)
    names = _names(picture["series"])
    looks = zip(picture["series"], names, COLOURS, MARKERS, strict=False)
    for series, name, colour, marker in looks:
        points = series["points"]
        at = _dates(each["at"] for each in points)
        values = [point["value"] for point in points]
        size = 5 if len(points) <= 40 else 3
        axes.plot(
            at,
            values,
            color=colour,
            marker=marker,
            ms=size,
            lw=1.6,
            label=name if len(names) > 1 else "",
        )
        bad = [(when, p["value"]) for when, p in zip(at, points, strict=True) if p["bad"]]
        if bad:
            axes.plot(
                *zip(*bad, strict=True), "x", color=WRONG, ms=9, mew=2.2, zorder=5, label=label
            )
            label = ""
    _mark(axes, picture)
    axes.margins(y=0.14)  # marks are larger than what they stand for
    when = {point["at"] for series in picture["series"] for point in series["points"]}
    if len(when) == 1:  # else a single run stands among years
        [middle] = _dates(when)
        axes.set_xlim(middle - 0.5, middle + 0.5)
    locator: ticker.Locator = _auto(minticks=2, maxticks=4)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(_concise(locator))
    _values(axes.yaxis, 4)
    axes.set_title(_label(picture), fontsize=LETTERS, loc="left")
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        _legend(axes, dict(zip(labels, handles, strict=True)))


def _dates(seconds: Iterable[float]) -> list[float]:
    """UTC seconds, as matplotlib counts time: in days."""
    return [_number(datetime.fromtimestamp(each, UTC)) for each in seconds]


def _usual(axes: Axes, picture: dict[str, Any]) -> None:
    """Of one target, what is usual."""
    [first, *others] = picture["series"]
    if past := first["past"] if not others else None:
        axes.axhspan(past["low"], past["high"], color=FAINT, lw=0, label="usual")
        axes.axhline(past["median"], color="#888888", lw=1.2, ls="--", label="median")


def _mark(axes: Axes, picture: dict[str, Any]) -> None:
    """A ring around the run that it is about."""
    points = [p for each in picture["series"] for p in each["points"] if p["at"] == picture["mark"]]
    for point in points[:1]:
        axes.plot(
            _dates([point["at"]]), [point["value"]], "o", ms=13, mew=2, mec=INK, mfc="none",
            zorder=6, label="this job",
        )  # fmt: skip


def _rows(axes: Axes, picture: dict[str, Any]) -> None:
    names = _names(picture["series"])
    thick = min(8.0, 80 / len(names))
    for row, series in enumerate(picture["series"]):
        low, high, past = min(series["values"]), max(series["values"]), series["past"]
        if past:
            ends = ("lowest", "highest", ALL), ("low", "high", HALF)
            for left, right, grey in ends:
                axes.plot([past[left], past[right]], [row, row], color=grey, lw=thick,
                          label="_past", solid_capstyle="butt")  # fmt: skip
            axes.plot([past["median"]], [row], "|", color=INK, ms=thick + 2, mew=1.8)
        axes.plot([low, high], [row, row], color=COLOURS[4], lw=thick / 3)
        look = _look(past, bad=series["bad"])
        look["ms"] = min(look["ms"], thick + 2)
        axes.plot([series["median"]], [row], ls="", zorder=4, **look)
    named = _named(picture["series"])
    axes.set_yticks(named, [names[row] for row in named])
    axes.set_ylim(-0.7, len(names) - 0.3)
    _values(axes.xaxis, 4)
    axes.set_title(_label(picture), fontsize=LETTERS, loc="left")
    _key(axes)


def _named(series: Sequence[dict[str, Any]]) -> list[int]:
    """The rows that have a name: all, or of many those that stand out, as far as there is room."""
    odd = [
        row for row, one in enumerate(series) if one["bad"] or (one["past"] or {}).get("unusual")
    ]
    apart, named = math.ceil(len(series) / NAMED), list[int]()
    for row in (*odd, 0, len(series) - 1, *range(len(series))):
        if all(abs(row - other) >= apart for other in named):
            named.append(row)
    return sorted(named)


def _look(past: dict[str, Any] | None, *, bad: bool) -> dict[str, Any]:
    """How a target's number is marked, and what that means."""
    if bad:
        return {"color": WRONG, "marker": "x", "ms": 7, "mew": 2, "label": "wrong"}
    if past is not None and past["unusual"]:
        return {"color": ODD, "marker": "D", "ms": 7, "mec": INK, "label": "unusual"}
    plain = {"color": COLOURS[0], "marker": "o", "ms": 7}
    if past is None:
        return {**plain, "mfc": "white", "mew": 2, "label": "new"}
    return {**plain, "mec": "white", "label": "usual"}


def _key(axes: Axes) -> None:
    """What each mark means, if there is a past to compare with."""
    if not any(line.get_label() == "_past" for line in axes.lines):
        return
    handles, labels = axes.get_legend_handles_labels()
    marks = dict(zip(labels, handles, strict=True))
    marks["its past"] = Line2D([], [], color=HALF, lw=7)
    _legend(axes, marks)


def _legend(axes: Axes, marks: dict[str, Any]) -> None:
    """What *marks* mean, below the picture, in as many columns as fit."""
    names = list(marks)
    columns = max(count for count in range(1, len(names) + 1) if count == 1 or _fits(names, count))
    lines = math.ceil(len(names) / columns)
    columns = math.ceil(len(names) / lines)
    axes.figure.legend(
        marks.values(), names, frameon=False, loc="outside lower left", ncols=columns,
        handlelength=1.2, handletextpad=0.4, columnspacing=0.8, labelspacing=0.3, borderpad=0.2,
    )  # fmt: skip


def _fits(names: Sequence[str], columns: int) -> bool:
    """Whether *names*, downwards, the first columns the longer ones, are no wider than we are."""
    high, more = divmod(len(names), columns)
    ends = [at * high + min(at, more) for at in range(columns + 1)]
    parts = [names[start:end] for start, end in itertools.pairwise(ends)]
    return sum(HANDLE + max(map(len, part)) for part in parts) <= LEGEND


def _histogram(axes: Axes, picture: dict[str, Any]) -> None:
    medians = [series["median"] for series in picture["series"]]
    axes.hist(medians, bins=20, color=COLOURS[0], edgecolor="white")
    _values(axes.xaxis, 4)
    axes.yaxis.set_major_locator(ticker.MaxNLocator(5, integer=True))
    axes.set_xlabel(_label(picture))
    axes.set_ylabel("targets")


def _values(axis: Any, ticks: int) -> None:
    axis.set_major_locator(ticker.MaxNLocator(ticks))
    large = ticker.EngFormatter(sep="")

    def shown(value: float, at: int) -> str:
        return large(value, at) if abs(value) >= 1000 else f"{value:g}"  # 0.4 s, not 400m s

    axis.set_major_formatter(ticker.FuncFormatter(shown))


def _label(picture: dict[str, Any]) -> str:
    unit = f" ({picture['unit']})" if picture["unit"] else ""
    return _short(picture["metric"], ACROSS - len(unit)) + unit


def _names(series: Sequence[dict[str, Any]]) -> list[str]:
    """What the targets are called, without what all begin with if that is long."""
    names = [one["name"] for one in series]
    low, high = min(names), max(names)
    alike = next((at for at, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), 0)
    start = low[:alike].rstrip("0123456789")
    if len(start) < 4 or max(map(len, names)) <= 10:
        start = ""
    return [_short(("…" if start else "") + name[len(start) :]) for name in names]


def _short(name: str, most: int = 12) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    draw(json.load(sys.stdin)).savefig(sys.stdout.buffer, format="png", facecolor="white")
