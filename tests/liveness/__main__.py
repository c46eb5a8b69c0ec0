"""``make liveness``: how soon the room knows that a target is gone, on both servers, and why."""

import argparse
import asyncio
import random
import sys

from agent.wire.duration import seconds
from bot.demo import SERVERS
from tests.liveness.alarms import ALARMS
from tests.liveness.row import table
from tests.liveness.rows import ALONE, rows
from tests.liveness.ways import WAYS


def span(text: str) -> float:
    """``20s`` or ``30m``, in seconds."""
    found = seconds(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text} is no time: 20s or 30m is")
    return float(found)


def main() -> int:
    """Work through the rows; 1 if anything was not told, not rightly, or too late."""
    parser = argparse.ArgumentParser(prog="python -m tests.liveness", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument(
        "--only", action="append", default=[],
        help=f"{', '.join(w.name for w in WAYS)}, {ALONE}; "
             f"with --alarms {', '.join(a.name for a in ALARMS)}",
    )  # fmt: skip
    parser.add_argument("--server", action="append", default=[], choices=list(SERVERS))
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument(
        "--alarms", type=span, metavar="TIME", help="try what is no death: 30m, 20s"
    )
    parser.add_argument("--at-once", type=int, default=2, help="rows at the same time")
    asked = parser.parse_args()
    sys.stderr.write(f"seed {asked.seed}\n")
    found = asyncio.run(
        rows(
            asked.only,
            asked.server,
            seed=asked.seed,
            trials=asked.trials,
            alarms=asked.alarms,
            at_once=asked.at_once,
        )
    )
    sys.stdout.write(table(found) + "\n")
    return 0 if all(row.good for row in found) else 1


if __name__ == "__main__":
    sys.exit(main())
