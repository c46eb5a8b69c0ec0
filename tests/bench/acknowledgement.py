"""How long the room waits for "job 17", against a bare echo bot in the same room."""

import statistics
import tempfile
from pathlib import Path

from tests.bench.stage import stage, timed
from tests.end_to_end.lab import result

ROUNDS = 30


async def measure(kind: str, *, tuned: bool) -> str:
    """One row: medians in ms, their ratio and difference; rounds of each, in turn."""
    ours, bare = [], []
    with tempfile.TemporaryDirectory() as folder:
        async with stage(Path(folder), kind, tuned=tuned) as on:
            for number in range(1, ROUNDS + 1):
                bare.append(await timed(on.ann, f"echo round {number}", "echo"))
                ours.append(await timed(on.ann, "run noop on bob-bench", "labbot"))
                await result(on.ann, number)
    a, b = statistics.median(ours), statistics.median(bare)
    limits = "tuned" if tuned else "default"
    goal = "at most +3 ms" if tuned else "at most 1.3 x"
    return (
        f"{kind:9} {limits:8} labroom {a:6.1f} ms   bare echo {b:6.1f} ms   "
        f"{a / b:4.2f} x  {a - b:+5.1f} ms   goal {goal}"
    )
