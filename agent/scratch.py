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
    """
    Remove the folder *path* and all in it, as far as the disk lets us; follows no link.

    Folders within folders are lifted to the top, one level at a time: whatever a program has
    piled up, neither our stack nor our files run out.
    """
    with contextlib.suppress(OSError):
        top = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            stuck: set[str] = set()
            while todo := _clear(top) - stuck:
                for name in todo:
                    if not _remove_folder(name, top):
                        stuck.add(name)
        finally:
            os.close(top)
        os.rmdir(path)  # noqa: PTH106


def _clear(fd: int) -> set[str]:
    """Remove what is no folder in the one that *fd* is; the names of those that are."""
    folders = set()
    with os.scandir(fd) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.add(entry.name)
            else:
                with contextlib.suppress(OSError):
                    os.unlink(entry.name, dir_fd=fd)
    return folders


def _remove_folder(name: str, top: int) -> bool:
    """Remove the folder *name* of *top*, after what is in it was lifted there. Whether it went."""
    with contextlib.suppress(OSError):
        fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=top)
        try:
            inner = _clear(fd)
            for each in inner:
                _lift(each, fd, top)
        finally:
            os.close(fd)
        os.rmdir(name, dir_fd=top)
        return True
    return False


def _lift(name: str, fd: int, top: int) -> None:
    """Move the folder *name* from *fd* to *top*, under a name that nobody has there."""
    for _ in range(100):
        with contextlib.suppress(FileExistsError, NotADirectoryError):
            os.rename(name, f".{os.urandom(8).hex()}", src_dir_fd=fd, dst_dir_fd=top)
            return
