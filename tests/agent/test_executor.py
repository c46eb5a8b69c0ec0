"""The target's queue, with real supervisors and real diagnostics."""

import asyncio
import hashlib
import os
import random
import select
import signal
import time
from pathlib import Path

import pytest

from agent import launch, rundir, tombs
from agent.rundir import RunDir
from agent.tombs import Tomb
from agent.wire.errors import Busy, Refusal, UnknownName
from agent.wire.vocabulary import Held
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
    run_id,
)

WAIT = "echo ready; read _ < {gate}; echo after"


def waiting(bench: Bench, name: str = "wait", more: str = "") -> None:
    bench.recipe(name, WAIT.format(gate=bench.gate.path), more)


# --- one run


async def test_a_run_from_order_to_verdict(bench: Bench) -> None:
    bench.recipe("hello", "echo hello; echo oops >&2")
    await bench.stop()
    await bench.start()
    run = await bench.run(1, "hello")
    assert await bench.over(1) == ("pass", "")
    found = records(run)
    kinds = [record.kind for record in found]
    assert (kinds[0], kinds[1], kinds[-2:]) == ("accepted", "begin", ["end", "verdict"])
    assert set(kinds[2:-2]) == {"out"}
    assert output(run) == b"hello\noops\n"
    assert found[0].fields["steps"] == ["hello"]
    assert found[0].fields["journal"] == bench.executor.held(BOT)[0].journal
    assert found[1].fields["argv"][:2] == ["sh", "-c"]
    assert found[1].fields["boot"] == "boot-1"
    assert found[-2].fields["status"] == 0
    assert bench.changes[-1] == run
    assert run.synced == run.journal.stat().st_size


async def test_output_byte_for_byte(bench: Bench) -> None:
    source = random.Random(1)
    noise = source.randbytes(3_000_000)
    colours = b"\x1b[31mred\x1b[0m\r50 %\r\n" * 80_000
    data = bytes(range(256)) * 2048 + noise + colours + b"\b\b\x00 no newline at the end \xff\xfe"
    assert len(data) > 5_000_000
    (bench.home / "data").write_bytes(data)
    bench.recipe("pour", f"cat {bench.home}/data")
    await bench.stop()
    await bench.start()
    started = time.monotonic()
    run = await bench.run(1, "pour")
    assert await bench.over(1) == ("pass", "")
    assert hashlib.sha256(output(run)).digest() == hashlib.sha256(data).digest()
    assert time.monotonic() - started < 20
    assert len(records(run)) < 400  # batches, not lines


async def test_a_quiet_line_arrives_promptly_and_synced(bench: Bench) -> None:
    bench.recipe("clock", f"echo $(date +%s.%N) ready; read _ < {bench.gate.path}")
    await bench.stop()
    await bench.start()
    run = await bench.run(1, "clock")
    await bench.says(1, "ready")
    assert time.time() - float(output(run).split()[0]) < 0.5
    bench.gate.open()
    assert await bench.over(1) == ("pass", "")


async def test_chatty_output_makes_few_records(bench: Bench) -> None:
    bench.recipe("chat", "i=0; while [ $i -lt 5000 ]; do echo $i; i=$((i+1)); done")
    await bench.stop()
    await bench.start()
    run = await bench.run(1, "chat")
    assert await bench.over(1) == ("pass", "")
    assert output(run).split() == [b"%d" % i for i in range(5000)]
    assert len(records(run)) < 100


async def test_what_runs_is_told_with_its_progress(bench: Bench) -> None:
    more = "[output]\nprogress = ['^(?P<percent>[0-9]+) %$']\n[output.counts]\nlines = '%'\n"
    bench.recipe("slow", f"echo 25 %; read _ < {bench.gate.path}; echo 100 %", more)
    await bench.stop()
    await bench.start()
    run = await bench.run(1, "slow")
    await bench.until(lambda: bench.executor.current and bench.executor.current.fraction == 0.25)
    current = bench.executor.current
    assert current is not None
    assert (current.dir, current.step, current.text) == (run, "slow", "25 %")
    bench.gate.open()
    await bench.over(1)
    assert bench.executor.current is None
    assert records(run)[-2].fields["counts"] == {"lines": 2}


# --- the queue


async def test_runs_wait_for_each_other_in_order(bench: Bench) -> None:
    waiting(bench)
    await bench.stop()
    await bench.start()
    for number in (3, 1, 2):
        await bench.run(number, "wait")
    await bench.says(3, "ready")
    assert bench.executor.queued == 2
    assert [holding.dir.run.number for holding in bench.executor.held(BOT)] == [3, 1, 2]
    assert (bench.phase(1), bench.phase(2)) == (Held.QUEUED, Held.QUEUED)
    for _ in range(3):
        bench.gate.open()
    assert await bench.over(2) == ("pass", "")
    begun = [records(bench.dir(number))[1].at for number in (3, 1, 2)]
    assert begun == sorted(begun)
    over = [records(bench.dir(number))[-1].at for number in (3, 1, 2)]
    assert begun[1] >= over[0]
    assert begun[2] >= over[1]


async def test_a_sequence_stops_at_the_first_bad_step(bench: Bench) -> None:
    bench.recipe("good", "echo fine")
    bench.recipe("bad", "echo it broke; exit 3")
    await bench.stop()
    await bench.start()
    run = await bench.run(1, "good", "bad", "good")
    assert await bench.over(1) == ("fail", "bad: it ended with exit code 3: it broke")
    assert ends(run) == ["pass", "fail"]
    assert records(run)[-2].fields["lines"] == ["it broke"]


async def test_the_same_order_again_gets_the_same_answer(bench: Bench) -> None:
    bench.recipe("hello", "echo hello")
    bench.recipe("other", "echo other")
    await bench.stop()
    executor = await bench.start()
    first = await executor.accept(BOT, an_order(1, "hello"))
    assert await executor.accept(BOT, an_order(1, "other")) == first
    await bench.over(1)
    assert await executor.accept(BOT, an_order(1, "hello")) == first
    await bench.stop()
    executor = await bench.start()
    assert await executor.accept(BOT, an_order(1, "hello")) == first
    await executor.retire(BOT, run_id(1))
    assert executor.held(BOT) == []
    assert not bench.dir(1).path.exists()
    assert await executor.accept(BOT, an_order(1, "hello")) == first
    await bench.stop()
    executor = await bench.start()
    assert await executor.accept(BOT, an_order(1, "hello")) == first
    assert executor.held(BOT) == []


async def test_two_controllers_may_use_the_same_number(bench: Bench) -> None:
    bench.recipe("hello", "echo hello")
    await bench.stop()
    executor = await bench.start()
    one = await executor.accept(BOT, an_order(1, "hello"))
    other = await executor.accept("other@lab.example", an_order(1, "hello"))
    assert one.journal != other.journal
    assert len(executor.held(BOT)) == len(executor.held("other@lab.example")) == 1


async def test_what_cannot_run_is_refused(bench: Bench) -> None:
    bench.recipe("lacks", "true", "[requires]\nprograms = ['no-such-program']\n")
    bench.recipe("sized", "true", "[params.size]\nkind = 'size'\ndefault = '1M'\nmax = '2M'\n")
    await bench.stop()
    executor = await bench.start()
    for number, (step, kind, words) in enumerate(
        (
            ("memtset", UnknownName, "Did you mean memtest"),
            ("lacks", Refusal, "no-such-program is not installed"),
            ("sized size=3M", Refusal, "At most 2M"),
            ("sized sice=1M", UnknownName, "Did you mean size"),
        )
    ):
        with pytest.raises(kind, match=words):
            await executor.accept(BOT, an_order(number, step))
    with pytest.raises(Refusal, match="too late"):
        await executor.accept(BOT, an_order(8, "sized", ttl=0))
    with pytest.raises(ValueError, match="not a bare JID"):
        await executor.accept("../../etc@x/y", an_order(9, "sized"))
    assert executor.held(BOT) == []
    assert list(rundir.scan(bench.state)) == []


async def test_what_was_refused_stays_refused(bench: Bench) -> None:
    executor = bench.executor
    with pytest.raises(Refusal) as first:
        await executor.accept(BOT, an_order(1, "comes-later"))
    bench.recipe("comes-later", "true")
    await bench.stop()
    executor = await bench.start()
    with pytest.raises(Refusal) as again:  # people were told that it does not run
        await executor.accept(BOT, an_order(1, "comes-later"))
    assert str(again.value) == str(first.value)
    await executor.cancel(BOT, run_id(1), "ann")
    with pytest.raises(Refusal, match="no recipe called comes-later"):
        await executor.accept(BOT, an_order(1, "comes-later"))
    await bench.run(2, "comes-later")
    assert await bench.over(2) == ("pass", "")


async def test_a_run_that_waited_past_its_time_does_not_start(bench: Bench) -> None:
    waiting(bench)
    await bench.stop()
    await bench.start()
    await bench.run(1, "wait")
    await bench.says(1, "ready")
    await bench.run(2, "wait", ttl=0.001)
    bench.gate.open()
    assert await bench.over(2) == ("refused", "it waited here for too long")
    assert [record.kind for record in records(bench.dir(2))] == ["accepted", "verdict"]


async def test_the_queue_has_an_end(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.executor.QUEUE", 1)
    waiting(bench)
    await bench.stop()
    await bench.start()
    await bench.run(1, "wait")
    await bench.says(1, "ready")
    await bench.run(2, "wait")
    with pytest.raises(Busy):
        await bench.run(3, "wait")


# --- stopping


async def test_stop_before_it_came(bench: Bench) -> None:
    bench.recipe("hello", "echo hello")
    await bench.stop()
    executor = await bench.start()
    await executor.cancel(BOT, run_id(1), "ann")
    await bench.stop()
    executor = await bench.start()  # the tombstone is durable
    with pytest.raises(Refusal, match="cancelled by ann before it came"):
        await executor.accept(BOT, an_order(1, "hello"))
    assert executor.held(BOT) == []


async def test_stop_while_it_waits(bench: Bench) -> None:
    waiting(bench)
    await bench.stop()
    executor = await bench.start()
    await bench.run(1, "wait")
    await bench.says(1, "ready")
    run = await bench.run(2, "wait")
    await executor.cancel(BOT, run_id(2), "ann")
    assert bench.phase(2) is Held.DONE  # at once, not when its turn comes
    assert await bench.over(2) == ("aborted", "stopped by ann before it began")
    bench.gate.open()
    assert await bench.over(1) == ("pass", "")
    assert [record.kind for record in records(run)] == ["accepted", "verdict"]


async def test_stop_while_it_runs(bench: Bench) -> None:
    waiting(bench)
    await bench.stop()
    executor = await bench.start()
    run = await bench.run(1, "wait", "wait")
    await bench.says(1, "ready")
    await executor.cancel(BOT, run_id(1), "ann")
    assert (await bench.over(1))[0] == "aborted"
    assert "stopped by ann" in records(run)[-1].text("reason")
    assert ends(run) == ["aborted"]
    assert records(run)[-2].fields["signal"] == signal.SIGTERM
    assert gone(executor.held(BOT)[0].journal)


async def test_stop_at_the_moment_it_starts(bench: Bench) -> None:
    waiting(bench)
    await bench.stop()
    executor = await bench.start()
    run = await bench.run(1, "wait")
    await bench.until(lambda: bench.phase(1) is Held.RUNNING)  # its supervisor is only starting
    await executor.cancel(BOT, run_id(1), "ann")
    assert (await bench.over(1))[0] == "aborted"
    assert "ann" in records(run)[-1].text("reason")


async def test_the_system_stops_it_at_the_moment_it_starts(bench: Bench) -> None:
    waiting(bench)
    await bench.stop()
    executor = await bench.start()
    await bench.run(1, "wait")
    await bench.until(lambda: bench.phase(1) is Held.RUNNING)
    assert executor._current is not None
    assert executor._current.watch is not None
    executor._current.watch.ask_to_stop()
    assert (await bench.over(1)) == ("aborted", "stopped by the system")


async def test_stop_after_it_is_over_changes_nothing(bench: Bench) -> None:
    bench.recipe("hello", "echo hello")
    await bench.stop()
    executor = await bench.start()
    run = await bench.run(1, "hello")
    await bench.over(1)
    before, journal = run.journal.read_bytes(), executor.held(BOT)[0].journal
    await executor.cancel(BOT, run_id(1), "ann")
    await executor.retire(BOT, run_id(1))
    await executor.cancel(BOT, run_id(1), "ann")
    assert tombs.find(bench.state, BOT, run_id(1)) == Tomb(tombs.RETIRED, journal)
    assert before.endswith(b'"verdict":"pass","reason":""}\n')


# --- death of everybody


async def test_a_run_survives_its_agent(bench: Bench) -> None:
    blob = bytes(range(256)) * 1000
    (bench.home / "blob").write_bytes(blob)
    script = f"echo ready; read _ < {bench.gate.path}; cat {bench.home}/blob"
    bench.recipe("talk", script)
    await bench.stop()
    await killed(an_agent_of_its_own(bench, "talk"))
    run = bench.dir(1)
    assert run.alive()
    bench.gate.open()  # while nobody watches
    await bench.start()
    assert await bench.over(1) == ("pass", "")
    assert output(run) == b"ready\n" + blob
    assert [r.kind for r in records(run)].count("begin") == 1


async def test_an_adopted_run_is_followed_and_can_be_stopped(bench: Bench) -> None:
    waiting(bench)
    await bench.stop()
    await killed(an_agent_of_its_own(bench, "wait"))
    executor = await bench.start()
    assert executor.held(BOT)[0].phase is Held.RUNNING
    await bench.until(lambda: executor.current)
    assert executor.current is not None
    assert executor.current.step == "wait"
    await bench.run(2, "wait")
    await executor.cancel(BOT, run_id(1), "ann")
    assert await bench.over(1) == ("aborted", "stopped by ann")
    await bench.says(2, "ready")  # and the queue goes on


async def test_a_run_that_ended_while_nobody_watched(bench: Bench) -> None:
    waiting(bench)
    await bench.stop()
    await killed(an_agent_of_its_own(bench, "wait"))
    run = bench.dir(1)
    supervisor = os.pidfd_open(run.pid() or 0)
    bench.gate.open()
    await readable(supervisor)
    os.close(supervisor)
    await bench.start()
    assert await bench.over(1) == ("pass", "")
    assert output(run) == b"ready\nafter\n"


async def test_a_killed_supervisor_is_an_error_and_all_it_wrote_is_kept(bench: Bench) -> None:
    waiting(bench)
    await bench.stop()
    executor = await bench.start()
    run = await bench.run(1, "wait")
    await bench.says(1, "ready")
    before = run.journal.read_bytes()
    os.kill(run.pid() or 0, signal.SIGKILL)
    assert await bench.over(1) == ("error", "the supervisor was killed in wait")
    assert run.journal.read_bytes().startswith(before)
    assert ends(run) == ["error"]
    assert gone(executor.held(BOT)[0].journal)  # the diagnostic does not run on, unseen
    bench.recipe("hello", "echo hello")


async def test_a_torn_record_is_cut_off_and_nothing_else(bench: Bench) -> None:
    waiting(bench)
    await bench.stop()
    await killed(an_agent_of_its_own(bench, "wait"))
    run = bench.dir(1)
    supervisor = os.pidfd_open(run.pid() or 0)
    os.kill(run.pid() or 0, signal.SIGKILL)
    await readable(supervisor)
    os.close(supervisor)
    whole = run.journal.read_bytes()
    with run.journal.open("ab") as journal:
        journal.write(b'{"kind":"verdict","at":1.0,"verdict":"pass","rea')
    await bench.start()
    assert (await bench.over(1))[0] == "error"
    assert run.journal.read_bytes().startswith(whole)
    assert [r.kind for r in records(run)][-2:] == ["end", "verdict"]


async def test_a_machine_that_rebooted_unasked(bench: Bench) -> None:
    waiting(bench)
    bench.recipe("hello", "echo hello")
    await bench.stop()
    await killed(an_agent_of_its_own(bench, "wait"))
    supervisor = os.pidfd_open(bench.dir(1).pid() or 0)
    os.kill(bench.dir(1).pid() or 0, signal.SIGKILL)
    await readable(supervisor)
    os.close(supervisor)
    (bench.dir(1).path / "synced").write_text("")  # as a power cut may leave it
    bench.boot = "boot-2"
    await bench.start()
    assert await bench.over(1) == ("crashed", "bob rebooted in wait: boot boot-1, now boot-2")
    assert output(bench.dir(1)) == b"ready\n"
    await bench.run(2, "hello")
    assert await bench.over(2) == ("pass", "")


async def test_a_supervisor_that_the_agent_before_had_only_just_started(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = launch.start

    def start_two(run: RunDir, boot: str) -> launch.Watch:
        """The first has the lock by the time that the second, which is ours, asks for it."""
        begun(run, boot).close()
        while not run.alive() or run.pid() is None:
            os.sched_yield()
        return begun(run, boot)

    waiting(bench)
    await bench.stop()
    await bench.start()
    monkeypatch.setattr(launch, "start", start_two)
    run = await bench.run(1, "wait")
    await bench.says(1, "ready")  # we hear of the first, which works
    await bench.until(lambda: bench.executor.current)
    bench.gate.open()
    assert await bench.over(1) == ("pass", "")
    assert [record.kind for record in records(run)].count("begin") == 1


async def test_queued_runs_start_after_a_restart_in_their_order(bench: Bench) -> None:
    waiting(bench)
    bench.recipe("hello", "echo hello")
    await bench.stop()
    await bench.start()
    await bench.run(5, "wait")
    await bench.says(5, "ready")
    await bench.run(4, "hello")
    await bench.run(3, "hello")
    await bench.stop()
    await bench.start()
    await bench.run(2, "hello")
    bench.gate.open()
    await bench.over(2)
    starts = [records(bench.dir(number))[1].at for number in (5, 4, 3, 2)]
    assert starts == sorted(starts)


async def test_a_journal_damaged_below_what_was_told_is_left_alone(bench: Bench) -> None:
    bench.recipe("hello", "echo hello")
    await bench.stop()
    await bench.start()
    run = await bench.run(1, "hello")
    await bench.over(1)
    await bench.stop()
    damaged = bytearray(run.journal.read_bytes())
    damaged[damaged.index(b"hello\n")] ^= 1
    damaged = damaged[:-5]
    run.journal.write_bytes(damaged)
    await bench.start()
    assert bench.phase(1) is Held.DONE
    assert run.journal.read_bytes() == damaged
    await bench.run(2, "hello")
    assert await bench.over(2) == ("pass", "")


async def test_a_supervisor_that_cannot_start_is_an_error(bench: Bench) -> None:
    bench.recipe("hello", "echo hello")
    await bench.stop()
    await bench.start()
    request = bench.state / "runs" / BOT / str(run_id(1)) / "request.json"
    bench.executor._wake.clear()
    accepted = bench.executor.accept(BOT, an_order(1, "hello"))
    task = asyncio.ensure_future(accepted)
    await task
    request.unlink()  # before the worker had a turn
    verdict, reason = await bench.over(1)
    assert verdict == "error"
    assert "did not start" in reason


def test_scan_clears_what_was_half_built(tmp_path: Path) -> None:
    half = tmp_path / "runs" / BOT / f".building-{run_id(1)}"
    half.mkdir(parents=True)
    (half / "request.json").write_text("{")
    assert list(rundir.scan(tmp_path)) == []
    assert not half.exists()
    assert isinstance(RunDir(half, BOT, run_id(1)), RunDir)


async def readable(fd: int) -> None:
    """Wait for *fd*, a pidfd: that process is dead."""
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(fd, ready.set)
    try:
        async with asyncio.timeout(10):
            await ready.wait()
    finally:
        loop.remove_reader(fd)


async def test_a_disk_that_hangs_keeps_nobody_waiting(bench: Bench) -> None:
    waiting(bench)
    bench.recipe("hello", "echo hello")
    await bench.stop()
    executor = await bench.start()
    run = await bench.run(1, "wait")
    await bench.says(1, "ready")
    synced, there = run.path / "synced", run.path / "there"
    synced.rename(there)
    os.mkfifo(synced)  # whoever reads it waits for a writer
    supervisor = os.pidfd_open(run.pid() or 0)
    bench.gate.open()
    assert await asyncio.to_thread(select.select, [supervisor], [], [], 20) != ([], [], [])
    os.close(supervisor)
    await executor.accept(BOT, an_order(2, "hello"))
    assert executor.current is not None  # its end is not known yet
    fifo = await asyncio.to_thread(os.open, synced, os.O_WRONLY)
    os.write(fifo, there.read_bytes())
    there.rename(synced)
    os.close(fifo)  # now the disk has come to itself
    assert await bench.over(2) == ("pass", "")
    assert await bench.over(1) == ("pass", "")
