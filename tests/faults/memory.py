"""A cgroup that limits the memory of a service and all it starts: v2 if it can be had, else v1."""

import contextlib
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

UNIFIED, LEGACY = Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/memory")


def possible() -> str:
    """Why no memory can be limited here."""
    if os.geteuid() != 0:
        return "a memory cgroup needs root"
    return "" if _parent() is not None else "no cgroup here limits memory"


def _parent() -> Path | None:
    """Where we may make a cgroup with the memory controller."""
    controllers = UNIFIED / "cgroup.controllers"
    if controllers.exists() and "memory" in controllers.read_text().split():
        with contextlib.suppress(OSError):  # a container may not
            (UNIFIED / "cgroup.subtree_control").write_text("+memory")
            return UNIFIED
    return LEGACY if (LEGACY / "memory.limit_in_bytes").exists() else None


class Group:
    """One cgroup."""

    def __init__(self, parent: Path, limit: int) -> None:
        self.path = parent / f"labroom-{secrets.token_hex(4)}"
        self._v2 = parent == UNIFIED
        self.path.mkdir()
        (self.path / ("memory.max" if self._v2 else "memory.limit_in_bytes")).write_text(str(limit))

    @property
    def prefix(self) -> Sequence[str]:
        """What runs a program in it."""
        return "sh", "-c", f'echo $$ >{self.path}/cgroup.procs && exec "$@"', "sh"

    @property
    def hit(self) -> int:
        """How often the limit was met."""
        if self._v2:
            events = (self.path / "memory.events").read_text().split()
            return int(events[events.index("max") + 1])
        return int((self.path / "memory.failcnt").read_text())


@contextmanager
def limited(limit: int) -> Iterator[Group]:
    """A cgroup of *limit* bytes; who is still in it goes back to where it came from."""
    parent = _parent()
    assert parent is not None
    group = Group(parent, limit)
    try:
        yield group
    finally:
        for pid in (group.path / "cgroup.procs").read_text().split():
            with contextlib.suppress(OSError):  # it has just ended
                (parent / "cgroup.procs").write_text(pid)
        with contextlib.suppress(OSError):  # zombies hold it for a moment
            group.path.rmdir()
