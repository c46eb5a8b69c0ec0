"""
Moving a journal from target to bot, exactly once, over a link that loses things.

The journal is an append-only file on the target. The bot keeps a byte-for-byte
replica. Both halves are here, side by side, because neither makes sense alone.

Rule 1: no I/O and no clock in this file. Callers feed events in, with the time where it
matters (seconds of any monotonic clock), and act on what comes out, so the tests can
lose, repeat and reorder anything.

Rule 2: an offset counts bytes from the start of the journal, on disk and on the wire
alike. There is no other numbering.

Rule 3: the receiver acknowledges only what is durable. An acknowledged byte may be
deleted on the target.

Rule 4: a server that throttles holds everything back behind the bulk, answers to pings
too. So chunk and window follow the time that an acknowledgement takes.

Rule 5: the sender sends again only on a sign of loss: a gap that the receiver names, an
acknowledgement that is overdue, a link that dropped. Each wait is longer than the last.
"""

import math
from dataclasses import dataclass

CHUNK = 128 * 1024
"""Most bytes of journal in one stanza; base64 makes 171 KiB of it, below a server's 256 KiB."""

WINDOW = 8 * CHUNK
"""Most bytes sent but not yet acknowledged, on a fast server."""

SMALLEST = 2 * 1024
"""
Bytes of a chunk on the slowest server: 2.7 kB in base64, and 0.2 of XML around it. ejabberd's
default lets 3 kB pass in a second.
"""

START, STEP = 4 * 1024, 2 * 1024
"""Bytes of the window at least, and what it grows by at least with each quick acknowledgement."""

GROWTH = 4
"""
A quick acknowledgement adds this part of the window: a quarter. A server that lets 20 kB pass
before it throttles (ejabberd's default) has then seen a window of 9 kB, 3 s of its pace.
"""

PROVEN = 64 * 1024
"""Bytes acknowledged without a slow acknowledgement, after which a quick one doubles the window."""

QUICK, SLOW = 0.3, 1.0
"""Seconds: an acknowledgement below grows the window, one above halves it."""

LARGEST = 128 * 1024
"""Most bytes of journal that a receiver inflates one chunk to."""

PATIENCE = 5.0
"""Seconds until an acknowledgement is overdue, at first."""

PATIENCE_MOST = 60.0
"""Seconds that the wait grows to, doubling."""


class GapError(Exception):
    """Bytes arrived beyond the end of the replica. The sender must go back."""

    def __init__(self, have: int, got: int) -> None:
        super().__init__(f"replica ends at {have}, chunk starts at {got}")
        self.have = have


class MisackError(Exception):
    """The peer acknowledged bytes that were never written: the two sides disagree."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive bytes of a journal."""

    offset: int
    data: bytes

    @property
    def end(self) -> int:
        """Offset of the first byte after this chunk."""
        return self.offset + len(self.data)


class Sender:
    """
    The target's half: decides which bytes to send next.

    >>> sender = Sender()
    >>> sender.grow(10)
    >>> sender.next(now=0)
    range(0, 10)
    >>> sender.ack(10, now=1)
    >>> sender.drained
    True
    """

    def __init__(self, acked: int = 0, *, chunk: int = CHUNK, window: int = WINDOW) -> None:
        self.acked = acked  # the bot durably holds everything before this
        self.deadline = math.inf  # when tick() is due
        self._chunk, self._most = chunk, window
        self._window = min(START, window)
        self._proven = 0  # bytes acknowledged since an acknowledgement was slow
        self._timed: tuple[int, float] | None = None  # a chunk's end, and when it was sent
        self._sent = acked  # on the wire up to here
        self._size = acked  # the journal ends here
        self._patience = PATIENCE
        self._rewound = -math.inf  # when a gap last made us go back

    @property
    def drained(self) -> bool:
        """Whether the bot holds all there is so far."""
        return self.acked == self._size

    def grow(self, size: int) -> None:
        """Note that *size* bytes of the journal are synced, and may be sent."""
        if size < self._size:
            raise ValueError(f"journal shrank from {self._size} to {size} bytes")
        self._size = size

    def next(self, now: float) -> range | None:
        """The bytes to send now, or None until something changes."""
        chunk = min(self._chunk, max(SMALLEST, self._window // 4))
        end = min(self._sent + chunk, self.acked + self._window, self._size)
        if end <= self._sent:
            return None
        start, self._sent = self._sent, end
        if self._timed is None:
            self._timed = end, now
        self.deadline = min(self.deadline, now + self._patience)
        return range(start, end)

    def ack(self, offset: int, now: float) -> None:
        """Note that the bot durably holds everything before *offset*."""
        if offset > self._size:
            raise MisackError(f"ack of {offset}, journal has {self._size} bytes")
        if offset <= self.acked:
            return  # acks may arrive late, and out of order
        self._proven += offset - self.acked
        self.acked = offset
        self._sent = max(self._sent, offset)
        self._adapt(now)
        self._patience = PATIENCE
        self.deadline = now + self._patience if self._sent > self.acked else math.inf

    def gap(self, offset: int, now: float) -> None:
        """The bot holds only what is before *offset*, and something later arrived."""
        self.ack(offset, now)
        if now - self._rewound >= 1.0:  # every chunk after one hole reports that same hole
            self._rewound = now
            self.rewind()

    def tick(self, now: float) -> None:
        """Time has passed: what is overdue is presumed lost."""
        if now >= self.deadline:
            self.rewind()
            self._patience = min(2 * self._patience, PATIENCE_MOST)

    def rewind(self) -> None:
        """Presume everything in flight lost: the link dropped, or the bot saw a gap."""
        self._sent = self.acked
        self._timed = None
        self.deadline = math.inf

    def anew(self, acked: int) -> "Sender":
        """For a receiver that says anew what it holds: from there on, at the pace we found."""
        sender = Sender(acked, chunk=self._chunk, window=self._most)
        sender._window, sender._proven = self._window, self._proven
        return sender

    def _adapt(self, now: float) -> None:
        if self._timed is None or self.acked < self._timed[0]:
            return
        took = now - self._timed[1]
        self._timed = None
        if took < QUICK:
            part = 1 if self._proven >= PROVEN else GROWTH
            self._window = min(self._window + max(STEP, self._window // part), self._most)
        elif took > SLOW:
            self._proven = 0
            self._window = max(self._window // 2, min(START, self._most))


def news(have: int, chunk: Chunk) -> bytes:
    """
    The part of *chunk* to append to a replica of *have* bytes; empty for a repeat.

    GapError if something is missing between the two.
    """
    if chunk.offset > have:
        raise GapError(have, chunk.offset)
    return chunk.data[have - chunk.offset :]
