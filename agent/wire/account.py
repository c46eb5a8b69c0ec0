"""The account that a link logs in with, and where its server is."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from agent.wire.settings import Login


@dataclass(frozen=True, kw_only=True)
class Account:
    """Who we are, and where our server is."""

    jid: str
    """Full JID: the resource is fixed, so that a new process replaces a dead one's session."""
    password: str = field(repr=False)
    host: str | None = None
    """Where to connect; None asks DNS (RFC 6120, section 3.2)."""
    port: int = 5222
    ca: Path | None = None
    """Certificates to trust instead of the system's."""
    register: bool = False
    """Make the account when it is missing (XEP-0077)."""

    @classmethod
    def of(cls, login: Login, resource: str) -> Self:
        """The account that settings name; BadSettings if its password cannot be read."""
        return cls(
            jid=f"{login.jid}/{resource}",
            password=login.credentials.read(),
            host=login.server.host,
            port=login.server.port,
            ca=login.server.ca,
            register=login.register_account,
        )
