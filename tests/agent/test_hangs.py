"""Steps that hang: real programs, stopped with all that they started, and warned of before."""

import os
import select
import signal
import subprocess
import sys

import pytest

from agent.stall import WARN, Stall
from tests.agent.bench import ends, gone, output, records, verdict
from tests.agent.target import JOURNAL, Target, listen, sh

LONG = 100.0


# --- the rules, without a clock


def looked(stall: Stall, until: float, *, used: float = 0.0, rate: float = 0.0) -> float:
    """Look at it whenever that is due, until it hangs or *until*; when that was."""
    now = stall.due
    while now <= until:
        stall.look(now, used + rate * now)
        if stall.hangs:
            return now
        now = stall.due
    return until


def test_silence_and_idleness_is_a_hang_and_warned_of_before() -> None:
    stall = Stall(120, now=0)
    assert looked(stall, LONG) == LONG
    assert stall.warned
    assert stall.silent(LONG) == pytest.approx(WARN * 120)
    assert stall.left == pytest.approx(20)
    assert looked(stall, 1000) == pytest.approx(120)


@pytest.mark.parametrize(("rate", "hangs"), [(0.0, True), (0.0005, True), (0.002, False)])
def test_who_works_does_not_hang(rate: float, hangs: bool) -> None:
    assert (looked(Stall(120, now=0), 2000, rate=rate) < 2000) == hangs


def test_a_word_is_a_sign_of_life_and_ends_the_warning() -> None:
    stall = Stall(120, now=0)
    looked(stall, 105)
    assert stall.warned
    stall.spoke()
    stall.look(stall.due, 0)
    assert not stall.warned
    assert looked(stall, 1000) == pytest.approx(110 + 120)


def test_a_process_that_ended_is_a_sign_of_life() -> None:
    stall = Stall(120, now=0)
    stall.look(stall.due, 50)
    looked(stall, 105, used=50)
    stall.look(stall.due, 20)
    assert not stall.warned


def test_who_was_not_looking_does_not_judge() -> None:
    stall = Stall(120, now=0)
    looked(stall, 90)
    stall.look(5000, 0)  # the machine was asleep
    assert not stall.warned
    assert looked(stall, 9000) == pytest.approx(5120)


def test_without_patience_nobody_looks() -> None:
    assert Stall(0, now=0).due == float("inf")


# --- real programs


def test_one_that_sleeps_silently_is_warned_of_and_stopped(target: Target) -> None:
    run = target.run(sh(f"echo hi; read _ < {target.gate.path}", stall=1.2, grace=30))
    assert verdict(run) == ("stalled", "it said nothing and did nothing for 1 s")
    assert ends(run) == ["stalled"]
    [warning] = [record for record in records(run) if record.kind == "warning"]
    assert (warning.text("why"), warning.text("name")) == ("stall", "it")
    assert warning.number("step") == 0
    assert warning.number("seconds") == pytest.approx(1.0, abs=0.15)
    assert warning.number("left") == pytest.approx(0.2)


def test_one_that_does_not_greet_is_stopped_however_busy_it_is(target: Target) -> None:
    run = target.run(sh("while :; do :; done", start=1))
    assert verdict(run) == ("stalled", "it said nothing within 1 s of its start")


def test_one_that_greeted_may_be_silent(target: Target) -> None:
    run = target.create(sh(f"echo hi; read _ < {target.gate.path}; echo done", start=1))
    supervisor = target.start(run)
    with pytest.raises(TimeoutError):
        _wait(supervisor.pid, 2)
    target.gate.open()
    assert supervisor.wait(20) == 0
    assert verdict(run)[0] == "pass"


def test_one_that_is_busy_and_silent_does_not_hang(target: Target) -> None:
    busy = "i=0; while [ $i -lt 400000 ]; do i=$((i+1)); done"
    script = f"echo go; {busy}; {busy}; {busy}; {busy}; echo done"
    run = target.run(sh(script, stall=1.0))
    assert verdict(run)[0] == "pass"


def test_one_whose_child_is_busy_out_of_its_group_does_not_hang(target: Target) -> None:
    busy = f"while :; do :; done & read _ < {target.gate.path}; kill $!; echo done"
    run = target.create(sh(f"setsid sh -c '{busy}'", stall=0.6))
    supervisor = target.start(run)
    before = records(run)[0].at
    with pytest.raises(TimeoutError):
        _wait(supervisor.pid, 2.5)
    target.gate.open()
    assert supervisor.wait(20) == 0
    assert verdict(run)[0] == "pass"
    assert records(run)[-1].at - before > 2.4


def _wait(pid: int, seconds: float) -> None:
    """Return when process *pid* has ended; TimeoutError if it has not."""
    fd = os.pidfd_open(pid)
    try:
        if not select.select([fd], [], [], seconds)[0]:
            raise TimeoutError
    finally:
        os.close(fd)


def test_relief_is_written_down(target: Target) -> None:
    script = f"echo hi; read _ < {target.gate.path}; echo on; read _ < {target.gate.path}"
    run = target.create(sh(script, stall=6))
    supervisor = target.start(run)
    bell = os.open(run.path / "bell", os.O_RDWR)
    for kind in ("warning", "relief"):
        while not any(record.kind == kind for record in records(run)):
            os.read(bell, 4096)
        target.gate.open()
    os.close(bell)
    assert supervisor.wait(20) == 0
    assert verdict(run) == ("pass", "")


@pytest.mark.parametrize("how", ["", "trap '' TERM; "])
def test_a_child_that_left_by_a_double_fork_ends_with_it(target: Target, how: str) -> None:
    left = f"{how}echo left $$; read _ < {target.gate.path}"
    script = f'(setsid sh -c "{left}" &) ; {how}read _ < {target.gate.path}'
    run = target.run(sh(script, stall=0.6, grace=0.5))
    assert verdict(run)[0] == "stalled"
    assert b"left" in output(run)
    assert gone(JOURNAL)


def test_a_child_that_left_is_asked_before_it_is_killed(target: Target) -> None:
    left = f"trap 'echo bye; exit' TERM; echo left; read _ < {target.gate.path}"
    deaf = f"trap '' TERM; read _ < {target.gate.path}"
    run = target.create(sh(f'(setsid sh -c "{left}" &); {deaf}', wall=60, grace=1))
    supervisor = target.start(run)
    listen(run, b"left")
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(20) == 0
    assert output(run) == b"left\nbye\n"


SHORT_NOTICE = """
import sys
from agent import steprun, supervisor
steprun.NOTICE = 0.4
sys.exit(supervisor.main(sys.argv[1], "boot"))
"""


def test_a_step_whose_time_is_nearly_over_is_warned_of(target: Target) -> None:
    run = target.create(sh(f"echo hi; read _ < {target.gate.path}", wall=1.0))
    subprocess.run([sys.executable, "-c", SHORT_NOTICE, run.path], check=True, timeout=20)
    [warning] = [record for record in records(run) if record.kind == "warning"]
    assert (warning.text("why"), warning.number("left")) == ("wall", 0.4)
    assert verdict(run)[0] == "timeout"


def test_a_short_step_is_not_warned_of(target: Target) -> None:
    run = target.run(sh(f"echo hi; read _ < {target.gate.path}", wall=1.0))
    assert [record.kind for record in records(run)][1:] == ["begin", "out", "end", "verdict"]
