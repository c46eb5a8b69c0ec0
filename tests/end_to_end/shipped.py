"""
The servers as docs/servers/ ships them, started as they are.

Rules: of a shipped file only what this machine forces is changed, by the list `changes` and by
nothing else: paths, ports, addresses to listen on. What is forced beside (the user, for Prosody)
stands in a file of its own that includes the shipped one.
"""

import getpass
import http.client
import json
import os
from collections.abc import Mapping
from pathlib import Path

from bot.demo.certificates import make_certificates
from bot.demo.ejabberd import Ejabberd
from bot.demo.ports import claim_port
from bot.demo.prosody import Prosody
from bot.demo.server import Server

SHIPPED = Path(__file__).parents[2] / "docs" / "servers"
DOMAIN = "lab.example"
NAMES = f"DNS:{DOMAIN},DNS:*.{DOMAIN}"

_WRAPPER = """\
-- The user who tests is not prosody, and has only loopback for himself.
daemonize = false
run_as_root = {root}
prosody_user = "{user}"
interfaces = {{ "127.0.0.1" }}
Include "{shipped}"
"""


class Shipped(Server):
    """What both have in common."""

    domain = DOMAIN
    rooms = f"rooms.{DOMAIN}"
    file: Path
    """The shipped file."""

    def __init__(self, folder: Path, *, port: int | None = None) -> None:
        super().__init__(folder, port=port)
        self.certificates = make_certificates(self.folder / DOMAIN, names=NAMES)
        self.direct_tls_port = claim_port()
        self.web_port = claim_port()
        self.pages = self.folder / "www"
        self.pages.mkdir(exist_ok=True)

    @property
    def changes(self) -> Mapping[str, str]:
        """What the shipped file says, and what it has to say on this machine."""
        raise NotImplementedError

    @property
    def started(self) -> Path:
        """The file that the server reads in the shipped one's place."""
        raise NotImplementedError

    def changed(self) -> str:
        """The shipped file's text, with the changes."""
        text = self.file.read_text()
        for old, new in self.changes.items():
            text = text.replace(old, new)
        return text


class ShippedProsody(Shipped, Prosody):
    """docs/servers/prosody.cfg.lua."""

    file = SHIPPED / "prosody.cfg.lua"

    def __init__(self, folder: Path, *, port: int | None = None) -> None:
        super().__init__(folder, port=port)
        (self.folder / "certs").mkdir(exist_ok=True)  # it looks there, whatever we say

    @property
    def started(self) -> Path:
        """The file that the server reads in the shipped one's place."""
        return self.folder / "shipped.cfg.lua"

    @property
    def changes(self) -> Mapping[str, str]:
        """What the shipped file says, and what it has to say on this machine."""
        return {
            "5222": str(self.port),
            "5223": str(self.direct_tls_port),
            "5443": str(self.web_port),
            "/etc/prosody/certs/lab.example.crt": str(self.certificates.certificate),
            "/etc/prosody/certs/lab.example.key": str(self.certificates.key),
            "/run/prosody/prosody.pid": str(self.folder / "prosody.pid"),
            "/var/lib/prosody": str(self.folder / "data"),
            "/var/log/prosody/prosody.log": str(self.log),
            "/var/log/prosody/prosody.err": str(self.folder / "log" / "errors.log"),
            "/var/www/labroom": str(self.pages),
        }

    def _configured(self) -> str:
        self.started.write_text(self.changed())
        root = "true" if os.getuid() == 0 else "false"
        return _WRAPPER.format(root=root, user=getpass.getuser(), shipped=self.started)


class ShippedEjabberd(Shipped, Ejabberd):
    """docs/servers/ejabberd.yml."""

    file = SHIPPED / "ejabberd.yml"

    @property
    def started(self) -> Path:
        """The file that the server reads in the shipped one's place."""
        return self.folder / "ejabberd.yml"

    @property
    def changes(self) -> Mapping[str, str]:
        """What the shipped file says, and what it has to say on this machine."""
        return {
            'ip: "::"': 'ip: "127.0.0.1"',
            "5222": str(self.port),
            "5223": str(self.direct_tls_port),
            "5443": str(self.web_port),
            "5280": str(self._api_port),
            "/etc/ejabberd/lab.example.pem": str(self.certificates.bundle),
            "/var/lib/ejabberd/upload": str(self.folder / "upload"),
            "/var/www/labroom": str(self.pages),
        }

    def add_account(self, name: str, password: str) -> None:
        """Create the account; one that is there gets the new password."""
        account = {"user": name, "host": self.domain}
        if self._ask("register", account | {"password": password}) == http.HTTPStatus.CONFLICT:
            self._ask("change_password", account | {"newpass": password})

    def _ask(self, command: str, arguments: dict[str, str]) -> int:
        connection = http.client.HTTPConnection(self.host, self._api_port, timeout=30)
        try:
            connection.request("POST", f"/api/{command}", json.dumps(arguments))
            status = connection.getresponse().status
        finally:
            connection.close()
        if status not in (http.HTTPStatus.OK, http.HTTPStatus.CONFLICT):
            raise RuntimeError(f"ejabberd refused {command} of {arguments['user']}: {status}")
        return status

    def _configured(self) -> str:
        return self.changed()


SERVERS: dict[str, type[Shipped]] = {kind.name: kind for kind in (ShippedProsody, ShippedEjabberd)}
"""By the name that people use."""
