"""The stage of a measurement: a server, a lab with one idle target, a bare bot, a person."""

import asyncio
import ssl
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.demo import SERVERS
from bot.demo.programs import Leashed
from tests.end_to_end.lab import Lab, idle
from tests.end_to_end.person import Person


@dataclass(frozen=True)
class Stage:
    """Who is there."""

    lab: Lab
    ann: Person
    echo: Leashed


@asynccontextmanager
async def stage(folder: Path, kind: str, *, tuned: bool) -> AsyncIterator[Stage]:
    """Set it, and clear it afterwards."""
    with SERVERS[kind](folder / "server", tuned=tuned) as server:
        async with AsyncExitStack() as stack:
            lab = Lab(folder / "lab", server, "bench", stack)
            lab.add_script("noop", "exit 0\n")
            for account in ("ann-bench", "ben-bench"):
                await asyncio.to_thread(server.add_account, account, account)
            await lab.start_bot()
            while "room.entered" not in lab.site.bot_log.read_text():  # noqa: ASYNC110  (a file)
                await asyncio.sleep(0.1)
            trust = ssl.create_default_context(cafile=str(server.ca))
            ann = Person(
                "ann-bench@localhost", "ann-bench", host=server.host, port=server.port, trust=trust
            )
            stack.push_async_callback(ann.leave)
            await ann.connect()
            await ann.join(lab.room, "ann")
            echo = _bare(lab, folder)
            stack.push_async_callback(asyncio.to_thread, echo.end, grace=5)
            await ann.sees(lambda _: True, nick="echo", within=60)
            await lab.start("bob")
            await idle(ann, "bob-bench")
            yield Stage(lab, ann, echo)


def _bare(lab: Lab, folder: Path) -> Leashed:
    server = lab.server
    argv = [
        sys.executable, "-m", "tests.bench.echo", "ben-bench@localhost/echo", "ben-bench",
        server.host, str(server.port), str(server.ca), lab.room,
    ]  # fmt: skip
    root = Path(__file__).parents[2]
    return Leashed(argv, log=folder / "echo.log", folder=root, environment={"PATH": "/usr/bin"})


async def timed(ann: Person, line: str, nick: str) -> float:
    """Milliseconds from saying *line* to the next message of *nick*."""
    since, began = ann.mark(), time.perf_counter()
    ann.say(line)
    await ann.heard(lambda _: True, nick=nick, since=since, within=60)
    return 1000 * (time.perf_counter() - began)
