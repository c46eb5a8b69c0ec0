"""The log of agent and bot: whoever reads it may hang, and they do not."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from agent.wire.logs import Log


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    read, write = os.pipe()
    yield read, write
    os.close(read)
    os.close(write)


def read_all(fd: int) -> bytes:
    os.set_blocking(fd, False)
    said = b""
    try:
        while piece := os.read(fd, 65536):
            said += piece
    except BlockingIOError:
        pass
    return said


def test_what_is_read_is_written(pipe: tuple[int, int]) -> None:
    log = Log(pipe[1])
    log.write("one\n")
    log.write("zwei \u00fc \ud800\n")
    assert read_all(pipe[0]) == "one\nzwei \u00fc \\ud800\n".encode()


def test_nobody_waits_for_a_reader_and_what_was_lost_is_said(pipe: tuple[int, int]) -> None:
    log = Log(pipe[1])
    line = 99 * "x" + "\n"
    for _ in range(1000):  # more than a pipe holds
        log.write(line)
    kept = read_all(pipe[0]).count(b"\n")
    assert 0 < kept < 1000
    log.write("again\n")
    assert read_all(pipe[0]) == f"event=log.lost lines={1000 - kept}\nagain\n".encode()


def test_a_long_line_does_not_wait_either(pipe: tuple[int, int]) -> None:
    log = Log(pipe[1])
    log.write(10**6 * "x")
    assert len(read_all(pipe[0])) == 65536


def test_a_reader_that_is_gone_ends_nobody() -> None:
    code = (
        "import structlog; from agent.wire import logs; logs.configure();"
        "[structlog.get_logger().info('it.happens', n=n) for n in range(5)]; print('alive')"
    )
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=write, timeout=60, check=True
    )
    os.close(write)
    assert done.stdout == b"alive\n"
