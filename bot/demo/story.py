"""
``labroom demo``: the main job, for real, on this machine alone.

A Prosody with TLS, the bot, three targets and a person, all on loopback, in a temporary
folder. The person says the lines; the demo waits until all that was asked for has ended.
"""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

from rich.console import Console

from agent.wire import logs
from agent.wire.link import Account
from bot.demo import SERVERS
from bot.demo.programs import MissingProgramError, require
from bot.demo.server import Server
from bot.demo.site import GRACE, Site
from bot.demo.speaker import Said, Speaker

ROOM, PERSON = "lab", "ann"
TARGETS = {
    "bob": ("Bob's server", "lab 2, rack 3"),
    "alice": ("the quiet one", "lab 2, rack 3"),
    "carol": ("old faithful", "under Carol's desk"),
}
DEFAULT = "status; run memtest size=16M on bob, alice; reboot carol; status"

READY, ANSWER, END = 60.0, 20.0, 1800.0
"""Seconds to wait: for everybody to be there, for an answer, for a job's or a reboot's end."""

TYPING = 1.0
"""Seconds that a person takes to type a line: by then the lab shows what the last one did."""

console = Console(highlight=False, soft_wrap=True)


async def play(lines: str, *, keep: bool = False, server: str = "prosody") -> int:
    """Say *lines* (with ; between them); 0 if all that was asked for ended well."""
    logs.configure(quiet=True)
    folder = Path(tempfile.mkdtemp(prefix="labroom-demo-"))
    asked = [line.strip() for line in (lines or DEFAULT).split(";") if line.strip()]
    try:
        require("memtester")
        async with _lab(folder, SERVERS[server](folder / "server", tuned=True)) as person:
            wrong = await _say_all(person, asked)
    except MissingProgramError as missing:
        console.print(f"labroom demo: {missing}", style="red", markup=False)
        return 2
    except TimeoutError:
        wrong = ["the lab did not get ready in time"]
    finally:
        if keep or sys.exc_info()[0] is not None:
            console.print(f"logs and state are in {folder}", style="dim", markup=False)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    for line in wrong:
        console.print(f"not well: {line}", style="red", markup=False)
    if not wrong:
        console.print("all that was asked for ended well", style="green")
    return 1 if wrong else 0


@asynccontextmanager
async def _lab(folder: Path, server: Server) -> AsyncIterator[Speaker]:
    """Server, bot, targets and a person in the room; all gone afterwards."""
    room = f"{ROOM}@{server.rooms}"
    site = Site(folder, server, room=room, owners=[PERSON], targets=list(TARGETS))
    async with AsyncExitStack() as stack:
        await asyncio.to_thread(server.start)
        stack.push_async_callback(asyncio.to_thread, server.stop)
        for name in (PERSON, site.bot_name):
            await asyncio.to_thread(server.add_account, name, name)
        processes = [site.start_bot()]
        for name, (friendly, location) in TARGETS.items():
            site.add_target(name, friendly=friendly, location=location)
            processes.append(site.start_machine(name))
        for process in processes:
            stack.push_async_callback(asyncio.to_thread, process.end, grace=GRACE)
        account = Account(
            jid=f"{PERSON}@{server.domain}/demo", password=PERSON,
            host=server.host, port=server.port, ca=server.ca,
        )  # fmt: skip
        person = Speaker(account, room, PERSON, _print)
        task = asyncio.ensure_future(person.run())
        stack.push_async_callback(_end, task)
        console.print(
            f"{room} on {server.name} at {server.host}:{server.port}; labbot, "
            f"{', '.join(TARGETS)} and {PERSON} come in ...",
            style="dim",
        )
        async with asyncio.timeout(READY):
            await person.inside()
            ready = f"{len(TARGETS)} idle"
            await person.presence("labbot", lambda presence: presence["status"] == ready)
        yield person


async def _end(task: "asyncio.Future[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def _say_all(person: Speaker, lines: list[str]) -> list[str]:
    """Say *lines* one after the other, then wait for the ends; what did not go well."""
    wrong: list[str] = []
    pending: list[tuple[str, Said]] = []
    for line in lines:
        await asyncio.sleep(TYPING)
        answer = await _answer(person, line)
        if answer is None:
            wrong.append(f"nobody answered: {line}")
        elif answer.facts["kind"] in ("refusal", "error"):
            wrong.append(f"{line}: {answer.body.splitlines()[0]}")
        elif answer.facts["kind"] == "acknowledgement":
            pending.append((line, answer))
    for line, answer in pending:
        wrong += await _wait_for_end(person, line, answer)
    return wrong


async def _answer(person: Speaker, line: str) -> Said | None:
    """Say *line*; what the bot answered, or None."""
    identity = person.say(line)
    with suppress(TimeoutError):
        async with asyncio.timeout(ANSWER):
            return await person.hear(lambda said: said.facts.get("re") == identity)
    return None


async def _wait_for_end(person: Speaker, line: str, answer: Said) -> list[str]:
    """Wait until what *answer* promised has ended; what did not go well."""
    try:
        async with asyncio.timeout(END):
            end = await _ending(person, answer)
    except TimeoutError:
        return [f"{line}: no end within {END / 60:.0f} min"]
    good = end.facts.get("verdict") in ("pass", "warn", "skip") or end.facts.get("back")
    return [] if good else [f"{line}: {end.body.splitlines()[0]}"]


async def _ending(person: Speaker, answer: Said) -> Said:
    """The notice that ends what *answer* acknowledged: a job's result, or a target's return."""
    if "job" in answer.facts:
        return await person.hear(
            lambda said: (
                said.facts.get("kind") == "result" and said.facts.get("job") == answer.facts["job"]
            )
        )
    return await person.hear(
        lambda said: (
            "back" in said.facts
            and said.at >= answer.at
            and said.facts.get("target") == answer.facts.get("target")
        )
    )


def _print(said: Said) -> None:
    """A line of the transcript."""
    first, *rest = said.body.splitlines() or [""]
    colour = "cyan" if said.facts else "yellow"
    console.print(f"[dim]{said.at:%H:%M:%S}[/dim] [{colour}]{said.nick:>8}[/{colour}] ", end="")
    console.print(first, markup=False)
    for line in rest:
        if not line.startswith("```"):
            console.print(" " * 18 + line, markup=False)
