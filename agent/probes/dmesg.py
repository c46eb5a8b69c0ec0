"""
The kernel's log since the machine started: what it has to say of the hardware.

What its lines mean is in :mod:`agent.kernel`. Of what was long ago less is said than of what
happens during a test: a program that once took all memory, and a card that was once pulled,
are no failures of today; and many drivers say "Link is Down" whenever a network starts.
"""

import errno
import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from agent.kernel import CLASSES
from agent.probes.report import CannotLook, Report
from agent.progress import printable

_MILDER = {"oom": "warn", "net": "warn"}
_NOT_ASKED = {"usb"}  # people plug things in and out
_CABLE = re.compile(r"[Ll]ink is [Dd]own")
_CARD = re.compile(r"pciehp: ")
_MILDEST_FIRST = ("pass", "warn", "fail", "error")
_RECORD = re.compile(r"([0-9]+),([0-9]+),([0-9]+),[^;]*;(.*)")
"""A line of /dev/kmsg: priority with facility, number, microseconds since the start; the text."""
_KERNEL = 8  # a smaller one is the kernel's own: others may write there, too
_PATIENCE = 60.0

Message = tuple[float, str]
"""When, in seconds since the machine started, and what."""


def look(root: Path, report: Report, last: str = "") -> None:
    """Look at the messages of the *last* seconds, or at all since the machine started."""
    since = time.clock_gettime(time.CLOCK_MONOTONIC) - float(last) if last else 0.0
    since = max(0.0, since)
    messages, begins = _messages(root)
    if begins > since + 1:
        report.case(
            "log", "warn",
            f"it begins {_span(begins)} after the start: what was said before is gone",
        )  # fmt: skip
    recent = [text for at, text in messages if at >= since]
    for name in CLASSES:
        if name not in _NOT_ASKED:
            _judge(name, recent, report)
    report.note(f"{len(recent)} messages")


def _judge(name: str, messages: list[str], report: Report) -> None:
    rules = [(verdict, re.compile(pattern)) for verdict, pattern in CLASSES[name]]
    found: list[tuple[str, str]] = []
    for text in messages:
        for verdict, pattern in rules:
            if pattern.search(text):
                if not _CABLE.search(text):
                    milder = "warn" if _CARD.search(text) else _MILDER.get(name, verdict)
                    found.append((milder, text))
                break
    report.count(name, len(found))
    if not found:
        report.case(name, "pass")
        return
    worst, first = max(found, key=lambda each: _MILDEST_FIRST.index(each[0]))
    more = f" (one of {len(found)})" if len(found) > 1 else ""
    report.case(name, worst, f"{printable(first, 160)}{more}")


def _messages(root: Path) -> tuple[list[Message], float]:
    """All that is known, and from when on it is all."""
    messages, first = _ring(root / "dev/kmsg")
    if first == 0 or not messages:
        return messages, 0.0
    begins = messages[0][0]
    messages = [each for each in _journal(root) if each[0] < begins] + messages
    return messages, messages[0][0]


def _ring(path: Path) -> tuple[list[Message], int]:
    """What the kernel still holds, and the number of the first of it: what was before is lost."""
    messages, first = [], None
    for line in _read(path).decode("utf-8", "replace").split("\n"):
        if (match := _RECORD.match(line)) is None:
            continue  # what a message is about, or a cut-off end
        if first is None:
            first = int(match[2])
        if int(match[1]) < _KERNEL:
            messages.append((int(match[3]) / 1e6, match[4]))
    if first is None:
        raise CannotLook("the kernel's log is empty")
    return messages, first


def _read(path: Path) -> bytes:
    data = bytearray()
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        raise CannotLook(f"the kernel's log cannot be read: {error.strerror}") from error
    try:
        while True:
            try:
                if not (piece := os.read(fd, 16384)):
                    return bytes(data)
            except BlockingIOError:
                return bytes(data)
            except OSError as error:
                if error.errno != errno.EPIPE:  # overwritten while we read: go on after that
                    raise
                continue
            data += piece
    finally:
        os.close(fd)


def _journal(root: Path) -> Iterator[Message]:
    """What systemd wrote down of it, from the start on; nothing where it does not."""
    argv = ["journalctl", "--dmesg", "--boot", "--output=json", "--no-pager", "--quiet"]
    if root != Path("/"):
        argv.append(f"--root={root}")
    try:
        done = subprocess.run(argv, capture_output=True, timeout=_PATIENCE, check=True)
    except (OSError, subprocess.SubprocessError):
        return
    for line in done.stdout.splitlines():
        entry = json.loads(line)
        text = entry.get("MESSAGE")  # a list of numbers, if it is no text
        yield int(entry.get("_SOURCE_MONOTONIC_TIMESTAMP", 0)) / 1e6, str(text)


def _span(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds:.0f} s"
