"""
Many agents in one process: real ones, that have nothing to run.

    python -m tests.bench.agents FILE...     each an agent.toml; SIGTERM stops them all
"""

import asyncio
import sys
from pathlib import Path

from agent.config import Config
from agent.service import serve
from agent.wire.console import run_until_told
from agent.wire.logs import configure
from agent.wire.settings import load

APART = 0.05
"""Seconds between two starts: logging in costs 30 ms of processor, here and at the server."""


async def main(files: list[str]) -> None:
    """Be all of them."""
    async with asyncio.TaskGroup() as group:
        for file in files:
            group.create_task(serve(load(Path(file), Config)))
            await asyncio.sleep(APART)


if __name__ == "__main__":
    configure()
    run_until_told(main(sys.argv[1:]))
