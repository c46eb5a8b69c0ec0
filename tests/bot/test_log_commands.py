"""What log and grep answer: lines with numbers, errors, files, and what there is not."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from agent.wire.vocabulary import Verdict
from bot.commands import discover
from bot.dialogue import Dialogue
from bot.findings import Case, FirstLine
from bot.jobs import Outcome, Phase
from bot.policy import Rights
from bot.reply import File, Reply
from bot.report.text import width
from tests.bot.lab_in_memory import ANN, World, line


@pytest.fixture
async def world() -> World:
    world = World()
    await say(world, "run memtest on bob")
    return world


async def say(world: World, text: str) -> Reply:
    said = await Dialogue(discover(), world.lab, Rights()).answer(line(text, ANN, addressed=True))
    assert said is not None
    assert all(width(each) <= 38 for each in said.table.split("\n"))
    assert len(said.table.split("\n")) <= 27
    json.loads(said.json)
    return said


def prints(world: World, text: str, who: str = "1@bob") -> None:
    number = int(who.partition("@")[0])
    world.jobs.output[who] = text.encode()
    job = world.jobs.jobs[number]
    runs = tuple(replace(run, printed=len(text)) if run.name == who else run for run in job.runs)
    world.jobs.jobs[number] = replace(job, runs=runs)


def ends(world: World, change: Callable[[Outcome], Outcome]) -> None:
    job = world.jobs.jobs[1]
    outcome = change(Outcome(step="memtest", verdict=Verdict.FAIL, seconds=1))
    [run] = job.runs
    run = replace(run, phase=Phase.DONE, verdict=outcome.verdict, outcomes=(outcome,))
    world.jobs.jobs[1] = replace(job, runs=(run,))


async def content(file: File | None) -> bytes:
    assert file is not None
    if file.pieces is None:
        return file.content
    return b"".join([piece async for piece in file.pieces()])


async def test_some_lines_by_their_numbers(world: World) -> None:
    prints(world, "".join(f"line {n}\n" for n in range(1, 301)))
    said = await say(world, "log 1 bob lines 99-101")
    assert said.text == "job 1 on bob, waiting: lines 99 to 101"
    assert said.table == " 99: line 99\n100: line 100\n101: line 101"
    assert said.data["found"] == [
        {"target": "bob", "line": n, "text": f"line {n}"} for n in (99, 100, 101)
    ]
    assert said.file is None
    assert (await say(world, "log 1 line 300")).text == "job 1 on bob, waiting: line 300"


async def test_many_lines_are_a_file_too(world: World) -> None:
    prints(world, "".join(f"line {n}\n" for n in range(1, 9001)))
    said = await say(world, "log 1 lines 101-200")
    assert said.text.endswith("lines 101 to 200, the first 25 of them here")
    assert len(said.table.split("\n")) == 25
    assert (await content(said.file)).decode().splitlines() == [
        f"line {n}" for n in range(101, 201)
    ]
    said = await say(world, "log 1 lines 1-9000")
    assert "lines 1 to 2000, at most 2000 at once" in said.text


async def test_lines_behind_the_end(world: World) -> None:
    prints(world, "one\ntwo")
    said = await say(world, "log 1 lines 2-50")
    assert said.text.endswith("line 2, which is its end")
    assert (await say(world, "log 1 line 7")).text.endswith("it has only 2 lines")
    prints(world, "")
    assert (await say(world, "log 1 line 7")).text.endswith("nothing printed yet")


async def test_what_failed_it_and_was_not_printed_is_among_its_errors(world: World) -> None:
    prints(world, "all is well\n")
    first = FirstLine(line="kernel: EDAC MC0: 1 UE error on DIMM_A1 of node 0", by="kernel")
    cases = (
        Case(name="walking ones", verdict=Verdict.FAIL, why="bit 3"),
        Case(name="walking zeroes", verdict=Verdict.PASS),
    )
    lines = ("walking ones: bit 3", first.line, "kernel: Kernel panic")
    ends(world, lambda outcome: replace(outcome, first=first, lines=lines, cases=cases))
    said = await say(world, "log 1 errors")
    assert said.text == "job 1 on bob, fail: 3 told beside its output"
    assert said.table.split("\n") == [
        "kernel: EDAC MC0: 1 UE error on DIMM_…", "kernel: Kernel panic", "walking ones: bit 3",
    ]  # fmt: skip
    assert said.data["beside"] == [first.line, "kernel: Kernel panic", "walking ones: bit 3"]

    prints(world, "all is well\nFAILURE: 3\n")
    said = await say(world, "log 1 errors")
    assert said.text.endswith("3 told beside its output, 1 line looks like an error")
    assert said.table.split("\n")[-1] == "2: FAILURE: 3"


async def test_errors_with_the_lines_around_them(world: World) -> None:
    prints(world, "start\nbefore\nFAILURE: 0x1\nafter\nfine\n0 errors\n")
    said = await say(world, "log 1 errors")
    assert said.text == "job 1 on bob, waiting: 1 line looks like an error"
    assert said.table == "2  before\n3: FAILURE: 0x1\n4  after"
    assert said.data["found"] == [{"target": "bob", "line": 3, "text": "FAILURE: 0x1"}]


async def test_what_failed_the_run_is_an_error_whatever_it_says(world: World) -> None:
    prints(world, "".join(f"error {n}\n" for n in range(20)) + "value is 7\nvalue is 9\nend\n")
    first = FirstLine(line="value is 9", before=(), after=(), at=22)
    ends(world, lambda outcome: replace(outcome, lines=("value is 7",), first=first))
    said = await say(world, "log 1 errors")
    assert said.text == "job 1 on bob, fail: 22 lines look like errors, 6 of them here"
    assert [found["line"] for found in said.data["found"]] == [1, 2, 3, 4, 21, 22]  # type: ignore[attr-defined]
    assert "21: value is 7\n22: value is 9\n23  end" in said.table
    assert "\n--\n20  error 19\n" in said.table


async def test_no_errors(world: World) -> None:
    prints(world, "all is well\n")
    said = await say(world, "log 1 errors")
    assert said.text.startswith("job 1 on bob, waiting: no line looks like an error")
    assert said.data["count"] == 0


async def test_a_text_in_one_log_or_in_all_of_a_job(world: World) -> None:
    await say(world, "run stress on bob, alice, carol")
    prints(world, "ok\nECC at 1\n", "2@bob")
    prints(world, "".join(f"ecc {n}\n" for n in range(40)), "2@alice")
    said = await say(world, "grep ecc in 2")
    assert said.text == '"ecc" in job 2: 41 lines on 2 of 3 targets, the first 22 here'
    rows = said.table.split("\n")
    assert rows[:4] == ["bob: 1 line", "2: ECC at 1", "alice: 40 lines", " 1: ecc 0"]
    assert len(rows) == 24
    assert said.data["count"] == 41
    said = await say(world, "grep ecc in 2 on bob")
    assert said.text == '"ecc" in job 2 on bob, waiting: 1 line'
    assert said.table == "2: ECC at 1"
    prints(world, "ecc\n" * 40, "2@bob")
    prints(world, "ecc\n", "2@carol")
    said = await say(world, "grep ecc in 2")
    assert said.table.split("\n")[-1] == "and 41 lines on 2 more"
    assert (await say(world, "grep xyz in 2")).text == '"xyz" in job 2: nowhere on 3 targets'


async def test_only_so_much_is_searched_and_that_is_said(world: World) -> None:
    await say(world, "run stress on bob, alice, carol")
    job = world.jobs.jobs[2]
    runs = tuple(replace(run, printed=1 << 30) for run in job.runs)
    world.jobs.jobs[2] = replace(job, runs=runs)
    said = await say(world, "grep x in 2")
    assert said.text == (
        '"x" in job 2 on bob, waiting: nowhere; 2 targets not searched, as 1 GiB are the most'
    )
    assert said.data["note"]


async def test_what_was_printed_closes_no_block_and_obeys_nobody(world: World) -> None:
    prints(world, "```\n\x1b[2Jerror \u202egnp\n" + "x" * 5000 + "error\n")
    for text in ("log 1 errors", "grep error in 1", "log 1 lines 1-3"):
        said = await say(world, text)
        assert said.quotes
        assert said.body.count("```") == 2
        assert "\x1b" not in said.json
        assert len(said.json) < 2000
    said = await say(world, 'grep "```" in 1')
    assert said.text.startswith("\"'''\" in job 1")


async def test_all_of_it_is_a_file(world: World) -> None:
    assert (await say(world, "log 1 all")).text == "job 1 on bob, waiting: nothing printed yet"
    prints(world, "hello\n" * 1000)
    said = await say(world, "log 1 all")
    assert said.text == "job 1 on bob, waiting: 5.86 KiB so far"
    assert said.file is not None
    assert said.file.wanted
    assert said.file.name == "job-1-bob.txt"
    assert await content(said.file) == b"hello\n" * 1000
    linked = said.with_link("https://x.example/1", "compressed from 5 MiB")
    assert linked.text.endswith("so far; all of it (compressed from 5 MiB): https://x.example/1")
    assert said.without_link("no place").text.endswith("I cannot give you the file: no place")


async def test_files_that_a_run_left(world: World) -> None:
    assert (await say(world, "log 1 files")).text == "job 1 on bob, waiting: it left no files"
    world.logs.left["1@bob"] = {"sensors.txt": b"hot", "core": b"\x00" * 2048}
    said = await say(world, "log 1 files")
    assert said.text.startswith("job 1 on bob, waiting: 2 files; log 1 bob file sensors.txt")
    assert said.table == "sensors.txt  3 bytes\ncore         2 KiB"
    said = await say(world, "log 1 file core")
    assert said.text == "core of job 1 on bob: 2 KiB"
    assert said.file is not None
    assert (said.file.name, said.file.kind) == ("job-1-bob-core.bin", "application/octet-stream")
    assert await content(said.file) == b"\x00" * 2048
    said = await say(world, "log 1 file sensor.txt")
    assert said.text == "1@bob left no file called sensor.txt. Did you mean sensors.txt?"


async def test_following_and_no_more(world: World) -> None:
    said = await say(world, "follow 1")
    assert said.text == "I tell you in private what job 1 on bob prints; say unfollow for no more"
    assert world.followers.told == [("ann@lab.example", "1@bob")]
    assert (await say(world, "unfollow 2")).text == "you follow nothing of job 2"
    assert (await say(world, "unfollow 1")).text == "you follow 1@bob no longer"
    assert (await say(world, "unfollow")).text == "you follow nothing"
    ends(world, lambda outcome: outcome)
    assert (await say(world, "follow 1")).text == "job 1 on bob has ended (fail). Say log 1."


async def test_who_is_nobody_can_follow_nothing(world: World) -> None:
    hidden = replace(ANN, jid=None)
    said = await Dialogue(discover(), world.lab, Rights()).answer(line("follow 1", hidden))
    assert said is not None
    assert said.data["condition"] == "forbidden"
    assert world.followers.told == []


async def test_output_that_is_no_longer_kept_is_said_to_be(world: World) -> None:
    await say(world, "run stress on bob, alice")
    job = world.jobs.jobs[2]
    kept, old = job.runs[0], replace(job.runs[1], dropped="older than 90 days")
    world.jobs.jobs[2] = replace(job, runs=(kept, old))
    gone = "its output is no longer kept (older than 90 days)"
    said = await say(world, f"log 2 {old.target}")
    assert said.text == f"job 2 on {old.target}, waiting: {gone}"
    assert (await say(world, f"log 2 {old.target} all")).text == said.text
    assert (await say(world, f"grep x in 2 on {old.target}")).text == f"job 2: {gone}"
    assert (await say(world, "grep x in 2")).text.endswith(f"; 1 target left out: {gone}")
