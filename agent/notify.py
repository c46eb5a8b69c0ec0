"""
What the agent says to systemd (sd_notify(3)): that it is up, and how it stands.

``systemctl status labroom-agent`` shows the last status; ``labroom-agent install`` waits for
the one that begins with :data:`INSIDE`. Without systemd, nothing is said.

Rule: the socket is ours alone. Its name leaves the environment, so that no diagnostic can
speak for us.
"""

import os
import socket
from typing import Self

import structlog

log = structlog.get_logger()

INSIDE = "in the room"
"""How a status begins once people see the target."""


class Notifier:
    """
    The way to systemd.

    Args:
        address: Of its socket; one that begins with ``@`` is abstract; empty: there is none.
    """

    def __init__(self, address: str = "") -> None:
        self._address = address.replace("@", "\0", 1) if address.startswith("@") else address
        self._said = ""

    @classmethod
    def take(cls) -> Self:
        """The one that systemd gave us."""
        return cls(os.environ.pop("NOTIFY_SOCKET", ""))

    def ready(self) -> None:
        """We are up."""
        self._send("READY=1")

    def status(self, text: str) -> None:
        """How we stand, in one line for people."""
        if text != self._said:
            self._said = text
            self._send(f"STATUS={' '.join(text.split())}")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as out:
                out.sendto(message.encode(), self._address)
        except OSError as error:  # systemd is restarting, or very busy: the next one will tell
            log.warning("systemd.deaf", reason=error.strerror)
