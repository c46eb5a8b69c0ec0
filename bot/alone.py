"""One bot at a time: a lock that is held while it runs."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.wire.settings import BadSettings


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Hold *lock* meanwhile; BadSettings if another process does."""
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise BadSettings(
            f"lock: cannot open {lock} ({error.strerror})",
            hint="Name a file that the bot may write.",
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise BadSettings(
            f"lock: {lock} is held: this bot runs already",
            hint="Stop the other process, or give this one its own lock, database and jid.",
        ) from error
    else:
        yield
    finally:
        os.close(descriptor)
