"""A target's output, stored durably at the bot, against bare messages with the same bytes."""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.bench.stage import Stage, stage
from tests.end_to_end.lab import idle, order, result

FAST, SLOW = 32 << 20, 96 << 10
"""Bytes of output: where nothing limits us, and on Debian's default limits."""

CAP = 600.0
"""Seconds that a transfer may take; at ejabberd's default limit 45 are usual."""


@dataclass(frozen=True)
class Took:
    """One transfer."""

    seconds: float
    sender: float
    """Seconds of CPU."""
    receiver: float


async def measure(kind: str, *, tuned: bool) -> list[str]:
    """Rows: for bytes without pattern, and for what memtester prints."""
    size = FAST if tuned else SLOW
    outputs = await asyncio.to_thread(_outputs, size)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        async with stage(Path(folder), kind, tuned=tuned) as on:
            for name, data in outputs.items():
                path = Path(folder) / name
                path.write_bytes(data)
                on.lab.add_script(name, f"cat {path}\n")
            await on.lab.start("carl")
            await idle(on.ann, "carl-bench")
            for name in outputs:
                bare = await _bare(on, Path(folder) / name, size)
                ours = await _ours(on, name)
                rows.append(_row(kind, name, size, ours, bare, tuned=tuned))
    return rows


def _outputs(size: int) -> dict[str, bytes]:
    done = subprocess.run(
        ["memtester", "1M", "1"], capture_output=True, check=True,
        env=os.environ | {"PATH": f"{os.environ['PATH']}:/usr/sbin"},
    )  # fmt: skip
    printed = done.stdout * (size // len(done.stdout) + 1)
    return {"random": os.urandom(size), "memtester": printed[:size]}


def _row(kind: str, name: str, size: int, ours: Took, bare: Took, *, tuned: bool) -> str:
    megabytes = size / 1e6
    goal = "at least 0.8 x" if name == "random" else "more than 1 x"
    return (
        f"{kind:9} {'tuned' if tuned else 'default':8} {name:10} "
        f"labroom {megabytes / ours.seconds:7.3f} MB/s   "
        f"bare {megabytes / bare.seconds:7.3f} MB/s   {bare.seconds / ours.seconds:5.2f} x   "
        f"goal {goal}   CPU s/MB: agent "
        f"{ours.sender / megabytes:.3f}, bot {ours.receiver / megabytes:.3f}; bare "
        f"{bare.sender / megabytes:.3f} and {bare.receiver / megabytes:.3f}"
    )


async def _ours(on: Stage, recipe: str) -> Took:
    assert on.lab.bot is not None
    agent, bot = psutil.Process(on.lab.machines["carl"].pid), psutil.Process(on.lab.bot.pid)
    before = _used(agent), _used(bot)
    began = time.perf_counter()
    job = await order(on.ann, f"run {recipe} on carl-bench")
    ended = await result(on.ann, job, within=CAP)
    took = time.perf_counter() - began
    assert "pass" in ended.body
    return Took(took, _used(agent) - before[0], _used(bot) - before[1])


async def _bare(on: Stage, path: Path, size: int) -> Took:
    for account in ("sender-bench", "receiver-bench"):
        await asyncio.to_thread(on.lab.server.add_account, account, account)
    async with (
        _peer(on, "receiver-bench", "receive", str(size)) as receiver,
        _peer(on, "sender-bench", "send", "receiver-bench@localhost", str(path)) as sender,
    ):
        processes = psutil.Process(sender.pid), psutil.Process(receiver.pid)
        before = tuple(map(_used, processes))
        assert sender.stdin is not None
        assert receiver.stdout is not None
        began = time.perf_counter()
        sender.stdin.write(b"go\n")
        assert await receiver.stdout.readline() == b"done\n"
        took = time.perf_counter() - began
        used = tuple(map(_used, processes))
    return Took(took, used[0] - before[0], used[1] - before[1])


@asynccontextmanager
async def _peer(on: Stage, account: str, *task: str) -> AsyncIterator[Process]:
    server = on.lab.server
    argv = [
        sys.executable, "-m", "tests.bench.bulk", f"{account}@localhost", account,
        server.host, str(server.port), str(server.ca), *task,
    ]  # fmt: skip
    root = Path(__file__).parents[2]
    process = await asyncio.create_subprocess_exec(*argv, stdin=PIPE, stdout=PIPE, cwd=root)
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        yield process
    finally:
        process.kill()
        await process.wait()


def _used(process: psutil.Process) -> float:
    """Seconds of CPU so far."""
    return float(sum(process.cpu_times()[:2]))
