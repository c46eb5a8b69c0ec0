"""
A proxy that sees stanzas; one that repeats, delays, reorders or loses ours.

To see them it ends TLS on both sides, with the server's own certificate and key. SCRAM survives
that, with the channel binding left out: Python's ssl has none for TLS 1.3, so neither slixmpp nor
we could offer SCRAM-PLUS, with or without a proxy. A client that did would rightly fail here.
"""

import asyncio
import contextlib
import random
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from bot.demo import Server
from tests.faults.line import BLOCK, Line, Pair

OURS = b"urn:labroom:1"

_TAG = re.compile(rb"<(?:[^<>\"']|\"[^\"]*\"|'[^']*')*>")
_OPENING = re.compile(rb"<stream:stream[^>]*>")
_FEATURES = re.compile(rb"</stream:features>")
_STARTTLS = re.compile(rb"<starttls[^>]*>")
_PROCEED = re.compile(rb"<proceed[^>]*>")


@dataclass(frozen=True, slots=True)
class Mischief:
    """How often what is done to a stanza of ours, as probabilities; the rest passes."""

    lose: float = 0.0
    repeat: float = 0.0
    delay: float = 0.0
    most: float = 2.0
    """Seconds of a delay at most. Stanzas with different delays arrive in another order."""


class Splitter:
    """Bytes of a stream in, whole stanzas out; XMPP has neither comments nor CDATA."""

    def __init__(self) -> None:
        self._data = b""
        self._depth = self._scanned = 0

    def feed(self, data: bytes) -> list[bytes]:
        """What is complete now: stanzas, and what a stream begins and ends with."""
        self._data += data
        whole, start = [], 0
        while tag := _TAG.search(self._data, self._scanned):
            self._scanned = tag.end()
            self._depth += _step(tag[0])
            if self._depth <= 0:
                whole.append(self._data[start : tag.end()])
                start, self._depth = tag.end(), 0
        self._data = self._data[start:]
        self._scanned -= start
        return whole


def _step(tag: bytes) -> int:
    """What *tag* does to the depth; the stream's own element is none."""
    if tag.startswith((b"<?", b"<stream:stream", b"</stream:stream")) or tag.endswith(b"/>"):
        return 0
    return -1 if tag.startswith(b"</") else 1


class Seeing(Line):
    """A line on which stanzas are seen: :meth:`_treat` gets each."""

    def __init__(self, server: Server) -> None:
        super().__init__(server.port)
        self._towards_server = ssl.create_default_context(cafile=str(server.ca))
        self._towards_client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._towards_client.load_cert_chain(
            server.certificates.certificate, server.certificates.key
        )

    async def _relay(
        self, pair: Pair, near: asyncio.StreamReader, far: asyncio.StreamReader
    ) -> None:
        for pattern, reader, writer in (
            (_OPENING, near, pair.far),
            (_FEATURES, far, pair.near),
            (_STARTTLS, near, pair.far),
        ):
            writer.write(await _until(reader, pattern))
        proceed = await _until(far, _PROCEED)
        await pair.far.start_tls(self._towards_server, server_hostname="localhost")
        pair.near.write(proceed)
        await pair.near.start_tls(self._towards_client)
        await super()._relay(pair, near, far)

    async def _pump(
        self, pair: Pair, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        splitter = Splitter()
        with contextlib.suppress(OSError):
            while data := await reader.read(BLOCK):
                for stanza in splitter.feed(data):
                    self._treat(stanza, writer, out=writer is pair.far)
                await writer.drain()

    def _treat(self, stanza: bytes, writer: asyncio.StreamWriter, *, out: bool) -> None:
        """Pass *stanza* on; *out* is towards the server."""
        raise NotImplementedError


class Meddler(Seeing):
    """
    A line on which stanzas are meddled with.

    Args:
        seed: Decides which.
    """

    def __init__(self, server: Server, mischief: Mischief, *, seed: str) -> None:
        super().__init__(server)
        self._mischief, self._random = mischief, random.Random(seed)
        self.done = 0
        """Stanzas that did not simply pass."""

    def _treat(self, stanza: bytes, writer: asyncio.StreamWriter, *, out: bool) -> None:
        """Pass *stanza*, or do something to it if it is one of ours, and not a presence."""
        if OURS not in stanza or not stanza.lstrip().startswith((b"<message", b"<iq")):
            writer.write(stanza)
            return
        do, dice = self._mischief, self._random.random()
        if dice < do.lose + do.repeat + do.delay:
            self.done += 1
        if dice < do.lose:
            return
        if dice < do.lose + do.repeat:
            writer.write(stanza)
            self._later(stanza, writer)
        elif dice < do.lose + do.repeat + do.delay:
            self._later(stanza, writer)
        else:
            writer.write(stanza)

    def _later(self, stanza: bytes, writer: asyncio.StreamWriter) -> None:
        def write() -> None:
            if not writer.is_closing():
                writer.write(stanza)

        seconds = self._random.uniform(0, self._mischief.most)
        asyncio.get_running_loop().call_later(seconds, write)


class Warden(Seeing):
    """
    A line that keeps back the first stanza that is *wanted*, until it is let go; all else passes.

    Args:
        answer: Whether a stanza is what the test waits for afterwards: ``answered`` is set then.
    """

    def __init__(
        self,
        server: Server,
        wanted: Callable[[bytes], bool],
        *,
        answer: Callable[[bytes], bool],
    ) -> None:
        super().__init__(server)
        self._wanted, self._answer = wanted, answer
        self._kept: tuple[bytes, asyncio.StreamWriter] | None = None
        self.holds, self.answered = asyncio.Event(), asyncio.Event()

    def let_go(self) -> None:
        """What was kept back arrives now."""
        assert self._kept is not None
        stanza, writer = self._kept
        writer.write(stanza)

    def _treat(self, stanza: bytes, writer: asyncio.StreamWriter, *, out: bool) -> None:
        if self._kept is None and self._wanted(stanza):
            self._kept = stanza, writer
            self.holds.set()
            return
        if self._answer(stanza):
            self.answered.set()
        writer.write(stanza)


class Severed(Seeing):
    """
    A line that goes dark behind the first stanza that is the *last*: neither side is told.

    Then the server goes on writing to a connection that is dead.
    """

    def __init__(self, server: Server, last: Callable[[bytes], bool]) -> None:
        super().__init__(server)
        self._last = last
        self._whole = True
        self.dark = asyncio.Event()

    def mend(self) -> None:
        """The dead connection is reset, on both ends; new ones work."""
        self._whole = False
        self.cut()

    def _treat(self, stanza: bytes, writer: asyncio.StreamWriter, *, out: bool) -> None:
        if self.dark.is_set() and self._whole:
            return
        writer.write(stanza)
        if self._whole and self._last(stanza):
            self.dark.set()


async def _until(reader: asyncio.StreamReader, pattern: re.Pattern[bytes]) -> bytes:
    """What comes until *pattern* is in it."""
    data = b""
    while not pattern.search(data):
        more = await reader.read(BLOCK)
        if not more:
            raise EOFError
        data += more
    return data
