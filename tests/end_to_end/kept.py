"""What a server keeps for an account that is away: looked up in its own files and tables."""

import re

from bot.demo import Server
from bot.demo.ejabberd import Ejabberd


def kept(server: Server, account: str) -> int:
    """How many stanzas *server* keeps for *account*, a local part."""
    if isinstance(server, Ejabberd):
        text = server.dump("offline_msg")
        return len(re.findall(rf'\{{offline_msg,\s*\{{<<"{re.escape(account)}">>', text))
    path = server.folder / "data" / server.domain / "offline" / f"{_escaped(account)}.list"
    return path.read_text().count("item({") if path.exists() else 0


def _escaped(name: str) -> str:
    """As Prosody names a file: all but letters and digits in hexadecimal."""
    return re.sub(r"[^A-Za-z0-9]", lambda match: f"%{ord(match[0]):02x}", name)
