"""Runs in which the machine reboots because they say so; the supervisors are real."""

import os
import select
import signal
import time
from pathlib import Path

import pytest

from agent.catalogue import Catalogue
from agent.wire.errors import UnknownName
from tests.agent.bench import BOT, Bench, an_order, ends, output, records
from tests.agent.target import Target, sh


async def prepared(bench: Bench) -> None:
    bench.recipe("one", "echo one")
    bench.recipe("warns", "echo loose; exit 4", "[verdict]\nexit = { 0 = 'pass', 4 = 'warn' }\n")
    bench.recipe("wait", f"echo ready; read _ < {bench.gate.path}; echo after")
    await bench.stop()
    await bench.start()


async def test_a_run_goes_on_after_its_reboot(bench: Bench) -> None:
    await prepared(bench)
    run = await bench.run(1, "one", "reboot", "one")
    await bench.until(lambda: bench.restarts == 1)
    current = bench.executor.current
    assert current is not None
    assert current.step == "reboot"
    assert not run.alive()
    await bench.power_on()
    assert await bench.over(1) == ("pass", "")
    assert ends(run) == ["pass", "pass", "pass"]
    assert output(run) == b"one\none\n"
    begins = [record for record in records(run) if record.kind == "begin"]
    assert [begin.text("name") for begin in begins] == ["one", "reboot", "one"]
    assert [begin.text("boot") for begin in begins] == ["boot-1", "boot-1", "boot-1+"]
    assert [begin.number("step") for begin in begins] == [0, 1, 2]
    assert begins[1].number("within") == 300
    reboot = [record for record in records(run) if record.kind == "end"][1]
    assert reboot.text("boot") == "boot-1+"
    assert reboot.number("seconds") == pytest.approx(reboot.at - begins[1].at, abs=0.01)
    assert bench.restarts == 1


async def test_first_last_and_several_reboots(bench: Bench) -> None:
    await prepared(bench)
    run = await bench.run(1, "reboot", "reboot", "one", "reboot")
    for count in (1, 2, 3):
        await bench.until(lambda count=count: bench.restarts == count)  # type: ignore[misc]
        await bench.power_on()
    assert await bench.over(1) == ("pass", "")
    assert ends(run) == ["pass"] * 4


async def test_a_warning_from_before_a_reboot_is_not_forgotten(bench: Bench) -> None:
    await prepared(bench)
    await bench.run(1, "warns", "reboot", "one")
    await bench.until(lambda: bench.restarts == 1)
    await bench.power_on()
    assert await bench.over(1) == ("warn", "it ended with exit code 4: loose")


async def test_the_agent_alone_starts_again_before_the_reboot(bench: Bench) -> None:
    await prepared(bench)
    run = await bench.run(1, "one", "reboot", "one")
    await bench.until(lambda: bench.restarts == 1)
    await bench.stop()  # an upgrade, or a crash, and the boot is still the same
    await bench.start()
    await bench.until(lambda: bench.restarts == 2)
    await bench.power_on()
    assert await bench.over(1) == ("pass", "")
    assert [r.text("name") for r in records(run) if r.kind == "begin"] == ["one", "reboot", "one"]


async def test_a_reboot_that_does_not_happen_ends_the_step_as_an_error(bench: Bench) -> None:
    await prepared(bench)
    bench.stays_up = "systemctl reboot failed: not permitted"
    run = await bench.run(1, "one", "reboot", "one")
    reason = "bob did not reboot: systemctl reboot failed: not permitted"
    assert await bench.over(1) == ("error", reason)
    assert ends(run) == ["pass", "error"]
    assert (await bench.run(2, "one")) is not None
    assert await bench.over(2) == ("pass", "")


async def test_a_reboot_that_is_overdue_is_not_ordered(bench: Bench) -> None:
    await prepared(bench)
    bench.executor.catalogue._reboot_within = 0.001  # less than a supervisor takes to end
    run = await bench.run(1, "reboot", "one")
    assert await bench.over(1) == ("error", "bob did not reboot within 0 s")
    assert ends(run) == ["error"]
    assert bench.restarts == 0


@pytest.mark.parametrize("steps", [("reboot", "one"), ("reboot",)])
async def test_stopped_while_it_reboots(bench: Bench, steps: tuple[str, ...]) -> None:
    await prepared(bench)
    run = await bench.run(1, *steps)
    await bench.until(lambda: bench.restarts == 1)
    await bench.executor.cancel(BOT, run.run, "ann")
    await bench.power_on()
    # One that has no step left has done all it should.
    wanted = ("aborted", "stopped by ann") if len(steps) > 1 else ("pass", "")
    assert await bench.over(1) == wanted
    assert output(run) == b""


async def test_stopped_and_the_agent_dies_before_the_reboot(bench: Bench) -> None:
    await prepared(bench)
    run = await bench.run(1, "reboot", "one")
    await bench.until(lambda: bench.restarts == 1)
    await bench.executor.cancel(BOT, run.run, "ann")
    await bench.stop()
    await bench.start()
    assert await bench.over(1) == ("aborted", "stopped by ann")
    assert ends(run) == ["aborted"]
    assert bench.restarts == 1


async def test_what_waits_behind_it_starts_after_it(bench: Bench) -> None:
    await prepared(bench)
    await bench.run(1, "reboot", "wait")
    await bench.run(2, "one")
    await bench.until(lambda: bench.restarts == 1)
    await bench.power_on()
    await bench.says(1, "ready")
    assert output(bench.dir(2)) == b""
    bench.gate.open()
    assert await bench.over(1) == ("pass", "")
    assert await bench.over(2) == ("pass", "")


async def test_the_agent_dies_at_any_point_after_the_boot(bench: Bench) -> None:
    await prepared(bench)
    run = await bench.run(1, "reboot", "wait")
    await bench.until(lambda: bench.restarts == 1)
    bench.boot = "boot-2"
    for _ in range(3):  # before the supervisor was started, or after: nobody knows
        await bench.stop()
        await bench.start()
    await bench.says(1, "ready")
    bench.gate.open()
    assert await bench.over(1) == ("pass", "")
    assert [r.text("name") for r in records(run) if r.kind == "begin"] == ["reboot", "wait"]


async def test_a_power_cut_after_the_reboot_is_a_crash(bench: Bench) -> None:
    await prepared(bench)
    run = await bench.run(1, "reboot", "wait", "one")
    await bench.until(lambda: bench.restarts == 1)
    await bench.power_on()
    await bench.says(1, "ready")
    await bench.stop()
    _lose_power(run.pid() or 0)
    await bench.power_on()
    assert (await bench.over(1))[0] == "crashed"
    assert ends(run) == ["pass", "crashed"]


def _lose_power(supervisor: int) -> None:
    fd = os.pidfd_open(supervisor)
    os.kill(supervisor, signal.SIGKILL)
    select.select([fd], [], [])
    os.close(fd)


async def test_a_supervisor_that_does_not_start_after_it_is_no_pass(bench: Bench) -> None:
    await prepared(bench)
    run = await bench.run(1, "reboot")
    await bench.until(lambda: bench.restarts == 1)
    (run.path / "supervisor.log").unlink()
    (run.path / "supervisor.log").mkdir()
    await bench.power_on()
    reason = "its supervisor did not start: see the agent's log"
    assert await bench.over(1) == ("error", reason)


async def test_reboot_takes_no_parameter_and_is_nobody_s_file(bench: Bench) -> None:
    with pytest.raises(UnknownName):
        await bench.executor.accept(BOT, an_order(1, "reboot now=1"))
    with pytest.raises(UnknownName, match="Did you mean reboot"):
        await bench.executor.accept(BOT, an_order(2, "rebot"))
    assert "reboot" in [info.name for info in bench.executor.catalogue.infos()]
    bench.recipe("reboot", "true")
    [bad] = Catalogue([bench.recipes]).bad
    assert "reboot is a step already" in str(bad)


def test_the_intent_is_durable_before_the_supervisor_ends(tmp_path: Path) -> None:
    target = Target(tmp_path, tmp_path / "state")
    run = target.create(sh("echo on"), {"name": "reboot", "recipe": "reboot", "reboot": 300.0})
    assert target.start(run).wait(20) == 0
    target.gate.close()
    assert run.synced == run.journal.stat().st_size
    last = records(run)[-1]
    assert (last.kind, last.text("name"), last.number("within")) == ("begin", "reboot", 300)
    assert abs((last.number("up") or 0) - time.clock_gettime(time.CLOCK_BOOTTIME)) < 20


def test_word_that_was_left_for_another_supervisor_counts_for_nothing(tmp_path: Path) -> None:
    target = Target(tmp_path, tmp_path / "state")
    run = target.run(sh("echo once"), sh("echo twice"))
    target.gate.close()
    whole = run.journal.read_bytes()
    word = {"size": len(whole) - 1, "from": 1, "verdict": "pass", "reason": "", "last": ""}
    run.leave_word(word)
    assert target.start(run).wait(20) == 65
    assert run.journal.read_bytes() == whole
