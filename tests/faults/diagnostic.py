"""
What a target runs here: prints lines that no other resembles, and keeps the truth beside.

    python diagnostic.py FOLDER TRIAL BYTES MILLISECONDS

``FOLDER/TRIAL.executions`` gets a line with each start, synced to the disk; ``FOLDER/TRIAL.truth``
gets what is printed, before it is printed. So the output may lack the end of the truth, where we
were killed between the two, and nothing else.
"""

import os
import random
import select
import sys
from collections.abc import Iterator

BURST = 4096
"""Bytes that are written at once, about."""


def lines(trial: int, size: int) -> Iterator[bytes]:
    """The lines of *trial*, *size* bytes or a little more: a number, then noise."""
    noise, total = random.Random(trial), 0
    while total < size:
        garbage = noise.randbytes(noise.randrange(4, 200)).replace(b"\n", b"\r")
        line = b"%d-%d " % (trial, total) + garbage + b"\n"
        total += len(line)
        yield line


def bursts(trial: int, size: int) -> Iterator[bytes]:
    """The same, some lines together."""
    burst = b""
    for line in lines(trial, size):
        burst += line
        if len(burst) >= BURST:
            yield burst
            burst = b""
    yield burst


def main(folder: str, trial: str, size: str, milliseconds: str) -> None:
    """Print, at an even pace."""
    executions = os.open(f"{folder}/{trial}.executions", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(executions, b"%d\n" % os.getpid())
    os.fsync(executions)
    truth = os.open(f"{folder}/{trial}.truth", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for data in bursts(int(trial), int(size)):
        os.write(truth, data)
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        # Not time.sleep: the libfaketime of a clock that is wrong breaks it.
        select.select([], [], [], int(milliseconds) / 1000 * len(data) / int(size))


if __name__ == "__main__":
    main(*sys.argv[1:])
