"""
Files and folders that are still there, whole, after a power cut. All of it blocks.

A file's bytes are durable when the file is synced, its name when the folder is.
"""

import os
from pathlib import Path


def write(path: Path, data: bytes) -> None:
    """Write a file, and sync it. Its name is durable once its folder is."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def replace(path: Path, data: bytes) -> None:
    """Put *data* in the place of what is at *path*: whoever reads sees one or the other."""
    new = path.with_name(f"{path.name}.new")
    write(new, data)
    new.rename(path)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make durable which names are in the folder *path*."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def make_folder(folder: Path) -> None:
    """Make *folder*, and those above it that are missing."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    for path in reversed(missing):
        sync_folder(path.parent)
