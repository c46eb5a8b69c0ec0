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
SECOND = encode("begin", 5, step=1, name="b", boot="boot-1")
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


def crashed(where: str) -> Decision:
    reason = f"bob rebooted {where}: boot boot-1, now boot-2"
    return Decision(Action.SETTLE, Verdict.CRASHED, reason)


GO_ON = Decision(Action.RESUME, Verdict.PASS, go_on=2)


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
         crashed("in a")),
        ([BEGIN, PASSED], False, None, "boot-1", error("the supervisor was killed after a")),
        ([BEGIN, PASSED], False, None, "boot-2",
         crashed("after a")),
        ([BEGIN, FAILED], False, None, "boot-2",
         Decision(Action.SETTLE, Verdict.FAIL, "bit 3")),
        ([BEGIN, PASSED, REBOOT], True, None, "boot-1", Decision(Action.ADOPT)),
        ([BEGIN, PASSED, REBOOT], False, None, "boot-1", Decision(Action.REBOOT)),
        ([BEGIN, PASSED, LATE], False, None, "boot-1", error("bob did not reboot within 30 s")),
        ([BEGIN, PASSED, REBOOT], False, "ann", "boot-1",
         Decision(Action.SETTLE, Verdict.ABORTED, "stopped by ann")),
        ([BEGIN, PASSED, LATE], False, None, "boot-2", GO_ON),
        ([BEGIN, PASSED, REBOOT], False, "ann", "boot-2", GO_ON),
        ([REBOOT, PASSED], False, None, "boot-2",
         crashed("after reboot")),
        ([BEGIN, UNKNOWN], False, None, "boot-1", error("the supervisor was killed in a")),
    ],
)  # fmt: skip
def test_the_table(
    records: list[bytes], alive: bool, stopper: str | None, boot: str, expected: Decision
) -> None:
    told = story(ACCEPTED, *records)
    now = decide(told, alive=alive, stopper=stopper, boot=boot, up=150.0, machine="bob")
    assert now == expected


CRASHED = encode("end", 4, step=0, name="a", verdict="crashed", reason="it rebooted")
AGAIN = encode("begin", 5, step=0, name="a", boot="boot-2")


@pytest.mark.parametrize(
    ("records", "stopper", "on_crash", "action", "go_on"),
    [
        ([BEGIN], None, ("stop", 1), Action.SETTLE, 0),
        ([BEGIN], None, ("repeat", 1), Action.RESUME, 0),
        ([BEGIN], None, ("next", 1), Action.RESUME, 1),
        ([BEGIN], "ann", ("repeat", 1), Action.SETTLE, 0),
        ([BEGIN], "ann", ("next", 1), Action.SETTLE, 0),
        ([BEGIN, PASSED], None, ("repeat", 1), Action.SETTLE, 0),
        ([BEGIN, PASSED], None, ("next", 1), Action.SETTLE, 0),
        ([BEGIN, CRASHED, AGAIN], None, ("repeat", 1), Action.SETTLE, 0),
        ([BEGIN, CRASHED, AGAIN], None, ("repeat", 2), Action.RESUME, 0),
        ([BEGIN, CRASHED], None, ("repeat", 2), Action.SETTLE, 0),
    ],
)
def test_a_crash_is_what_the_recipe_says(
    records: list[bytes],
    stopper: str | None,
    on_crash: tuple[str, int],
    action: Action,
    go_on: int,
) -> None:
    told = story(ACCEPTED, *records)
    now = decide(
        told, alive=False, stopper=stopper, boot="boot-3", up=0.0, machine="bob", on_crash=on_crash
    )
    assert (now.action, now.verdict, now.go_on) == (action, Verdict.CRASHED, go_on)


def test_a_story_that_goes_on_after_a_crash_does_not_forget_it() -> None:
    told = story(ACCEPTED, BEGIN, CRASHED, AGAIN)
    assert (told.worst, told.why, told.bad) == (Verdict.CRASHED, "it rebooted", None)
    assert (told.index, told.tries, told.open) == (0, 2, True)
    assert story(ACCEPTED, BEGIN, CRASHED, AGAIN, PASSED).worst is Verdict.CRASHED


def test_the_last_line_of_a_step_is_known() -> None:
    said = encode("out", 3, b"loop 1\n") + encode("out", 3, b"x" * 3000 + b"\nlo\xc3")
    assert story(ACCEPTED, BEGIN, said, encode("out", 4, b"\xb6p \x1b[1m2\n \n")).last_line() == (
        "lo\u00f6p [1m2"
    )
    assert story(ACCEPTED, BEGIN, said, PASSED, BEGIN).last_line() == ""


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
    told = story(ACCEPTED, BEGIN, PROGRESS, PASSED, SECOND)
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
