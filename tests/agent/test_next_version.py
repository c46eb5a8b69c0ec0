"""
The agent's main process ends, as systemd ends it (`KillMode=process`), and the next version starts:
in the middle of output, of a hang, or after what happened meanwhile. What it finds may also have
been written by a version that knew more, or less, than it does.
"""

import json
import os
import select
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from agent.rundir import RunDir
from agent.wire.journal import encode
from agent.wire.vocabulary import Held
from agent.writer import Writer
from tests.agent.bench import (
    BOT,
    Bench,
    an_agent_of_its_own,
    an_order,
    ends,
    gone,
    killed,
    output,
    records,
)
from tests.agent.target import JOURNAL, Target, sh


async def under_the_version_before(
    bench: Bench, step: str, until: str = "out"
) -> "subprocess.Popen[str]":
    """Another process is the agent, has *step* running, and saw a record of the kind *until*."""
    await bench.stop()
    return an_agent_of_its_own(bench, step, until)


def one_begin(run: RunDir) -> bool:
    return [record.kind for record in records(run)].count("begin") == 1


def dead(pid: int | None) -> None:
    """SIGKILL for *pid*; returns when it is gone."""
    fd = os.pidfd_open(pid or 0)
    signal.pidfd_send_signal(fd, signal.SIGKILL)
    select.select([fd], [], [])
    os.close(fd)


# --- in the middle of something


async def test_output_streams_on_and_nothing_is_missing(bench: Bench) -> None:
    done = bench.home / "done"
    count = f"echo ready; i=0; while [ ! -e {done} ]; do echo $i; i=$((i+1)); sleep 0.01; done"
    bench.recipe("count", count)
    before = await under_the_version_before(bench, "count")
    run = bench.dir(1)
    await killed(before)
    await bench.start()
    seen = len(output(run))
    await bench.until(lambda: len(output(run)) > seen + 100)  # it goes on, and we hear of it
    assert bench.phase(1) is Held.RUNNING
    done.touch()
    assert await bench.over(1) == ("pass", "")
    ready, *numbers = output(run).decode().split()
    assert ready == "ready"
    assert numbers == [str(number) for number in range(len(numbers))]
    assert one_begin(run)


async def test_a_hang_that_was_warned_of_ends_as_announced(bench: Bench) -> None:
    child = f"(setsid sh -c 'trap \"\" TERM; read _ < {bench.gate.path}' &)"
    script = f"{child}; echo ready; read _ < {bench.gate.path}"
    bench.recipe("hangs", script, "[time]\nwall = '5m'\nstall = '6s'\ngrace = '1s'\n")
    before = await under_the_version_before(bench, "hangs", until="warning")
    run = bench.dir(1)
    told = run.journal.read_bytes()[: run.synced]
    await killed(before)
    await bench.start()
    assert await bench.over(1) == ("stalled", "it said nothing and did nothing for 6 s")
    assert run.journal.read_bytes().startswith(told)
    assert [record.kind for record in records(run)].count("warning") == 1
    assert one_begin(run)
    assert gone(bench.executor.held(BOT)[0].journal)  # the child that left, too


@pytest.mark.parametrize(
    ("boot", "how"),
    [
        ("boot-1", ("error", "the supervisor was killed in wait")),
        ("boot-2", ("crashed", "bob rebooted in wait: boot boot-1, now boot-2")),
    ],
)
async def test_what_happened_meanwhile_is_found(
    bench: Bench, boot: str, how: tuple[str, str]
) -> None:
    bench.recipe("wait", f"echo ready; read _ < {bench.gate.path}")
    bench.recipe("one", "echo one")
    before = await under_the_version_before(bench, "wait")
    run = bench.dir(1)
    told = run.journal.read_bytes()[: run.synced]
    await killed(before)
    dead(run.pid())
    bench.boot = boot
    await bench.start()
    assert await bench.over(1) == how
    assert ends(run) == [how[0]]
    assert run.journal.read_bytes().startswith(told)
    assert gone(bench.executor.held(BOT)[0].journal)
    await bench.run(2, "one")
    assert await bench.over(2) == ("pass", "")


# --- in words that it does not know


def later(step: dict[str, Any]) -> dict[str, Any]:
    """*step*, as a later version may write it."""
    said = {**step, "mood": "sunny", "rules": {**step["rules"], "smell": ["burnt"]}}
    return {**said, "on_crash": [*step.get("on_crash", ["stop", 0]), "and then some"]}


def say_more(run: RunDir) -> None:
    """The journal and the request of *run*, as a later version may have written them."""
    request = run.request()
    steps = [later(step) for step in request["steps"]]
    new = {**request, "schema": 2, "steps": steps, "priority": {"of": "later"}}
    (run.path / "request.json").write_text(json.dumps(new))
    (run.path / "weather.json").write_text("{}")
    writer = Writer(str(run.path))
    writer.append(encode("weather", time.time(), b"it rains", sky=["grey"], step={"no": 1}))
    writer.sync()
    writer.close()


def waits_for_its_turn(bench: Bench) -> RunDir:
    """A run that an agent has accepted, and that has not begun."""
    step = bench.executor.catalogue.resolve(an_order(1, "one").steps[0])
    return RunDir.create(
        bench.state, BOT, an_order(1, "one"), steps=[step, step], seq=1, journal=JOURNAL,
        at=time.time(),
    )  # fmt: skip


async def test_a_run_that_a_later_version_accepted_is_run(bench: Bench) -> None:
    bench.recipe("one", "echo one")
    await bench.stop()
    await bench.start()
    await bench.stop()
    run = waits_for_its_turn(bench)
    say_more(run)
    await bench.start()
    assert await bench.over(1) == ("pass", "")
    assert output(run) == b"one\none\n"
    assert [record.kind for record in records(run)][:3] == ["accepted", "weather", "begin"]


async def test_a_run_that_a_later_version_left_in_the_middle_is_settled(bench: Bench) -> None:
    bench.recipe("one", "echo one")
    await bench.stop()
    await bench.start()
    await bench.stop()
    run = waits_for_its_turn(bench)
    say_more(run)
    begin = encode("begin", time.time(), step=0, name="one", boot="boot-0", tide="high", up="?")
    writer = Writer(str(run.path))
    writer.append(begin, encode("weather", time.time()))
    writer.sync()
    writer.close()
    await bench.start()
    assert await bench.over(1) == ("crashed", "bob rebooted in one: boot boot-0, now boot-1")


async def test_a_run_that_an_earlier_version_left_in_the_middle_is_settled(bench: Bench) -> None:
    bench.recipe("one", "echo one")
    await bench.stop()
    await bench.start()
    await bench.stop()
    run = waits_for_its_turn(bench)
    request = run.request()
    for step in request["steps"]:
        for key in ("on_crash", "start", "stall", "takes"):
            step.pop(key, None)
    (run.path / "request.json").write_text(json.dumps(request))
    writer = Writer(str(run.path))
    writer.append(encode("begin", time.time(), step=0, name="one", boot="boot-1"))  # no ``up``
    writer.sync()
    writer.close()
    await bench.start()
    assert await bench.over(1) == ("error", "the supervisor was killed in one")


def test_a_supervisor_runs_what_a_later_version_has_ordered(tmp_path: Path) -> None:
    target = Target(tmp_path, tmp_path / "state")
    run = target.create(sh("echo hi"), sh("echo ho"))
    say_more(run)
    assert target.start(run).wait(60) == 0
    target.gate.close()
    assert output(run) == b"hi\nho\n"
    assert ends(run) == ["pass", "pass"]


def test_a_supervisor_goes_on_by_the_word_of_a_later_version(tmp_path: Path) -> None:
    target = Target(tmp_path, tmp_path / "state")
    run = target.create(sh("echo hi"), sh("echo ho"))
    say_more(run)
    run.leave_word(
        {"size": run.synced, "from": 1, "verdict": "pass", "reason": "", "last": "", "wind": "N"}
    )
    assert target.start(run).wait(60) == 0
    target.gate.close()
    assert output(run) == b"ho\n"
