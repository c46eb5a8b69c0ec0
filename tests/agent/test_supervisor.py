"""The process that outlives the agent, on its own: what diagnostics may do to it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.launch import mend
from agent.steprun import LINGER
from agent.wire.journal import Reader
from tests.agent.bench import BOT, ends, gone, output, records, verdict
from tests.agent.target import JOURNAL, Target, a_step, listen, mount, sh, unmount
from tests.agent.test_files import SPEC as KEPT

# --- how it ends


def test_a_diagnostic_that_reports_a_failure_and_ends_with_0_has_failed(target: Target) -> None:
    run = target.run(sh("echo FAILURE: bit 3; echo Done.", fail=["FAILURE"]))
    assert verdict(run) == ("fail", "1 failure reported, first: FAILURE: bit 3")
    assert records(run)[-2].fields["lines"] == ["FAILURE: bit 3"]


def test_exit_codes_mean_what_the_recipe_says(target: Target) -> None:
    assert verdict(target.run(sh("exit 1", exit={"0": "pass", "1": "error"})))[0] == "error"


@pytest.mark.parametrize("name", ["SEGV", "KILL", "TERM"])
def test_killed_by_a_signal_that_we_did_not_send_is_an_error(target: Target, name: str) -> None:
    run = target.run(sh(f"kill -{name} $$"))
    assert verdict(run)[0] == "error"
    assert f"killed by SIG{name}" in verdict(run)[1]
    assert records(run)[-2].fields["signal"] == signal.Signals[f"SIG{name}"]


def test_a_program_that_is_not_there_is_an_error(target: Target) -> None:
    run = target.run(a_step("no-such-program"))
    reason = "no-such-program could not be started: No such file or directory"
    assert verdict(run) == ("error", reason)
    assert ends(run) == ["error"]


def test_a_program_that_may_not_be_run_is_an_error(target: Target) -> None:
    (target.home / "it").write_text("no program")
    assert "Permission denied" in verdict(target.run(a_step(f"{target.home}/it")))[1]


def test_the_step_after_a_good_one_begins_the_step_after_a_bad_one_does_not(
    target: Target,
) -> None:
    good, warn = sh("echo 1"), sh("exit 4", exit={"0": "pass", "4": "warn"})
    run = target.run(good, warn, good, sh("exit 9"), good)
    assert ends(run) == ["pass", "warn", "pass", "fail"]
    assert verdict(run) == ("fail", "it: it ended with exit code 9")


def test_a_warning_is_the_verdict_of_a_run_that_is_otherwise_good(target: Target) -> None:
    run = target.run(sh("exit 4", exit={"0": "pass", "4": "warn"}), sh("true"))
    assert verdict(run)[0] == "warn"


def test_a_line_that_makes_it_no_test_ends_it_at_once(target: Target) -> None:
    script = f"echo reducing; read _ < {target.gate.path}"
    run = target.run(sh(script, error=[["reducing", "ask for less"]]))
    assert verdict(run) == ("error", "ask for less")


# --- time


def test_too_long_kills_a_whole_tree_that_ignores_being_asked(target: Target) -> None:
    deaf = f"trap '' TERM; echo $$; read _ < {target.gate.path}"
    script = f"trap '' TERM; ({deaf}) & setsid sh -c \"{deaf}\" & {deaf}"
    began = time.monotonic()
    run = target.run(sh(script, wall=0.5, grace=0.5))
    assert verdict(run) == ("timeout", "it took longer than 0.5 s")
    assert time.monotonic() - began < 8
    assert records(run)[-2].fields["signal"] == signal.SIGKILL
    assert len(output(run).split()) == 3
    assert gone(JOURNAL)


def test_it_may_say_goodbye_within_its_grace(target: Target) -> None:
    script = f"trap 'echo bye; exit 0' TERM; echo hi; read _ < {target.gate.path}"
    run = target.run(sh(script, wall=0.5, grace=30))
    assert output(run) == b"hi\nbye\n"
    assert verdict(run)[0] == "timeout"  # also when it ends with 0


def test_what_it_says_after_we_ended_it_is_not_about_the_hardware(target: Target) -> None:
    script = f"trap 'echo FAIL interrupted; exit 1' TERM; read _ < {target.gate.path}"
    assert verdict(target.run(sh(script, wall=0.5, fail=["FAIL"])))[0] == "timeout"


def test_a_failure_that_was_found_before_it_was_stopped_is_a_failure(target: Target) -> None:
    run = target.create(sh(f"echo FAIL 1; read _ < {target.gate.path}", fail=["FAIL"]))
    supervisor = target.start(run)
    listen(run, b"FAIL 1")
    run.ask_to_stop("ann")
    supervisor.terminate()
    assert supervisor.wait(20) == 0
    assert verdict(run) == ("fail", "1 failure reported, first: FAIL 1; stopped by ann")


# --- what diagnostics do to their pipe


def test_one_that_closes_its_output_and_lives_on(target: Target) -> None:
    run = target.create(sh("echo first; exec >&- 2>&-; sleep 1; exit 7"))
    supervisor = target.start(run)
    _, _, used = os.wait4(supervisor.pid, 0)
    supervisor.returncode = 0
    assert verdict(run)[0] == "fail"
    assert output(run) == b"first\n"
    assert used.ru_utime + used.ru_stime < 0.6  # it slept, too


def test_one_that_leaves_children_which_hold_its_pipe(target: Target) -> None:
    script = f"(read _ < {target.gate.path}; echo never) & echo done"
    run = target.run(sh(script))
    # Who knows what they had to say.
    assert verdict(run) == ("warn", "it ended before its children, which were ended")
    assert output(run) == b"done\n"
    assert gone(JOURNAL)


PATIENT = """
import sys
from agent import steprun, supervisor
steprun.LINGER = 60
sys.exit(supervisor.main(sys.argv[1], "boot"))
"""
"""The supervisor on a machine that is never too busy for what a step has left."""


@pytest.mark.parametrize(
    "says", ["echo FAIL", """echo '{"case": "a", "verdict": "fail"}' >> $LABROOM_RESULTS"""]
)
def test_what_a_child_says_for_it_after_its_end_counts(target: Target, says: str) -> None:
    # As tee does, through which a script sends all that it says: the shell does not wait for it.
    run = target.create(a_step("bash", "-c", f"exec > >(cat; {says}); echo done", fail=["FAIL"]))
    subprocess.run([sys.executable, "-c", PATIENT, run.path], check=True, timeout=90)
    assert verdict(run)[0] == "fail", output(run)


def test_a_child_that_left_and_says_nothing_is_nobody_s_concern(target: Target) -> None:
    run = target.run(sh(f"(read _ < {target.gate.path}) >/dev/null 2>&1 & echo done"))
    assert verdict(run) == ("pass", "")
    assert gone(JOURNAL)


def test_one_that_leaves_a_child_which_left_its_group_and_its_mark(target: Target) -> None:
    script = f"echo $$; setsid env -u LABROOM_RUN sh -c 'echo $$; read _ < {target.gate.path}' &"
    began = time.monotonic()
    run = target.run(sh(script + f" read _ < {target.gate.path}", wall=0.5, grace=0.1))
    assert verdict(run)[0] == "timeout"
    assert time.monotonic() - began < 1 + LINGER + 5
    target.gate.open()  # nobody of ours can find it


def test_one_that_leaves_a_child_which_never_stops_writing(target: Target) -> None:
    run = target.run(sh("yes & yes & sleep 0.2; echo done"))
    assert verdict(run)[0] == "warn"
    assert b"done\n" in output(run)


def test_output_that_was_in_the_pipe_when_it_died_is_kept(target: Target) -> None:
    run = target.run(sh("head -c 60000 /dev/zero; kill -KILL $$"))
    assert output(run) == bytes(60000)


def test_its_input_is_empty_and_its_working_directory_is_not_ours(target: Target) -> None:
    assert output(target.run(sh("cat; pwd"))) == b"/\n"


def test_it_speaks_the_language_that_patterns_know(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LANGUAGE", "LANG", "LC_MESSAGES", "LC_ALL"):
        monkeypatch.setenv(name, "de_DE.UTF-8")
    assert output(target.run(sh('echo "$LC_ALL:$LANGUAGE"'))) == b"C.UTF-8:\n"


def test_it_is_nicer_than_we_are_and_takes_no_signals_we_ignore(target: Target) -> None:
    script = "nice; cat /proc/self/oom_score_adj; grep -E 'Sig(Blk|Ign)' /proc/self/status"
    run = target.run(a_step("sh", "-c", script))
    nice, score, *masks = output(run).decode().split("\n")
    assert (nice, score) == ("5", "500")
    ours = ~(3 << 31)  # the C library keeps signals 32 and 33 to itself
    assert [int(mask.split()[1], 16) & ours for mask in masks if mask] == [0, 0]


# --- being told to stop


def test_stopped_by_a_person(target: Target) -> None:
    run = target.create(sh(f"echo hi; read _ < {target.gate.path}"), sh("echo never"))
    supervisor = target.start(run)
    listen(run, b"hi")
    run.ask_to_stop("ann")
    supervisor.terminate()
    assert supervisor.wait(20) == 0
    assert verdict(run) == ("aborted", "it: stopped by ann")
    assert ends(run) == ["aborted"]


def test_stopped_by_the_system(target: Target) -> None:
    run = target.create(sh(f"echo hi; read _ < {target.gate.path}"))
    supervisor = target.start(run)
    listen(run, b"hi")
    supervisor.terminate()
    assert supervisor.wait(20) == 0
    assert verdict(run) == ("aborted", "stopped by the system")


def test_a_terminal_that_hangs_up_is_nothing_to_it(target: Target) -> None:
    run = target.create(sh(f"echo hi; read _ < {target.gate.path}"))
    supervisor = target.start(run)
    listen(run, b"hi")
    supervisor.send_signal(signal.SIGHUP)
    target.gate.open()
    assert supervisor.wait(20) == 0
    assert verdict(run)[0] == "pass"
    assert os.getsid(0) != supervisor.pid


def test_a_second_supervisor_of_the_same_run_does_nothing(target: Target) -> None:
    run = target.create(sh(f"echo hi; read _ < {target.gate.path}"))
    first = target.start(run)
    listen(run, b"hi")
    assert target.start(run).wait(20) == 75
    target.gate.open()
    assert first.wait(20) == 0
    before = run.journal.read_bytes()
    assert target.start(run).wait(20) == 65  # nor after its end
    assert run.journal.read_bytes() == before


SLOW = """
import sys, time
from agent import supervisor

class SlowDisk(supervisor.Writer):
    def sync(self):
        time.sleep(0.3)
        super().sync()

supervisor.Writer = SlowDisk
sys.exit(supervisor.main(sys.argv[1], "boot"))
"""


def test_the_step_has_durably_begun_before_it_starts(target: Target) -> None:
    run = target.create(sh(f"cp {target.state}/runs/{BOT}/*/synced {target.home}/then"))
    subprocess.run([sys.executable, "-c", SLOW, run.path], check=True, timeout=20)
    then = int((target.home / "then").read_text())
    seen = list(Reader().feed(run.journal.read_bytes()[:then]))
    assert seen[-1].kind == "begin"


# --- size


def test_it_is_small(target: Target) -> None:
    noise = "head -c 3000000 /dev/urandom; echo; echo ready"
    run = target.create(sh(f"{noise}; read _ < {target.gate.path}"))
    supervisor = target.start(run)
    listen(run, b"ready")
    status = Path(f"/proc/{supervisor.pid}/status").read_text()
    kilobytes = int(status.split("VmRSS:")[1].split()[0])
    idle = cpu(supervisor.pid)
    target.gate.open()
    assert supervisor.wait(20) == 0
    assert kilobytes < 15 * 1024
    assert idle < 5


def cpu(pid: int) -> float:
    """Seconds of processor time it has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# --- a disk that is full or broken


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Target]:
    state = tmp_path / "small"
    state.mkdir()
    mount(state, "-t", "tmpfs", "-o", "size=1m")
    target = Target(tmp_path, state)
    yield target
    target.gate.close()
    unmount(state)


@pytest.mark.parametrize(("code", "expected"), [(0, "pass"), (4, "fail")])
def test_a_full_disk_does_not_turn_a_failure_into_something_else(
    small_disk: Target, tmp_path: Path, code: int, expected: str
) -> None:
    step = sh(f"head -c 4000000 /dev/zero > large.log; exit {code}") | {
        "scratch": {"in": str(tmp_path), "room": 0},
        "artifacts": KEPT,
    }
    run = small_disk.run(step)
    assert verdict(run)[0] == expected
    assert "not all of its files are kept: the journal could not be written" in verdict(run)[1]
    assert ends(run) == [expected]


def test_a_full_disk_is_an_error_and_the_journal_stays_whole(small_disk: Target) -> None:
    run = small_disk.run(a_step("cat", "/dev/zero"), sh("echo never"))
    whole = run.journal.read_bytes()
    assert verdict(run)[0] == "error"
    assert "the journal could not be written: No space left on device" in verdict(run)[1]
    assert ends(run) == ["error"]
    assert run.synced == len(whole)
    assert len(output(run)) > 500_000
    assert set(output(run)) == {0}
    assert gone(JOURNAL)


def test_a_disk_that_fills_between_two_steps(small_disk: Target) -> None:
    # The first step ends well, but the second one can no longer be written down.
    fill = f"head -c 2000000 /dev/zero > {small_disk.state}/fill"
    run = small_disk.run(sh(f"{fill}; true"), *[sh("head -c 3000 /dev/zero")] * 40)
    assert verdict(run)[0] == "error"
    assert run.synced == run.journal.stat().st_size


def test_a_record_that_did_not_fit_is_cut_off_again(target: Target) -> None:
    run = target.create(a_step("cat", "/dev/zero"))
    assert target.start(run, "prlimit", "--fsize=300000", "--").wait(20) == 0
    assert verdict(run) == ("error", "the journal could not be written: File too large")
    assert run.synced == run.journal.stat().st_size <= 300_000


def test_a_journal_that_takes_nothing_at_all_stays_as_it_was(target: Target) -> None:
    run = target.create(a_step("cat", "/dev/zero"))
    before = run.journal.read_bytes()
    assert target.start(run, "prlimit", f"--fsize={len(before) + 20}", "--").wait(20) == 1
    assert run.journal.read_bytes() == before
    mend(run)  # as the agent does then
    assert run.synced == len(before)
