"""
A picture as PNG: ``python -m bot.draw``, JSON on standard input, the PNG on standard output.

A process of its own, so that what draws neither stalls the bot nor stays in its memory. For a
phone: as wide as its screen at two dots per pixel, large letters, few ticks, and colours that
people tell apart who see some of them alike (Okabe and Ito's), with a marker of its own for each.
"""

import json
import sys
import textwrap
from datetime import UTC, datetime
from typing import Any

import matplotlib as mpl
from matplotlib import dates, ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure

WIDTH, DPI = 3.9, 200
"""Inches and dots: 780, twice a phone's 390."""

_auto: Any = dates.AutoDateLocator
_number: Any = dates.date2num
_concise: Any = dates.ConciseDateFormatter

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#8C6D00")
MARKERS = ("o", "s", "^", "D", "v", "P")
INK, FAINT, WRONG = "#222222", "#dddddd", "#B00020"


def draw(picture: dict[str, Any]) -> Figure:
    """*picture*, as :meth:`bot.insight.picture.Picture.as_data` gives it."""
    mpl.rcParams.update({
        "font.size": 11, "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": INK,
        "xtick.color": INK, "ytick.color": INK, "text.parse_math": False,
        "axes.spines.top": False, "axes.spines.right": False,
    })  # fmt: skip
    count = len(picture["series"])
    height = {"lines": 2.7 + 0.1 * count, "rows": max(2.8, 1.3 + 0.26 * count)}
    figure = Figure(
        figsize=(WIDTH, height.get(picture["kind"], 2.8)), dpi=DPI, layout="constrained"
    )
    axes = figure.subplots()
    axes.grid(color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    {"lines": _lines, "rows": _rows, "histogram": _histogram}[picture["kind"]](axes, picture)
    title = textwrap.fill(picture["title"], 30, max_lines=3, placeholder="…")
    figure.suptitle(title, fontsize=12, fontweight="bold", x=0.02, ha="left")
    return figure


def _lines(axes: Axes, picture: dict[str, Any]) -> None:
    label = "went wrong"
    for series, colour, marker in zip(picture["series"], COLOURS, MARKERS, strict=False):
        points = series["points"]
        at = [_number(datetime.fromtimestamp(each["at"], UTC)) for each in points]
        values = [point["value"] for point in points]
        size = 5 if len(points) <= 40 else 3
        axes.plot(
            at, values, color=colour, marker=marker, ms=size, lw=1.6, label=_short(series["name"])
        )
        bad = [(when, p["value"]) for when, p in zip(at, points, strict=True) if p["bad"]]
        if bad:
            axes.plot(
                *zip(*bad, strict=True), "x", color=WRONG, ms=9, mew=2.2, zorder=5, label=label
            )
            label = ""
    locator: ticker.Locator = _auto(minticks=2, maxticks=4)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(_concise(locator))
    _values(axes.yaxis, 5)
    axes.set_ylabel(_label(picture))
    if len(picture["series"]) > 1 or not label:
        longest = max(len(each["name"]) for each in picture["series"])
        axes.figure.legend(
            frameon=False, fontsize=10, ncols=2 if longest <= 10 else 1, loc="outside lower left"
        )


def _rows(axes: Axes, picture: dict[str, Any]) -> None:
    names = [_short(series["name"]) for series in picture["series"]]
    for row, series in enumerate(picture["series"]):
        good = [p["value"] for p in series["points"] if not p["bad"]]
        values = sorted(good or [p["value"] for p in series["points"]])
        bad = series["points"][-1]["bad"]
        axes.plot([values[0], values[-1]], [row, row], color=COLOURS[4], lw=3)
        middle = (values[(len(values) - 1) // 2] + values[len(values) // 2]) / 2
        axes.plot(
            [middle], [row], "x" if bad else "o", color=WRONG if bad else COLOURS[0], ms=7, mew=2
        )
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(-0.7, len(names) - 0.3)
    _values(axes.xaxis, 4)
    axes.set_xlabel(_label(picture))


def _histogram(axes: Axes, picture: dict[str, Any]) -> None:
    middles = []
    for series in picture["series"]:
        values = sorted(point["value"] for point in series["points"])
        middles.append(values[len(values) // 2])
    axes.hist(middles, bins=20, color=COLOURS[0], edgecolor="white")
    _values(axes.xaxis, 4)
    axes.yaxis.set_major_locator(ticker.MaxNLocator(5, integer=True))
    axes.set_xlabel(_label(picture))
    axes.set_ylabel("targets")


def _values(axis: Any, ticks: int) -> None:
    axis.set_major_locator(ticker.MaxNLocator(ticks))
    axis.set_major_formatter(ticker.EngFormatter(sep=""))


def _label(picture: dict[str, Any]) -> str:
    unit = f" ({picture['unit']})" if picture["unit"] else ""
    return _short(picture["metric"], 30) + unit


def _short(name: str, most: int = 16) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"


if __name__ == "__main__":
    draw(json.load(sys.stdin)).savefig(sys.stdout.buffer, format="png", facecolor="white")
