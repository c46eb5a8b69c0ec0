"""chart: the facts in words, the picture as PNG, and what is said where there is none."""

import asyncio
import io
import json
import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from matplotlib.text import Text
from PIL import Image

from agent.wire.errors import Refusal
from agent.wire.vocabulary import Verdict
from bot import draw
from bot.charts import Charts
from bot.commands import discover
from bot.dialogue import Dialogue
from bot.findings import Metric
from bot.insight.measure import Measure
from bot.insight.picture import LINES, ROWS, Picture, Point, Series
from bot.policy import Rights
from bot.reply import Reply
from bot.report.text import width
from tests.answers import check
from tests.bot.lab_in_memory import ANN, DOMAIN, NOW, World, line

SHOTS = os.environ.get("LABROOM_SHOTS")
"""Where pictures for the documentation go: LABROOM_SHOTS=docs/images."""


def measure(
    job: int, target: str, value: float, *, verdict: Verdict = Verdict.PASS, params: str = "size=1G"
) -> Measure:
    metrics = (
        Metric(name="read", value=value, unit="MB/s", better="higher"),
        Metric(name="iops", value=10 * value),
    )
    return Measure(
        job=job, jid=f"{target}@{DOMAIN}", step=0, recipe="disk", params=params, model="m",
        verdict=verdict, seconds=40 + job, at=NOW - timedelta(days=50 - job), metrics=metrics,
    )  # fmt: skip


@pytest.fixture
def world() -> World:
    world = World()
    world.history.measures = [
        *(measure(job, "bob", 490 + job) for job in range(1, 11)),
        measure(11, "bob", 210, verdict=Verdict.FAIL),
        *(measure(job, "alice", 300 + job) for job in range(1, 5)),
        measure(2, "bob", 9999, params="size=2G"),
    ]
    return world


async def say(world: World, text: str) -> Reply:
    said = await Dialogue(discover(), world.lab, Rights()).answer(line(text, ANN, addressed=True))
    assert said is not None
    assert all(width(each) <= 38 for each in said.table.split("\n"))
    check(json.loads(said.json))
    return said


async def test_one_target_is_told_and_drawn_over_time(world: World) -> None:
    said = await say(world, "chart disk on bob")
    assert said.text == (
        "read of disk on bob: last 210 MB/s, median 495.5 MB/s of 11 runs, 491 to 500 MB/s, "
        "1 run went wrong"
    )
    assert (said.picture and said.picture.kind, said.table) == ("image/png", "")
    [drawn] = world.charts.drawn
    assert (drawn.kind, drawn.title, drawn.unit) == ("lines", "disk on bob", "MB/s")
    [bob] = drawn.series
    assert [point.value for point in bob.points] == [*range(491, 501), 210]
    assert [point.bad for point in bob.points] == [False] * 10 + [True]


async def test_a_metric_is_found_without_its_recipe_and_with_it(world: World) -> None:
    for text in ("chart iops on bob", "chart disk iops on bob", "plot IOPS on Bob"):
        if text.startswith("chart"):
            assert (await say(world, text)).text.startswith("iops of disk on bob: last 2100")
    assert (await say(world, "chart time on bob")).text.startswith("time of disk on bob: last 51 s")


async def test_several_targets_have_a_line_each_and_a_row(world: World) -> None:
    said = await say(world, "chart disk on bob, alice")
    assert said.text == (
        "read of disk on bob and alice: 2 targets, 15 runs, median 399 MB/s, "
        "lowest alice (302.5 MB/s), highest bob (495.5 MB/s), 1 run went wrong"
    )
    assert said.table.split("\n")[0].split() == ["alice", "302.5", "MB/s", "4", "runs"]
    data = json.loads(said.json)["chart"]
    assert data["targets"][1] == {
        "target": "bob", "count": 11, "median": 495.5, "low": 491, "high": 500, "last": 210,
    }  # fmt: skip


async def test_a_job_is_its_targets_side_by_side_or_one_in_its_history(world: World) -> None:
    await say(world, "run memtest on bob, alice")
    assert (await say(world, "chart 1")).text == (
        "read of disk in job 1: 2 targets, median 396 MB/s, lowest alice (301 MB/s), "
        "highest bob (491 MB/s)"
    )
    assert [len(each.points) for each in world.charts.drawn[-1].series] == [1, 1]
    assert world.charts.drawn[-1].kind == "rows"
    job = world.jobs.jobs[1]
    world.jobs.jobs[7] = replace(job, number=7, runs=(replace(job.runs[0], target="bob"),))
    assert "median 494 MB/s of 7 runs" in (await say(world, "chart job 7")).text


async def test_what_is_not_there_is_named(world: World) -> None:
    assert "no job 9" in (await say(world, "chart 9")).text
    assert "no recipe or metric called dsk" in (await say(world, "chart dsk on bob")).text
    assert "no metric of disk called rad" in (await say(world, "chart disk rad on bob")).text
    assert "has ended yet" in (await say(world, "chart memtest on bob")).text
    await say(world, "run memtest on carol")
    world.history.measures.clear()
    assert (await say(world, "chart 1")).text == "job 1: nothing is measured yet"


async def test_without_a_picture_the_facts_are_told_and_why(world: World) -> None:
    world.charts.why_not = "the bot has no matplotlib"
    said = await say(world, "chart disk on bob")
    assert said.text.endswith("1 run went wrong; no picture: the bot has no matplotlib")
    assert said.picture is None


def test_what_shows_a_picture_is_its_link_and_nothing_else() -> None:
    told, shows = Reply("the facts", data={"a": 1}).with_picture("https://up.example/c.png")
    assert shows.body == "https://up.example/c.png" == shows.data["file"]
    assert told.body == "the facts"
    assert told.data["picture"] == shows.body
    assert "no picture: full" in Reply("the facts").without_picture("full").text


# The pictures


def series(name: str, base: float, count: int, *, bad: int = -1) -> Series:
    start = NOW.timestamp() - count * 3 * 86400
    values = [base * (1 + 0.03 * ((7 * i * i + len(name)) % 11 - 5) / 5) for i in range(count)]
    return Series(
        name,
        tuple(
            Point(start + i * 3 * 86400, value * (0.6 if i == bad else 1), i == bad)
            for i, value in enumerate(values)
        ),
    )


PICTURES = {
    "one": Picture("disk on bob", "read", "MB/s", (series("bob", 498, 24, bad=15),), history=True),
    "few": Picture(
        "disk on pc01, pc02, pc03, pc04 and pc05", "read", "MB/s",
        tuple(series(f"pc0{i}", 440 + 25 * i, 18, bad=9 if i == 2 else -1) for i in range(1, 6)),
        history=True,
    ),
    "job": Picture(
        "disk in job 41", "read", "MB/s",
        (series("pc09", 350, 1, bad=0), *(series(f"pc{i}", 480 + i, 1) for i in range(10, 22))),
        history=False,
    ),
    "many": Picture(
        "disk on all", "read", "MB/s",
        tuple(series(f"pc{i:03}", 390 + 110 * (i % 30 > 0) + i * i % 37, 5) for i in range(150)),
        history=True,
    ),
    "hostile": Picture(
        "$\\frac{ <b>& " + "x" * 200, "\\alpha$_{", "%",
        (Series("a$b_c^" * 20, (Point(0, 0, bad=True),)),), history=True,
    ),
}  # fmt: skip


def test_there_are_as_many_lines_and_rows_as_can_be_read() -> None:
    def kind(count: int, history: bool) -> str:
        many = tuple(series(str(each), 1, 1) for each in range(count))
        return Picture("", "", "", many, history).kind

    assert [kind(LINES, True), kind(LINES + 1, True)] == ["lines", "rows"]
    assert [kind(1, False), kind(ROWS, False), kind(ROWS + 1, False)] == [
        "rows",
        "rows",
        "histogram",
    ]


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_as_wide_as_a_phone_and_all_letters_are_inside(name: str) -> None:
    picture = json.loads(json.dumps(PICTURES[name].as_data()))
    figure = draw.draw(picture)
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", facecolor="white")
    image = Image.open(drawn).convert("RGB")
    assert image.width == 780
    assert image.getpixel((0, image.height - 1)) == (255, 255, 255)
    inside = figure.get_tightbbox()
    assert (inside.x0, inside.y0) >= (0, 0)
    assert (inside.x1, inside.y1) <= (draw.WIDTH, image.height / draw.DPI)
    letters = [float(each.get_fontsize()) for each in figure.findobj(Text)]
    assert min(letters) >= 10  # points, at 200 dots per inch
    axes = figure.axes[0]
    assert len(axes.get_xticks()) <= 8
    assert len(axes.get_yticks()) <= max(8, len(picture["series"]))
    if SHOTS and name != "hostile":
        Path(SHOTS, f"chart-{name}.png").write_bytes(drawn.getvalue())


def test_a_run_that_went_wrong_stands_out() -> None:
    for name in ("one", "job"):
        lines = draw.draw(PICTURES[name].as_data()).axes[0].lines
        marked = [each for each in lines if each.get_color() == draw.WRONG]
        assert [each.get_marker() for each in marked] == ["x"], name


async def test_another_process_draws() -> None:
    png = await Charts().draw(PICTURES["one"])
    assert Image.open(io.BytesIO(png)).size == (780, 560)


async def test_one_that_fails_or_hangs_is_no_picture_and_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hangs.py").write_text(
        "import os, time\nprint(os.getpid(), file=open('pid', 'w'), flush=True)\ntime.sleep(600)\n"
    )
    (tmp_path / "fails.py").write_text("raise SystemExit('no font')\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Refusal, match="could not be drawn"):
        await Charts(module="fails").draw(PICTURES["one"])
    hanging = asyncio.create_task(Charts(module="hangs", within=3).draw(PICTURES["one"]))
    with pytest.raises(Refusal, match="longer than 3 s"):
        await hanging
    if (tmp_path / "pid").exists():
        with pytest.raises(ProcessLookupError):
            os.kill(int((tmp_path / "pid").read_text()), 0)


async def test_without_matplotlib_it_is_said_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(Refusal, match="no matplotlib") as refused:
        await Charts().draw(PICTURES["one"])
    assert "labroom[bot,charts]" in refused.value.hint
