"""Prosody, isolated: its configuration is `prosody.cfg.lua` beside this file."""

import getpass
import os
import subprocess
from pathlib import Path
from string import Template

from bot.demo.page import PARTS, Page
from bot.demo.programs import Leashed, require
from bot.demo.server import Server

TEMPLATE = Template(Path(__file__).with_name("prosody.cfg.lua").read_text())
TUNED = "network_settings = { nagle = false }\nnetwork_default_read_size = 65536"
# With mod_limits, Prosody 0.12 never notices a peer that went silent (its read timeout is lost).
LIMITED = 'limits = { c2s = { rate = "10kb/s" } }'
PAGE = Template(
    """\
http_ports = { $port }
http_paths = { files = "/" }
http_files_dir = "$folder"
http_cors_override = { files = { enabled = false } }  -- the page has a password in it
consider_websocket_secure = true  -- it is on loopback
plugin_paths = { "$plugins" }
same_origin = "$origin"\
"""
)
PAGE_MODULES = '"http_files"; "websocket"; "same_origin";'


class Prosody(Server):
    """Prosody 0.12 or later, in a folder of its own."""

    name = "prosody"

    @property
    def _configuration(self) -> Path:
        return self.folder / "prosody.cfg.lua"

    def add_account(self, name: str, password: str) -> None:
        """Create ``name@localhost``; an account that is there gets the new password."""
        argv = [require("prosodyctl"), "--config", str(self._configuration)]
        done = subprocess.run(
            [*argv, "register", name, self.domain, password], capture_output=True, text=True
        )
        if done.returncode:
            raise RuntimeError(f"prosodyctl refused {name}: {done.stdout}{done.stderr}")

    def _launch(self) -> Leashed:
        self._configuration.write_text(self._configured())
        return Leashed(
            [require("prosody"), "-F", "--config", str(self._configuration)],
            log=self.log,
            folder=self.folder,
            environment=os.environ | {"HOME": str(self.folder / "home")},
        )

    def _configured(self) -> str:
        return TEMPLATE.substitute(
            folder=self.folder,
            port=self.port,
            upload_port=self.upload_port,
            user=getpass.getuser(),
            root="true" if os.getuid() == 0 else "false",
            certificate=self.certificates.certificate,
            key=self.certificates.key,
            limits=TUNED if self.tuned else LIMITED,
            limits_module="" if self.tuned else '"limits";',
            page=_page_settings(self._page) if self._page else "http_ports = {}",
            page_modules=PAGE_MODULES if self._page else "",
        )


def _page_settings(page: Page) -> str:
    return PAGE.substitute(port=page.port, folder=page.folder, plugins=PARTS, origin=page.origin)
