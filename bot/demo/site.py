"""A lab on this machine: a bot and targets as real processes on a real server, with settings."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from bot.demo.programs import Leashed
from bot.demo.server import Server

GRACE = 10.0
"""Seconds the bot or a machine gets to end by itself."""

_BOT = """\
jid = {jid}
room = {room}
nick = {nick}
bots = {bots}
scripts = {scripts}
rank = {rank}
owners = {owners}
members = {members}
targets = {targets}
database = {database}
lock = {lock}

[server]
host = {host}
port = {port}
ca = {ca}

[credentials]
password = {password}
"""

_AGENT = """\
jid = {jid}
controllers = {controllers}
room = {room}
name = {name}
location = {location}
register = true
state = {state}
recipes = {recipes}
boot_id = {boot_id}
hardware = {hardware}

[server]
host = {host}
port = {port}
ca = {ca}

[credentials]
password = {password}

[reboot]
command = {reboot}
"""


class Site:
    """
    The lab's folder: settings, state and logs of one bot and its targets.

    Args:
        room: The room's bare JID.
        owners: Local parts of the people who own the room beside the bot.
        members: Local parts of those who may enter it.
        targets: Local parts of the machines that are let in, or patterns of them.
        others: Local parts of more bots of this room; each has a folder of its name.
        scripts: Local parts of programs that may say commands.
    """

    def __init__(
        self,
        folder: Path,
        server: Server,
        *,
        room: str,
        bot: str = "labbot",
        owners: Sequence[str] = (),
        members: Sequence[str] = (),
        targets: Sequence[str] = (),
        others: Sequence[str] = (),
        scripts: Sequence[str] = (),
    ) -> None:
        self.folder, self.server, self.room, self.bot_name = folder, server, room, bot
        self.bots = (bot, *others)
        for number, name in enumerate(self.bots, 1):
            place = self.bot_folder(name)
            place.mkdir(parents=True, exist_ok=True)
            self._write(
                place / "bot.toml",
                _BOT,
                jid=self._jid(name),
                room=room,
                nick="labbot" if number == 1 else f"labbot{number}",
                bots=[self._jid(other) for other in self.bots if other != name],
                scripts=[self._jid(name) for name in scripts],
                rank=number,
                owners=[self._jid(name) for name in owners],
                members=[self._jid(name) for name in members],
                targets=[self._jid(name) for name in targets],
                database=f"sqlite:///{place}/labroom.db",
                lock=str(place / "lock"),
                password=name,
            )

    def bot_folder(self, name: str) -> Path:
        """Where settings, database and log of the bot *name* are."""
        return self.folder if name == self.bot_name else self.folder / name

    @property
    def bot_settings(self) -> Path:
        """The bot's bot.toml."""
        return self.folder / "bot.toml"

    @property
    def bot_log(self) -> Path:
        """What the bot logs."""
        return self.folder / "bot.log"

    def start_bot(self, name: str = "") -> Leashed:
        """The bot, or the one called *name*, as its service would be started."""
        place = self.bot_folder(name or self.bot_name)
        return self._start(
            [sys.executable, "-m", "bot", "serve", "--config", str(place / "bot.toml")],
            place / "bot.log",
        )

    def add_target(
        self, name: str, *, friendly: str = "", location: str = "", recipes: Sequence[Path] = ()
    ) -> Path:
        """Settings for the target *name*; its folder."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        (folder / "hardware").write_text(name)  # else all are this one machine
        self._write(
            folder / "agent.toml",
            _AGENT,
            jid=self._jid(name),
            controllers=[self._jid(bot) for bot in self.bots],
            room=self.room,
            name=friendly,
            location=location,
            state=str(folder / "state"),
            recipes=[str(path) for path in recipes],
            boot_id=str(folder / "boot_id"),
            hardware=[str(folder / "hardware")],
            password=name,
            reboot=[sys.executable, "-m", "bot.demo.machine", str(folder), "reboot"],
        )
        return folder

    def start_machine(self, name: str) -> Leashed:
        """Boot the target *name*; it restarts its agent, and can be rebooted."""
        folder = self.folder / name
        return self._start(
            [sys.executable, "-m", "bot.demo.machine", str(folder)], folder / "machine.log"
        )

    def start_agent(self, name: str) -> Leashed:
        """Only the agent of target *name*, on a machine that is on already."""
        folder = self.folder / name
        boot = folder / "boot_id"
        if not boot.exists():
            boot.write_text("00000000-0000-4000-8000-000000000001\n")
        return self._start(
            [sys.executable, "-m", "agent", "serve", "--config", str(folder / "agent.toml")],
            folder / "agent.log",
        )

    def _start(self, argv: Sequence[str], log: Path) -> Leashed:
        # Settings are in files here; whoever develops may have some of their own in variables.
        environment = {k: v for k, v in os.environ.items() if not k.startswith("LABROOM_")}
        environment["PYTHONUNBUFFERED"] = "1"
        return Leashed(argv, log=log, folder=self.folder, environment=environment)

    def _jid(self, name: str) -> str:
        return f"{name}@{self.server.domain}"

    def _write(self, path: Path, template: str, **values: object) -> None:
        server: Mapping[str, object] = {
            "host": self.server.host,
            "port": self.server.port,
            "ca": str(self.server.ca),
        }
        # JSON's strings, numbers and lists of strings are TOML's.
        texts = {key: json.dumps(value) for key, value in {**values, **server}.items()}
        path.write_text(template.format(**texts))
        path.chmod(0o600)
