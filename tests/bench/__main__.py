"""``make bench``: every measurement, one after the other."""

import asyncio
import sys

from bot.demo import SERVERS
from tests.bench import acknowledgement, footprint


async def main() -> None:
    """Measure, and print a line for each."""
    write = sys.stdout.write
    write(f"Acknowledgement in the room, median of {acknowledgement.ROUNDS} rounds in turn\n")
    for kind in SERVERS:
        for tuned in (True, False):
            write(f"  {await acknowledgement.measure(kind, tuned=tuned)}\n")
            sys.stdout.flush()
    write(f"Footprint (goals: agent < 50 MiB, supervisor < 15 MiB); idle for {footprint.IDLE} s\n")
    for row in await footprint.measure("prosody"):
        write(f"  {row}\n")


if __name__ == "__main__":
    asyncio.run(main())
