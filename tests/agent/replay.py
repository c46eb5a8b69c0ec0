"""A target on which recipes run for real, and programs that say what others once said."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from agent.rundir import RunDir
from tests.agent.bench import records
from tests.agent.target import JOURNAL, Target


def a_program(folder: Path, name: str, script: str) -> str:
    """A real program called *name* in a folder of its own: a PATH on which it comes first."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)
    return f"{folder}:{os.environ['PATH']}:/usr/sbin"


def follow(run: RunDir, condition: Callable[[], bool]) -> None:
    """Wait until *condition* holds: each ring of the bell, look."""
    bell = os.open(run.path / "bell", os.O_RDWR)
    while not condition():
        os.read(bell, 4096)
    os.close(bell)


def fraction(run: RunDir) -> float:
    """How far it says it is; all of it once it has ended."""
    told = [1.0 if r.kind == "end" else r.number("fraction") or 0.0 for r in records(run)]
    return max(told, default=0.0)


def begun(target: Target, step: dict[str, object], until: float) -> "tuple[RunDir, Supervisor]":
    """A run of *step*, once it is so far."""
    run = target.create(step)
    supervisor = target.start(run)
    follow(run, lambda: fraction(run) >= until)
    return run, supervisor


def processes(name: str) -> Iterator[int]:
    """Those of the tests' runs that are called so."""
    mark = f"LABROOM_RUN={JOURNAL}".encode()
    for path in Path("/proc").glob("[0-9]*"):
        try:
            called = (path / "comm").read_text().strip() == name
            if called and mark in (path / "environ").read_bytes().split(b"\0"):
                yield int(path.name)
        except OSError:
            continue


Supervisor = subprocess.Popen[bytes]
