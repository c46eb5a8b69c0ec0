"""
Files that a run left, as they lie in its journal: in pieces, before the end of their step. Pure.

Rule: their names are a target's word. What is shown, and asked for, is a harmless one that no
other file of the run has.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from agent.wire.journal import Record
from bot.findings import sane

MOST = 1000
"""Files of a run that are told of."""

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_TEXTS = re.compile(r"\.(?:txt|log|json|csv|xml|yaml|yml|toml|conf|md|out|err)\Z", re.IGNORECASE)
_PLAIN = re.compile(r"\.(?:txt|log|json|csv|bin|gz|xz|zst|png|jpg|pcap|toml|yaml)\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file."""

    name: str
    """Harmless, and of this file alone."""
    step: int
    """Which step left it, from 0."""
    called: str
    """What its target calls it."""
    size: int
    """Bytes that it had."""
    kept: int
    """Bytes that are here: its beginning."""

    @property
    def kind(self) -> str:
        """Its type, as servers tell browsers: never one that these would carry out."""
        text = _TEXTS.search(self.name) is not None
        return "text/plain; charset=utf-8" if text else "application/octet-stream"

    @property
    def filename(self) -> str:
        """A name under which no server takes it for a page: some go by the ending."""
        return self.name if _PLAIN.search(self.name) else f"{self.name}.bin"

    def pieces(self, records: Iterator[Record]) -> bytes:
        """What of it lies in *records*."""
        mine = (self.step, self.called)
        return b"".join(each.payload for each in records if _of(each) == mine)


class Listing:
    """Finds them, as the records come."""

    def __init__(self) -> None:
        self._found: dict[tuple[int, str], list[int]] = {}  # size, and bytes that are here

    def feed(self, records: Iterator[Record]) -> None:
        """Look at the next *records*."""
        for record in records:
            of = _of(record)
            if of is None or (of not in self._found and len(self._found) >= MOST):
                continue
            size = max(0, int(sane(record.fields.get("size")) or 0))
            sizes = self._found.setdefault(of, [size, 0])
            sizes[1] += len(record.payload)

    @property
    def files(self) -> list[Artifact]:
        """Those that were found, in their order."""
        files: dict[str, Artifact] = {}
        for (step, called), (size, kept) in self._found.items():
            name = _UNSAFE.sub("_", called).lstrip("._-")[-80:] or "file"
            unique, number = name, 1
            while unique in files:
                number += 1
                unique = f"{number}-{name}"
            files[unique] = Artifact(unique, step, called, max(size, kept), kept)
        return list(files.values())


def _of(record: Record) -> tuple[int, str] | None:
    if record.kind != "file":
        return None
    return int(sane(record.fields.get("step")) or 0), record.text("name", 200)
