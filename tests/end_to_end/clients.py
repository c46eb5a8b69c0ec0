"""
What people have in their terminals: Debian's profanity and poezio, as they come, and how each tells
what it saw.

Rule: nothing is set that is not needed to reach a server of ours, or to show what happens.
"""

import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from bot.demo.programs import require
from tests.end_to_end.lab import Lab
from tests.end_to_end.screen import Screen, opened

SIZE = "200x50"
"""Wide enough that no line is wrapped: what is looked for stands in one."""
NOBODY = 65534
ROOM, ROSTER_NEWS = 1, 2
"""Columns of poezio's screen."""


class Client:
    """
    One client in a terminal.

    Args:
        account: The local part, and the password.
    """

    name = ""

    def __init__(self, lab: Lab, account: str) -> None:
        self.lab, self.account = lab, account
        self.jid = f"{account}@{lab.server.domain}"
        self.screen: Screen = None  # type: ignore[assignment]  # until opened

    @asynccontextmanager
    async def opened(self, folder: Path) -> AsyncIterator["Client"]:
        """Start it, and wait until it is connected."""
        with _home() as home:
            argv = self._furnish(home)
            environment = {
                "HOME": str(home), "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8",
                "TERM": "screen-256color",
                "XDG_CONFIG_HOME": f"{home}/config", "XDG_DATA_HOME": f"{home}/data",
                "XDG_CACHE_HOME": f"{home}/cache",
            }  # fmt: skip
            async with opened(folder, argv, environment=environment, size=SIZE) as self.screen:
                await self._connected()
                yield self

    def _furnish(self, home: Path) -> list[str]:
        """Write its settings below *home*; how to start it."""
        raise NotImplementedError

    async def _connected(self) -> None:
        raise NotImplementedError

    async def befriend(self, jid: str) -> None:
        """Ask to have *jid* on the contact list; returns when that is accepted."""
        raise NotImplementedError

    async def contact_is_there(self, jid: str) -> None:
        """Wait until *jid* is present now, as far as the contact list knows."""
        raise NotImplementedError

    async def contact_left(self, jid: str, status: str) -> None:
        """Wait until it tells that the contact is offline, and why."""
        raise NotImplementedError

    async def look_at_room(self) -> None:
        """Show the room."""
        raise NotImplementedError

    async def look_at_contacts(self) -> None:
        """Show what happens outside of the room."""
        raise NotImplementedError

    async def busy(self, nick: str, status: str) -> None:
        """Wait until it tells that an occupant is busy with *status*."""
        raise NotImplementedError

    async def left(self, nick: str, status: str) -> None:
        """Wait until it tells that an occupant left, and why if it tells that."""
        raise NotImplementedError

    async def returned(self, nick: str) -> None:
        """Wait until it tells that an occupant has come in."""
        raise NotImplementedError


class Profanity(Client):
    """Tells people of an occupant's status, but not why one left: the contact list does."""

    name = "profanity"

    def _furnish(self, home: Path) -> list[str]:
        accounts = home / "data" / "profanity" / "accounts"
        accounts.parent.mkdir(parents=True)
        accounts.write_text(
            f"[me]\nenabled=true\njid={self.jid}\npassword={self.account}\n"
            f"server={self.lab.server.host}\nport={self.lab.server.port}\n"
            "resource=terminal\ntls.policy=trust\nmuc.nick=ben\npresence.login=online\n"
        )
        settings = home / "config" / "profanity" / "profrc"
        settings.parent.mkdir(parents=True)
        settings.write_text("[ui]\nstatuses.console=all\nstatuses.muc=all\n")
        return [require("profanity"), "--account", "me"]

    async def _connected(self) -> None:
        await self.screen.shows("logged in successfully")

    async def befriend(self, jid: str) -> None:
        self.screen.say(f"/sub request {jid}")
        await self.screen.shows(f"Subscription received from {jid}")

    async def contact_is_there(self, jid: str) -> None:
        def is_there(text: str) -> bool:
            told = [line for line in text.split("\n") if f"{jid} (agent) is" in line]
            return bool(told) and 'is online, "idle"' in told[-1]

        await self.screen.shows(is_there)

    async def contact_left(self, jid: str, status: str) -> None:
        await self.screen.shows(f'{jid} (agent) is offline, "{status}"')

    async def look_at_room(self) -> None:
        self.screen.say(f"/join {self.lab.room}")
        await self.screen.shows("You have joined the room")

    async def look_at_contacts(self) -> None:
        self.screen.say("/win 1")

    async def busy(self, nick: str, status: str) -> None:
        await self.screen.shows(f'{nick} is dnd, "{status}"')
        self.screen.say(f"/status get {nick}")
        await self.screen.shows(lambda text: text.count(f'{nick} is dnd, "{status}"') >= 2)

    async def left(self, nick: str, status: str) -> None:
        await self.screen.shows(f"<- {nick} has left the room")

    async def returned(self, nick: str) -> None:
        await self.screen.shows(f"-> {nick} has joined the room")


class Poezio(Client):
    """Tells people of every status and every reason, if it may."""

    name = "poezio"

    def _furnish(self, home: Path) -> list[str]:
        settings = home / "config" / "poezio" / "poezio.cfg"
        settings.parent.mkdir(parents=True)
        ca = shutil.copy(self.lab.server.ca, home / "ca.crt")
        settings.write_text(
            f"[Poezio]\njid = {self.jid}\npassword = {self.account}\n"
            f"custom_host = {self.lab.server.host}\ncustom_port = {self.lab.server.port}\n"
            f"ca_cert_path = {ca}\nrooms = {self.lab.room}/ben\n"
            "hide_status_change = -1\nhide_exit_join = -1\n"
        )
        away = [require("env"), "-C", str(home)]  # from a folder that is root's alone
        if os.geteuid() != 0:
            return [*away, require("poezio")]
        for path in (home, *home.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
        other = ["--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"]
        return [*away, require("setpriv"), *other, require("poezio")]  # it refuses root

    async def _connected(self) -> None:
        await self.screen.shows(self.lab.room.partition("@")[0])  # among the tabs

    async def _command(self, line: str) -> None:
        """Give a command in the roster, where a burst of keys that begins with a slash loses it."""
        await self.screen.shows("Enter commands with")
        self.screen.type("/")
        await self.screen.shows(lambda text: "Enter commands with" not in text)
        await self._enter(line, f"/{line}")

    async def _enter(self, line: str, shown: str) -> None:
        """Type, then press Enter: both in one burst would be taken for a paste of two lines."""
        self.screen.type(line)
        await self.screen.shows(shown)
        self.screen.press("Enter")

    async def befriend(self, jid: str) -> None:
        await self._command(f"add {jid}")
        await self._tells(f"{jid} accepted your contact proposal", ROSTER_NEWS)

    async def _tells(self, pattern: str, column: int) -> None:
        """Wait until *pattern* is in a *column* of the screen, which is narrow and wraps."""

        def is_there(text: str) -> bool:
            rows = [line.split("│") for line in text.split("\n")]
            told = "".join(row[column] for row in rows if len(row) > column)
            return re.search(pattern.replace(" ", ""), told.replace(" ", "")) is not None

        await self.screen.shows(is_there)

    async def contact_is_there(self, jid: str) -> None:
        # Its news say so as well, but not in the first ten seconds of a connection.
        await self.screen.shows(re.compile(rf"\[\+\] {jid[:12]}.*\(1\)"))

    async def contact_left(self, jid: str, status: str) -> None:
        await self._tells(rf"{jid} is offline \({status}\)", ROSTER_NEWS)

    async def look_at_room(self) -> None:
        await self._command(f"win {self.lab.room.partition('@')[0]}")
        await self.screen.shows("ben (member, participant)")

    async def look_at_contacts(self) -> None:
        await self._enter("/win 0", "/win 0")

    async def busy(self, nick: str, status: str) -> None:
        await self._tells(f"{nick} changed: .*status: {status}", ROOM)

    async def left(self, nick: str, status: str) -> None:
        await self._tells(rf"<--- {nick} .* has left the room \({status}\)", ROOM)

    async def returned(self, nick: str) -> None:
        await self._tells(f"---> {nick} .* joined the room", ROOM)


@contextmanager
def _home() -> Iterator[Path]:
    """A home that another user may reach: pytest's folders are its user's alone."""
    home = Path(tempfile.mkdtemp(prefix="labroom-client-"))
    try:
        yield home
    finally:
        shutil.rmtree(home)


CLIENTS = {client.name: client for client in (Profanity, Poezio)}
