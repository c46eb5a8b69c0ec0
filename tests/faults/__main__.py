"""``make faults``: every row on both servers, and the table of it."""

import argparse
import asyncio
import random
import sys

from bot.demo import SERVERS
from tests.faults.matrix import FAULTS, matrix, table


def main() -> int:
    """Work through the matrix; 1 if anything was not as promised."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--only", action="append", default=[], choices=[f.name for f in FAULTS])
    parser.add_argument("--server", action="append", default=[], choices=list(SERVERS))
    parser.add_argument("--quick", action="store_true", help="fewer trials, the long rows left out")
    parser.add_argument("--at-once", type=int, default=2, help="rows at the same time")
    asked = parser.parse_args()
    sys.stderr.write(f"seed {asked.seed}\n")
    rows = asyncio.run(
        matrix(asked.only, asked.server, seed=asked.seed, quick=asked.quick, at_once=asked.at_once)
    )
    sys.stdout.write(table(rows) + "\n")
    return 0 if all(row.good for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
