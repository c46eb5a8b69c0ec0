"""
The room as a page for browsers: Converse.js and our settings for it, which the server serves.

Rules: the page asks nobody but its own server for anything, and its policy (CSP) makes the browser
see to that, whatever somebody posts: of pictures only those show that the server's own place for
files has. Who opens it is `GUEST`, whose password the page carries:
for loopback only. So only the page itself may open the server's WebSocket.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from string import Template

GUEST = "guest"
"""The account, the password and the nick of whoever opens the page."""

WEBSOCKET = "/xmpp-websocket"
"""Where the server takes XMPP from browsers."""

PARTS = Path(__file__).parent / "browser"


@dataclass(frozen=True)
class Page:
    """
    The page of one room.

    Args:
        folder: What the server serves; `write` makes it.
        room: The room's bare JID.
        converse: The folder with Converse.js.
        files: The port of the server's place for files.
    """

    folder: Path
    room: str
    domain: str
    port: int
    converse: Path
    files: int

    @property
    def origin(self) -> str:
        """What a browser says of itself when this page opens a WebSocket."""
        return f"http://{self.domain}:{self.port}"  # a number is no host that ejabberd serves

    @property
    def url(self) -> str:
        """The address to open."""
        return f"{self.origin}/"

    @property
    def _socket(self) -> str:
        return f"ws://{self.domain}:{self.port}"

    def write(self) -> None:
        """Write what the server serves."""
        self.folder.mkdir(exist_ok=True)
        settings = {
            "jid": f"{GUEST}@{self.domain}",
            "password": GUEST,
            "nickname": GUEST,
            "auto_join_rooms": [{"jid": self.room, "nick": GUEST}],
            "websocket_url": self._socket + WEBSOCKET,
        }
        for part in PARTS.glob("page.*"):
            (self.folder / part.name).write_bytes(part.read_bytes())
        index = Template((PARTS / "index.html").read_text()).substitute(
            room=self.room.partition("@")[0],
            socket=self._socket,
            files=f"https://{self.domain}:{self.files}",
            settings=json.dumps(settings, indent=2).replace("<", "\\u003c"),
        )
        (self.folder / "index.html").write_text(index)
        shown = self.folder / "converse"
        shown.unlink(missing_ok=True)
        shown.symlink_to(self.converse)
