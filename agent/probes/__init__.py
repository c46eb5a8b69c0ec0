"""
Probes: small diagnostics of our own, for what the system says plainly and no program judges.

    labroom-agent probe edac

A probe is a module with ``look(root, report, **options)``; the file's name is its name.

Rule 1: standard library only, and little of it: a probe starts at once. It never imports what
the agent itself needs.

Rule 2: what is not there to look at is a skip, with the reason; what is there and cannot be
read is an error. Neither is ever a pass.

Rule 3: *root* is where ``sys``, ``proc`` and ``dev`` are: a tree recorded elsewhere will do.
"""

import sys
from pathlib import Path

HERE = Path(__file__).parent

OURS = ("labroom-agent", "probe")
"""How the command of a recipe begins that runs a probe."""


def command(argv: list[str]) -> list[str]:
    """
    *argv* as it is to be started.

    A probe runs by the agent's own Python, wherever that is installed, and without its
    packages; ``labroom-agent`` itself need not be on the PATH, and takes longer to start.
    """
    if tuple(argv[:2]) == OURS:
        return [sys.executable, "-I", "-S", str(HERE), *argv[2:]]
    return argv


def names() -> list[str]:
    """The probes that there are."""
    inner = ("__init__", "__main__", "report", "sysfs")
    return sorted(path.stem for path in HERE.glob("*.py") if path.stem not in inner)
