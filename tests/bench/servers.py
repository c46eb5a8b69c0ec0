"""
What the settings in docs/servers/ buy, against Debian's defaults: ``make bench-servers``.

The dead: a process that is frozen (SIGSTOP), so that its kernel keeps the connection; and one
with stream management that is killed, whose session waits for a resumption.
"""

import asyncio
import resource
import signal
import ssl
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

import psutil
from slixmpp import JID

from bot.demo import SERVERS, Server
from bot.demo.ejabberd import Ejabberd
from bot.demo.programs import Leashed
from bot.demo.server import greeting
from tests.end_to_end import shipped
from tests.end_to_end.person import Person
from tests.end_to_end.plain import Stream

CAP = 150.0
"""Seconds after which the dead count as living for ever."""
ACCOUNTS = 20
OFFLINE = 300
CLIENTS = 1500
SYSTEMD = 1024
"""Files that a service may open where its unit says nothing, as Debian's for Prosody does."""
WITHIN = 120.0


class Trial:
    """One server, and who is on it."""

    def __init__(self, server: Server, folder: Path, stack: AsyncExitStack) -> None:
        self.server, self._folder, self._stack = server, folder, stack
        self._trust = ssl.create_default_context(cafile=str(server.ca))
        self.room = f"bench@{server.rooms}"

    async def person(self, account: str) -> Person:
        """Somebody who has logged in."""
        await asyncio.to_thread(self.server.add_account, account, account)
        person = Person(
            f"{account}@{self.server.domain}", account,
            host=self.server.host, port=self.server.port, trust=self._trust,
        )  # fmt: skip
        self._stack.push_async_callback(person.leave)
        await person.connect()
        return person

    async def peer(self, nick: str, kind: str) -> Leashed:
        """A process in the room."""
        server = self.server
        argv = [
            sys.executable, "-m", "tests.bench.peer", f"ann@{server.domain}/{nick}", "ann",
            server.host, str(server.port), str(server.ca), self.room, nick, kind,
        ]  # fmt: skip
        started = await asyncio.to_thread(
            Leashed,
            argv,
            log=self._folder / f"{nick}.log",
            folder=Path(__file__).parents[2],
            environment={"PATH": "/usr/bin"},
        )
        self._stack.push_async_callback(asyncio.to_thread, started.kill)
        return started

    async def output(self) -> str:
        """From a target to the bot: 60 kB, and what is said after it."""
        bob, labbot = await self.person("bob"), await self.person("labbot")
        began = time.monotonic()
        bob.tell(labbot.jid.bare, "x" * 60_000)
        bob.tell(labbot.jid.bare, "done")
        await labbot.heard("done", within=WITHIN)
        return f"{time.monotonic() - began:.2f} s"

    async def dead(self) -> list[str]:
        """Seconds until the room knows: frozen, frozen and resumable, killed and resumable."""
        ann = await self.person("ann")
        await ann.join(self.room, "ann")
        await ann.accept_defaults()
        kinds = {"frozen": "plain", "frozen-sm": "resumable", "killed-sm": "resumable"}
        peers = {}
        for nick, kind in kinds.items():
            peers[nick] = await self.peer(nick, kind)
            await ann.sees(lambda seen: seen.type == "available", nick=nick, within=WITHIN)
        for nick, peer in peers.items():
            fate = signal.SIGKILL if nick.startswith("killed") else signal.SIGSTOP
            psutil.Process(peer.pid).send_signal(fate)
        return list(await asyncio.gather(*(self._leaves(ann, nick) for nick in peers)))

    async def _leaves(self, ann: Person, nick: str) -> str:
        began = time.monotonic()
        try:
            await ann.sees(lambda seen: seen.type == "unavailable", nick=nick, since=0, within=CAP)
        except AssertionError:
            return f"> {CAP:.0f} s"
        return f"{time.monotonic() - began:.0f} s"

    def registrations(self) -> str:
        """A rack that is switched on for the first time."""
        made, began = 0, time.monotonic()
        for number in range(ACCOUNTS):
            with Stream(self.server) as stream:
                stream.secure()
                made += "result" in stream.register(f"rack{number}")
        return f"{made} in {time.monotonic() - began:.1f} s"

    async def offline(self) -> str:
        """How many of the messages for a bot that is away are there when it comes."""
        away = f"labbot-away@{self.server.domain}"
        await asyncio.to_thread(self.server.add_account, "labbot-away", "labbot-away")
        carl = await self.person("carl")
        for number in range(OFFLINE):
            carl.tell(away, f"chunk {number}")
        await carl.xmpp.plugin["xep_0030"].get_info(jid=JID(self.server.domain), timeout=WITHIN)
        bot = await self.person("labbot-away")
        await bot.xmpp.plugin["xep_0030"].get_info(jid=JID(self.server.domain), timeout=WITHIN)
        kept = [heard for heard in bot.messages.entries if heard.delayed]
        return f"{len(kept)} of {OFFLINE}"

    async def crowd(self) -> str:
        """Clients that connect at once and are greeted."""
        began = time.monotonic()
        async with AsyncExitStack() as stack:
            greeted = await asyncio.gather(*(self._client(stack) for _ in range(CLIENTS)))
        return f"{sum(greeted)} of {CLIENTS} in {time.monotonic() - began:.1f} s"

    async def _client(self, stack: AsyncExitStack) -> bool:
        try:
            async with asyncio.timeout(20):
                reader, writer = await asyncio.open_connection(self.server.host, self.server.port)
                stack.callback(writer.close)
                writer.write(greeting(self.server.domain).encode())
                await reader.readuntil(b"</stream:features>")
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            return False
        return True


async def measure(server: Server, label: str, folder: Path) -> None:
    """All of it on one server: rows of a table, as they come."""

    def row(what: str, figure: str) -> None:
        sys.stdout.write(f"{label:17} | {what:26} | {figure}\n")
        sys.stdout.flush()

    with server:
        async with AsyncExitStack() as stack:
            trial = Trial(server, folder, stack)
            row("60 kB to the bot", await trial.output())
            row(f"{ACCOUNTS} accounts", await asyncio.to_thread(trial.registrations))
            row("kept for a bot that is away", await trial.offline())
            names = ("frozen", "frozen, XEP-0198", "killed, XEP-0198")
            for name, seconds in zip(names, await trial.dead(), strict=True):
                row(f"noticed: {name}", seconds)
            assert server.pid is not None
            hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            files = SYSTEMD if label == "prosody default" else hard
            resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (files, hard))
            row(f"{CLIENTS} clients at once", await trial.crowd())


def servers(folder: Path) -> dict[str, Server]:
    """Each as Debian has it, and as we ship it."""
    found: dict[str, Server] = {}
    for name in SERVERS:
        if name == "ejabberd":
            found["ejabberd default"] = Ejabberd(
                folder / "ejabberd", tuned=False, registration_timeout=600
            )
        else:
            found[f"{name} default"] = SERVERS[name](folder / name, tuned=False)
        found[f"{name} shipped"] = shipped.SERVERS[name](folder / f"{name}-shipped")
    return found


async def main() -> None:
    """One server after the other."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory() as folder:
        for label, server in servers(Path(folder)).items():
            await measure(server, label, Path(folder))


if __name__ == "__main__":
    asyncio.run(main())
