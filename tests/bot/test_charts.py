"""chart: the facts in words, the picture as PNG, and what is said where there is none."""

import asyncio
import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from matplotlib.patches import Rectangle
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
from bot.insight.picture import LINES, ROWS, Picture, Point, Series, against
from bot.policy import Rights
from bot.reply import Reply
from bot.report.text import width
from tests.answers import check
from tests.bot.lab_in_memory import ANN, DOMAIN, NOW, World, line

SHOTS = os.environ.get("LABROOM_SHOTS")
"""Where pictures for the documentation go; ``make pictures`` says."""


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


async def test_the_targets_of_a_job_are_compared_with_their_own_past(world: World) -> None:
    await say(world, "run memtest on bob, alice, carol")
    world.jobs.jobs[20] = replace(world.jobs.jobs.pop(1), number=20)
    world.history.measures += [
        measure(20, "bob", 440), measure(20, "alice", 302), measure(20, "carol", 7),
        measure(21, "bob", 1), measure(22, "bob", 1), measure(23, "bob", 1),
    ]  # fmt: skip
    said = await say(world, "chart 20")
    assert said.text == (
        "read of disk in job 20: 3 targets, median 302 MB/s, lowest carol (7 MB/s), "
        "highest bob (440 MB/s), bob 11 % below its median"
    )
    [drawn] = world.charts.drawn
    found = {each.name: each.past for each in drawn.series}
    bob, alice = found["bob"], found["alice"]
    assert bob is not None
    assert (bob.lowest, bob.median, bob.highest, bob.unusual) == (491, 495.5, 500, True)
    assert alice is not None
    assert (alice.low, alice.high, alice.unusual) == (301.75, 303.25, False)
    assert found["carol"] is None
    told = {each["target"]: each for each in json.loads(said.json)["chart"]["targets"]}
    assert (told["bob"]["percent"], told["bob"]["unusual"]) == (-11.2, True)
    assert "unusual" not in told["alice"]
    assert "usual" not in told["carol"]


async def test_the_run_of_a_job_is_marked_in_the_history_of_its_target(world: World) -> None:
    await say(world, "run memtest on bob")
    world.jobs.jobs[7] = replace(world.jobs.jobs.pop(1), number=7)
    await say(world, "chart 7")
    [drawn] = world.charts.drawn
    [bob] = drawn.series
    assert drawn.mark == bob.points[-1].at == measure(7, "bob", 0).at.timestamp()
    assert bob.past is not None
    assert (bob.past.lowest, bob.past.highest) == (491, 496)  # not itself


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

SHOWN = 273, 208
"""Pixels that Converse.js gives a picture on a phone at most (end_to_end/test_browser.py)."""


def series(name: str, base: float, count: int, *, bad: int = -1) -> Series:
    start = NOW.timestamp() - count * 3 * 86400
    values = [base * (1 + 0.03 * ((7 * i * i + len(name)) % 11 - 5) / 5) for i in range(count)]
    return Series(
        name,
        tuple(
            Point(start + i * 3 * 86400, value * (0.9 if i == bad else 1), i == bad)
            for i, value in enumerate(values)
        ),
    )


VALUES = (481, 490, 495, 488, 493, 489, 484, 497)


IN_DOCUMENTATION = ("one", "few", "job", "many")


def usually(one: Series, *before: float) -> Series:
    return against(one, before, Metric(name="read", value=0, unit="MB/s", better="higher"))


PICTURES = {
    "one": Picture(
        "disk on bob", "read", "MB/s", (usually(series("bob", 498, 24, bad=15), *VALUES),),
        history=True, mark=NOW.timestamp() - 3 * 86400,
    ),
    "few": Picture(
        "disk on pc01, pc02, pc03, pc04 and pc05", "read", "MB/s",
        tuple(series(f"pc0{i}", 440 + 25 * i, 18, bad=9 if i == 2 else -1) for i in range(1, 6)),
        history=True,
    ),
    "job": Picture(
        "disk in job 41", "read", "MB/s",
        (
            usually(series("pc09", 490, 1, bad=0), *VALUES),
            usually(series("pc10", 455, 1), *VALUES),
            *(
                usually(series(f"pc{i}", 480 + i, 1), *(each - 21 + i for each in VALUES))
                for i in range(11, 21)
            ),
            series("pc21", 490, 1),
        ),
        history=False,
    ),
    "many": Picture(
        "disk on all", "read", "MB/s",
        tuple(series(f"pc{i:03}", 390 + 110 * (i % 30 > 0) + i * i % 37, 5) for i in range(150)),
        history=True,
    ),
    "single": Picture("disk on bob", "read", "MB/s", (series("bob", 498, 1),), history=True),
    "few-rows": Picture(
        "memtest in job 7", "errors", "", (series("bob", 3, 1), series("alice", 3, 1)),
        history=False,
    ),
    "long": Picture(
        "firmware-burnin on rack3-machine-with-a-name", "completion_latency_p99_of_random_reads",
        "microseconds", tuple(series(f"rack3-machine-{i:02}", 10.0**i, 12) for i in range(1, 7)),
        history=True,
    ),
    "rows-40": Picture(
        "disk in job 42", "read", "MB/s",
        tuple(
            usually(series(f"rack3-{i:03}", 480 + i / 8, 1, bad=0 if i == 17 else -1), *VALUES)
            for i in range(40)
        ),
        history=False,
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
    letters = [float(each.get_fontsize()) for each in figure.findobj(Text) if each.get_text()]
    shown = min(SHOWN[0] / image.width, SHOWN[1] / image.height)
    assert min(letters) * draw.DPI / 72 * shown >= 12
    axes = figure.axes[0]
    assert len(axes.get_xticks()) <= 8
    assert len(axes.get_yticks()) <= max(8, len(picture["series"]))
    if SHOTS and name in IN_DOCUMENTATION:
        Path(SHOTS, f"chart-{name}.png").write_bytes(drawn.getvalue())


def test_of_many_targets_those_that_stand_out_have_names() -> None:
    axes = draw.draw(PICTURES["rows-40"].as_data()).axes[0]
    named = [each.get_text() for each in axes.get_yticklabels()]
    assert len(named) <= draw.NAMED
    assert {"rack3-000", "rack3-017", "rack3-039"} <= {*named}
    few = draw.draw(PICTURES["few-rows"].as_data()).axes[0]
    assert [each.get_text() for each in few.get_yticklabels()] == ["bob", "alice"]


def test_what_all_names_begin_with_is_left_out_where_it_is_long() -> None:
    def names(*of: str) -> list[str]:
        return draw._names([{"name": each} for each in of])

    assert names("rack3-machine-01", "rack3-machine-12") == ["…01", "…12"]
    assert names("pc01", "pc02") == ["pc01", "pc02"]
    assert names("rack3-machine-01") == ["rack3-machi…"]
    assert names("rack3-machine", "rack3-machine-2") == ["rack3-machi…", "rack3-machi…"]


def test_a_run_that_went_wrong_stands_out() -> None:
    for name in ("one", "job"):
        lines = draw.draw(PICTURES[name].as_data()).axes[0].lines
        marked = [each for each in lines if each.get_color() == draw.WRONG]
        assert [each.get_marker() for each in marked] == ["x"], name


async def test_another_process_draws() -> None:
    png = await Charts().draw(PICTURES["one"])
    assert Image.open(io.BytesIO(png)).size == (780, 590)


def test_what_is_usual_is_grey_and_what_is_not_has_a_shape() -> None:
    rows = draw.draw(PICTURES["job"].as_data())
    marks = {
        (str(each.get_marker()), each.get_color())
        for each in rows.axes[0].lines
        if each.get_linestyle() == "None"
    }
    assert marks >= {("x", draw.WRONG), ("D", draw.ODD), ("o", draw.COLOURS[0])}
    [legend] = rows.legends
    assert {text.get_text() for text in legend.get_texts()} == {
        "wrong", "unusual", "usual", "new", "its past",
    }  # fmt: skip
    one = draw.draw(PICTURES["one"].as_data())
    [legend] = one.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "usual", "median", "wrong", "this job",
    ]  # fmt: skip


async def test_who_draws_knows_nothing_of_our_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tells.py").write_text("import os\nprint(sorted(os.environ))\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LABROOM_PASSWORD", "hunter2")
    assert b"LABROOM" not in await Charts(module="tells").draw(PICTURES["one"])


@pytest.mark.parametrize("given", [b"", b"{", b"[]", b'{"kind": "lines"}', b"\xff" * 100])
def test_what_is_no_picture_is_an_error_and_nothing_is_drawn(given: bytes) -> None:
    done = subprocess.run([sys.executable, "-m", "bot.draw"], input=given, capture_output=True)
    assert done.returncode != 0
    assert done.stdout == b""


def test_the_bot_itself_never_loads_what_draws() -> None:
    program = "import sys, bot.__main__, bot.service; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)


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


def test_how_many_are_where_is_drawn_of_what_is_told() -> None:
    points = Point(1, 10, bad=False), Point(2, 20, bad=False), Point(3, 900, bad=True)
    many = tuple(Series(f"pc{number}", points) for number in range(ROWS + 1))
    axes = draw.draw(Picture("disk", "read", "MB/s", many, history=True).as_data()).axes[0]
    bars = [each for each in axes.patches if isinstance(each, Rectangle) and each.get_height()]
    drawn = [each.get_x() + each.get_width() / 2 for each in bars]
    assert many[0].median == 15
    assert drawn == pytest.approx([15], abs=0.05)  # the middle of one bar, of one in twenty
