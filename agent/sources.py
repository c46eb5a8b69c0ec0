"""
Where a step's news come from besides its output: a FIFO of its own, and the kernel's log.

The thin edges of :mod:`agent.channel` and :mod:`agent.kernel`. Standard library only.
"""

import contextlib
import errno
import os
import time
from typing import Any

from agent.assessment import Assessment
from agent.channel import Channel
from agent.kernel import Kernel
from agent.process import NotStarted

RESULTS = "LABROOM_RESULTS"
"""The environment variable that names the side channel."""

KMSG = "/dev/kmsg"

_AT_ONCE = 64 * 1024
_RECORDS = 256  # of the kernel, before somebody else gets a turn


class SideChannel:
    """
    The FIFO that a program appends its results to, as to a file.

    No file: what is said is read at once, takes no room on any disk, and is gone with us.
    """

    def __init__(self, path: str, channel: Channel) -> None:
        self.path, self._channel = path, channel
        try:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)  # noqa: PTH108  (no pathlib: memory)
            os.mkfifo(path, 0o600)
            # For writing, too: a FIFO without writers would be ready for ever.
            self.fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise NotStarted(f"no side channel for its results: {error.strerror}") from error

    def read(self) -> bool:
        """Take what there is. Whether there was anything."""
        try:
            data = os.read(self.fd, _AT_ONCE)
        except BlockingIOError:
            return False
        self._channel.feed(data)
        return True

    def replaced(self) -> bool:
        """Whether another file has its name: then we have not read what was said there."""
        try:
            found, ours = os.stat(self.path, follow_symlinks=False), os.fstat(self.fd)  # noqa: PTH116
        except OSError:
            return True
        return not os.path.samestat(found, ours)

    def close(self) -> None:
        """Nobody writes any more."""
        os.close(self.fd)
        with contextlib.suppress(OSError):
            os.unlink(self.path)  # noqa: PTH108


class KernelLog:
    """The kernel's log, from now on."""

    def __init__(self, kernel: Kernel, path: str = KMSG) -> None:
        self._kernel = kernel
        try:
            self.fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            os.lseek(self.fd, 0, os.SEEK_END)
        except OSError as error:
            raise NotStarted(f"the kernel's log cannot be read: {error.strerror}") from error

    def read(self) -> bool:
        """Take what there is. Whether there may be more."""
        for _ in range(_RECORDS):
            try:
                self._kernel.record(os.read(self.fd, 8192))
            except BlockingIOError:
                return False
            except OSError as error:
                self._kernel.lost()
                if error.errno != errno.EPIPE:  # that one: overwritten, go on after it
                    return False
        return True

    def close(self) -> None:
        """Listen no longer."""
        os.close(self.fd)


class Sources:
    """Both of one *step*; what they say goes to its *assessment*."""

    def __init__(self, step: dict[str, Any], assessment: Assessment) -> None:
        self._watch: dict[str, Any] = step.get("kernel", {})
        self._channel, self._kernel = assessment.channel, assessment.kernel
        self._open: dict[int, SideChannel | KernelLog] = {}

    def open(self) -> dict[str, str]:
        """Be ready. What goes into the step's environment; NotStarted if that cannot be."""
        side = SideChannel(f"{os.getcwd()}/results", self._channel)  # noqa: PTH109  (no pathlib)
        self._open[side.fd] = side
        if self._watch:
            try:
                log = KernelLog(self._kernel)
                self._open[log.fd] = log
            except NotStarted:
                if self._watch["required"]:
                    raise
        return {RESULTS: side.path}

    def close(self) -> None:
        """Listen no longer."""
        for source in self._open.values():
            source.close()
        self._open.clear()

    @property
    def fds(self) -> list[int]:
        """What to wait for."""
        return list(self._open)

    def hear(self, fd: int) -> bool:
        """Take what there is of one of them, at most so much. Whether there may be more."""
        return self._open[fd].read()

    def hear_out(self, seconds: float) -> None:
        """Take all that there is, unless that takes longer than *seconds*."""
        end = time.monotonic() + seconds
        for fd in self._open:
            while self.hear(fd) and time.monotonic() < end:
                pass

    @property
    def findings(self) -> tuple[tuple[str, str], ...]:
        """What is wrong with them themselves."""
        for source in self._open.values():
            if isinstance(source, SideChannel) and source.replaced():
                return (("error", f"it replaced the file {RESULTS}: append to it"),)
        return ()
