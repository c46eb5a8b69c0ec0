"""Every command: its own examples, and what it does to a lab."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from agent.wire.parameter import RecipeInfo
from agent.wire.vocabulary import Step, Verdict
from bot.commands import discover
from bot.dialogue import Dialogue
from bot.findings import Case
from bot.jobs import Outcome, Phase
from bot.policy import Rights
from bot.reply import Reply
from bot.report.text import width
from bot.verb import Verb, understand
from tests.bot.lab_in_memory import ANN, MAX, MEMTEST, NOW, World, line, target

VERBS = discover()
EXAMPLES = [
    pytest.param(verb, text, asked, id=text)
    for verb in VERBS.values()
    for text, asked in verb.examples.items()
]


@pytest.fixture
def world() -> World:
    return World()


async def say(world: World, text: str, by: object = ANN) -> Reply:
    """What the bot answers to an addressed line; every answer is checked for its form."""
    said = await Dialogue(VERBS, world.lab, Rights()).answer(line(text, by, addressed=True))  # type: ignore[arg-type]
    assert said is not None
    assert all(width(each) <= 38 for each in said.table.split("\n"))
    assert said.body.count("```") == (2 if said.table else 0)
    assert json.loads(said.json)["labroom"] == 1
    return said


@pytest.mark.parametrize(("verb", "text", "asked"), EXAMPLES)
def test_examples_parse_to_what_they_say(verb: Verb[object], text: str, asked: object) -> None:
    assert understand(text, VERBS) == (verb, asked)


@pytest.mark.parametrize(("verb", "text", "asked"), EXAMPLES)
async def test_help_shows_the_examples(verb: Verb[object], text: str, asked: object) -> None:
    said = await say(World(), f"help {verb.name}")
    assert text in " ".join(said.table.split())


async def test_help_names_every_command_on_one_screen(world: World) -> None:
    said = await say(world, "help")
    rows = said.table.split("\n")
    assert [row.split()[0] for row in rows] == list(VERBS)
    assert all(row.endswith(verb.summary) for row, verb in zip(rows, VERBS.values(), strict=True))


# run


@pytest.mark.parametrize("word", ["reboot", "Reboot"])
@pytest.mark.parametrize("known", [True, False])
async def test_a_reboot_among_the_steps_is_for_who_may_reboot(
    world: World, word: str, known: bool
) -> None:
    offered = {"memtest": MEMTEST, "reboot": RecipeInfo(name="reboot", summary="Restart it.")}
    world.targets.catalogues["bob"] = offered if known else None
    refused = await say(world, f"run memtest, {word} on bob", MAX)
    assert "it needs the right to disrupt" in refused.text
    assert world.jobs.jobs == {}
    assert (await say(world, f"run memtest, {word} on bob", ANN)).text.startswith("job 1")
    assert (await say(world, "run memtest on bob", MAX)).text.startswith("job 2")


async def test_a_run_is_recorded_and_acknowledged(world: World) -> None:
    said = await say(world, "run memtest size=16M on bob, alice")
    assert said.body == (
        "job 1: memtest size=16M on bob, alice; alice is busy: it starts there after job 16"
    )
    assert (said.kind, said.data["job"]) == ("acknowledgement", 1)
    assert [run.target for run in world.jobs.jobs[1].runs] == ["bob", "alice"]


async def test_a_target_named_twice_runs_once(world: World) -> None:
    await say(world, "run memtest on bob, Bob and bob")
    assert [run.target for run in world.jobs.jobs[1].runs] == ["bob"]


async def test_names_are_those_of_the_lab_in_any_case(world: World) -> None:
    await say(world, "run MemTest Size=16M on BOB")
    job = world.jobs.jobs[1]
    assert (job.title, job.runs[0].target) == ("memtest size=16M", "bob")


async def test_all_means_those_that_are_away_too(world: World) -> None:
    said = await say(world, "run memtest on all")
    assert "on alice, bob, carol" in said.text
    assert "carol is away: it starts when carol is back" in said.text


async def test_all_leaves_out_whom_the_recipe_does_not_suit_and_says_so(world: World) -> None:
    world.targets.catalogues["carol"] = {"memtest": replace(MEMTEST, missing="no memtester")}
    world.targets.catalogues["alice"] = {}
    said = await say(world, "run memtest on all")
    assert said.text == (
        "job 1: memtest on bob; not on alice: no such recipe; not on carol: no memtester"
    )


async def test_a_named_target_that_cannot_refuses_the_whole_line(world: World) -> None:
    world.targets.catalogues["carol"] = {"memtest": replace(MEMTEST, missing="no memtester")}
    said = await say(world, "run memtest on bob, carol")
    assert said.text.startswith("carol cannot run memtest: no memtester.")
    assert world.deeds == []


async def test_a_target_that_never_said_what_it_can_decides_itself(world: World) -> None:
    world.targets.catalogues["bob"] = None
    said = await say(world, "run anything depth=3 on bob")
    assert said.text == "job 1: anything depth=3 on bob"


async def test_a_step_that_is_wrong_runs_nothing_in_part(world: World) -> None:
    for text in ("run memtest, memtst on bob", "run memtest, memtest size=9T on bob, alice"):
        assert (await say(world, text)).kind == "refusal"
    assert world.deeds == []


async def test_the_same_line_said_twice_is_one_job(world: World) -> None:
    first = await say(world, "run memtest on bob")
    assert (await say(world, "run memtest on bob")).text == first.text


async def test_run_on_all_of_nothing_is_refused() -> None:
    world = World()
    world.targets.known.clear()
    assert (await say(world, "run memtest on all")).text.startswith("there is no target yet")


# reboot, ping


async def test_a_reboot_is_ordered(world: World) -> None:
    assert "reboots" in (await say(world, "reboot bob")).text
    assert world.targets.rebooted == [("bob", False, "ann")]


async def test_a_busy_target_reboots_only_now(world: World) -> None:
    refused = await say(world, "reboot alice")
    assert refused.text == "alice is busy. Say reboot alice now."  # of job 16 we know nothing
    assert refused.kind == "refusal"
    assert (await say(world, "reboot alice now")).kind == "question"
    assert world.targets.rebooted == []  # see test_confirm.py


async def test_a_refused_reboot_names_the_run_its_step_and_who_asked(world: World) -> None:
    world.targets.known["alice"] = target("alice", "busy", job=1, doing="memtest size=16M")
    await say(world, "run memtest size=16M on alice", MAX)
    refused = await say(world, "reboot alice")
    assert refused.text == (
        "a run is on: job 1 of max, memtest size=16M, asked for just now. "
        "Say reboot alice now to lose it."
    )
    assert (refused.kind, refused.data["condition"]) == ("refusal", "resource-constraint")
    assert world.targets.rebooted == []


async def test_a_target_that_is_away_refuses_at_once(world: World) -> None:
    for text in ("reboot carol", "ping carol"):
        assert (await say(world, text)).text.startswith("carol is away")


async def test_ping_says_how_long_it_took(world: World) -> None:
    assert (await say(world, "ping bob")).text == "bob answered in 12 ms"


async def test_several_reboots_are_told_in_one_answer_with_who_would_not(world: World) -> None:
    said = await say(world, "reboot bob, alice, carol")
    assert said.text == "bob reboots; I say when it is back; alice is busy; carol is away"
    assert said.data["targets"] == ["bob"]
    assert said.data["refused"] == {"alice": "alice is busy", "carol": "carol is away"}
    assert world.targets.rebooted == [("bob", False, "ann")]


async def test_reboots_are_folded_and_those_who_refuse_alike_together() -> None:
    there = [target(f"pc{n:02}") for n in range(1, 5)]
    world = World(*there, target("pc05", "away"), target("pc06", "away"))
    said = await say(world, "reboot pc[01-06]")
    assert said.text == "pc[01-04] reboot; I say when each is back; pc[05-06] are away"
    said = await say(world, "reboot pc[05-06]")
    assert (said.text, said.kind) == ("nothing reboots; pc[05-06] are away", "refusal")


async def test_pings_of_several_are_one_answer(world: World) -> None:
    said = await say(world, "ping bob, carol")
    assert said.text == "bob answered within 12 ms, carol did not"
    assert said.table.splitlines() == ["carol  is away", "bob    12 ms"]


async def test_an_order_may_be_told_how_long_to_wait(world: World) -> None:
    said = await say(world, "run memtest on bob wait 8h")
    assert said.text == "job 1: memtest on bob; it waits at most 8h"
    job = world.jobs.jobs[1]
    assert job.by - job.asked == timedelta(hours=8)


async def test_until_failure_is_as_often_as_a_run_can_hold(world: World) -> None:
    said = await say(world, "run memtest until failure on bob")
    assert said.text == "job 1: memtest 32 times on bob; it ends with the first failure"
    assert world.jobs.jobs[1].steps == (Step("memtest"),) * 32


async def test_any_idle_is_one_that_can(world: World) -> None:
    world.targets.known["dave"] = target("dave")
    world.targets.catalogues["bob"] = {"memtest": replace(MEMTEST, missing="no memtester")}
    assert (await say(world, "run memtest on any idle")).text == "job 1: memtest on dave"


async def test_sizes_and_times_are_told_with_their_units(world: World) -> None:
    said = await say(world, "run memtest size=67108864, stress time=90 on bob")
    assert said.text == "job 1: memtest size=64M, stress time=1m30s on bob"


async def test_a_job_is_stopped_on_one_of_its_targets(world: World) -> None:
    await say(world, "run memtest on bob, alice")
    assert (await say(world, "stop 1 on alice")).text == "stopping job 1 on alice"
    assert world.jobs.stopped == [(1, "ann", "alice")]
    assert (await say(world, "stop 1 on bob, carol")).text.startswith("no target in job 1 called")
    assert len(world.jobs.stopped) == 1


# status


async def test_status_counts_and_lists() -> None:
    world = World(
        target("bob"),
        target("alice", "busy", doing="memtest size=16M", job=16, progress=0.43, left=720.0),
        target("carol", "away", since=NOW - timedelta(hours=3)),
    )
    said = await say(world, "status")
    assert said.body == (
        "3 targets: 1 idle, 1 busy, 1 away\n```\n"
        "alice  busy  43%  12 min  job 16: mem…\n"
        "bob    idle\n"
        "carol  away               since 3 h\n```"
    )


async def test_status_of_one_target_says_all() -> None:
    bob = target(
        "bob", "busy", friendly="Bob's server", location="rack 3", doing="memtest", job=3,
        progress=0.5, queue=2, boot="0123456789abcdef", version="0.1.0",
        left=90.0, address="192.0.2.7",
        since=NOW - timedelta(minutes=12), heard=NOW - timedelta(seconds=4),
    )  # fmt: skip
    said = await say(World(bob), "status bob")
    assert (
        said.text == "bob (Bob's server, rack 3): busy, job 3: memtest 50%, about 1 min 30 s left"
    )
    assert said.table == (
        "name     Bob's server\n"
        "place    rack 3\n"
        "state    busy\n"
        "since    12 min ago\n"
        "does     job 3: memtest 50%\n"
        "left     about 1 min 30 s\n"
        "waiting  2 runs\n"
        "heard    4 s ago\n"
        "boot     01234567\n"
        "version  0.1.0\n"
        "address  192.0.2.7\n"
        "jid      bob@lab.example"
    )
    told = said.data["target"]
    assert isinstance(told, dict)
    assert (told["left"], told["address"]) == (90.0, "192.0.2.7")


@pytest.mark.parametrize("left", [None, 0.0, -5.0, float("nan"), float("inf"), 1e15])
async def test_an_estimate_that_is_none_or_absurd_is_harmless(left: float | None) -> None:
    world = World(target("bob", "busy", doing="memtest", job=3, left=left))
    said = await say(world, "status bob")
    assert ("left" in said.table) == (left in (float("inf"), 1e15))
    assert all(len(line) <= 38 for line in (await say(world, "status")).table.splitlines())


async def test_a_stranded_run_is_shown_with_its_job_and_with_its_target() -> None:
    world = World(target("bob", "away", since=NOW - timedelta(minutes=5)))
    await say(world, "run memtest on bob")
    (run,) = world.jobs.jobs[1].runs
    heard = NOW - timedelta(minutes=6)
    gone = replace(run, phase=Phase.STRANDED, heard=heard, stop="ann")
    world.jobs.jobs[1] = replace(world.jobs.jobs[1], runs=(gone,))
    assert "bob  away  job 1 stranded, sinc" in (await say(world, "status")).table
    assert "stranded  job 1" in (await say(world, "status bob")).table
    said = await say(world, "job 1")
    assert said.text.startswith("job 1 stranded: memtest")
    assert "last heard of 6 min" in said.table


async def test_a_lost_job_can_be_stopped_for_when_it_comes_back() -> None:
    world = World(target("bob"), target("alice"))
    await say(world, "run memtest on bob and alice")
    lost, other = world.jobs.jobs[1].runs
    lost = replace(lost, phase=Phase.DONE, verdict=Verdict.LOST)
    world.jobs.jobs[1] = replace(world.jobs.jobs[1], runs=(lost, other))
    said = await say(world, "stop 1")
    assert said.text == (
        f"stopping job 1 on {other.target}; "
        f"job 1 is lost on {lost.target}: stopped if it comes back"
    )


async def test_what_a_target_says_of_itself_is_made_safe() -> None:
    bob = target(
        "bob", friendly="```\x1b[31m\u202eevil", doing="x\x00\n```\nann: hi", location="\ufffe"
    )
    for text in ("status", "status bob"):
        said = await say(World(bob), text)
        assert not set("\x1b\x00\u202e\ufffe") & set(said.body)


async def test_status_of_some(world: World) -> None:
    assert (await say(world, "status alice, carol")).text == "2 targets: 1 busy, 1 away"
    assert (await say(world, "status busy")).text.startswith("alice: busy")


async def test_a_lab_without_targets(world: World) -> None:
    world.targets.known.clear()
    assert (await say(world, "status")).body == "no targets yet"
    assert "no target has said" in (await say(world, "recipes")).body


# jobs, job, log, stop


def finish(world: World, number: int, *verdicts: Verdict) -> None:
    job = world.jobs.jobs[number]
    runs = tuple(
        replace(
            run,
            phase=Phase.DONE,
            verdict=verdict,
            outcomes=(Outcome(step=job.title, verdict=verdict, seconds=12, counts={"loops": 1}),),
        )
        for run, verdict in zip(job.runs, verdicts, strict=True)
    )
    world.jobs.jobs[number] = replace(job, runs=runs)


async def test_jobs_shows_what_is_not_done_first(world: World) -> None:
    assert (await say(world, "jobs")).body == "no jobs yet"
    await say(world, "run memtest on bob")
    await say(world, "run stress on bob, alice")
    await say(world, "run stress on bob")
    finish(world, 2, Verdict.PASS, Verdict.FAIL)
    said = await say(world, "jobs")
    assert said.text == "the newest 3 jobs, 2 not done"
    assert said.table.split("\n") == [
        "3  waiting  bob        stress",
        "1  waiting  bob        memtest",
        "2  fail     2 targets  stress",
    ]


async def test_a_job_in_detail(world: World) -> None:
    await say(world, "run memtest on bob, alice")
    running = world.jobs.jobs[1]
    bob, alice = running.runs
    runs = (replace(bob, phase=Phase.RUNNING, began=NOW - timedelta(seconds=48)), alice)
    world.jobs.jobs[1] = replace(running, runs=runs)
    said = await say(world, "job 1")
    assert said.text == "job 1 running: memtest on bob and alice"
    assert said.table.split("\n")[:2] == ["bob    running  48 s", "alice  waiting"]
    finish(world, 1, Verdict.PASS, Verdict.PASS)
    said = await say(world, "job 1")
    assert said.text.startswith("job 1 pass:")
    assert "bob    pass  12 s  1 loop" in said.table


async def test_a_job_in_detail_shows_the_cases_that_went_wrong(world: World) -> None:
    await say(world, "run memtest on bob")
    finish(world, 1, Verdict.FAIL)
    [run] = world.jobs.jobs[1].runs
    bad = [Case(name=f"case {n}", verdict=Verdict.FAIL, why=f"bit {n}") for n in range(8)]
    cases = (*bad, Case(name="fine", verdict=Verdict.PASS))
    outcomes = (replace(run.outcomes[0], cases=cases, case_count=9),)
    world.jobs.jobs[1] = replace(world.jobs.jobs[1], runs=(replace(run, outcomes=outcomes),))
    rows = (await say(world, "job 1")).table.split("\n")
    assert [row.split() for row in rows[1:7]] == [
        ["case", str(n), "fail", "bit", str(n)] for n in range(6)
    ]
    assert rows[7].strip() == "2 more cases"


async def test_a_sequence_in_detail_shows_its_steps(world: World) -> None:
    await say(world, "run memtest, stress on bob")
    finish(world, 1, Verdict.PASS)
    assert (await say(world, "job 1")).table.split("\n")[1].startswith("  memtest")


async def test_the_log_is_the_end_of_what_was_printed(world: World) -> None:
    await say(world, "run memtest on bob")
    world.jobs.output["1@bob"] = b"\x1b[32mok\x1b[0m\n" + b"x" * 100 + b"\n50%\r100%\n```\n"
    said = await say(world, "log 1")
    assert said.text == "job 1 on bob, waiting: last 4 lines of 126 bytes"
    assert said.table == "ok\n" + "x" * 37 + "…\n100%\n'''"
    assert (await say(world, "log 1 bob")).body == said.body
    assert said.data["lines"] == ["ok", "x" * 100, "100%", "'''"]


async def test_a_long_log_shows_twenty_lines_and_says_how_much_there_is(world: World) -> None:
    await say(world, "run memtest on bob")
    world.jobs.output["1@bob"] = b"".join(b"line %d\n" % n for n in range(100_000))
    assert "of more than 256 KiB" in (await say(world, "log 1")).text
    job = world.jobs.jobs[1]
    world.jobs.jobs[1] = replace(job, runs=(replace(job.runs[0], printed=1_088_890),))
    said = await say(world, "log 1")
    assert said.text.endswith("last 20 lines of 1.04 MiB (log 1 bob all is a file)")
    assert said.file is None  # what was read is not all of it
    assert said.table.split("\n")[-1] == "line 99999"


async def test_a_log_of_several_targets_is_that_of_the_one_that_went_wrong(world: World) -> None:
    await say(world, "run memtest on bob, alice")
    assert "Say log 1 bob" in (await say(world, "log 1")).text
    finish(world, 1, Verdict.PASS, Verdict.FAIL)
    assert (await say(world, "log 1")).text == "job 1 on alice, fail: nothing printed yet"
    assert "Did you mean" in (await say(world, "log 1 alic")).text


async def test_whoever_asked_may_stop_it(world: World) -> None:
    await say(world, "run memtest on bob", MAX)
    said = await say(world, "stop 1", MAX)
    assert said.text == "stopping job 1 on bob"
    assert world.jobs.stopped == [(1, "max")]


async def test_other_peoples_jobs_need_more(world: World) -> None:
    await say(world, "run memtest on bob", ANN)
    said = await say(world, "stop 1", MAX)
    assert "disrupt" in said.text
    assert world.jobs.stopped == []
    named_alike = replace(MAX, nick="ann")
    assert (await say(world, "stop 1", named_alike)).kind == "refusal"


async def test_what_is_done_cannot_be_stopped(world: World) -> None:
    await say(world, "run memtest on bob")
    finish(world, 1, Verdict.PASS)
    assert (await say(world, "stop 1")).text == "job 1 is done already: pass"
    assert world.jobs.stopped == []


# recipes, admit, invite


async def test_recipes_say_what_they_take_and_where_they_cannot_run(world: World) -> None:
    world.targets.catalogues["carol"] = {
        "memtest": replace(MEMTEST, missing="memtester is missing")
    }
    said = await say(world, "recipes")
    assert said.text == "there is memtest and stress"
    for fact in ("size=64M (1M to 4G)", "what=cpu (cpu, io, vm)", "not on carol: memtester is"):
        assert fact in said.table
    assert (await say(world, "recipes bob")).text == "bob offers memtest and stress"


async def test_many_recipes_fit_a_phone_and_one_is_told_in_full(world: World) -> None:
    world.targets.catalogues["carol"] = {"memtest": replace(MEMTEST, missing="no memtester")} | {
        f"r{number}": replace(MEMTEST, summary="Cook for a while.") for number in range(9)
    }
    table = (await say(world, "recipes carol")).table
    assert all(f"r{number}: size=64M passes=1" in table for number in range(9))
    assert "not on carol: no memtester" in table
    assert "more" not in table
    one = await say(world, "recipes r3")
    assert one.text == "there is r3"
    assert "Cook for a while." in one.table
    assert "size=64M (1M to 4G)" in one.table
    world.targets.catalogues["carol"] = {f"r{number}": MEMTEST for number in range(40)}
    assert (await say(world, "recipes carol")).table.endswith("\n... 16 lines more")


async def test_a_target_that_has_not_said_its_recipes(world: World) -> None:
    world.targets.catalogues["bob"] = None
    assert (await say(world, "recipes bob")).text == "bob has not said yet what it can run"


async def test_a_name_is_admitted_at_our_domain_and_an_address_as_it_is(world: World) -> None:
    await say(world, "admit dave")
    await say(world, "admit Dave@Rack.example")
    assert world.room.admitted == ["dave@lab.example", "dave@rack.example"]


async def test_a_person_is_invited_and_a_target_is_not(world: World) -> None:
    await say(world, "invite kim@lab.example")
    assert (await say(world, "invite bob@lab.example")).text.endswith("Say admit bob.")
    assert world.room.invited == ["kim@lab.example"]


async def test_steps_reach_the_store_as_they_were_given(world: World) -> None:
    await say(world, "run memtest size=16M, stress time=1h what=io on bob")
    assert world.jobs.jobs[1].steps == (
        Step("memtest", {"size": "16M"}),
        Step("stress", {"time": "1h", "what": "io"}),
    )


# tell


async def test_one_is_told_later(world: World) -> None:
    said = await say(world, "tell me when Alice is free", MAX)
    assert said.text == "I tell you when alice is idle; now it is busy with job 16"
    assert (said.kind, said.data["waits"]) == ("acknowledgement", True)
    (wish,) = world.wishes.made
    assert (wish.asker, wish.kind, wish.targets) == (
        "max@lab.example",
        "idle",
        ("alice@lab.example",),
    )
    said = await say(world, "tell me when alice and carol are back", MAX)
    assert said.text == "I tell you when alice and carol are back"
    await say(world, "run memtest on bob")
    assert (await say(world, "tell me when job 1 is done")).text == "I tell you when job 1 is done"


async def test_what_is_so_already_is_said_at_once(world: World) -> None:
    world.wishes.true = True
    said = await say(world, "tell me when all are idle")
    assert said.text == "alice, bob and carol are idle already"
    assert (said.kind, world.wishes.made) == ("answer", [])


async def test_one_hears_what_one_waits_for_and_forgets_it(world: World) -> None:
    assert (await say(world, "tell me what I wait for")).text == "you wait for nothing"
    for text in ("bob is back", "bob, carol are idle"):
        await say(world, f"tell me when {text}", MAX)
    await say(world, "tell me when bob is idle", ANN)
    said = await say(world, "tell me what i wait for", MAX)
    assert said.text == "I tell you when bob is back and bob and carol are idle"
    said = await say(world, "Tell me nothing.", MAX)
    assert said.text == "I no longer tell you when bob is back and bob and carol are idle"
    assert (await say(world, "tell me nothing", MAX)).text == "you wait for nothing"
    assert [wish.asker for wish in world.wishes.made] == ["ann@lab.example"]


async def test_nothing_is_waited_for_that_there_is_not(world: World) -> None:
    assert "no target called bbo" in (await say(world, "tell me when bbo is idle")).text
    assert "there is no job 9" in (await say(world, "tell me when job 9 is done")).text
    hidden = replace(MAX, jid=None)
    assert "this room hides who you are" in (await say(world, "tell me nothing", hidden)).text
    assert world.wishes.made == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tell me", '"when", "nothing" or "what"'),
        ("tell ann when bob is idle", '"me"'),
        ("tell me when", "a job or a target"),
        ("tell me when bob", '"is"'),
        ("tell me when bob is", '"idle" or "back"'),
        ("tell me when bob is green", '"idle" or "back"'),
        ("tell me when job 3 is idle", '"done"'),
        ("tell me when bob is idle again", "nothing more"),
        ("notify me when bob is idle", "Did you mean tell?"),
    ],
)
async def test_a_wish_that_is_none_says_what_was_expected(
    world: World, text: str, expected: str
) -> None:
    said = await say(world, text)
    assert expected in said.text
    assert world.wishes.made == []
