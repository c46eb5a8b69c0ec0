"""
A service that keeps files as a test says: an external component (XEP-0114) of a real Prosody
that gives slots, and a web server on loopback with the certificates of that Prosody.
"""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any
from xml.etree import ElementTree as ET

from slixmpp import JID, ComponentXMPP
from slixmpp.stanza import Iq
from slixmpp.xmlstream.handler import CoroutineCallback
from slixmpp.xmlstream.matcher import StanzaPath

from agent.wire.errors import Refusal
from bot.demo.ports import claim_port
from bot.demo.prosody import Prosody
from bot.xmpp.slot import NS

FIRST = asyncio.FIRST_COMPLETED
BROKEN = Refusal("it is gone", hint="Say it again.")
SERVICE, SECRET = "files.localhost", "secret"
Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter
Serve = Callable[["Web", Reader, Writer], Coroutine[Any, Any, None]]

_COMPONENT = f'Component "{SERVICE}"\n  component_secret = "{SECRET}"\n'


class Open(Prosody):
    """A Prosody whose files are an external component's; or that has *part* in its place."""

    part = _COMPONENT

    @property
    def component_port(self) -> int:
        """Where components connect."""
        if not hasattr(self, "_component_port"):
            self._component_port = claim_port()
        return self._component_port

    def _configured(self) -> str:
        kept, _, _ = super()._configured().partition('Component "upload.localhost"')
        ports = f"component_ports = {{ {self.component_port} }}"
        return kept.replace("component_ports = {}", ports) + self.part


class Web:
    """One HTTPS server; what it does with a PUT, a test says."""

    def __init__(self, server: Prosody, address: str = "127.0.0.1") -> None:
        self._address = address
        self._trust = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._trust.load_cert_chain(server.certificates.bundle)
        self.serve: Serve = takes
        self.head = ""
        """The request line and the headers that came last."""
        self.body = b""
        self.requests = 0
        self._open = set[asyncio.Task[None]]()

    async def __aenter__(self) -> "Web":
        self._server = await asyncio.start_server(self._handle, self._address, 0, ssl=self._trust)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self.idle()

    async def idle(self) -> None:
        """Return when the other side has left every connection."""
        async with asyncio.timeout(30):
            await asyncio.gather(*self._open)

    async def _handle(self, reader: Reader, writer: Writer) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        self.requests += 1
        try:
            with suppress(ConnectionError, ssl.SSLError, EOFError):  # it may leave at any time
                self.head = (await reader.readuntil(b"\r\n\r\n")).decode()
                await self.serve(self, reader, writer)
        finally:
            with suppress(ConnectionError, ssl.SSLError):
                writer.close()
                await writer.wait_closed()
            self._open.discard(task)

    @property
    def length(self) -> int:
        """What it says of itself."""
        return int(self.header("Content-Length"))

    def header(self, name: str) -> str:
        """What was sent under *name*; empty if nothing was."""
        for line in self.head.split("\r\n")[1:]:
            called, _, value = line.partition(": ")
            if called.lower() == name.lower():
                return value
        return ""


async def takes(web: Web, reader: Reader, writer: Writer) -> None:
    """As it should be."""
    web.body = await reader.readexactly(web.length)
    writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()


def answers(text: str) -> Serve:
    """Takes it, and says *text*."""

    async def serve(web: Web, reader: Reader, writer: Writer) -> None:
        await reader.readexactly(web.length)
        writer.write(text.encode())
        await writer.drain()

    return serve


async def resets(web: Web, reader: Reader, writer: Writer) -> None:
    """Dies in the middle."""
    await reader.readexactly(100_000)
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def closes(web: Web, reader: Reader, writer: Writer) -> None:
    """Ends in order, in the middle."""
    await reader.readexactly(100_000)


async def is_silent(web: Web, reader: Reader, writer: Writer) -> None:
    """Takes it, and says nothing until the other side has gone."""
    await reader.readexactly(web.length)
    assert await reader.read() == b""


async def trickles(web: Web, reader: Reader, writer: Writer) -> None:
    """Says something, and never all, until the other side has gone."""
    await reader.readexactly(web.length)
    gone = asyncio.create_task(reader.read())
    writer.write(b"HTTP/1.1 201 Created\r\nX-Slow: ")
    while not gone.done():
        writer.write(b"x")
        await asyncio.wait([gone], timeout=0.05)


async def pours(web: Web, reader: Reader, writer: Writer) -> None:
    """Takes it, and answers without end, until the other side has gone."""
    await reader.readexactly(web.length)
    gone = asyncio.create_task(reader.read())
    writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 100000000000\r\n\r\n")
    while not gone.done():
        writer.write(bytes(100_000))
        await asyncio.wait([gone, asyncio.ensure_future(writer.drain())], return_when=FIRST)


class Service:
    """What gives slots; how it answers, a test says."""

    def __init__(self, component: ComponentXMPP) -> None:
        self.component = component
        self.answer: Callable[[Iq], str | None] = lambda _: None
        """XML to put into the answer (an error if it is one); None: no answer at all."""
        self.asked: list[dict[str, str]] = []

    async def slot(self, iq: Any) -> None:
        """Answer one request."""
        self.asked.append(dict(iq["lab_upload"].xml.attrib))
        text = self.answer(iq)
        if text is None:
            return
        reply = iq.reply(clear=True)
        told = ET.fromstring(text)
        if told.tag.endswith("error"):
            reply["type"] = "error"
        reply.xml.append(told)
        reply.send()


def slot(put: str, get: str, headers: str = "") -> Callable[[Iq], str]:
    """As XEP-0363 has it, section 5."""
    return lambda _: f'<slot xmlns="{NS}"><put url="{put}">{headers}</put><get url="{get}"/></slot>'


def refusal(kind: str, condition: str, more: str = "", text: str = "") -> Callable[[Iq], str]:
    """A stanza error (RFC 6120, section 8.3)."""
    stanzas = "urn:ietf:params:xml:ns:xmpp-stanzas"
    said = f'<text xmlns="{stanzas}">{text}</text>' if text else ""
    error = f'<{condition} xmlns="{stanzas}"/>{said}{more}'
    return lambda _: f'<error xmlns="jabber:component:accept" type="{kind}">{error}</error>'


@asynccontextmanager
async def service(server: Open) -> AsyncIterator[Service]:
    """One that is there."""
    component = ComponentXMPP(SERVICE, SECRET, server.host, server.component_port)
    component.register_plugin("xep_0030")
    component.plugin["xep_0030"].add_feature(NS, jid=JID(SERVICE))
    made = Service(component)
    component.register_handler(
        CoroutineCallback("slot", StanzaPath("iq@type=get/lab_upload"), made.slot)
    )
    ready = asyncio.Event()
    component.add_event_handler("session_start", lambda _: ready.set())
    component.connect()
    try:
        async with asyncio.timeout(30):
            await ready.wait()
        yield made
    finally:
        await component.disconnect()
        if component._run_out_filters is not None:  # slixmpp never ends this task
            component._run_out_filters.cancel()
