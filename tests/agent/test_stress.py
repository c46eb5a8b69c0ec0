"""The stress recipe and the real stress-ng: what it says is not always what happened."""

import os
import re
import signal
from pathlib import Path

import pytest

from agent import launch
from agent.catalogue import PACKAGED, means
from agent.judge import Judge
from agent.recipe import Recipe, load
from agent.resume import Action, Decision, Story
from agent.wire.errors import BadValue
from agent.wire.vocabulary import Verdict
from tests.agent.bench import gone, output, records, verdict
from tests.agent.replay import a_program, begun, follow, processes
from tests.agent.target import JOURNAL, Target
from tests.agent.test_memtest import ALL, BOUND

BRIEF = {"for": "2s", "cpu": "1", "memory": "8M"}
LONGER = BRIEF | {"for": "8s"}


@pytest.fixture
def stress() -> Recipe:
    return load(PACKAGED / "stress.toml")


def seen(recipe: Recipe, text: str, code: int = 0) -> tuple[str, str]:
    judge = Judge(recipe.resolve({}, ALL)["rules"])
    judge.feed(text.encode())
    return judge.ended(code)


def test_it_passes_and_its_progress_is_that_of_the_clock(target: Target, stress: Recipe) -> None:
    run = target.run(stress.resolve(BRIEF, means()))
    assert verdict(run) == ("pass", "")
    end = records(run)[-2]
    assert end.fields["counts"] == {"failures": 0}
    metrics = end.fields["metrics"]
    assert [(each["name"], each["unit"]) for each in metrics] == [
        ("cpu", "ops/s"), ("memory", "ops/s"),
    ]  # fmt: skip
    assert all(each["value"] > 0 for each in metrics)
    assert end.text("name") == "stress for 2s cpu=1 memory=8M"
    told = [record for record in records(run) if record.kind == "progress"]
    fractions = [record.number("fraction") or 0.0 for record in told]
    assert fractions == sorted(fractions)
    assert fractions[0] == 0
    assert 0.4 <= fractions[1] <= 0.99
    assert told[0].text("text") == "0s of 2s"


def test_memory_that_changes_by_itself_is_a_failure(target: Target, stress: Recipe) -> None:
    run, supervisor = begun(target, stress.resolve(BRIEF | {"for": "4s"}, means()), 0.1)
    *_, worker = sorted(processes("stress-ng"))
    while supervisor.poll() is None and b"fail:" not in output(run):
        spoil(worker, 8 << 20)
    assert supervisor.wait(20) == 0
    assert verdict(run)[0] == "fail"
    assert "stress-ng: fail:" in verdict(run)[1]
    assert records(run)[-2].fields["counts"]["failures"] >= 1


def spoil(worker: int, size: int) -> None:
    """Change bytes in the memory of that *size* that a process works on."""
    try:
        for line in Path(f"/proc/{worker}/maps").read_text().splitlines():
            start, end = (int(place, 16) for place in line.split()[0].split("-"))
            if end - start == size:
                memory = os.open(f"/proc/{worker}/mem", os.O_WRONLY)
                for place in range(start, end, 65536):
                    os.pwrite(memory, b"\x5a\xa5\x3c", place + 512)
                os.close(memory)
    except OSError:  # it has ended meanwhile
        return


@pytest.mark.parametrize("which", [1, -1], ids=["processor", "memory"])
def test_a_part_of_it_that_is_killed_is_an_error(
    target: Target, stress: Recipe, which: int
) -> None:
    run, supervisor = begun(target, stress.resolve(BRIEF | {"for": "3s"}, means()), 0.1)
    os.kill(sorted(processes("stress-ng"))[which], signal.SIGKILL)  # as the kernel does
    assert supervisor.wait(30) == 0
    assert verdict(run)[0] == "error", output(run)
    assert "ended early" in verdict(run)[1] or "was killed" in verdict(run)[1]


@pytest.mark.parametrize("number", [signal.SIGBUS, signal.SIGSEGV, signal.SIGILL])
def test_a_part_of_it_that_dies_of_the_hardware_is_no_pass_though_it_begins_again(
    target: Target, stress: Recipe, number: signal.Signals
) -> None:
    run, supervisor = begun(target, stress.resolve(BRIEF | {"for": "30s"}, means()), 0.01)
    follow(run, lambda: len(list(processes("stress-ng"))) == 4)
    os.kill(max(processes("stress-ng")), number)  # as the kernel does: memory cannot be read
    assert supervisor.wait(40) == 0
    assert verdict(run)[0] == "error", output(run)


def test_somebody_else_ends_it_and_it_calls_that_a_success(target: Target, stress: Recipe) -> None:
    run, supervisor = begun(target, stress.resolve(LONGER, means()), 0.1)
    os.kill(min(processes("stress-ng")), signal.SIGTERM)
    assert supervisor.wait(30) == 0
    assert records(run)[-2].fields["status"] == 0
    assert b"successful run completed" in output(run)
    assert verdict(run)[0] == "error"
    assert "told to work for 8 s" in verdict(run)[1]


def test_killed_whole(target: Target, stress: Recipe) -> None:
    run, supervisor = begun(target, stress.resolve(LONGER, means()), 0.1)
    os.kill(min(processes("stress-ng")), signal.SIGKILL)
    assert supervisor.wait(30) == 0
    assert verdict(run) == ("error", "it was killed by SIGKILL (out of memory?), not by us")


def test_stopped_by_a_person(target: Target, stress: Recipe) -> None:
    run, supervisor = begun(target, stress.resolve(LONGER, means()), 0.1)
    run.ask_to_stop("ann")
    supervisor.terminate()
    assert supervisor.wait(20) == 0
    assert verdict(run) == ("aborted", "stopped by ann")


def test_nothing_of_it_outlives_a_supervisor_that_was_killed(
    target: Target, stress: Recipe
) -> None:
    run, supervisor = begun(target, stress.resolve(LONGER, means()), 0.1)
    assert len(list(processes("stress-ng"))) == 4
    supervisor.kill()
    supervisor.wait(20)
    launch.settle(
        run,
        Story(journal=JOURNAL, step="stress"),
        Decision(Action.SETTLE, Verdict.ERROR, "it was killed"),
        "boot",
    )
    assert gone(JOURNAL)
    assert list(processes("stress-ng")) == []


def test_less_memory_than_was_asked_for(target: Target, stress: Recipe) -> None:
    run = target.create(stress.resolve(BRIEF | {"memory": "2G"}, ALL))
    assert target.start(run, "prlimit", "--as=1000000000", "--").wait(40) == 0
    assert verdict(run)[0] == "error", output(run)
    assert "memory: ask for less" in verdict(run)[1]


def test_a_part_that_it_skips_is_no_pass(target: Target, stress: Recipe) -> None:
    step = stress.resolve(BRIEF, means())
    run = target.create(step | {"argv": [*step["argv"], "--smi", "1"]})
    assert target.start(run, *BOUND).wait(40) == 0
    assert re.search(rb"disabled 'smi'|smi stressor will be skipped", output(run))
    assert verdict(run) == ("error", "It skipped a part of the test")


def test_an_option_that_it_does_not_know_is_an_error(target: Target, stress: Recipe) -> None:
    step = stress.resolve(BRIEF, means())
    run = target.run(step | {"argv": [*step["argv"], "--no-such-option"]})
    assert verdict(run)[0] == "error"
    assert "exit code 1" in verdict(run)[1]


def test_one_that_does_nothing_and_ends_with_0(
    target: Target, stress: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", a_program(target.home / "bin", "stress-ng", "exit 0"))
    run = target.run(stress.resolve(BRIEF, means()))
    assert verdict(run)[0] == "error"


def test_what_is_not_all_of_it_is_no_pass(stress: Recipe) -> None:
    assert seen(stress, GOOD) == ("pass", "")
    for line in GOOD.splitlines(keepends=True)[3:]:
        assert seen(stress, GOOD.replace(line, ""))[0] == "error"
    for word in SKIPPED:
        assert seen(stress, word + GOOD) == ("error", "It skipped a part of the test")
    assert seen(stress, GOOD + "stress-ng: fail:  [1] cpu: sum error\n")[0] == "fail"
    assert seen(stress, GOOD.replace("  199895", "       0"))[0] == "error"
    assert seen(stress, GOOD.replace("successful", "unsuccessful"))[0] == "error"
    for code in (1, 3, 4, 5, 6, 7, -9):
        assert seen(stress, GOOD, code)[0] == "error"
    assert seen(stress, GOOD, 2)[0] == "fail"


def test_what_it_says_in_debian_13(stress: Recipe) -> None:
    assert seen(stress, GOOD_13) == ("pass", "")
    for line in GOOD_13.splitlines(keepends=True)[3:5]:
        assert seen(stress, GOOD_13.replace(line, ""))[0] == "error"
    skipped = GOOD_13.replace("skipped: 0", "skipped: 1: smi (1)")
    assert seen(stress, skipped) == ("error", "It skipped a part of the test")
    killed = "stress-ng: debug: [1] cpu: [7] terminated on signal 9 'SIGKILL'\n"  # and all passed
    assert "cannot be trusted" in seen(stress, killed + GOOD_13)[1]
    harmless = "stress-ng: debug: [1] turbo disabled, C6 skipped: 1, OOM\n"
    assert seen(stress, harmless + GOOD_13) == ("pass", "")
    assert "--verbose" in stress.argv
    doubted = GOOD_13.replace("untrustworthy: 0", "untrustworthy: 1: vm (1)")
    assert "cannot be trusted" in seen(stress, doubted)[1]


def test_more_memory_than_there_is_is_refused(stress: Recipe) -> None:
    with pytest.raises(BadValue, match="more memory than there is"):
        stress.resolve({"memory": "16T"}, ALL)


GOOD = """\
stress-ng: info:  [1] setting to a 60 second run per stressor
stress-ng: info:  [1] dispatching hogs: 2 cpu, 1 vm
stress-ng: metrc: [1] stressor       bogo ops real time  usr time  sys time   bogo ops/s
stress-ng: metrc: [1] cpu                7725     60.00      3.76      0.00      1930.22
stress-ng: metrc: [1] vm               199895     60.00      3.05      0.79     49941.65
stress-ng: info:  [1] successful run completed in 60.00s
"""

GOOD_13 = """\
stress-ng: info:  [1] setting to a 2 secs run per stressor
stress-ng: info:  [1] dispatching hogs: 1 cpu, 1 vm
stress-ng: metrc: [1] stressor       bogo ops real time  usr time  sys time   bogo ops/s
stress-ng: metrc: [1] cpu                1940      2.00      1.15      0.01       969.33
stress-ng: metrc: [1] vm                45916      2.00      1.00      0.11     22904.63
stress-ng: info:  [1] skipped: 0
stress-ng: info:  [1] passed: 2: cpu (1) vm (1)
stress-ng: info:  [1] failed: 0
stress-ng: info:  [1] metrics untrustworthy: 0
stress-ng: info:  [1] successful run completed in 2.01 secs
"""
"""As 0.19.02 says it."""

SKIPPED = (
    "stress-ng: info:  [1] vm stressor will be skipped, need to be running with CAP_SYS_RESOURCE\n",
    "stress-ng: warn:  [1] cpu: stressor not implemented on this system\n",
)
"""As it says of others (smi, as another user), and construed in the same form."""
