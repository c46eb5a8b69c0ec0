"""How long until somebody has something: the help's first line, an agent in the room."""

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bot.demo.site import GRACE
from tests.bench.stage import stage
from tests.end_to_end.lab import idle

ROUNDS = 9
"""Starts of each command, in turn; the median counts."""

STARTS = 3
"""Starts of an agent."""


def helps() -> list[str]:
    """Rows: seconds that ``--help`` takes, beside a Python that does nothing."""
    scripts = Path(sys.executable).parent
    commands: dict[str, Sequence[str]] = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "labroom --help": [str(scripts / "labroom"), "--help"],
        "labroom-agent --help": [str(scripts / "labroom-agent"), "--help"],
    }
    took: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(ROUNDS):
        for name, argv in commands.items():
            began = time.perf_counter()
            subprocess.run(argv, stdout=subprocess.DEVNULL, check=True)
            took[name].append(time.perf_counter() - began)
    median = {name: statistics.median(times) for name, times in took.items()}
    floor = median["python -c pass"]
    return [f"{name:22} {time:6.3f} s {time / floor:6.1f} x" for name, time in median.items()]


async def serve(kind: str) -> str:
    """A row: seconds from an agent's start until the room sees it idle."""
    with tempfile.TemporaryDirectory() as folder:
        async with stage(Path(folder), kind, tuned=True) as on:
            took = []
            for _ in range(STARTS):
                await asyncio.to_thread(on.lab.machines["bob"].end, grace=GRACE)
                await on.ann.sees(lambda seen: seen.type == "unavailable", nick="bob-bench")
                began = time.perf_counter()
                await on.lab.start("bob")
                await idle(on.ann, "bob-bench")
                took.append(time.perf_counter() - began)
    return f"{kind:10} {statistics.median(took):6.2f} s from the start of an agent to the room"
