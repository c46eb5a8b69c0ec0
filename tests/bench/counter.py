"""A line that counts what passes on it, by kind."""

import asyncio
import re
from collections import Counter
from dataclasses import dataclass, field

from bot.demo import Server
from tests.faults.stanzas import Seeing

_KIND = re.compile(rb"<(message|presence|iq)\b")


@dataclass(slots=True)
class Tally:
    """Stanzas and their bytes, by kind: ``ping``, ``pong``, ``presence``, ``message``, ``iq``."""

    stanzas: Counter[str] = field(default_factory=Counter)
    sizes: Counter[str] = field(default_factory=Counter)

    def add(self, kind: str, size: int) -> None:
        """One more."""
        self.stanzas[kind] += 1
        self.sizes[kind] += size

    def __sub__(self, before: "Tally") -> "Tally":
        return Tally(self.stanzas - before.stanzas, self.sizes - before.sizes)

    def copy(self) -> "Tally":
        """As it is now."""
        return Tally(self.stanzas.copy(), self.sizes.copy())


class CountingLine(Seeing):
    """Counts, in both directions, as seen by the process on it."""

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self.sent, self.received = Tally(), Tally()

    def _treat(self, stanza: bytes, writer: asyncio.StreamWriter, *, out: bool) -> None:
        (self.sent if out else self.received).add(_kind(stanza), len(stanza))
        writer.write(stanza)


def _kind(stanza: bytes) -> str:
    """What *stanza* is."""
    found = _KIND.match(stanza.lstrip())
    if found is None:
        return "stream"
    kind = found[1].decode()
    if kind != "iq":
        return kind
    if b"urn:xmpp:ping" in stanza and b"type='error'" not in stanza:
        return "ping"
    empty = stanza.rstrip().endswith(b"/>") and stanza.count(b"<") == 1
    return "pong" if empty or stanza.endswith(b"></iq>") else "iq"
