"""
The files of a step: what it left, and after a bad one what a recipe wants to be looked at then.

Standard library only.

Rule 1: it always ends, soon: others wait.
"""

import os
import select
import time
from collections.abc import Iterator
from typing import Any

from agent.artifacts import Artifacts, safe_name
from agent.judge import GOOD
from agent.process import NotStarted, Process
from agent.signals import Signals
from agent.wire.journal import PAYLOAD

SECONDS = 20.0
"""How long one command may take."""

MOST = 256 * 1024
"""Bytes of its output that are kept: the first."""


class Files:
    """The files of a *step* that ended with *verdict*."""

    def __init__(self, step: dict[str, Any], verdict: str) -> None:
        is_good = verdict in GOOD
        self.commands = [] if is_good or verdict == "aborted" else step.get("on_bad", [])
        """What to run for more of them."""
        spec = step.get("artifacts")
        self._artifacts = (
            Artifacts(spec) if spec and not (spec["when"] == "bad" and is_good) else None
        )

    @property
    def note(self) -> str:
        """What is missing, in words; empty if nothing is."""
        return self._artifacts.note if self._artifacts is not None else ""

    def pieces(
        self, folder: str, mark: str, signals: Signals
    ) -> Iterator[tuple[dict[str, Any], bytes]]:
        """They, in pieces: ``name``, ``offset`` and whole ``size``, and bytes."""
        names: set[str] = set()
        for argv in self.commands:
            said = output(argv, mark, folder, signals)
            name = safe_name(f"{argv[0].rpartition('/')[2]}.txt", names)
            names.add(name)
            for start in range(0, len(said) or 1, PAYLOAD):
                piece = {"name": name, "offset": start, "size": len(said)}
                yield piece, said[start : start + PAYLOAD]
        if self._artifacts is not None:
            yield from self._artifacts.pieces(folder, names)


def output(argv: list[str], mark: str, folder: str, signals: Signals) -> bytes:
    """What *argv* says, run in *folder* as a part of the run *mark*; why not, if it cannot."""
    try:
        process = Process(argv, mark, folder)
    except NotStarted as error:
        return f"{error}\n".encode()
    said = bytearray()
    end = time.monotonic() + SECONDS
    poll = select.poll()
    poll.register(process.output, select.POLLIN)
    try:
        while (left := end - time.monotonic()) > 0 and not signals.stop:
            if poll.poll(min(left, 1.0) * 1000):
                data = os.read(process.output, 65536)
                said += data[: MOST - len(said)]
                if not data:
                    return bytes(said)
        return bytes(said) + b"\n(it was ended here)\n"
    finally:
        process.kill()
        process.reap()
        process.close()
