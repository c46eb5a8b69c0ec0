"""A target without an agent: a state folder in which steps are supervised for real."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from agent.rundir import RunDir
from tests.agent.bench import BOT, Gate, an_order, output

RULES: dict[str, Any] = {
    "exit": {"0": "pass"}, "fail": [], "error": [], "must": [], "same": [],
    "counts": {}, "progress": [],
}  # fmt: skip
JOURNAL = f"j0urn4l{os.getpid()}"  # its mark: only this test run may end what carries it


def a_step(*argv: str, wall: float = 60, grace: float = 5, **rules: Any) -> dict[str, Any]:
    most = rules.pop("most", 1 << 30)
    start, stall = rules.pop("start", 0), rules.pop("stall", 0)
    return {
        "name": "it", "recipe": "it", "argv": list(argv), "wall": wall, "grace": grace,
        "start": start, "stall": stall, "most": most, "rules": RULES | rules,
    }  # fmt: skip


def sh(script: str, **more: Any) -> dict[str, Any]:
    return a_step("sh", "-c", script, **more)


class Target:
    """A state folder in which runs are supervised without an agent."""

    def __init__(self, home: Path, state: Path) -> None:
        self.home, self.state = home, state
        self.gate = Gate(home / "gate")

    def create(self, *steps: dict[str, Any]) -> RunDir:
        at = time.time()
        return RunDir.create(
            self.state, BOT, an_order(1, "it"), steps=list(steps), seq=1, journal=JOURNAL, at=at
        )

    def start(self, run: RunDir, *before: str) -> "subprocess.Popen[bytes]":
        python = [sys.executable, "-P", "-S", "-m", "agent.supervisor"]
        environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
        return subprocess.Popen([*before, *python, str(run.path), "boot"], env=environment)

    def run(self, *steps: dict[str, Any]) -> RunDir:
        run = self.create(*steps)
        assert self.start(run).wait(40) == 0
        assert (run.path / "supervisor.log").read_text() == ""
        return run


def listen(run: RunDir, text: bytes) -> None:
    """Wait until its diagnostic has said *text*: each ring of the bell, look."""
    bell = os.open(run.path / "bell", os.O_RDWR)
    while text not in output(run):
        os.read(bell, 4096)
    os.close(bell)


def mount(place: Path, *how: str) -> None:
    """
    Mount a disk of its own at *place*, as ``mount`` is told to.

    Only root may: another developer's test is skipped, CI's fails.
    """
    if os.geteuid() != 0 and "CI" not in os.environ:
        pytest.skip("only root may mount: sudo make test ONLY=tests/agent")
    subprocess.run(["mount", *how, "none", str(place)], check=True)


def unmount(place: Path) -> None:
    """Take it away again, whatever still uses it."""
    subprocess.run(["umount", "-l", str(place)], check=True)
