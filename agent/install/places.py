"""
Where things go on a target, and how they get there: all of them, or none.

Rule 1: what is beside a file of ours in ``/etc/labroom`` may be the bot's; every name says
that it is the agent's.

Rule 2: a file is whole or not there: written under another name, synced, renamed.
"""

import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from agent import durable
from agent.wire.errors import Refusal

SERVICE = "labroom-agent.service"

FOLDER = Path("/etc/labroom")
SETTINGS = FOLDER / "agent.toml"
PASSWORD = FOLDER / "agent.password"
AUTHORITY = FOLDER / "agent-ca.crt"
RECIPES = FOLDER / "recipes"
UNIT = Path("/etc/systemd/system") / SERVICE
WANTED = Path("/etc/systemd/system/multi-user.target.wants") / SERVICE
"""The link that has systemd start the unit: what ``systemctl enable`` would make."""
DROP_INS = UNIT.with_name(f"{SERVICE}.d")


class NotWritten(Refusal):
    """A file could not be written, or removed."""


def inside(root: Path, path: Path) -> Path:
    """*path* as it is named from here, when it is in the system at *root*."""
    return root / path.relative_to("/")


def old(path: Path) -> Path:
    """Where the file at *path* stays when another takes its place."""
    return path.with_name(f"{path.name}.old")


def staged(path: Path) -> Path:
    """The name under which the next file for *path* is written."""
    return path.with_name(f".{path.name}.new")


@dataclass
class Staging:
    """Files for the system at *root* that are written, and not yet in their places."""

    root: Path
    _waiting: list[Path] = field(default_factory=list)

    def put(self, path: Path, data: bytes, mode: int) -> None:
        """Write what shall be at *path*; durable when it returns."""
        target = inside(self.root, path)
        try:
            new = self._free(target)
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
                os.fchmod(file.fileno(), mode)  # whatever the umask is
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            durable.sync_folder(new.parent)
        except OSError as error:
            raise _failed(target, error) from error

    def link(self, path: Path, to: Path) -> None:
        """Make what shall be a symbolic link at *path*."""
        target = inside(self.root, path)
        try:
            self._free(target).symlink_to(to)
        except OSError as error:
            raise _failed(target, error) from error

    def _free(self, target: Path) -> Path:
        target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        new = staged(target)
        new.unlink(missing_ok=True)
        self._waiting.append(target)
        return new

    def commit(self) -> None:
        """Put all of them into their places."""
        for target in self._waiting:
            try:
                staged(target).rename(target)
                durable.sync_folder(target.parent)
            except OSError as error:
                raise _failed(target, error) from error
        self._waiting.clear()

    def discard(self, *, but: Path | None = None) -> None:
        """Forget what is not in its place, except what shall be at *but*."""
        for target in self._waiting:
            if but is None or target != inside(self.root, but):
                with suppress(OSError):
                    staged(target).unlink()
                    target.parent.rmdir()  # nothing else in it: it was made for this
        self._waiting.clear()


def _failed(path: Path, error: OSError) -> NotWritten:
    return NotWritten(
        f"cannot write {path} ({error.strerror})", hint="Correct that, and install again."
    )
