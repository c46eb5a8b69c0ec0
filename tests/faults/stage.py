"""
The stage of a row: a server, a bot and a target whose lines to it are ours, and a person.

Bot and agent are started again whenever they end, as systemd does it; ends of an agent do not
touch its supervisors (`KillMode=process`).
"""

import asyncio
import contextlib
import json
import os
import random
import shutil
import signal
import sqlite3
import ssl
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import (
    AbstractContextManager,
    AsyncExitStack,
    asynccontextmanager,
    closing,
    nullcontext,
)
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from slixmpp import JID
from slixmpp.exceptions import IqError, IqTimeout

from bot.demo import SERVERS, Server
from bot.demo.programs import Leashed
from bot.demo.site import Site
from tests.end_to_end.person import JoinRefusedError, NotConnectedError, Person
from tests.faults.line import Line
from tests.faults.memory import Group
from tests.faults.namespace import Namespace

RESTART = 0.5
"""Seconds until a process that ended is started again."""

PATIENCE = 60.0
"""Seconds for what takes a few on an idle machine."""

RECIPE = """\
schema = 1
summary = "Prints what only it prints."
argv = {argv}
[params]
trial = {{kind = "int", default = "0"}}
size = {{kind = "int", default = "0"}}
ms = {{kind = "int", default = "0"}}
[time]
wall = "2h"
grace = "2s"
"""


class Service:
    """
    A process that is started again whenever it ends.

    Args:
        argv: The program; *prefix* runs it, and *environment* is added to ours.
    """

    def __init__(self, argv: Sequence[str], log: Path) -> None:
        self._argv, self.log = argv, log
        self.prefix: Sequence[str] = ()
        self.environment: dict[str, str] = {}
        self.process: Leashed | None = None
        self._keeper: asyncio.Task[None] | None = None

    def up(self) -> None:
        """Start it, and keep it up."""
        self._keeper = asyncio.create_task(self._keep())

    async def _keep(self) -> None:
        mine = {k: v for k, v in os.environ.items() if not k.startswith("LABROOM_")}
        while True:
            self.process = Leashed(
                [*self.prefix, *self._argv],
                log=self.log,
                folder=self.log.parent,
                environment={**mine, "PYTHONUNBUFFERED": "1", **self.environment},
            )
            while self.process.running:  # noqa: ASYNC110  (a thread of the pool would wait for long)
                await asyncio.sleep(0.02)
            await asyncio.sleep(RESTART)

    def kill(self) -> None:
        """SIGKILL for the process alone: what it started goes on. It is started again."""
        self._signal(signal.SIGKILL)

    def stop(self) -> None:
        """Have it stand still (SIGSTOP): its connection stays."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """After :meth:`stop`."""
        self._signal(signal.SIGCONT)

    async def end(self) -> None:
        """SIGTERM, as systemd stops a service; it stays down."""
        await self._give_up()
        self._signal(signal.SIGTERM)
        if self.process is not None:
            await asyncio.to_thread(self.process.join)

    async def down(self) -> None:
        """SIGKILL, and it stays down."""
        await self._give_up()
        self.kill()
        if self.process is not None:
            await asyncio.to_thread(self.process.join)

    async def _give_up(self) -> None:
        """Do not start it again."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)

    def _signal(self, number: int) -> None:
        if self.process is not None and self.process.running:
            os.kill(self.process.pid, number)


@dataclass(frozen=True, slots=True)
class Setting:
    """What a row needs of its stage."""

    line: Callable[[Server, str], Line] = lambda server, _: Line(server.port)
    """Makes the lines: for ``bot`` and for ``bob``."""
    tuned: bool = True
    enrolled: bool = False
    """Whether the target's account is made for it: ejabberd lets nobody register from afar."""
    start: float | None = None
    """`patience.start`, if not as usual."""
    machine: bool = False
    """Whether the target is a machine that can be rebooted, instead of an agent alone."""
    beside: Callable[[list[str]], dict[str, list[str]]] = lambda _: {}
    """More recipes, by name, made of what ``stream`` runs."""
    certify: Callable[[Path], None] = lambda _: None
    """Makes the certificates in the server's folder, if it is not to make them itself."""
    around: Callable[["Stage"], AbstractContextManager[None]] = lambda _: nullcontext()
    """Holds while the processes are up."""


class Stage:
    """
    One lab; :func:`stage` makes it.

    Attributes:
        random: Decides when things happen; the seed makes it say the same again.
        network: What the agent is in, if it is in a network of its own.
        memory: What it may use, with all it starts, if that is limited.
    """

    network: Namespace
    memory: Group

    def __init__(self, folder: Path, kind: str, seed: str, setting: Setting) -> None:
        self.folder, self.setting = folder, setting
        self.random = random.Random(seed)
        setting.certify(folder / "server")
        self.server = SERVERS[kind](folder / "server", tuned=setting.tuned)
        self.truth = folder / "truth"
        self.lab = folder / "lab"
        self.database = self.lab / "db" / "labroom.db"
        self.room = f"lab@{self.server.rooms}"
        self.site = Site(
            self.lab, self.server, room=self.room, owners=["ann"], targets=["bob"]
        )  # fmt: skip
        self.bot_line, self.agent_line = (setting.line(self.server, who) for who in ("bot", "bob"))
        python = sys.executable
        self.bot = Service(
            [python, "-m", "bot", "serve", "--config", str(self.site.bot_settings)],
            self.site.bot_log,
        )
        bob = self.lab / "bob"
        self.agent = Service(
            [python, "-m", "bot.demo.machine", str(bob)]
            if setting.machine
            else [python, "-m", "agent", "serve", "--config", str(bob / "agent.toml")],
            bob / "agent.log",
        )
        self.trials = 0

    # The beginning

    def furnish(self) -> None:
        """Write settings and the recipe."""
        self.truth.mkdir()
        recipes = self.recipes = self.lab / "recipes"
        recipes.mkdir()
        program = str(Path(__file__).with_name("diagnostic.py"))
        stream = [sys.executable, "-S", program, str(self.truth), "{trial}", "{size}", "{ms}"]
        for name, argv in {"stream": stream, **self.setting.beside(stream)}.items():
            (recipes / f"{name}.toml").write_text(RECIPE.format(argv=json.dumps(argv)))
        bob = self.site.add_target("bob", recipes=[recipes])
        self.new_boot()
        through(bob / "agent.toml", self.agent_line)
        through(self.site.bot_settings, self.bot_line)
        text = self.site.bot_settings.read_text()
        self.database.parent.mkdir(exist_ok=True)
        self.site.bot_settings.write_text(text.replace("labroom.db", "db/labroom.db"))
        if self.setting.start is not None:
            with self.site.bot_settings.open("a") as file:
                file.write(f"\n[patience]\nstart = {self.setting.start}\n")

    def new_boot(self) -> None:
        """The target's machine has started anew."""
        (self.lab / "bob" / "boot_id").write_text(
            f"{uuid.UUID(int=self.random.getrandbits(128))}\n"
        )

    def add_accounts(self) -> None:
        """Those that do not register themselves; blocks."""
        names = ["labbot", "ann", "bob"] if self.setting.enrolled else ["labbot", "ann"]
        for name in names:
            self.server.add_account(name, name)

    async def restart_server(self, pause: float, *, wiped: bool = False, kill: bool = True) -> None:
        """
        End the server, and start it again after *pause* seconds.

        Args:
            wiped: All it knew is gone: accounts, room, what waited for somebody.
            kill: By SIGKILL, else in order.
        """
        await asyncio.to_thread(self.server.kill if kill else self.server.stop)
        if wiped:
            await asyncio.to_thread(shutil.rmtree, self.server.folder / "data")
            (self.server.folder / "data").mkdir()
        await asyncio.sleep(pause)
        await asyncio.to_thread(self.server.start)
        if wiped:
            await asyncio.to_thread(self.add_accounts)

    # The person

    @asynccontextmanager
    async def person(self) -> AsyncIterator[Person]:
        """Ann, in the room, as soon as there is one that the bot made."""
        trust = ssl.create_default_context(cafile=str(self.server.ca))
        address = self.server.host, self.server.port
        ann = Person("ann@localhost", "ann", host=address[0], port=address[1], trust=trust)
        try:
            async with asyncio.timeout(PATIENCE):
                await ann.connect()
                while True:
                    try:
                        info = await ann.xmpp.plugin["xep_0030"].get_info(
                            jid=JID(self.room), timeout=3
                        )
                        if "muc_membersonly" in info["disco_info"]["features"]:
                            await ann.join(self.room, "ann", history=0)
                            break
                    except (IqError, IqTimeout, JoinRefusedError):
                        pass
                    await asyncio.sleep(0.1)  # there is no event for a room that is not there
            yield ann
        except NotConnectedError as error:
            raise AssertionError(str(error)) from error
        finally:
            await ann.leave()

    async def settled(self) -> None:
        """Return when bot and target are in the room, and the target is idle."""
        async with self.person() as ann:
            await ann.sees(
                lambda seen: seen.type == "available", nick="labbot", since=0, within=PATIENCE
            )
            await ann.sees(lambda seen: seen.status == "idle", nick="bob", since=0,
                           within=PATIENCE)  # fmt: skip

    # What is on the disk

    def query(self, statement: str, *values: object) -> list[Any]:
        """Rows of the bot's database."""
        with closing(sqlite3.connect(self.database, timeout=30)) as db:
            return db.execute(statement, values).fetchall()

    def supervisors(self) -> list[psutil.Process]:
        """Those of our target, whoever started them."""
        return self._processes(str(self.lab / "bob" / "state" / "runs"))

    def diagnostics(self) -> list[psutil.Process]:
        """What supervisors run for us."""
        return self._processes(str(self.truth))

    def _processes(self, word: str) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if any(part.startswith(word) for part in process.cmdline()):
                    found.append(process)
        return found

    async def close(self) -> None:
        """End every process."""
        await self.bot.down()
        await self.agent.down()
        for process in [*self.supervisors(), *self.diagnostics()]:
            with contextlib.suppress(psutil.Error):
                process.kill()
        await asyncio.to_thread(self.server.kill)


def through(settings: Path, line: Line) -> None:
    """Have the process with these *settings* use *line*."""
    kept = [
        text
        for text in settings.read_text().splitlines()
        if text.partition(" =")[0] not in ("host", "port")
    ]
    at = kept.index("[server]") + 1
    kept[at:at] = [f'host = "{line.host}"', f"port = {line.port}"]
    settings.write_text("\n".join(kept) + "\n")


@asynccontextmanager
async def stage(folder: Path, kind: str, seed: str, setting: Setting) -> AsyncIterator[Stage]:
    """Set it, everybody in place, and clear it afterwards."""
    on = Stage(folder, kind, seed, setting)
    async with AsyncExitStack() as stack:
        stack.enter_context(setting.around(on))
        stack.push_async_callback(on.close)  # before what is around them goes
        await asyncio.to_thread(on.furnish)
        await asyncio.to_thread(on.server.start)
        await asyncio.to_thread(on.add_accounts)
        await stack.enter_async_context(on.bot_line)
        await stack.enter_async_context(on.agent_line)
        on.bot.up()
        on.agent.up()
        await on.settled()
        yield on
