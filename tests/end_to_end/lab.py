"""A whole lab for a test: real bot and agents on a real server, and people in the room."""

import asyncio
import hashlib
import json
import os
import signal
import sqlite3
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Any

import psutil

from bot.demo import Server
from bot.demo.programs import Leashed
from bot.demo.site import GRACE, Site
from tests.end_to_end.feed import Heard, Seen
from tests.end_to_end.person import Person

WITHIN = 45.0
"""Seconds to wait for what takes a second or two on an idle machine."""

WAIT_FOR_FILE = """\
schema = 1
summary = "Prints a line, waits until a file is there, prints another."
argv = ["sh", "{script}"]
[params.script]
kind = "string"
default = "{default}"
[time]
wall = "5m"
grace = "2s"
"""


class Gate:
    """Where a diagnostic says that it has begun, and waits until it may go on: two FIFOs."""

    def __init__(self, stem: Path) -> None:
        self.begun, self.go = stem.with_suffix(".begun"), stem.with_suffix(".go")
        for fifo in (self.begun, self.go):
            os.mkfifo(fifo)
        # For reading and writing, so that neither side waits for the other to open it.
        self._begun = os.open(self.begun, os.O_RDWR | os.O_NONBLOCK)
        self._go = os.open(self.go, os.O_RDWR | os.O_NONBLOCK)

    async def reached(self) -> None:
        """Return when the diagnostic has begun."""
        loop, news = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._begun, news.set)
        try:
            async with asyncio.timeout(WITHIN):
                await news.wait()
            os.read(self._begun, 1)
        finally:
            loop.remove_reader(self._begun)

    def open(self) -> None:
        """Let one diagnostic go on."""
        os.write(self._go, b"go\n")

    def close(self) -> None:
        """Forget it."""
        os.close(self._begun)
        os.close(self._go)


class Lab:
    """
    One bot or several, its targets and its room.

    Targets and people have names of this test alone; ``lab.bob`` is what people type for bob.

    Args:
        account: Of the bot, if it must be a certain one.
    """

    def __init__(
        self,
        folder: Path,
        server: Server,
        tag: str,
        stack: AsyncExitStack,
        *,
        bots: int = 1,
        account: str = "",
    ) -> None:
        self.folder, self.server, self.tag = folder, server, tag
        self.room = f"lab-{tag}@{server.rooms}"
        self.recipes = folder / "recipes"
        self.recipes.mkdir(parents=True)
        self._stack = stack
        self.bot: Leashed | None = None
        self.machines: dict[str, Leashed] = {}
        self.site = Site(
            folder,
            server,
            room=self.room,
            bot=account or f"labbot-{tag}",
            owners=[f"ann-{tag}"],
            members=[f"ben-{tag}", f"cron-{tag}", f"echo-{tag}"],
            scripts=[f"cron-{tag}"],
            targets=[f"*-{tag}"],
            others=[f"labbot{number}-{tag}" for number in range(2, bots + 1)],
        )

    def name(self, who: str) -> str:
        """What *who* is called in this test: the local part of the account."""
        return f"{who}-{self.tag}"

    def set(self, settings: str) -> None:
        """More of bot.toml, for the next start; ``-TAG`` and ``DOMAIN`` are this lab's."""
        text = settings.replace("-TAG", f"-{self.tag}").replace("DOMAIN", self.server.domain)
        with self.site.bot_settings.open("a") as file:
            file.write(text)

    # Processes

    async def start_bot(self, which: str = "labbot") -> Leashed:
        """Start the bot, or the one with the nick *which*, or start it again."""
        account = self.site.bot_name if which == "labbot" else self.name(which)
        await asyncio.to_thread(self.server.add_account, account, account)
        process = await asyncio.to_thread(self.site.start_bot, account)
        self._stack.push_async_callback(asyncio.to_thread, process.end, grace=GRACE)
        if which == "labbot":
            self.bot = process
        return process

    async def start(self, who: str, *, machine: bool = False) -> Leashed:
        """Start the target *who*: its agent alone, or a machine that can reboot."""
        name = self.name(who)
        self.site.add_target(
            name, friendly=f"{who}'s box", location="rack 1", recipes=[self.recipes]
        )
        begin = self.site.start_machine if machine else self.site.start_agent
        process = self.machines[who] = await asyncio.to_thread(begin, name)
        self._stack.push_async_callback(asyncio.to_thread, self._end, who, process)
        return process

    def _end(self, who: str, process: Leashed) -> None:
        process.end(grace=GRACE)
        for supervisor in self.supervisors(who):
            supervisor.kill()

    def supervisors(self, who: str) -> list[psutil.Process]:
        """The supervisors that run for *who*, whoever started them."""
        runs = str(self.folder / self.name(who) / "state" / "runs")
        found = []
        for process in psutil.process_iter():
            try:
                if any(part.startswith(runs) for part in process.cmdline()):
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def agent_log(self, who: str) -> str:
        """What the agent of *who* has logged."""
        return (self.folder / self.name(who) / "agent.log").read_text()

    def kill_agent(self, who: str) -> None:
        """SIGKILL for the agent's process alone: what it started goes on."""
        psutil.Process(self.machines[who].pid).kill()
        self.machines[who].join()

    def pause(self, process: Leashed) -> None:
        """Stop it from doing anything: its connection stays, and nobody answers."""
        psutil.Process(process.pid).send_signal(signal.SIGSTOP)

    # Recipes

    def add_script(self, recipe: str, script: str, *, destructive: bool = False) -> None:
        """A recipe that runs *script* with sh."""
        path = self.folder / f"{recipe}.sh"
        path.write_text(script)
        text = WAIT_FOR_FILE.replace("{default}", str(path))
        if destructive:
            text = text.replace("[params", "destructive = true\n[params")
        (self.recipes / f"{recipe}.toml").write_text(text)

    def add_waiting(self, recipe: str = "wait") -> "Gate":
        """A recipe that prints ``begun``, waits until it is let go, prints ``ended``."""
        gate = Gate(self.folder / recipe)
        self._stack.callback(gate.close)
        self.add_script(recipe, f"echo begun\necho >{gate.begun}\nread go <{gate.go}\necho ended\n")
        return gate

    # The truth, from the bot's database

    def journal(self, job: int, who: str, *, bot: str = "labbot") -> list[dict[str, Any]]:
        """The records of a run's replica at *bot*, payloads included as ``payload``."""
        from agent.wire.journal import Reader

        jid = f"{self.name(who)}@{self.server.domain}"
        with closing(sqlite3.connect(self.site.bot_folder(self.name(bot)) / "labroom.db")) as db:
            rows = db.execute(
                'select data from piece where job = ? and jid = ? order by "offset"', (job, jid)
            ).fetchall()
        reader = Reader()
        return [
            {"kind": record.kind, "at": record.at, "payload": record.payload, **record.fields}
            for (data,) in rows
            for record in reader.feed(data)
        ]

    def printed(self, job: int, who: str, *, bot: str = "labbot") -> bytes:
        """What the run printed, as the bot has it."""
        records = self.journal(job, who, bot=bot)
        return b"".join(record["payload"] for record in records if record["kind"] == "out")

    def digest(self, job: int, who: str) -> str:
        """The same, hashed."""
        return hashlib.sha256(self.printed(job, who)).hexdigest()


def facts(heard: Heard) -> dict[str, Any]:
    """The JSON that the bot attached (XEP-0335)."""
    text = heard.message.xml.findtext("{urn:xmpp:json:0}json")
    found: dict[str, Any] = json.loads(text) if text else {}
    return found


def peak(process: Leashed) -> int:
    """The most memory that *process* has had, in KiB."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


async def answer(person: Person, line: str, *, within: float = WITHIN) -> Heard:
    """Say *line*; the bot's answer to this very line."""
    identity = person.say(line)
    return await person.heard(
        lambda heard: facts(heard).get("re") == identity, since=0, within=within
    )


async def order(person: Person, line: str) -> int:
    """Say *line*, which orders a run; the job's number."""
    answered = await answer(person, line)
    assert "job" in facts(answered), answered
    return int(facts(answered)["job"])


async def result(person: Person, job: int, *, within: float = WITHIN) -> Heard:
    """The notice that *job* has ended."""
    return await person.heard(
        lambda heard: facts(heard).get("kind") == "result" and facts(heard).get("job") == job,
        since=0,
        within=within,
    )


async def idle(person: Person, nick: str, *, since: int | None = None) -> Seen:
    """*nick* is there and has nothing to do."""
    return await person.sees(
        lambda seen: seen.type == "available" and seen.status == "idle",
        nick=nick,
        since=since,
        within=WITHIN,
    )


async def at_work(person: Person, nick: str) -> Seen:
    """*nick* has something to do, and the room, so the bot, has been told."""
    return await person.sees(lambda seen: seen.show == "dnd", nick=nick, since=0, within=WITHIN)


async def gone(person: Person, nick: str) -> Seen:
    """*nick* has left."""
    return await person.sees(
        lambda seen: seen.type == "unavailable", nick=nick, since=0, within=WITHIN
    )
