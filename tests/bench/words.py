"""What understanding a line costs: the corpora, and lines made to cost much."""

import contextlib
import statistics
import time
from collections.abc import Sequence

from agent.wire.errors import Refusal
from bot.commands import discover
from bot.dialogue import called
from bot.verb import understand
from tests.bot.lab_of_corpora import NICK, PREFIX, read
from tests.bot.nasty_lines import NASTY

ROUNDS = 5
"""Of each line; the fastest counts: what else the machine does is not the grammar's."""

CORPORA = ("talk.txt", "ways.txt", "wrong.txt")


def measure() -> list[str]:
    """Rows: milliseconds of processor time a line."""
    said = [line.rsplit(" => ", 1)[0] for name in CORPORA for line in read(name)]
    milliseconds("run memtest on bob")  # the grammar is made once
    return [_row("corpora", said), _row("nasty, up to 10,000 characters", NASTY)]


def _row(what: str, lines: Sequence[str]) -> str:
    took = sorted(milliseconds(line) for line in lines)
    hundredths = statistics.quantiles(took, n=100)
    return (
        f"{what:31} {len(lines):5} lines   p50 {hundredths[49]:5.2f} ms   "
        f"p99 {hundredths[98]:5.2f} ms   worst {took[-1]:5.2f} ms"
    )


def milliseconds(text: str) -> float:
    """What *text* costs from the room to a request or a refusal."""
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.process_time()
        rest, addressed = called(text, NICK, PREFIX)
        with contextlib.suppress(Refusal):
            understand(rest, discover(), addressed=addressed)
        best = min(best, time.process_time() - started)
    return best * 1000
