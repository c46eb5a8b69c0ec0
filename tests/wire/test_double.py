"""Two links with one full JID on a real server: who is put out asks before it comes back."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent.wire import double, link
from agent.wire.account import Account
from agent.wire.double import Doubles
from agent.wire.link import Link
from bot.demo import SERVERS, Server

PATIENCE = 30.0
"""Seconds until what did not come counts as not coming."""


@pytest.fixture(scope="module", params=list(SERVERS))
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    kind = SERVERS[request.param]
    with kind(tmp_path_factory.mktemp(kind.name)) as running:
        yield running


class Process:
    """A link that asks whether it is alone, unless it is *rude*."""

    def __init__(self, account: Account, *, rude: bool) -> None:
        self.link = Link(account)
        self.noticed: asyncio.Queue[str] = asyncio.Queue()
        self.sessions: asyncio.Queue[None] = asyncio.Queue()
        self._doubles = Doubles(self.link, self.noticed.put_nowait)
        self._alone = None if rude else self._doubles.until_alone

    async def run(self) -> None:
        async def session() -> None:
            self.sessions.put_nowait(None)
            await asyncio.Event().wait()

        await self.link.run(session, alone=self._alone)

    async def up(self) -> None:
        async with asyncio.timeout(PATIENCE):
            await self.sessions.get()

    async def asked(self) -> str:
        async with asyncio.timeout(PATIENCE):
            return await self.noticed.get()


@asynccontextmanager
async def process(account: Account, *, rude: bool = False) -> AsyncIterator[Process]:
    it = Process(account, rude=rude)
    task = asyncio.ensure_future(it.run())
    try:
        yield it
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def account(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Account:
    monkeypatch.setattr(link, "CONFLICT", 1.0)
    monkeypatch.setattr(double, "PAUSE", 1.0)
    name = f"bob-{secrets.token_hex(3)}"
    await asyncio.to_thread(server.add_account, name, name)
    jid = f"{name}@{server.domain}/agent"
    return Account(jid=jid, password=name, host=server.host, port=server.port, ca=server.ca)


async def test_who_was_put_out_asks_and_comes_back_when_the_other_is_gone(account: Account) -> None:
    async with process(account) as bob:
        await bob.up()
        async with process(account, rude=True) as other:
            await other.up()
            assert "(127.0.0.1)" in await other.asked()  # bob is out, and asks
            assert other.link.online
            assert not bob.link.online
            assert bob.sessions.empty()
        await bob.up()
        assert other.sessions.empty()  # it was never put out


async def test_who_starts_second_waits_for_the_first(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(double, "QUIET", 3.0)
    async with process(account) as bob:
        await bob.up()
        async with process(account) as other:
            assert "(127.0.0.1)" in await bob.asked()
            assert other.sessions.empty()
        assert await bob.asked() == ""  # it has not asked for long
        assert bob.sessions.empty()
    async with process(account) as other:
        await other.up()
