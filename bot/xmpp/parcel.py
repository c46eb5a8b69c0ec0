"""
A file as the server takes it: as it is, or compressed, or without its middle.

Works on temporary files, block by block: whatever its size, it costs no memory. They lie where
TMPDIR says.

Rule: what differs from what it was is said in a note, never left for the reader to find.
"""

import gzip
import os
import tempfile
from dataclasses import dataclass
from typing import IO

from bot.report.text import size as spelled

BLOCK = 256 * 1024
"""Bytes that are copied at once."""

LEVEL = 5
"""Of compression: beyond it logs get slower, not smaller."""

SEAM = "\n\n[{} are missing here]\n\n"
"""Between the beginning and the end of a text."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """What is sent."""

    stream: IO[bytes]
    """At its beginning."""
    size: int
    name: str
    kind: str
    note: str = ""
    """What is to be known of it; empty if it is as it was."""


def packed(file: IO[bytes], name: str, kind: str, most: int | None) -> Parcel:
    """
    *file*, which stays open, as the server takes it. Blocking.

    Args:
        most: Bytes that the server takes; None if it did not say.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if most is None or size <= most:
        return Parcel(file, size, name, kind)
    limit = f"the server takes {spelled(most)} at most"
    smaller = _compressed(file, most)
    if smaller is not None:
        length = smaller.seek(0, os.SEEK_END)
        smaller.seek(0)
        note = f"compressed from {spelled(size)}, as {limit}"
        return Parcel(smaller, length, f"{name}.gz", "application/gzip", note)
    kept, what = _shortened(file, size, most, is_text=kind.startswith("text/"))
    length = kept.seek(0, os.SEEK_END)
    kept.seek(0)
    return Parcel(kept, length, name, kind, f"{what} of {spelled(size)}, as {limit}")


def _compressed(file: IO[bytes], most: int) -> IO[bytes] | None:
    """*file*, compressed; None if that is more than *most*."""
    target = tempfile.TemporaryFile()  # noqa: SIM115  (whoever sends it closes it)
    with gzip.GzipFile(fileobj=target, mode="wb", compresslevel=LEVEL, mtime=0) as writer:
        while data := file.read(BLOCK):
            writer.write(data)
            if target.tell() > most:
                break
    if target.seek(0, os.SEEK_END) <= most:
        return target
    target.close()
    return None


def _shortened(file: IO[bytes], size: int, most: int, *, is_text: bool) -> tuple[IO[bytes], str]:
    """As much of *file* as fits into *most*, and what that is: of a text its end, too."""
    target = tempfile.TemporaryFile()  # noqa: SIM115  (whoever sends it closes it)
    room = max(0, most - len(SEAM) - 20)
    end = room // 2 if is_text else 0
    beginning = room - end
    _copy(file, target, 0, beginning)
    if not is_text:
        return target, f"only its first {spelled(beginning)}"
    target.write(SEAM.format(spelled(size - room)).encode())
    _copy(file, target, size - end, end)
    return target, f"only its first {spelled(beginning)} and its last {spelled(end)}"


def _copy(file: IO[bytes], target: IO[bytes], start: int, count: int) -> None:
    file.seek(start)
    while count > 0 and (data := file.read(min(BLOCK, count))):
        target.write(data)
        count -= len(data)


def spool() -> IO[bytes]:
    """An empty temporary file, gone once it is closed."""
    return tempfile.TemporaryFile()
