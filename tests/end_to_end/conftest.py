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

from bot.demo import SERVERS, Server
from tests.end_to_end.person import Person

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

        def start(**settings: bool) -> Server:
            return stack.enter_context(kind(tmp_path / unique(kind.name), **settings))

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
            )
            stack.push_async_callback(person.leave)
            await person.connect()
            if enter:
                await person.join(room, nick, history=history)
            return person

        yield come
