"""What to do about a run after a start: the whole table."""

import pytest

from agent.resume import Action, Decision, Story, decide
from agent.wire.journal import Reader, encode
from agent.wire.vocabulary import Held, Verdict

ACCEPTED = encode("accepted", 1, journal="j0urn4lid", steps=["a", "b"])
BEGIN = encode("begin", 2, step=0, name="a", boot="boot-1")
REBOOT = encode("begin", 2, step=1, name="reboot", boot="boot-1", within=60, up=100.0)
LATE = encode("begin", 2, step=1, name="reboot", boot="boot-1", within=30, up=100.0)
PROGRESS = encode("progress", 3, step=0, fraction=0.5, text="half")
PASSED = encode("end", 4, step=0, name="a", verdict="pass", reason="")
FAILED = encode("end", 4, step=0, name="a", verdict="fail", reason="bit 3")
OVER = encode("verdict", 5, verdict="pass", reason="")
UNKNOWN = encode("weather", 6, verdict="pass")


def story(*records: bytes) -> Story:
    told = Story()
    for record in Reader().feed(b"".join(records)):
        told.see(record)
    return told


def error(reason: str) -> Decision:
    return Decision(Action.SETTLE, Verdict.ERROR, reason)


@pytest.mark.parametrize(
    ("records", "alive", "stopper", "boot", "expected"),
    [
        ([OVER], False, None, "boot-1", Decision(Action.NOTHING)),
        ([OVER], True, "ann", "boot-2", Decision(Action.NOTHING)),
        ([], True, None, "boot-1", Decision(Action.ADOPT)),
        ([BEGIN], True, "ann", "boot-2", Decision(Action.ADOPT)),
        ([], False, None, "boot-2", Decision(Action.START)),
        ([], False, "ann", "boot-1",
         Decision(Action.SETTLE, Verdict.ABORTED, "stopped by ann before it began")),
        ([BEGIN], False, None, "boot-1", error("the supervisor was killed in a")),
        ([BEGIN], False, "ann", "boot-1", error("the supervisor was killed in a")),
        ([BEGIN], False, None, "boot-2",
         Decision(Action.SETTLE, Verdict.CRASHED, "bob rebooted in a")),
        ([BEGIN, PASSED], False, None, "boot-1", error("the supervisor was killed after a")),
        ([BEGIN, PASSED], False, None, "boot-2",
         Decision(Action.SETTLE, Verdict.CRASHED, "bob rebooted after a")),
        ([BEGIN, FAILED], False, None, "boot-2",
         Decision(Action.SETTLE, Verdict.FAIL, "bit 3")),
        ([BEGIN, PASSED, REBOOT], True, None, "boot-1", Decision(Action.ADOPT)),
        ([BEGIN, PASSED, REBOOT], False, None, "boot-1", Decision(Action.REBOOT)),
        ([BEGIN, PASSED, LATE], False, None, "boot-1", error("bob did not reboot within 30 s")),
        ([BEGIN, PASSED, REBOOT], False, "ann", "boot-1",
         Decision(Action.SETTLE, Verdict.ABORTED, "stopped by ann")),
        ([BEGIN, PASSED, LATE], False, None, "boot-2", Decision(Action.RESUME, Verdict.PASS)),
        ([BEGIN, PASSED, REBOOT], False, "ann", "boot-2", Decision(Action.RESUME, Verdict.PASS)),
        ([REBOOT, PASSED], False, None, "boot-2",
         Decision(Action.SETTLE, Verdict.CRASHED, "bob rebooted after reboot")),
        ([BEGIN, UNKNOWN], False, None, "boot-1", error("the supervisor was killed in a")),
    ],
)  # fmt: skip
def test_the_table(
    records: list[bytes], alive: bool, stopper: str | None, boot: str, expected: Decision
) -> None:
    told = story(ACCEPTED, *records)
    now = decide(told, alive=alive, stopper=stopper, boot=boot, up=150.0, machine="bob")
    assert now == expected


def test_nothing_that_is_settled_here_is_good() -> None:
    for records in ([], [BEGIN], [BEGIN, PASSED], [BEGIN, PASSED, BEGIN]):
        for stopper in (None, "ann"):
            for boot in ("boot-1", "boot-2"):
                told = story(ACCEPTED, *records)
                decision = decide(
                    told, alive=False, stopper=stopper, boot=boot, up=0.0, machine="bob"
                )
                assert decision.action is Action.START or not decision.verdict.good


def test_a_story_is_told_step_by_step() -> None:
    told = story(ACCEPTED)
    assert (told.journal, told.phase) == ("j0urn4lid", Held.QUEUED)
    told = story(ACCEPTED, BEGIN, PROGRESS)
    assert (told.phase, told.step, told.fraction, told.text) == (Held.RUNNING, "a", 0.5, "half")
    assert told.open
    told = story(ACCEPTED, BEGIN, PROGRESS, PASSED, BEGIN)
    assert (told.index, told.fraction, told.text) == (1, None, "")
    assert story(ACCEPTED, BEGIN, PASSED, OVER).phase is Held.DONE


def test_a_step_that_was_warned_of_is_silent_until_it_moves() -> None:
    hang, late = encode("warning", 3, why="stall"), encode("warning", 3, why="wall")
    assert not story(ACCEPTED, BEGIN, late).silent
    assert story(ACCEPTED, BEGIN, hang, late).silent
    assert not story(ACCEPTED, BEGIN, hang, encode("relief", 4)).silent
    assert not story(ACCEPTED, BEGIN, hang, PASSED, BEGIN).silent


def test_a_verdict_of_a_later_version_is_no_pass() -> None:
    assert story(encode("verdict", 1, verdict="splendid")).verdict is Verdict.ERROR
