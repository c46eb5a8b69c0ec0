"""
The journal: everything that happened in one run, in order, in one append-only file.

A record is one line of ASCII JSON, the *header*. Where the header says ``"bytes": n``,
n raw bytes and a newline follow it, the *payload*: the output of a diagnostic, byte for
byte. ``less journal`` shows the console with a line of facts between its pieces.

    {"kind":"out","at":1763841000.5,"bytes":11,"crc":222957957}
    hello world

Rule 1: the first record is ``accepted`` and names the journal; the last is ``verdict``.

Rule 2: a header with an unknown ``kind`` is kept and skipped, so that bot and agents can
be upgraded apart.

Rule 3: every limit below is checked on reading: the writer may be broken or hostile.
"""

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

HEADER = 16 * 1024
"""Most bytes of a header, its newline included."""

PAYLOAD = 64 * 1024
"""Most bytes of a payload."""

LATEST = 1e11
"""Seconds since the epoch that a record may be of: the year 5138."""


class JournalError(Exception):
    """These bytes are no journal: torn by a power cut, or written by something else."""

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(f"at byte {offset}: {reason}")
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Record:
    """One thing that happened."""

    kind: str
    at: float
    """Seconds since the epoch, by the target's clock."""
    fields: dict[str, Any]
    """The rest of the header."""
    payload: bytes
    end: int
    """Offset of the first byte after this record."""

    def text(self, name: str, limit: int = 500) -> str:
        """The text field *name*, cut to *limit* characters; empty if missing or not text."""
        value = self.fields.get(name)
        return value[:limit] if isinstance(value, str) else ""

    def number(self, name: str) -> float | None:
        """The number field *name*, or None."""
        value = self.fields.get(name)
        return None if isinstance(value, bool) or not isinstance(value, int | float) else value


def encode(kind: str, at: float, payload: bytes | None = None, **fields: Any) -> bytes:
    """One record as bytes. ValueError if it is over a limit."""
    header: dict[str, Any] = {"kind": kind, "at": round(at, 3), **fields}
    tail = b""
    if payload is not None:
        if len(payload) > PAYLOAD:
            raise ValueError(f"payload of {len(payload)} bytes, at most {PAYLOAD}")
        header |= {"bytes": len(payload), "crc": zlib.crc32(payload)}
        tail = payload + b"\n"
    line = json.dumps(header, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"
    if len(line) > HEADER:
        raise ValueError(f"header of {len(line)} bytes, at most {HEADER}")
    return line + tail


class Reader:
    """
    Cuts bytes into records as they arrive, from any record boundary on.

    >>> reader = Reader()
    >>> [record.kind for record in reader.feed(encode("begin", 1.0) + b'{"kind":')]
    ['begin']
    >>> reader.parsed, reader.pending
    (26, 8)
    """

    def __init__(self, offset: int = 0) -> None:
        self.parsed = offset  # everything before this is whole records
        self._rest = bytearray()

    @property
    def pending(self) -> int:
        """Bytes of a record that is not whole yet."""
        return len(self._rest)

    def feed(self, data: bytes) -> Iterator[Record]:
        """The records that *data* completes; JournalError at the first that cannot be one."""
        self._rest += data
        while (record := self._next()) is not None:
            del self._rest[: record.end - self.parsed]
            self.parsed = record.end
            yield record

    def _next(self) -> Record | None:
        newline = self._rest.find(b"\n", 0, HEADER)
        if newline < 0:
            if len(self._rest) >= HEADER:
                raise JournalError(self.parsed, "header too long")
            return None
        header = self._header(bytes(self._rest[:newline]))
        size = header.pop("bytes", None)
        start = newline + 1
        if size is None:
            return self._record(header, b"", self.parsed + start)
        if not isinstance(size, int) or not 0 <= size <= PAYLOAD:
            raise JournalError(self.parsed, "payload too long")
        if len(self._rest) < start + size + 1:
            return None
        payload = bytes(self._rest[start : start + size])
        if self._rest[start + size] != 0x0A or header.pop("crc", None) != zlib.crc32(payload):
            raise JournalError(self.parsed, "payload damaged")
        return self._record(header, payload, self.parsed + start + size + 1)

    def _header(self, line: bytes) -> dict[str, Any]:
        try:
            header = json.loads(line.decode("ascii"))
        except (ValueError, RecursionError) as error:
            raise JournalError(self.parsed, "header is not JSON") from error
        if not isinstance(header, dict):
            raise JournalError(self.parsed, "header is not an object")
        return header

    def _record(self, header: dict[str, Any], payload: bytes, end: int) -> Record:
        kind, at = header.pop("kind", None), header.pop("at", None)
        if not isinstance(kind, str) or isinstance(at, bool) or not isinstance(at, int | float):
            raise JournalError(self.parsed, "header lacks kind or time")
        if not 0 <= at <= LATEST:  # neither NaN nor more than a float holds
            raise JournalError(self.parsed, "a time that cannot be")
        return Record(kind, float(at), header, payload, end)
