"""
Appends to a run's journal, and says how far it is durable. Standard library only.

The supervisor writes with it while a run is on, the agent before and after.

Rule 1: one holder of the lock, one writer.

Rule 2: the journal always ends at a record boundary, but for a power cut: what was
written in part is cut off again.

Rule 3: ``synced`` grows after the journal is durable, never before.

Rule 4: the last records always find room: ``reserve`` is deleted for them.
"""

import contextlib
import fcntl
import os
import time

from agent.wire.journal import Reader, encode

_BLOCK = 256 * 1024


class Locked(Exception):  # noqa: N818  (a state of the world)
    """Somebody else has this run."""


class Unwritable(Exception):  # noqa: N818  (a state of the world)
    """The disk takes no more of the journal: full, broken or read-only."""

    def __init__(self, error: OSError) -> None:
        super().__init__(f"the journal could not be written: {error.strerror}")


class Writer:
    """
    The only one who writes to the journal in *folder*, until :meth:`close`.

    Raises Locked if there is another, after a second of trying: whoever only looks
    whether the run is alive holds the lock for a moment, too.
    """

    def __init__(self, folder: str) -> None:
        self._folder = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        # Closed in this order when we die: the lock is free before the bell falls silent.
        self._lock = self._open("lock", os.O_RDWR | os.O_CREAT)
        self._bell = self._open("bell", os.O_RDWR | os.O_NONBLOCK)
        self._journal = self._open("journal", os.O_RDWR | os.O_APPEND)
        self._synced = self._open("synced", os.O_RDWR | os.O_CREAT)
        try:
            self._take_lock()
        except Locked:
            self.close()
            raise
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, b"%d\n" % os.getpid(), 0)
        self.size = os.fstat(self._journal).st_size
        self.synced = 0
        with contextlib.suppress(ValueError):
            self.synced = int(os.pread(self._synced, 32, 0))

    def append(self, *records: bytes) -> None:
        """Append *records*, whole or not at all; Unwritable if they find no room."""
        data = b"".join(records)
        written = 0
        try:
            while written < len(data):
                written += os.write(self._journal, data[written:] if written else data)
        except OSError as error:
            os.ftruncate(self._journal, self.size)
            raise Unwritable(error) from error
        self.size += len(data)

    def sync(self) -> None:
        """
        Make all there is durable, and say so.

        Unwritable if the disk will not: then nobody knows what it holds of the bytes after
        ``synced``, and asking again may be answered with a lie. They are cut off.
        """
        if self.size == self.synced:
            return
        try:
            os.fdatasync(self._journal)
        except OSError as error:
            os.ftruncate(self._journal, self.synced)
            self.size = self.synced
            raise Unwritable(error) from error
        self.synced = self.size
        os.pwrite(self._synced, b"%d\n" % self.synced, 0)
        with contextlib.suppress(BlockingIOError):  # full of bells that nobody heard
            os.write(self._bell, b".")

    def repair(self, good: int) -> None:
        """Cut off what is after offset *good*, the end of the last whole record, and sync."""
        os.ftruncate(self._journal, good)
        self.size = good
        os.fdatasync(self._journal)
        self.synced = good
        os.ftruncate(self._synced, 0)
        os.pwrite(self._synced, b"%d\n" % good, 0)

    def finish(self, verdict: str, reason: str, *before: bytes) -> None:
        """Append the records *before* and the verdict: durable, and the last thing here."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink("reserve", dir_fd=self._folder)
        self.append(*before, encode("verdict", time.time(), verdict=verdict, reason=reason))
        self.sync()

    def fresh(self) -> bool:
        """Whether the run was accepted, and has not begun; what we do not know is no begin."""
        reader = Reader()
        kinds = [record.kind for record in reader.feed(os.pread(self._journal, _BLOCK, 0))]
        begun = {"begin", "verdict"} & set(kinds)
        return kinds[:1] == ["accepted"] and not begun and reader.parsed == self.size

    def close(self) -> None:
        """Let go of the run."""
        for fd in (self._synced, self._journal, self._bell, self._lock, self._folder):
            os.close(fd)

    def _open(self, name: str, flags: int) -> int:
        return os.open(name, flags | os.O_CLOEXEC, 0o640, dir_fd=self._folder)

    def _take_lock(self) -> None:
        for _ in range(50):
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            time.sleep(0.02)
        raise Locked
