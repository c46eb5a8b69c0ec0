"""
What a machine has to say after it rebooted unasked: thin readers, each for one source.

Rule 1: what is not there, not readable or not from then is silent. A machine without a
journal, without EDAC or without pstore has nothing to explain.

Rule 2: everything is bounded, in bytes and in seconds: the machine is not well.

Rule 3: counters begin anew with each boot, so only what they count since then is told.
"""

import contextlib
import re
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from agent.catalogue import search_path
from agent.progress import printable

MOST = 4096
"""Bytes of one piece of evidence: its end, where panics are."""

_FILES = 4  # of pstore
_PATIENCE = 10.0  # seconds for a program
_ALARMING = re.compile(
    rb"panic|oops|BUG:|hardware error|machine check|lockup|watchdog|thermal", re.I
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one source says."""

    what: str
    """``journal``, ``kernel``, ``last``, ``pstore``, ``edac`` or ``mce``."""
    said: bytes

    @property
    def lines(self) -> list[str]:
        """At most two lines for people: what alarms, or else the last one."""
        lines = [line for line in self.said.splitlines() if line.strip()]
        alarming = [line for line in lines if _ALARMING.search(line)]
        chosen = alarming[-2:] or lines[-1:]
        return [
            f"{self.what}: {printable(line.decode('utf-8', 'replace'), 180)}" for line in chosen
        ]


def gather(boot: str, since: float, root: Path = Path("/")) -> list[Evidence]:
    """
    What there is of the boot with the id *boot*, in which a step began at *since*; blocks.

    Args:
        since: Seconds since the epoch.
        root: Where ``sys``, ``proc`` and ``var`` are.
    """
    sources: list[tuple[str, Callable[[], bytes]]] = [
        ("pstore", lambda: _pstore(root, since)),
        ("journal", lambda: _journal(boot)),
        ("kernel", lambda: _said("journalctl", "-k", "-b", "-q", "-n", "10", "--no-pager",
                                 "-g", "Hardware Error|Machine check")),
        ("edac", lambda: _edac(root)),
        ("mce", lambda: _mce(root)),
        ("last", lambda: _said("last", "-x", "-n", "8")),
    ]  # fmt: skip
    found = ((what, read().strip()[-MOST:]) for what, read in sources)
    return [Evidence(what, said) for what, said in found if said]


def _journal(boot: str) -> bytes:
    """The end of what systemd wrote down in that boot."""
    plain = boot.replace("-", "")
    if re.fullmatch(r"[0-9a-f]{32}", plain) is None:
        return b""
    return _said("journalctl", "-b", plain, "-q", "-n", "20", "--no-pager")


def _said(*argv: str) -> bytes:
    """What a program prints; nothing if it is not there, fails or takes too long."""
    environment = {"PATH": search_path(), "LC_ALL": "C.UTF-8"}
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PATIENCE,
            env=environment, check=True,
        )  # fmt: skip
        return done.stdout
    return b""


def _pstore(root: Path, since: float) -> bytes:
    """What the kernel wrote as it died, wherever systemd has moved it since."""
    folders = (root / "sys/fs/pstore", root / "var/lib/systemd/pstore")
    pieces = []
    for folder in folders:
        with contextlib.suppress(OSError):
            recent = [p for p in folder.rglob("*") if p.is_file() and p.stat().st_mtime >= since]
            pieces += [_end(path) for path in sorted(recent)[:_FILES]]
    return b"\n".join(piece for piece in pieces if piece)


def _edac(root: Path) -> bytes:
    """Memory errors that were corrected (ce) and that were not (ue)."""
    return _counted(sorted((root / "sys/devices/system/edac/mc").glob("mc*/[cu]e_count")))


def _counted(files: Iterable[Path]) -> bytes:
    lines = []
    for path in files:
        count = _end(path).strip()
        if count.isdigit() and int(count) > 0:
            lines.append(f"{path.parent.name} {path.name} {int(count)}".encode())
    return b"\n".join(lines)


def _mce(root: Path) -> bytes:
    """Machine checks that the processors have raised."""
    lines = []
    with contextlib.suppress(OSError):
        for line in (root / "proc/interrupts").read_bytes().splitlines():
            name, _, rest = line.strip().partition(b" ")
            total = sum(int(field) for field in rest.split() if field.isdigit())
            if name == b"MCE:" and total:
                lines.append(b"machine check exceptions %d" % total)
    return b"\n".join(lines)


def _end(path: Path) -> bytes:
    """The end of a file; nothing if it cannot be read."""
    with contextlib.suppress(OSError):
        return path.read_bytes()[-MOST:]
    return b""
