"""Runs, as people order them: each line really runs something, and the room hears how it went."""

from tests.end_to_end.conftest import Furnish
from tests.end_to_end.lab import answer, facts, idle, order, result


async def test_a_run_with_its_summary(furnish: Furnish) -> None:
    lab, ann = await furnish("bob")
    bob = lab.name("bob")

    acknowledged = await answer(ann, f"run memtest size=2M on {bob}")
    assert acknowledged.body == f"job 1: memtest size=2M on {bob}"

    told = await result(ann, 1)
    assert told.body.startswith(f"ann: job 1 pass: memtest size=2M on {bob}, ")
    assert "1 loop" in told.body
    assert "0 failures" in told.body
    assert facts(told)["verdict"] == "pass"
    assert b"Loop 1/1" in lab.printed(1, "bob")


async def test_a_sequence_runs_in_order_and_stops_at_what_fails(furnish: Furnish) -> None:
    lab, ann = await furnish("bob")
    lab.add_script("breaks", "echo so far so good\nexit 3\n")
    await lab.start("carl")  # reads the recipes that are there now
    await idle(ann, lab.name("carl"))

    job = await order(ann, f"run memtest size=1M, memtest size=2M passes=2 on {lab.name('carl')}")
    told = await result(ann, job)
    assert facts(told)["verdict"] == "pass"
    steps = facts(told)["runs"][0]["steps"]
    assert [step["step"] for step in steps] == ["memtest size=1M", "memtest size=2M passes=2"]
    assert [step["counts"]["loops"] for step in steps] == [1, 2]

    job = await order(ann, f"run breaks, memtest size=1M on {lab.name('carl')}")
    told = await result(ann, job)
    assert "fail" in told.body
    assert [step["step"] for step in facts(told)["runs"][0]["steps"]] == ["breaks"]
    assert lab.printed(job, "carl") == b"so far so good\n"


async def test_two_targets_one_acknowledgement_one_result(furnish: Furnish) -> None:
    lab, ann = await furnish("bob", "alice")
    alice, bob = lab.name("alice"), lab.name("bob")
    since = ann.mark()
    job = await order(ann, f"run memtest size=1M on {bob}, {alice}")
    told = await result(ann, job)
    assert f"on {alice} and {bob}" in told.body
    assert len(facts(told)["runs"]) == 2
    said = [heard for heard in ann.messages.entries[since:] if heard.nick == "labbot"]
    assert len(said) == 2, ann.transcript()


async def test_stop_before_during_and_after(furnish: Furnish) -> None:
    lab, ann = await furnish()
    gate = lab.add_waiting()
    await lab.start("bob")
    bob = lab.name("bob")
    await idle(ann, bob)

    running = await order(ann, f"run wait on {bob}")
    waiting = await order(ann, f"run wait on {bob}")
    await gate.reached()

    await answer(ann, f"stop {waiting}")
    told = await result(ann, waiting)
    assert facts(told)["verdict"] == "aborted"
    assert "before it began" in told.body

    await answer(ann, f"stop {running}")
    told = await result(ann, running)
    assert facts(told)["verdict"] == "aborted"
    assert "stopped by ann" in told.body
    assert lab.printed(running, "bob") == b"begun\n"

    answered = await answer(ann, f"stop {running}")
    assert answered.body == f"job {running} is done already: aborted"
    gate.open()
    assert facts(await result(ann, await order(ann, f"run wait on {bob}")))["verdict"] == "pass"


async def test_a_private_order_is_answered_in_private(furnish: Furnish) -> None:
    lab, ann = await furnish("bob")
    ann.whisper("labbot", f"run memtest size=1M on {lab.name('bob')}")
    acknowledged = await ann.heard("job 1", nick="labbot")
    assert acknowledged.private
    told = await result(ann, 1)
    assert told.private
    assert facts(told)["verdict"] == "pass"


async def test_words_about_jobs_and_targets(furnish: Furnish) -> None:
    lab, ann = await furnish("bob")
    bob = lab.name("bob")
    await result(ann, await order(ann, f"run memtest size=1M on {bob}"))

    assert "1 target: 1 idle" in (await answer(ann, "status")).body
    assert "bob's box" in (await answer(ann, f"status {bob}")).body
    assert "memtest" in (await answer(ann, "jobs")).body
    assert "pass" in (await answer(ann, "job 1")).body
    assert "Done." in (await answer(ann, f"log 1 {bob}")).body
    assert "memtest" in (await answer(ann, "recipes")).body
    assert bob in (await answer(ann, f"ping {bob}")).body
    assert "run" in (await answer(ann, "help")).body
    assert "memtest" in (await answer(ann, "help run")).body
    wrong = await answer(ann, f"labbot: run memtst on {bob}")
    assert "Did you mean memtest?" in wrong.body
    wrong = await answer(ann, f"run memtest size=lots on {bob}")
    assert "size=lots" in wrong.body
