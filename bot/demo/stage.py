"""
The lab that the demo plays in: a server, the bot, three targets and a person, for a while.

Rule 1: `stage` yields when everybody is there and ready, and when it returns all are gone.

Rule 2: the end is not interrupted: who presses Ctrl-C twice finds nothing left, either.

Rule 3: the folder goes with the lab, unless it is to be kept or something went wrong in a way
that nobody foresaw: then its logs say why.
"""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from agent.wire.account import Account
from bot.demo import SERVERS
from bot.demo.page import GUEST
from bot.demo.programs import Leashed, require
from bot.demo.server import Server
from bot.demo.site import GRACE, Site
from bot.demo.speaker import Speaker
from bot.demo.transcript import PERSON

ROOM = "lab"
TARGETS = {
    "bob": ("Bob's server", "lab 2, rack 3"),
    "alice": ("the quiet one", "lab 2, rack 3"),
    "carol": ("old faithful", "under Carol's desk"),
}
READY = 60.0
"""Seconds until everybody is there."""


@dataclass(frozen=True)
class Stage:
    """The running lab."""

    folder: Path
    server: Server
    room: str
    """Its bare JID."""
    person: Speaker
    processes: dict[str, Leashed]
    """The bot and the targets' machines, by nick."""
    logs: dict[str, Path]
    """What each of them writes."""


@contextmanager
def lab_folder(*, keep: bool, say: Callable[[str], None]) -> Iterator[Path]:
    """A new folder; told by *say* where it is if it is still there afterwards (rule 3)."""
    folder = Path(tempfile.mkdtemp(prefix="labroom-demo-"))
    try:
        yield folder
    except Exception:
        keep = True
        raise
    finally:
        if keep:
            say(f"logs and state are in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def stage(
    folder: Path,
    kind: str,
    *,
    dress: Callable[[Account, str], Speaker],
    say: Callable[[str], None] = lambda _: None,
) -> AsyncIterator[Stage]:
    """
    The lab in *folder*, on a server of *kind*, ready.

    Args:
        dress: Makes the person from an account and the room's bare JID.
        say: Told who is about to come in.

    Raises:
        MissingProgramError: without it there is no demo.
        TimeoutError: somebody did not come.
    """
    require("memtester")
    room = f"{ROOM}@{SERVERS[kind].rooms}"
    server = SERVERS[kind](folder / "server", page_for=room)
    site = Site(folder, server, room=room, owners=[PERSON, GUEST], targets=list(TARGETS))
    processes: dict[str, Leashed] = {}
    async with AsyncExitStack() as stack:
        starting = asyncio.ensure_future(asyncio.to_thread(server.start))
        stack.push_async_callback(_close, starting, server, processes.values())
        await asyncio.shield(starting)  # else a Ctrl-C now would leave it to start without us
        for name in (PERSON, site.bot_name, GUEST):
            await asyncio.to_thread(server.add_account, name, name)
        processes["labbot"] = site.start_bot()
        logs = {"labbot": site.bot_log}
        for name, (friendly, location) in TARGETS.items():
            logs[name] = site.add_target(name, friendly=friendly, location=location) / "agent.log"
            processes[name] = site.start_machine(name)
        account = Account(
            jid=f"{PERSON}@{server.domain}/demo", password=PERSON,
            host=server.host, port=server.port, ca=server.ca,
        )  # fmt: skip
        person = dress(account, room)
        task = asyncio.ensure_future(person.run())
        stack.push_async_callback(_dismiss, task)
        say(
            f"{room} on {server.name} at {server.host}:{server.port}; labbot, "
            f"{', '.join(TARGETS)} and {PERSON} come in ..."
        )
        async with asyncio.timeout(READY):
            await person.inside()
            ready = f"{len(TARGETS)} idle"
            await person.presence("labbot", lambda presence: presence["status"] == ready)
        yield Stage(folder, server, room, person, processes, logs)


async def end_of(process: Leashed) -> int | None:
    """Return when *process* has ended: its exit status, negative after a signal."""
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    with suppress(ProcessLookupError):
        descriptor = os.pidfd_open(process.pid)
        loop.add_reader(descriptor, over.set)
        try:
            await over.wait()
        finally:
            loop.remove_reader(descriptor)
            os.close(descriptor)
    await asyncio.to_thread(process.join)  # at once: until its leash knows the status
    return process.code


async def _dismiss(task: "asyncio.Future[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def _close(
    starting: "asyncio.Future[None]", server: Server, processes: Iterable[Leashed]
) -> None:
    """End all of them; it blocks the loop on purpose, so that nothing cancels it (rule 2)."""
    while not starting.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait({starting})
    starting.exception()  # whoever awaited it knows; if they were cancelled, nobody has to
    _end_together(processes)
    server.stop()


def _end_together(processes: Iterable[Leashed]) -> None:
    with ThreadPoolExecutor(max_workers=8) as pool:
        for ending in [pool.submit(process.end, grace=GRACE) for process in processes]:
            ending.result()
