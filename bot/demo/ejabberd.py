"""
ejabberd, isolated: its configuration is `ejabberd.yml` beside this file.

Rules: Erlang is started directly, with what `ejabberdctl` would say: that script insists on the
user `ejabberd`. No distribution, hence no epmd, no cookie and no port for them; SIGTERM stops it
in order, and `exec` all the way makes our child the server itself.
"""

import http.client
import json
import os
from pathlib import Path
from string import Template

from bot.demo.page import WEBSOCKET, Page
from bot.demo.ports import claim_port
from bot.demo.programs import Leashed, MissingProgramError, require
from bot.demo.server import Server

TEMPLATE = Template(Path(__file__).with_name("ejabberd.yml").read_text())
PRESENCE_COUNTER = "mod_pres_counter: {count: 5, interval: 60}"
LISTENER = "{{port: {port}, ip: 127.0.0.1, module: ejabberd_http, request_handlers: {handlers}}}"
HANDLERS = f"{{{WEBSOCKET}: ejabberd_http_ws, /: mod_http_fileserver}}"
FILES = 'mod_http_fileserver: {{docroot: "{folder}", directory_indices: [index.html]}}'
# Poll efficiently, and do not spin while idle: a lab's machine has better to do.
ERLANG = "+K true +P 250000 +sbwt none +sbwtdcpu none +sbwtdio none -noinput"


class _RefusedError(RuntimeError):
    """ejabberd did not do what we asked of its API."""

    def __init__(self, command: str, arguments: dict[str, str], status: int, text: str) -> None:
        super().__init__(f"ejabberd refused {command} of {arguments.get('user')}: {status} {text}")
        self.status = status


class Ejabberd(Server):
    """
    ejabberd 23.01 or later, as Debian packages it, in a folder of its own.

    Args:
        registration_timeout: Seconds between two in-band registrations from one address, of
            which there is only one here. None: no limit. ejabberd's own default is 600.
    """

    name = "ejabberd"

    def __init__(
        self,
        folder: Path,
        *,
        tuned: bool = True,
        port: int | None = None,
        page_for: str | None = None,
        registration_timeout: int | None = None,
    ) -> None:
        super().__init__(folder, tuned=tuned, port=port, page_for=page_for)
        self.registration_timeout = registration_timeout
        self._api_port = claim_port()

    def add_account(self, name: str, password: str) -> None:
        """Create ``name@localhost``; an account that is there gets the new password."""
        account = {"user": name, "host": self.domain}
        try:
            self._call("register", account | {"password": password})
        except _RefusedError as refused:
            if refused.status != http.HTTPStatus.CONFLICT:
                raise
            self._call("change_password", account | {"newpass": password})
        # Mnesia holds a write back for up to 2 s, and `kill` would lose it: measured, 8 of 24.
        # Reading the table makes it write.
        self.dump("passwd")

    def dump(self, table: str) -> str:
        """All of a Mnesia table, as Erlang terms."""
        path = self.folder / table
        self._call("dump_table", {"file": str(path), "table": table})
        return path.read_text(errors="replace")

    def _call(self, command: str, arguments: dict[str, str]) -> None:
        connection = http.client.HTTPConnection(self.host, self._api_port, timeout=30)
        try:
            connection.request("POST", f"/api/{command}", json.dumps(arguments))
            answer = connection.getresponse()
            if answer.status != http.HTTPStatus.OK:
                raise _RefusedError(command, arguments, answer.status, answer.read().decode())
        finally:
            connection.close()

    def _launch(self) -> Leashed:
        libraries = _libraries()
        configuration = self.folder / "ejabberd.yml"
        configuration.write_text(self._configured())
        # Erlang reads the folder as a term: a string in quotes.
        mnesia = ["-mnesia", "dir", f'"{self.folder / "data"}"']
        return Leashed(
            [require("erl"), *ERLANG.split(), *mnesia, "-s", "ejabberd"],
            log=self.log,
            folder=self.folder,
            environment=os.environ
            | {
                "HOME": str(self.folder / "home"),
                "ERL_LIBS": str(libraries),
                "ERL_MAX_PORTS": "32000",
                "ERL_CRASH_DUMP_BYTES": "0",
                "EJABBERD_CONFIG_PATH": str(configuration),
                "EJABBERD_LOG_PATH": str(self.folder / "log" / "ejabberd.log"),
                "CONTRIB_MODULES_PATH": str(self.folder / "home"),
            },
        )

    def _configured(self) -> str:
        return TEMPLATE.substitute(
            port=self.port,
            upload_port=self.upload_port,
            uploads=self.folder / "data" / "uploads",
            api_port=self._api_port,
            bundle=self.certificates.bundle,
            ca=self.certificates.ca,
            registration_timeout=self.registration_timeout or "infinity",
            shaper="none" if self.tuned else "normal",
            presence_counter="" if self.tuned else PRESENCE_COUNTER,
            **_page_settings(self._page),
        )


def _page_settings(page: Page | None) -> dict[str, str]:
    if not page:
        return {"page_origin": "", "page_listener": "", "page_files": ""}
    return {
        "page_origin": f"websocket_origin: [{page.origin}]",
        "page_listener": "- " + LISTENER.format(port=page.port, handlers=HANDLERS),
        "page_files": FILES.format(folder=page.folder),
    }


def _libraries() -> Path:
    """Where Debian keeps ejabberd's Erlang code; the folder is named after the machine's CPU."""
    require("ejabberdctl")
    for code in Path("/usr/lib").glob("*/ejabberd-*/ebin"):
        return code.parent.parent
    raise MissingProgramError("no ejabberd below /usr/lib: apt-get install ejabberd")
