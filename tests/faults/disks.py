"""Disks that are full: a file system of its own for the one who is to suffer, and ballast on it."""

import asyncio
import contextlib
import fcntl
import os
import struct
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tests.faults.kills import freeze, journal, whole
from tests.faults.stage import Stage
from tests.faults.trial import Trial, harmed, order
from tests.faults.truth import Outcome

EXT4_IOC_SHUTDOWN, WITHOUT_LOG = 0x8004587D, 2  # linux/ext4.h: EXT4_GOING_FLAGS_NOLOGFLUSH

ROOM = "24m"
"""Size of the file system."""


def possible() -> str:
    """Why no file system can be mounted here."""
    return "" if os.geteuid() == 0 else "mounting needs root"


@contextmanager
def small(folder: Path) -> Iterator[None]:
    """A small file system at *folder*."""
    folder.mkdir(parents=True, exist_ok=True)
    _run("mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(folder))
    try:
        yield
    finally:
        _run("umount", "--lazy", str(folder))


def of_target(stage: Stage) -> AbstractContextManager[None]:
    """The target's state is on a small disk."""
    return small(stage.lab / "bob" / "state")


def of_bot(stage: Stage) -> AbstractContextManager[None]:
    """The bot's database is on a small disk."""
    return small(stage.database.parent)


@contextmanager
def pluggable(stage: Stage) -> Iterator[None]:
    """The target's state is on an ext4 of its own, which can be shut down."""
    image, folder = stage.folder / "disk", stage.lab / "bob" / "state"
    with image.open("wb") as file:
        file.truncate(64 << 20)
    _run("mkfs.ext4", "-q", str(image))
    folder.mkdir(parents=True)
    _plug(stage)
    try:
        yield
    finally:
        _run("umount", "--lazy", str(folder))


def _plug(stage: Stage) -> None:
    _run("mount", "-o", "loop", str(stage.folder / "disk"), str(stage.lab / "bob" / "state"))


def _replug(stage: Stage) -> None:
    """
    Mount what the disk holds.

    A copy of it: whoever made a mount namespace of his own meanwhile (a container) keeps the file
    system that was shut down, and the same disk again would be that one.
    """
    disk = stage.folder / "disk"
    _run("umount", "--lazy", str(stage.lab / "bob" / "state"))
    _run("cp", "--sparse=always", str(disk), f"{disk}.copy")
    Path(f"{disk}.copy").replace(disk)
    _plug(stage)


async def power_lost(stage: Stage) -> Outcome:
    """
    The target's plug is pulled, and its disk's: what was not synced is gone, whoever says it was.

    ext4 has a door for that (EXT4_IOC_SHUTDOWN): from then on nothing reaches the disk, not even
    its own log.
    """

    async def harm(trial: Trial) -> None:
        trial.floor = _synced(trial)
        with freeze(stage):
            shut_down(stage.lab / "bob" / "state")
            await stage.agent.down()
        await asyncio.to_thread(_replug, stage)
        stage.new_boot()
        stage.agent.up()

    return await harmed(stage, harm, expected="crashed", size=300_000, seconds=4)


def shut_down(folder: Path) -> None:
    """Pull the plug of the ext4 that *folder* is on."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        fcntl.ioctl(fd, EXT4_IOC_SHUTDOWN, struct.pack("I", WITHOUT_LOG))
    finally:
        os.close(fd)


def fill(folder: Path) -> Path:
    """Take all the room that is left there; the file that does."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    return ballast


async def targets_disk(stage: Stage) -> Outcome:
    """The target's disk is full from a random moment on; the run ends as an error."""

    async def harm(trial: Trial) -> None:
        trial.floor = whole(_synced(trial))
        fill(stage.lab / "bob" / "state")

    try:
        return await harmed(stage, harm, expected="error", size=300_000, seconds=4)
    finally:
        (stage.lab / "bob" / "state" / "ballast").unlink(missing_ok=True)


async def targets_disk_at_first(stage: Stage) -> Outcome:
    """It is full when the order comes: refused, and nothing is executed."""
    fill(stage.lab / "bob" / "state")
    try:
        return await (await order(stage)).outcome("refused", executions=0)
    finally:
        (stage.lab / "bob" / "state" / "ballast").unlink(missing_ok=True)


async def bots_disk(stage: Stage) -> Outcome:
    """The bot's disk is full for some seconds; everything arrives when it is not any more."""

    async def harm(_: Trial) -> None:
        ballast = fill(stage.database.parent)
        await asyncio.sleep(stage.random.uniform(2, 6))
        ballast.unlink()

    return await harmed(stage, harm, size=300_000, seconds=4)


def _synced(trial: Trial) -> bytes:
    path = journal(trial)
    return path.read_bytes()[: int((path.parent / "synced").read_text())]


def _run(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True)
    assert not done.returncode, f"{argv}: {done.stderr}"
