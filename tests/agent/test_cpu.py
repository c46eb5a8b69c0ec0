"""The cpu recipe and the real stress-ng: a score, of right results only."""

import os
import signal

import pytest

from agent.catalogue import PACKAGED, means
from agent.judge import Judge
from agent.recipe import Recipe, load
from tests.agent.bench import output, records, verdict
from tests.agent.replay import a_program, begun, follow, processes
from tests.agent.target import Target
from tests.agent.test_memtest import ALL
from tests.preload import failing

BRIEF = {"for": "2s", "cpu": "1"}


@pytest.fixture
def cpu() -> Recipe:
    return load(PACKAGED / "cpu.toml")


def seen(recipe: Recipe, text: str, code: int = 0) -> tuple[str, str]:
    judge = Judge(recipe.resolve({}, ALL)["rules"])
    judge.feed(text.encode())
    return judge.ended(code)


def test_it_passes_with_a_score(target: Target, cpu: Recipe) -> None:
    run = target.run(cpu.resolve(BRIEF, means()))
    assert verdict(run) == ("pass", ""), output(run)
    metrics = {each["name"]: each for each in records(run)[-2].fields["metrics"]}
    assert list(metrics) == ["score", "together"]
    assert all(each["value"] > 0 for each in metrics.values())
    score = metrics["score"]
    assert (score["unit"], score["better"], score["margin"]) == ("ops/s", "higher", 5)


def test_a_processor_that_computes_wrongly_fails(
    target: Target, cpu: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = failing("arithmetic", "/usr/bin/stress-ng", target.home)
    monkeypatch.setenv("PATH", a_program(target.home / "bin", "stress-ng", script))
    run = target.run(cpu.resolve(BRIEF, means()))
    assert verdict(run)[0] == "fail", output(run)
    assert "cpu: drand48 error detected, failed sum" in verdict(run)[1]
    assert "drand48 error" in records(run)[-2].fields["first"]["line"]


def test_a_part_of_it_that_is_killed_is_an_error(target: Target, cpu: Recipe) -> None:
    run, supervisor = begun(target, cpu.resolve(BRIEF | {"for": "30s"}, means()), 0.01)
    follow(run, lambda: len(list(processes("stress-ng"))) > 1)  # on a busy machine it begins late
    os.kill(max(processes("stress-ng")), signal.SIGKILL)
    assert supervisor.wait(30) == 0
    assert verdict(run)[0] == "error", output(run)


@pytest.mark.parametrize("release", [12, 13])
def test_what_it_says_in_both_releases_of_debian(cpu: Recipe, release: int) -> None:
    said = SAID[release]
    assert seen(cpu, said) == ("pass", "")
    for line in said.splitlines(keepends=True):
        if " cpu  " in line or "successful" in line:
            assert seen(cpu, said.replace(line, ""))[0] == "error"
    assert seen(cpu, said.replace("successful", "unsuccessful"))[0] == "error"
    assert seen(cpu, said.replace("skipped: 0", "skipped: 1: cpu (1)"), 0)[0] == (
        "error" if release == 13 else "pass"
    )
    failed = said + "stress-ng: fail:  [25704] cpu: int64 error detected, failed int64 math\n"
    assert seen(cpu, failed)[0] == "fail"
    assert seen(cpu, said, 2)[0] == "fail"
    for code in (1, 3, 4, 5, 6, 7, -9):
        assert seen(cpu, said, code)[0] == "error"
    killed = said + "stress-ng: debug: [1] cpu: [7] terminated on signal 9 'SIGKILL'\n"
    assert seen(cpu, killed)[0] == "error"
    assert "--verbose" in cpu.argv  # else it is silent of that
    doubted = said.replace("untrustworthy: 0", "untrustworthy: 1")
    assert seen(cpu, doubted)[0] == ("error" if release == 13 else "pass")


SAID = {
    12: """\
stress-ng: info:  [25634] setting to a 2 second run per stressor
stress-ng: info:  [25634] dispatching hogs: 2 cpu
stress-ng: metrc: [25634] stressor       bogo ops real time  usr time  sys time   bogo ops/s     bogo ops/s
stress-ng: metrc: [25634]                           (secs)    (secs)    (secs)   (real time) (usr+sys time)
stress-ng: metrc: [25634] cpu                 7725      2.00      3.76      0.00      1930.22        1767.16
stress-ng: info:  [25634] successful run completed in 2.00s
""",  # noqa: E501
    13: """\
stress-ng: info:  [27034] setting to a 2 secs run per stressor
stress-ng: info:  [27034] dispatching hogs: 1 cpu
stress-ng: info:  [27034] note: /proc/sys/kernel/sched_autogroup_enabled is 1 and this can impact scheduling throughput for processes not attached to a tty. Setting this to 0 may improve performance metrics
stress-ng: metrc: [27034] stressor       bogo ops real time  usr time  sys time   bogo ops/s     bogo ops/s
stress-ng: metrc: [27034]                           (secs)    (secs)    (secs)   (real time) (usr+sys time)
stress-ng: metrc: [27034] cpu                3340      2.00      1.99      0.01      1669.81        1673.90
stress-ng: info:  [27034] skipped: 0
stress-ng: info:  [27034] passed: 1: cpu (1)
stress-ng: info:  [27034] failed: 0
stress-ng: info:  [27034] metrics untrustworthy: 0
stress-ng: info:  [27034] successful run completed in 2.00 secs
""",  # noqa: E501
}
"""Recorded: stress-ng 0.15.06 of Debian 12, and 0.19.02 of Debian 13."""
