"""A bench for each test; what it started is ended with it."""

import contextlib
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from agent.process import sweep
from agent.rundir import scan
from tests.agent.bench import Bench, gone
from tests.agent.target import JOURNAL, Target


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


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    target = Target(tmp_path, tmp_path / "state")
    yield target
    target.gate.close()
    left = not gone(JOURNAL)
    swept = sweep(JOURNAL)  # whatever it was: the next test must not meet it
    assert (left, swept) == (False, 0), "a diagnostic outlived its supervisor"
