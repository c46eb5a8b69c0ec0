"""One bot, or agent, at a time: a lock that is held while it runs, and free once it is dead."""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from agent.wire.settings import BadSettings

Who = Literal["bot", "agent"]

_OF: Mapping[Who, tuple[str, str]] = MappingProxyType(
    {
        "bot": ("lock", "its own lock, database and jid"),
        "agent": ("state", "a state folder of its own"),
    }
)
"""The setting that says where the lock is, and what a second one needs."""


@contextmanager
def alone(lock: Path, who: Who) -> Iterator[None]:
    """Hold *lock* meanwhile, its folder made; BadSettings if another process does."""
    setting, own = _OF[who]
    try:
        lock.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise BadSettings(
            f"{setting}: cannot open {lock} ({error.strerror})",
            hint=f"Name a place where the {who} may write.",
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise BadSettings(
            f"{setting}: {lock} is held: this {who} runs already",
            hint=f"Stop the other process, or give this one {own}.",
        ) from error
    else:
        yield
    finally:
        os.close(descriptor)
