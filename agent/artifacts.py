"""
Files that a step leaves, into the journal: what matched in its scratch folder, within limits.

Standard library only.

Rule 1: nothing from outside the folder: no link is followed, only regular files are read,
and none that has another name elsewhere.

Rule 2: what is left out is said: a file that was cut, and how many did not fit.
"""

import fnmatch
import os
import re
import stat
from collections.abc import Iterator
from typing import Any

from agent.wire.journal import PAYLOAD

_LOOKED_AT = 10_000  # entries of the folder: a hostile one may have any number
_DEEP = 10  # folders within folders that are looked into
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")

Spec = dict[str, Any]
"""As :meth:`agent.format.artifacts.Artifacts.plain` writes it into a request."""


def safe_name(path: str, taken: set[str]) -> str:
    """A file name for *path* that is none of *taken*: letters, digits and ``._-``."""
    name = _UNSAFE.sub("_", path).lstrip("._-")[-80:] or "file"
    unique, number = name, 1
    while unique in taken:
        number += 1
        unique = f"{number}-{name}"
    return unique


class Artifacts:
    """The files of one step that are to be kept."""

    def __init__(self, spec: Spec) -> None:
        self._patterns: list[str] = spec["files"]
        self._each, self._room, self._count = spec["each"], spec["total"], spec["count"]
        self._names: set[str] = set()
        self._kept = 0
        self._cut: list[str] = []
        self._left_out = 0

    @property
    def note(self) -> str:
        """What is missing, in words; empty if nothing is."""
        notes = [f"only the beginning of {name} was kept" for name in self._cut[:3]]
        if self._left_out:
            files = "1 file was" if self._left_out == 1 else f"{self._left_out} files were"
            notes.append(f"{files} not kept")
        return "; ".join(notes)

    def pieces(self, folder: str, taken: set[str]) -> Iterator[tuple[dict[str, Any], bytes]]:
        """The files in *folder* in pieces: ``name`` (not *taken*), ``offset``, ``size``; bytes."""
        self._names |= taken
        seen = 0
        for where, folders, files, fd in os.fwalk(folder):
            folders.sort()
            seen += len(folders)
            if where.count("/") - folder.count("/") >= _DEEP:
                folders.clear()
            for name in sorted(files):
                seen += 1
                path = os.path.relpath(os.path.join(where, name), folder)  # noqa: PTH118
                if seen > _LOOKED_AT:
                    self._left_out += 1
                    return
                if self._wanted(path, name):
                    yield from self._file(path, name, fd)

    def _wanted(self, path: str, name: str) -> bool:
        return any(
            fnmatch.fnmatchcase(path if "/" in pattern else name, pattern)
            for pattern in self._patterns
        )

    def _file(self, path: str, name: str, where: int) -> Iterator[tuple[dict[str, Any], bytes]]:
        try:
            fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=where)
        except OSError:  # a link, or one that may not be read
            self._left_out += 1
            return
        try:
            about = os.fstat(fd)
            if not stat.S_ISREG(about.st_mode) or about.st_nlink != 1:
                self._left_out += 1
                return
            if self._kept >= self._count or (about.st_size and not self._room):
                self._left_out += 1
                return
            kept = safe_name(path, self._names)
            self._names.add(kept)
            self._kept += 1
            yield from self._read(fd, kept, about.st_size)
        finally:
            os.close(fd)

    def _read(self, fd: int, name: str, size: int) -> Iterator[tuple[dict[str, Any], bytes]]:
        most = min(size, self._each, self._room)
        self._room -= most
        if most < size:
            self._cut.append(name)
        offset = 0
        while offset < most or not offset:
            try:
                data = os.read(fd, min(PAYLOAD, most - offset))
            except OSError:  # a disk that fails
                data = b""
            yield {"name": name, "offset": offset, "size": size}, data
            if not data:
                break
            offset += len(data)
