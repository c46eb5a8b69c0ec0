"""A bench for each test; what it started is ended with it."""

import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.process import sweep
from agent.rundir import scan
from tests.agent.bench import Bench


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path)
    await bench.start()
    yield bench
    await bench.stop()
    bench.gate.close()
    for run in scan(bench.state):
        if run.alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(run.pid() or 0, signal.SIGKILL)
        with contextlib.suppress(OSError):  # a test removed it
            sweep(run.request()["journal"])
