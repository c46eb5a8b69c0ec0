"""``make bench``: every measurement, one after the other."""

import asyncio
import sys
from collections.abc import Iterable

from bot.demo import SERVERS
from tests.bench import (
    acknowledgement,
    age,
    burst,
    footprint,
    history,
    logs,
    startup,
    throughput,
    words,
)

LIMITS = [(kind, tuned) for kind in SERVERS for tuned in (True, False)]


def write(rows: Iterable[str]) -> None:
    """Print *rows* below their title, at once."""
    sys.stdout.writelines(f"  {row}\n" for row in rows)
    sys.stdout.flush()


def title(text: str) -> None:
    """What the next rows are about."""
    sys.stdout.write(f"{text}\n")


async def main() -> None:
    """Measure, and print a line for each."""
    title(f"A line understood, best of {words.ROUNDS} (goal: < 50 ms)")
    write(words.measure())
    title(f"Answers about the past, {history.RUNS} runs in the store, median of {history.ROUNDS}")
    write(await history.measure())
    title(f"Acknowledgement in the room, median of {acknowledgement.ROUNDS} rounds in turn")
    for kind, tuned in LIMITS:
        write([await acknowledgement.measure(kind, tuned=tuned)])
    title(f"{burst.PEOPLE} people say {burst.EACH} commands each at once, best of {burst.ROUNDS}")
    for kind in SERVERS:
        write([await burst.measure(kind)])
    title("Output of a target, durable at the bot, against bare messages with base64")
    for kind, tuned in LIMITS:
        write(await throughput.measure(kind, tuned=tuned))
    title(f"A log of {logs.SIZE // 10**6} MB; others say whoami meanwhile")
    for kind in SERVERS:
        write(await logs.measure(kind))
    title(f"Age of a line when it is durable at the bot, of {age.LINES} from a quiet target")
    for kind, tuned in LIMITS:
        write([await age.measure(kind, tuned=tuned)])
    title(f"Start, median of {startup.ROUNDS} (goal for the help: < 0.3 s)")
    write(startup.helps())
    title(f"Agent, median of {startup.STARTS} starts (goal: < 1.5 s)")
    for kind in SERVERS:
        write([await startup.serve(kind)])
    title(f"Footprint (goals: agent < 50 MiB, supervisor < 15 MiB); idle for {footprint.IDLE} s")
    write(await footprint.measure("prosody"))


if __name__ == "__main__":
    asyncio.run(main())
