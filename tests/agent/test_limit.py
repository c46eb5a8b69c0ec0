"""The clock over a whole run: what it counts, and what happens when it is over."""

import os
import signal
import time
from typing import Any

import pytest

from agent import attendant, limit
from agent.limit import BOOT, MARGIN
from agent.resume import Action, Story, decide
from agent.wire.journal import Reader, encode
from agent.wire.vocabulary import Verdict
from tests.agent.bench import BOT, Bench, ends, gone, output, records

DAY = 86400.0
STEPS: list[dict[str, Any]] = [
    {"wall": 600, "grace": 10, "on_crash": ["stop", 1]},
    {"reboot": 300.0},
    {"wall": 600, "grace": 10, "on_crash": ["repeat", 2]},
]


def story(*records: bytes) -> Story:
    told = Story()
    for record in Reader().feed(b"".join(records)):
        told.see(record)
    return told


def begin(step: int, boot: str, *, at: float, up: float | None = None) -> bytes:
    said: dict[str, Any] = {} if up is None else {"up": up}
    return encode("begin", at, step=step, name="it", boot=boot, **said)


# --- what it counts


def test_each_step_has_its_time_and_a_margin_as_often_as_it_may_be_tried() -> None:
    one, reboot, often = 610 + MARGIN, 300 + BOOT + MARGIN, 3 * (610 + MARGIN)
    assert limit.limit(STEPS[:1]) == one
    assert limit.limit(STEPS) == one + reboot + often


def test_what_an_agent_of_another_version_wrote_has_a_time_too() -> None:
    assert limit.limit([{"name": "dance"}]) == MARGIN
    assert limit.limit([{"wall": 60, "on_crash": ["repeat", 1, "gently"]}]) == 2 * (60 + MARGIN)


def test_in_one_boot_no_clock_on_a_wall_counts() -> None:
    told = story(begin(0, "b1", at=1e9, up=50.0))
    assert limit.elapsed(told, boot="b1", up=75.0, now=1e9 + DAY) == 25
    assert limit.elapsed(told, boot="b1", up=75.0, now=1e9 - DAY) == 25
    assert limit.elapsed(story(), boot="b1", up=75.0, now=1e9) == 0


def test_over_a_reboot_it_goes_on_counting() -> None:
    told = story(begin(0, "b1", at=1e9, up=50.0), begin(1, "b1", at=1e9 + 9, up=59.0))
    assert limit.elapsed(told, boot="b2", up=20.0, now=1e9 + 400) == 400
    told.see(next(Reader().feed(begin(2, "b2", at=1e9 + 401, up=21.0))))
    assert limit.elapsed(told, boot="b2", up=30.0, now=1e9 + 410) == 410


@pytest.mark.parametrize("now", [0.0, 2e9])
def test_a_clock_that_was_set_meanwhile_is_not_believed(now: float) -> None:
    told = story(begin(0, "b1", at=1e9, up=50.0))
    assert limit.elapsed(told, boot="b2", up=20.0, now=now) <= 0
    told.see(next(Reader().feed(begin(2, "b2", at=now, up=21.0))))
    assert limit.elapsed(told, boot="b2", up=51.0, now=now) == 30  # of the step, at least


def test_a_journal_that_does_not_say_when_is_timed_by_the_wall() -> None:
    assert limit.elapsed(story(begin(0, "b1", at=1e9)), boot="b1", up=9.0, now=1e9 + 60) == 60


def test_what_is_left_is_that_of_the_steps_so_far() -> None:
    told = story(begin(0, "b1", at=1e9, up=50.0))
    assert limit.left(told, STEPS, boot="b1", up=150.0, now=0) == limit.limit(STEPS[:1]) - 100
    told.see(next(Reader().feed(begin(1, "b1", at=1e9, up=60.0))))
    assert limit.left(told, STEPS, boot="b1", up=150.0, now=0) == limit.limit(STEPS[:2]) - 100


# --- what happens


REBOOT = encode("begin", 1e9, step=0, name="reboot", boot="b1", within=300, up=50.0)


@pytest.mark.parametrize(("left", "action"), [(1.0, Action.RESUME), (-1.0, Action.SETTLE)])
@pytest.mark.parametrize("planned", [True, False])
def test_who_comes_back_too_late_does_not_go_on(left: float, action: Action, planned: bool) -> None:
    told = story(REBOOT if planned else begin(0, "b1", at=1e9, up=50.0))
    now = decide(
        told, alive=False, stopper=None, boot="b2", up=9.0, machine="bob", on_crash=("next", 0),
        left=left,
    )  # fmt: skip
    assert now.action is action
    late = Verdict.TIMEOUT if planned else Verdict.CRASHED
    assert left > 0 or (now.verdict is late and "too late to go on" in now.reason)


async def prepared(bench: Bench) -> None:
    bench.recipe("one", "echo one")
    bench.recipe("wait", f"echo ready; read _ < {bench.gate.path}; echo after",
                 "[time]\nwall = '1s'\ngrace = '1s'\n")  # fmt: skip
    await bench.stop()
    await bench.start()


async def test_a_machine_that_was_off_for_the_weekend_does_not_go_on_on_monday(
    bench: Bench,
) -> None:
    await prepared(bench)
    run = await bench.run(1, "reboot", "one")
    await bench.until(lambda: bench.restarts == 1)
    await bench.stop()
    began = records(run)[-1]
    data = run.journal.read_bytes()
    friday = b'"at":%r' % (began.at - 3 * DAY)  # as long before as the machine was off
    data = data.replace(b'"at":%r' % began.at, friday)
    run.journal.write_bytes(data)
    assert len(data) == run.synced
    await bench.power_on()
    verdict, reason = await bench.over(1)
    assert verdict == "timeout"
    assert reason == "bob rebooted; it is too late to go on: the run's time is over"
    assert ends(run) == ["timeout"]
    assert output(run) == b""


async def test_a_supervisor_that_hangs_is_ended_and_its_run_with_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await prepared(bench)
    monkeypatch.setattr("agent.limit.MARGIN", 0.5)
    run = await bench.run(1, "wait")
    await bench.says(1, "ready")
    os.kill(run.pid() or 0, signal.SIGSTOP)  # it sees to no time any more
    verdict, reason = await bench.over(1)
    assert verdict == "timeout"
    assert reason == "its steps so far took longer than 2 s, their supervisor did not end them"
    assert ends(run) == ["timeout"]
    assert gone(bench.executor.held(BOT)[0].journal)
    await bench.run(2, "one")  # and the queue goes on
    assert await bench.over(2) == ("pass", "")


async def test_its_time_counts_on_when_the_agent_starts_anew(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await prepared(bench)
    run = await bench.run(1, "wait")
    await bench.says(1, "ready")
    os.kill(run.pid() or 0, signal.SIGSTOP)
    await bench.stop()
    # Its whole time passes without an agent, and the next one has patience for an hour.
    began = records(run)[1].number("up") or 0.0
    monkeypatch.setattr("agent.attendant.uptime", lambda: began + 2 + MARGIN + 1)
    assert attendant.BEGINS > 100
    started = time.monotonic()
    await bench.start()
    assert (await bench.over(1))[0] == "timeout"
    assert time.monotonic() - started < MARGIN


async def test_a_supervisor_that_never_begins_is_an_error(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await prepared(bench)
    monkeypatch.setattr("agent.attendant.BEGINS", 0.5)
    run = await bench.run(1, "one")
    (run.path / "request.json").unlink()
    os.mkfifo(run.path / "request.json")  # whoever reads it waits for a writer
    try:
        assert await bench.over(1) == ("error", "its supervisor hung before it began")
    finally:
        (run.path / "request.json").unlink()
    assert ends(run) == []
