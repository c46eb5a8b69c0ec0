"""
XMPP by hand, for what no client library lets one do: where we come from, what is offered before
TLS, many accounts at once, WebSocket.

Rules: blocking, one stanza at a time; what does not come within `PATIENCE` is an error.
"""

import base64
import os
import re
import socket
import ssl
from types import TracebackType
from typing import Self

from bot.demo.server import Server, greeting
from tests.end_to_end.shipped import Shipped

PATIENCE = 30.0
"""Seconds for an answer; a loaded machine is slow."""

STARTTLS = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
FRAMING = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='{domain}' version='1.0'/>"


class Stream:
    """
    A client's stream before the login.

    Args:
        source: Which of loopback's addresses we come from.
        direct_tls: The port for it; default: STARTTLS, when one asks for it.
    """

    def __init__(
        self, server: Server, *, source: str = "127.0.0.1", direct_tls: int | None = None
    ) -> None:
        self.server = server
        address = server.host, direct_tls or server.port
        self.socket = socket.create_connection(address, PATIENCE, (source, 0))
        if direct_tls:
            self._wrap()
        self.features = self._greet()

    def secure(self) -> str:
        """STARTTLS; the features offered behind it."""
        self.ask(STARTTLS, "<proceed[^>]*>")
        self._wrap()
        self.features = self._greet()
        return self.features

    def register(self, name: str) -> str:
        """Ask for an account in band; the answer's stanza."""
        return self.ask(
            f"<iq type='set' id='r'><query xmlns='jabber:iq:register'><username>{name}</username>"
            f"<password>{name}</password></query></iq>",
            "</iq>|<iq[^>]*/>",
        )

    def ask(self, xml: str, end: str) -> str:
        """Send *xml*; what comes until the pattern *end* is in it."""
        self.socket.sendall(xml.encode())
        return _read(self.socket, end)

    def _greet(self) -> str:
        return self.ask(greeting(self.server.domain), "</stream:features>")

    def _wrap(self) -> None:
        self.socket = tls(self.server, self.socket)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.socket.close()


def tls(server: Server, connection: socket.socket) -> ssl.SSLSocket:
    """TLS over *connection*, for the server's name."""
    context = ssl.create_default_context(cafile=str(server.ca))
    return context.wrap_socket(connection, server_hostname=server.domain)


def web(server: Shipped) -> ssl.SSLSocket:
    """A connection to the server's web port."""
    return tls(server, socket.create_connection((server.host, server.web_port), PATIENCE))


def websocket_features(server: Shipped) -> str:
    """What the server offers to a browser: handshake, stream, features."""
    with web(server) as connection:
        key = base64.b64encode(os.urandom(16)).decode()
        request = (
            f"GET /xmpp-websocket HTTP/1.1\r\nHost: {server.domain}:{server.web_port}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: xmpp\r\n\r\n"
        )
        connection.sendall(request.encode())
        answer = _read(connection, "\r\n\r\n")
        assert " 101 " in answer.splitlines()[0], answer
        payload = FRAMING.format(domain=server.domain).encode()
        # A client masks (RFC 6455, 5.3); a mask of zeroes leaves the bytes as they are.
        connection.sendall(bytes([0x81, 0x80 | len(payload)]) + bytes(4) + payload)
        return _read(connection, "</stream:features>|</features>")


def _read(connection: socket.socket, end: str) -> str:
    received = b""
    while not re.search(end, received.decode(errors="replace")):
        chunk = connection.recv(4096)
        if not chunk:
            raise AssertionError(f"closed before {end!r} came: {received!r}")
        received += chunk
    return received.decode(errors="replace")
