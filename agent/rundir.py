"""
A run directory: everything a target knows of one run.

    <state>/runs/<controller's bare JID>/<run id>/
        request.json  what to run, resolved; written once
        journal       what happened (agent/wire/journal.py)
        synced        how much of the journal is known to be durable: what may be sent
        lock          held by the supervisor: held means alive
        bell          a FIFO: a byte each time ``synced`` grows
        stop          somebody asked to stop, and who
        resume.json   where the next supervisor goes on, after a reboot
        acked         how much of the journal the controller holds durably
        reserve       room on the disk for the last records
        supervisor.log  what the supervisor had to complain about

Beside them stands what is remembered of runs that are not here (agent/tombs.py).

Rule 1: what a function here writes is durable when it returns, except ``synced`` and
``acked``: a stale value of these is only too low.

Rule 2: a directory without the dot is complete. It is built under another name.

Rule 3: "alive" is the lock, never a pid: pids are reused, above all after a reboot.
"""

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent import durable
from agent.wire.journal import encode
from agent.wire.vocabulary import Order, RunId

RESERVE = 64 * 1024
"""Bytes kept free for the last records of a run whose disk is full."""

_BUILDING = ".building-"


@dataclass(frozen=True, slots=True)
class RunDir:
    """Where one run's files are. Two of the same run are equal."""

    path: Path
    controller: str
    run: RunId

    @classmethod
    def create(
        cls,
        state: Path,
        controller: str,
        order: Order,
        *,
        steps: list[dict[str, Any]],
        seq: int,
        journal: str,
        at: float,
    ) -> "RunDir":
        """
        Make the directory of *order*, its journal with the first record.

        Args:
            steps: As :meth:`Recipe.resolve` made them.
            seq: Its place in the target's queue.
            journal: The journal's random id.
            at: Now, in seconds since the epoch.
        """
        folder = place(state, controller)
        durable.make_folder(folder)
        first = encode(
            "accepted", at, journal=journal, run=str(order.run), controller=controller,
            seq=seq, steps=[step["name"] for step in steps],
        )  # fmt: skip
        request = {
            "schema": 1, "run": str(order.run), "controller": controller, "seq": seq,
            "journal": journal, "accepted": at, "expires": at + order.ttl, "steps": steps,
        }  # fmt: skip
        building = folder / f"{_BUILDING}{order.run}"
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir(mode=0o750)
        try:
            durable.write(building / "request.json", json.dumps(request).encode("ascii"))
            durable.write(building / "journal", first)
            (building / "synced").write_text(f"{len(first)}\n", "ascii")
            for name in ("lock", "acked"):
                (building / name).touch(0o640)
            os.mkfifo(building / "bell", 0o640)
            _reserve(building / "reserve")
            durable.sync_folder(building)
            path = building.rename(folder / str(order.run))
        except OSError:
            shutil.rmtree(building, ignore_errors=True)
            raise
        durable.sync_folder(folder)
        return cls(path, controller, order.run)

    def request(self) -> dict[str, Any]:
        """What was accepted; ValueError if it cannot be read."""
        request = json.loads((self.path / "request.json").read_bytes())
        if not isinstance(request, dict):
            raise ValueError("request.json holds no object")  # noqa: TRY004  (as JSON errors are)
        return request

    @property
    def journal(self) -> Path:
        """The journal; only what is before :attr:`synced` may leave the machine."""
        return self.path / "journal"

    @property
    def synced(self) -> int:
        """The journal is durable up to this offset, a record boundary."""
        return _read_offset(self.path / "synced")

    @property
    def acked(self) -> int:
        """The controller holds the journal up to this offset."""
        return _read_offset(self.path / "acked")

    def mark_acked(self, offset: int) -> None:
        """Note that the controller holds the journal up to *offset*."""
        _write_offset(self.path / "acked", offset)

    def alive(self) -> bool:
        """Whether a supervisor holds the lock."""
        with (self.path / "lock").open("rb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def pid(self) -> int | None:
        """The supervisor's process id: right only while :meth:`alive`."""
        return _read_offset(self.path / "lock") or None

    def leave_word(self, before: dict[str, Any]) -> None:
        """Tell the next supervisor what has come of the run before it."""
        durable.replace(self.path / "resume.json", json.dumps(before).encode("ascii"))

    def ask_to_stop(self, by: str) -> None:
        """Leave word for the supervisor, who asked. The first to ask stays."""
        if not (self.path / "stop").exists():
            durable.write(self.path / "stop", by.encode())
            durable.sync_folder(self.path)

    def stop_asked(self) -> str | None:
        """Who asked to stop it, or None."""
        try:
            return (self.path / "stop").read_text("utf-8", "replace")[:200]
        except FileNotFoundError:
            return None

    def retire(self, journal: str) -> None:
        """Remove the directory, and remember that there was one: *journal* is its id."""
        durable.write(self.path.with_name(f"{self.run}.retired"), journal.encode())
        durable.sync_folder(self.path.parent)
        away = self.path.rename(self.path.with_name(f"{_BUILDING}{self.run}"))
        shutil.rmtree(away, ignore_errors=True)


def scan(state: Path) -> Iterator[RunDir]:
    """Every run directory there is; half-built and half-removed ones are cleared away."""
    for folder in sorted((state / "runs").glob("*@*")):
        for path in sorted(folder.iterdir()):
            if path.name.startswith(_BUILDING):
                shutil.rmtree(path, ignore_errors=True)
            elif path.is_dir():
                with contextlib.suppress(ValueError):  # somebody else's folder
                    yield RunDir(path, folder.name, RunId.parse(path.name))


def place(state: Path, controller: str) -> Path:
    """Where the runs of *controller* are; ValueError for a JID that must not become a path."""
    wrong = (
        controller.count("@") != 1 or controller.startswith(".") or len(controller.encode()) > 200
    )
    if wrong or any(c in "/\\" or not c.isprintable() for c in controller):
        raise ValueError(f"not a bare JID: {controller[:60]!r}")
    return state / "runs" / controller


def _reserve(path: Path) -> None:
    with path.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, RESERVE)


def _read_text(path: Path) -> str | None:
    try:
        return path.read_text("utf-8", "replace")[:200]
    except FileNotFoundError:
        return None


def _read_offset(path: Path) -> int:
    text = (_read_text(path) or "").strip()
    return int(text) if text.isascii() and text.isdecimal() else 0


def _write_offset(path: Path, offset: int) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o640)
    try:
        os.pwrite(
            fd, f"{offset}\n".encode(), 0
        )  # one write: a value only grows, so it covers the old
    finally:
        os.close(fd)
