"""
What every demo server is: a real one, alone on loopback, with a folder and ports of its own.

Rules: nothing outside the folder is read or written. STARTTLS is required. It listens when
`start` returns, it is gone when `stop` or `kill` returns, and it never outlives us.
"""

import socket
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from bot.demo import converse
from bot.demo.certificates import Certificates, make_certificates
from bot.demo.page import Page
from bot.demo.ports import claim_port, is_taken
from bot.demo.programs import Leashed

GRACE = 15
"""Seconds a server gets to end by itself; measured 0.1 (Prosody) and 1.1 (ejabberd)."""


def greeting(domain: str) -> str:
    """How a client's stream to *domain* begins (RFC 6120, section 4.7)."""
    return (
        f"<?xml version='1.0'?><stream:stream to='{domain}' version='1.0' xmlns='jabber:client'"
        " xmlns:stream='http://etherx.jabber.org/streams'>"
    )


class ServerStartError(RuntimeError):
    """The server did not come up. Cure: the message ends with the last lines of its log."""


class Server(ABC):
    """
    An XMPP server of ours.

    `admin@localhost` may administer it (XEP-0133) once that account is added. Anyone on this
    machine may register, talk and create rooms.

    Args:
        folder: For its configuration, data, certificates and logs; made if it is not there.
        tuned: Without the rate limits of Debian's defaults, and without Nagle's delay.
        port: For clients, STARTTLS; default: a free one. It stays the same over restarts.
        page_for: The room whose page it serves to browsers; None: no page.
    """

    name: ClassVar[str]
    host: ClassVar[str] = "127.0.0.1"
    domain: ClassVar[str] = "localhost"
    rooms: ClassVar[str] = "rooms.localhost"

    def __init__(
        self,
        folder: Path,
        *,
        tuned: bool = True,
        port: int | None = None,
        page_for: str | None = None,
    ) -> None:
        self.folder = folder.resolve()
        if set(str(self.folder)) & set('"\\\n'):
            raise ServerStartError(f"{self.folder} cannot be written in a server's configuration")
        self.tuned = tuned
        self.port = port or claim_port()
        self.upload_port = claim_port()
        """HTTPS, for files (XEP-0363)."""
        for part in ("data", "log", "home"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        self.certificates: Certificates = make_certificates(self.folder / "certificates")
        self._process: Leashed | None = None
        self._page = self._prepare(page_for) if page_for else None
        self._page_wanted = page_for is not None

    @property
    def page(self) -> str | None:
        """The address of the page that is the room, for a browser; None: `why_no_page`."""
        return self._page.url if self._page else None

    @property
    def why_no_page(self) -> str:
        """Why there is no `page`, and the cure, in one line; empty if there is one."""
        if self._page:
            return ""
        if not self._page_wanted:
            return "nobody asked for a page"
        return converse.why_missing()

    @property
    def ca(self) -> Path:
        """The CA certificate that a client has to trust."""
        return self.certificates.ca

    @property
    def log(self) -> Path:
        """What the server writes, over all its starts."""
        return self.folder / "log" / "server.log"

    @property
    def process(self) -> Leashed | None:
        """What `start` started last, to see how it ends; None before."""
        return self._process

    @property
    def pid(self) -> int | None:
        """The server process itself; None while it is down."""
        return self._process.pid if self._process and self._process.running else None

    @property
    def running(self) -> bool:
        """Whether its process is there."""
        return self.pid is not None

    def start(self, *, within: float = 60) -> None:
        """
        Start it; returns when it answers clients.

        Args:
            within: Seconds until a silent server counts as failed. A loaded machine is slow.
        """
        if self.running:
            raise RuntimeError(f"{self.name} already runs as pid {self.pid}")
        if is_taken(self.port):  # else we would take the other's answer for ours
            raise ServerStartError(f"port {self.port} of {self.host} is taken by another program")
        if self._page:
            self._page.write()
        self._process = self._launch()
        deadline = time.monotonic() + within
        while not self._greets():
            if not self.running:
                raise ServerStartError(
                    f"{self.name} ended with {self._process.code}\n{self._tail()}"
                )
            if time.monotonic() > deadline:
                self.kill()
                raise ServerStartError(f"{self.name} was silent for {within} s\n{self._tail()}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop it in order: it closes its clients' streams and writes its data. Else nothing."""
        if self._process:
            self._process.end(grace=GRACE)

    def kill(self) -> None:
        """Kill it (SIGKILL), as a power cut would: no stream is closed."""
        if self._process:
            self._process.kill()

    def restart(self) -> None:
        """Stop and start: same port, same data."""
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @abstractmethod
    def add_account(self, name: str, password: str) -> None:
        """Create ``name@localhost``; an account that is there gets the new password."""

    @abstractmethod
    def _launch(self) -> Leashed:
        """Write the configuration and start the process."""

    def _prepare(self, room: str) -> Page | None:
        """The page of *room*, if Converse.js is here."""
        if not (found := converse.find()):
            return None
        return Page(
            self.folder / "page",
            room=room, domain=self.domain, port=claim_port(), converse=found,
            files=self.upload_port,
        )  # fmt: skip

    def _greets(self) -> bool:
        """
        Whether it answers a client's greeting.

        An open port is not enough: ejabberd opens it 0.5 s before it is ready. Then our
        greeting waits in the backlog, and the answer comes the moment it is.
        """
        received = b""
        with (
            suppress(OSError),
            socket.create_connection((self.host, self.port), timeout=5) as client,
        ):
            client.sendall(greeting(self.domain).encode())
            while b"</stream:features>" not in received:
                chunk = client.recv(4096)
                if not chunk:
                    return False
                received += chunk
            client.sendall(b"</stream:stream>")
            return True
        return False

    def _tail(self, lines: int = 20) -> str:
        if not self.log.exists():
            return f"(no {self.log})"
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
