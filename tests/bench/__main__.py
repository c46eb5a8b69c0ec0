"""``make bench``: every measurement, one after the other."""

import asyncio
import sys

from bot.demo import SERVERS
from tests.bench import acknowledgement, footprint, startup


async def main() -> None:
    """Measure, and print a line for each."""
    write = sys.stdout.write
    write(f"Acknowledgement in the room, median of {acknowledgement.ROUNDS} rounds in turn\n")
    for kind in SERVERS:
        for tuned in (True, False):
            write(f"  {await acknowledgement.measure(kind, tuned=tuned)}\n")
            sys.stdout.flush()
    write(f"Start, median of {startup.ROUNDS} (goal for the help: < 0.3 s)\n")
    for row in startup.helps():
        write(f"  {row}\n")
    write(f"Agent, median of {startup.STARTS} starts (goal: < 1.5 s)\n")
    for kind in SERVERS:
        write(f"  {await startup.serve(kind)}\n")
    write(f"Footprint (goals: agent < 50 MiB, supervisor < 15 MiB); idle for {footprint.IDLE} s\n")
    for row in await footprint.measure("prosody"):
        write(f"  {row}\n")


if __name__ == "__main__":
    asyncio.run(main())
