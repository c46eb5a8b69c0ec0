"""Processes that die by SIGKILL, servers that restart, machines that lose power."""

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil

from agent.wire.journal import Reader
from tests.faults.stage import Stage
from tests.faults.trial import Trial, harmed, order
from tests.faults.truth import Outcome

RESTARTS = 20


async def bot_killed(stage: Stage) -> Outcome:
    """The bot, while output streams."""

    async def harm(_: Trial) -> None:
        stage.bot.kill()

    return await harmed(stage, harm)


async def bot_killed_before_its_commit(stage: Stage) -> Outcome:
    """The bot, while somebody else's lock on its database keeps the run's end from being stored."""
    trial = await order(stage, size=60_000, seconds=1)
    await trial.moment()
    with closing(sqlite3.connect(stage.database, timeout=30, isolation_level=None)) as lock:
        lock.execute("begin immediate")
        await asyncio.sleep(trial.seconds + stage.random.uniform(0.5, 2.5))
        stage.bot.kill()
        lock.execute("rollback")
    return await trial.outcome()


async def agent_killed(stage: Stage) -> Outcome:
    """The agent alone: the diagnostic goes on."""

    async def harm(_: Trial) -> None:
        stage.agent.kill()

    return await harmed(stage, harm)


async def agent_killed_at_once(stage: Stage) -> Outcome:
    """The agent, within a quarter of a second of the order: before, in or after accepting it."""
    trial = await order(stage)
    await pause(stage, 0.25)
    stage.agent.kill()
    return await trial.outcome()


async def supervisor_killed(stage: Stage) -> Outcome:
    """The supervisor: what it had written arrives, and the step is no pass."""

    async def harm(trial: Trial) -> None:
        supervisors = stage.supervisors()
        for supervisor in supervisors:
            supervisor.suspend()  # so that what it has written is known, and nothing is added
        trial.floor = whole(journal(trial).read_bytes())
        for supervisor in supervisors:
            supervisor.kill()

    outcome = await harmed(stage, harm, expected="error", size=300_000, seconds=4)
    left = [process.pid for process in stage.diagnostics()]
    assert not left, f"diagnostics {left} outlive their supervisor"
    return outcome


async def server_killed(stage: Stage) -> Outcome:
    """The server; its data are there again when it is."""
    return await _server(stage, wiped=False)


async def server_wiped(stage: Stage) -> Outcome:
    """The server; all it knew is gone: accounts, room, offline store."""
    return await _server(stage, wiped=True)


async def _server(stage: Stage, *, wiped: bool) -> Outcome:
    """In a third of the trials while the order waits in the offline store."""
    if stage.random.random() < 0.67:

        async def harm(_: Trial) -> None:
            await stage.restart_server(stage.random.uniform(0, 2), wiped=wiped)

        return await harmed(stage, harm)
    await stage.agent.down()
    trial = await order(stage)
    await pause(stage, 0.5)
    await stage.restart_server(stage.random.uniform(0, 2), wiped=wiped)
    stage.agent.up()
    return await trial.outcome()


async def server_restarts(stage: Stage) -> Outcome:
    """Twenty restarts in a row, every second one by SIGKILL, one run all the while."""
    trial = await order(stage, size=400_000, seconds=90)
    await trial.begun()
    for number in range(RESTARTS):
        await stage.restart_server(stage.random.uniform(0, 1), kill=number % 2 == 1)
        await pause(stage, 5)
    return await trial.outcome(within=240)


async def power_lost(stage: Stage) -> Outcome:
    """
    The target's plug is pulled: agent, supervisor and diagnostic die, unsynced bytes are gone.

    In every other trial a part of the unsynced bytes is left, torn; and ``synced``, which
    nobody syncs, is as old as the run.
    """

    async def harm(trial: Trial) -> None:
        with freeze(stage):
            await stage.agent.down()
        unplug(stage, trial)
        stage.new_boot()
        await pause(stage, 2)
        stage.agent.up()

    return await harmed(stage, harm, expected="crashed", size=300_000, seconds=4)


@contextlib.contextmanager
def freeze(stage: Stage) -> Iterator[None]:
    """All that runs on the target stands still, agent and all, and is dead afterwards."""
    stage.agent.stop()
    victims = [p for s in stage.supervisors() for p in (s, *s.children(recursive=True))]
    victims += stage.diagnostics()
    for process in victims:
        with contextlib.suppress(psutil.Error):
            process.suspend()
    try:
        yield
    finally:
        for process in victims:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(victims, timeout=10)


def unplug(stage: Stage, trial: Trial) -> None:
    """What a disk has of the run's folder after a power cut."""
    path = journal(trial)
    synced, size = int((path.parent / "synced").read_text()), path.stat().st_size
    trial.floor = path.read_bytes()[:synced]
    torn = stage.random.random() < 0.5
    os.truncate(path, stage.random.randint(synced, size) if torn else synced)
    if torn:
        first = path.read_bytes().index(b"\n") + 1
        (path.parent / "synced").write_text(f"{first}\n")


def journal(trial: Trial) -> Path:
    """The run's journal on the target."""
    folder = trial.folder()
    assert folder is not None, f"bob has no run {trial.job}"
    return folder / "journal"


def whole(data: bytes) -> bytes:
    """*data* without a record that is not complete."""
    reader = Reader()
    for _ in reader.feed(data):
        pass
    return data[: reader.parsed]


async def pause(stage: Stage, most: float) -> None:
    """A random while."""
    await asyncio.sleep(stage.random.uniform(0, most))
