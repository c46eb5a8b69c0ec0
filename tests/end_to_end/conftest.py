"""
Real XMPP servers, and people with stock clients on them.

Rules: each test runs on Prosody and on ejabberd (`-k prosody` chooses). A missing server fails,
never skips. Tests share a server, so each has its own room and its own accounts; who stops, kills
or throttles a server takes `own_server`.
"""

import asyncio
import secrets
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Protocol

import pytest
from slixmpp import JID
from slixmpp.exceptions import IqError

from bot.demo import SERVERS, Server
from tests.end_to_end.lab import WITHIN, Lab, idle
from tests.end_to_end.person import JoinRefusedError, Person

OwnServer = Callable[..., Server]


class Join(Protocol):
    """Connect as someone and, unless told not to, enter the room."""

    async def __call__(
        self,
        nick: str,
        *,
        room: str = ...,
        enter: bool = ...,
        account: str | None = ...,
        resource: str = ...,
        history: int | None = ...,
        on: Server = ...,
        client: str = ...,
    ) -> Person: ...


def unique(name: str) -> str:
    """*name* with an ending, so that tests that share a server do not collide."""
    return f"{name}-{secrets.token_hex(3)}"


def trust(server: Server) -> ssl.SSLContext:
    """A TLS context that trusts this server's CA, and no other."""
    return ssl.create_default_context(cafile=str(server.ca))


@pytest.fixture(scope="session", params=list(SERVERS))
def kind(request: pytest.FixtureRequest) -> type[Server]:
    """Which server software."""
    return SERVERS[request.param]


@pytest.fixture(scope="session")
def server(kind: type[Server], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running server, shared by all tests: leave it running."""
    with kind(tmp_path_factory.mktemp(kind.name)) as running:
        yield running


@pytest.fixture
def own_server(kind: type[Server], tmp_path: Path) -> Iterator[OwnServer]:
    """Start servers for this test alone; takes what the server's constructor takes."""
    with ExitStack() as stack:

        def start(*, tuned: bool = True, page_for: str | None = None) -> Server:
            folder = tmp_path / unique(kind.name)
            return stack.enter_context(kind(folder, tuned=tuned, page_for=page_for))

        yield start


@pytest.fixture
def room(server: Server) -> str:
    """A room that nobody has been in."""
    return f"{unique('lab')}@{server.rooms}"


@pytest.fixture
async def join(server: Server, room: str) -> AsyncIterator[Join]:
    """People come in by this, and leave when the test ends."""
    contexts: dict[Path, ssl.SSLContext] = {}
    async with AsyncExitStack() as stack:

        async def come(
            nick: str,
            *,
            room: str = room,
            enter: bool = True,
            account: str | None = None,
            resource: str = "",
            history: int | None = None,
            on: Server = server,
            client: str = "phone",
        ) -> Person:
            account = account or unique(nick)
            # An account has its name for a password, so a second client of it just asks again.
            await asyncio.to_thread(on.add_account, account, account)
            person = Person(
                f"{account}@{on.domain}" + (f"/{resource}" if resource else ""),
                account,
                host=on.host,
                port=on.port,
                trust=contexts.setdefault(on.ca, trust(on)),
                client=client,
            )
            stack.push_async_callback(person.leave)
            await person.connect()
            if enter:
                await person.join(room, nick, history=history)
            return person

        yield come


class Furnish(Protocol):
    """Start a lab: its bot, the named targets, and ann, who owns the room and is in it."""

    async def __call__(
        self,
        *targets: str,
        machines: bool = ...,
        on: Server | None = ...,
        bots: int = ...,
        settings: str = ...,
    ) -> tuple[Lab, Person]: ...


@pytest.fixture
async def furnish(server: Server, tmp_path: Path, join: Join) -> AsyncIterator[Furnish]:
    """Labs by this; each process of them is gone when the test ends."""
    async with AsyncExitStack() as stack:

        async def start(
            *targets: str,
            machines: bool = False,
            on: Server | None = None,
            bots: int = 1,
            settings: str = "",
        ) -> tuple[Lab, Person]:
            lab = Lab(tmp_path / "lab", on or server, secrets.token_hex(3), stack, bots=bots)
            lab.set(settings)
            await lab.start_bot()
            ann = await join("ann", account=lab.name("ann"), enter=False, on=lab.server)
            await enter(lab, ann, "ann")
            for number in range(2, bots + 1):
                await lab.start_bot(f"labbot{number}")
                await ann.sees(
                    lambda seen: "labbot acts" in seen.status,
                    nick=f"labbot{number}",
                    within=WITHIN,
                )
            for target in targets:
                await lab.start(target, machine=machines)
            for target in targets:
                await idle(ann, lab.name(target))
            return lab, ann

        yield start


async def enter(lab: Lab, person: Person, nick: str) -> None:
    """Go into the lab's room as soon as the bot has made it; people ask again, too."""
    async with asyncio.timeout(WITHIN):
        while True:
            try:  # first look: whoever joins a room that is not there makes it
                info = await person.xmpp.plugin["xep_0030"].get_info(jid=JID(lab.room))
                if "muc_membersonly" not in info["disco_info"]["features"]:
                    continue  # the bot has only just made it
                await person.join(lab.room, nick)
            except (IqError, JoinRefusedError):
                await asyncio.sleep(0.1)  # there is no event for a room that is not there
            else:
                return
