"""Resident memory and idle CPU of agent, supervisor and bot."""

import asyncio
import tempfile
from pathlib import Path

import psutil

from tests.bench.stage import stage
from tests.end_to_end.lab import order, result

IDLE = 10.0
"""Seconds to watch processes that have nothing to do."""


async def measure(kind: str) -> list[str]:
    """Rows: resident memory in MiB, and CPU in percent of one core while idle."""
    with tempfile.TemporaryDirectory() as folder:
        async with stage(Path(folder), kind, tuned=True) as on:
            gate = on.lab.add_waiting()
            await on.lab.start("carl")
            await on.ann.sees(lambda seen: seen.status == "2 idle", nick="labbot", within=60)
            job = await order(on.ann, "run wait on carl-bench")
            await gate.reached()
            assert on.lab.bot is not None
            processes = {
                "agent": psutil.Process(on.lab.machines["carl"].pid),
                "supervisor": on.lab.supervisors("carl")[0],
                "bot": psutil.Process(on.lab.bot.pid),
                "bare echo bot": psutil.Process(on.echo.pid),
            }
            before = {name: sum(p.cpu_times()[:2]) for name, p in processes.items()}
            await asyncio.sleep(IDLE)  # what is measured is that nothing happens
            rows = []
            for name, process in processes.items():
                used = sum(process.cpu_times()[:2]) - before[name]
                memory = process.memory_info().rss / 2**20
                rows.append(f"{name:14} {memory:6.1f} MiB   {100 * used / IDLE:4.1f} % CPU")
            gate.open()
            await result(on.ann, job)
    return rows
