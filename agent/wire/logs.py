"""
One event, one line: how agent and bot log. ``run.finished run=k3x9q2ab-17 verdict=pass``.

Rule: nobody waits for a log. Who reads it may hang (a journal on a disk that does), and we
still answer; lines that found no reader are counted, and the number is said later.
"""

import logging
import os
import select
import sys
from typing import TextIO, cast

import structlog

_PIECE = 4096
"""Bytes that a pipe or a socket takes at once, when it takes any (pipe(7), PIPE_BUF)."""


class Log:
    """Standard error, without waiting. A file of structlog's and of logging's."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._poll = select.poll()
        self._poll.register(fd, select.POLLOUT)
        self._lost = 0

    def write(self, text: str) -> None:
        """Write *text*, which ends a line, or drop it."""
        if self._lost and self._put(f"event=log.lost lines={self._lost}\n"):
            self._lost = 0
        if not self._put(text):
            self._lost += 1

    def flush(self) -> None:
        """Nothing is kept back."""

    def _put(self, text: str) -> bool:
        data = text.encode("utf-8", "backslashreplace")
        try:
            for start in range(0, len(data), _PIECE):
                if not self._poll.poll(0):
                    return False
                os.write(self._fd, data[start : start + _PIECE])
        except OSError:  # whoever read it is gone
            return False
        return True


def configure(*, verbose: bool = False, quiet: bool = False) -> None:
    """Log to stderr; *verbose* adds what only a developer wants to see, *quiet* leaves failures."""
    level = logging.DEBUG if verbose else logging.CRITICAL if quiet else logging.INFO
    sink = Log(sys.stderr.fileno())
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(),
            structlog.processors.LogfmtRenderer(
                key_order=["timestamp", "level", "event"], drop_missing=True
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", sink)),  # it only writes
        cache_logger_on_first_use=True,
    )
    # slixmpp and asyncio speak through logging; their chatter is not for operators.
    logging.basicConfig(level=logging.ERROR, format="%(asctime)s %(name)s %(message)s", stream=sink)
    logging.getLogger("slixmpp").setLevel(logging.CRITICAL)
