"""
The folder that a step works in, where its recipe asks for one. Standard library only.

Rule 1: it is new. Nothing that was there before is ever written to: not a file, not a
device, not what a link points to.

Rule 2: its name tells whose it is, so that whoever finds a run dead can remove it: the
supervisor at the end of a step, or the agent where the supervisor was killed.

Rule 3: too little room is found out before anything is written.
"""

import contextlib
import os
from typing import Any

from agent.process import NotStarted

SPARE = 64 << 20
"""Bytes that a step leaves free for others."""


def place(step: dict[str, Any], journal: str) -> str | None:
    """Where *step* of the run *journal* works; None if its recipe asks for no folder."""
    wanted = step.get("scratch")
    return None if wanted is None else os.path.join(wanted["in"], f"labroom-{journal}")  # noqa: PTH118  (no pathlib: memory)


def make(path: str, room: int) -> None:
    """Make the folder *path*, where *room* bytes must be free; NotStarted says what is wrong."""
    above = os.path.dirname(path)  # noqa: PTH120
    try:
        if room:
            there = os.statvfs(above)
            free = there.f_bavail * there.f_frsize
            if free < room + SPARE:
                short = f"{room >> 20}M and {SPARE >> 20}M to spare are needed"
                raise NotStarted(f"there is no room in {above}: {free >> 20}M are free, {short}")
        os.mkdir(path, 0o700)  # noqa: PTH102
    except OSError as error:
        raise NotStarted(f"no scratch folder in {above}: {error.strerror}") from error


def read(path: str, most: int) -> bytes:
    """The first bytes of the file *path*, empty if there is none; neither waits nor follows."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return b""
    try:
        with os.fdopen(fd, "rb") as file:
            return file.read(most) or b""  # None of a pipe that somebody holds open
    except OSError:  # a folder, or a disk that fails
        return b""


def remove(path: str) -> None:
    """Remove the folder *path* and all in it, as far as the disk lets us; follows no link."""
    with contextlib.suppress(OSError):
        for _, folders, files, fd in os.fwalk(path, topdown=False):
            for name in files:
                os.unlink(name, dir_fd=fd)
            for name in folders:
                _remove_folder(name, fd)
        os.rmdir(path)  # noqa: PTH106


def _remove_folder(name: str, fd: int) -> None:
    try:
        os.rmdir(name, dir_fd=fd)
    except NotADirectoryError:  # a link to one
        os.unlink(name, dir_fd=fd)
