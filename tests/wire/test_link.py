"""
The link and the membership against real servers: cuts, black holes, doubles, rooms.

Waiting is for events (sessions, log lines, stanzas), never for time to pass.
"""

import asyncio
import base64
import contextlib
import re
import secrets
from collections.abc import AsyncIterator, Iterator, MutableMapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog
from slixmpp import JID
from slixmpp.stanza import Message, Presence

from agent.wire import link
from agent.wire.account import Account
from agent.wire.errors import Away
from agent.wire.link import ANSWER, SILENCE, Link
from agent.wire.membership import JoinError, Membership
from bot.demo import SERVERS, Server
from bot.demo.certificates import make_certificates

PATIENCE = 30.0
"""Seconds until what did not come counts as not coming."""


@pytest.fixture(scope="module", params=list(SERVERS))
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    kind = SERVERS[request.param]
    with kind(tmp_path_factory.mktemp(kind.name)) as running:
        yield running


@pytest.fixture(scope="module")
def prosody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """For what does not depend on the server."""
    with SERVERS["prosody"](tmp_path_factory.mktemp("prosody")) as running:
        yield running


class Logs:
    """What is logged, to be waited for."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []
        self._more = asyncio.Event()

    def __call__(self, _: Any, __: str, entry: MutableMapping[str, Any]) -> str:
        self.entries.append(dict(entry))
        self._more.set()
        raise structlog.DropEvent

    async def find(self, event: str, **fields: object) -> dict[str, Any]:
        """The first entry of that event and with those fields, logged or yet to be."""
        async with asyncio.timeout(PATIENCE):
            while True:
                self._more.clear()
                for entry in self.entries:
                    if entry["event"] == event and fields.items() <= entry.items():
                        return entry
                await self._more.wait()


@pytest.fixture
async def logs() -> AsyncIterator[Logs]:
    heard = Logs()
    processors = structlog.get_config()["processors"]  # in place: loggers may be cached
    before = processors.copy()
    processors[:] = [heard]
    yield heard
    processors[:] = before


class Up:
    """A link that runs, and its sessions."""

    def __init__(self, told: Account) -> None:
        self.link = Link(told)
        self.sessions = 0
        self.ended_at = 0.0
        """When the last session was cancelled, by the loop's clock."""
        self._changed = asyncio.Condition()
        self.heard: asyncio.Queue[str] = asyncio.Queue()
        self.link.on("message/body", self._hear)

    def _hear(self, message: Message) -> None:
        self.heard.put_nowait(message["body"])

    async def session(self) -> None:
        self.sessions += 1
        await self._tell()
        try:
            await asyncio.Event().wait()
        finally:
            self.ended_at = asyncio.get_running_loop().time()
            await asyncio.shield(self._tell())

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def until_session(self, number: int) -> None:
        async with asyncio.timeout(PATIENCE), self._changed:
            await self._changed.wait_for(lambda: self.sessions >= number)

    async def until_ended(self, after: float) -> None:
        async with asyncio.timeout(PATIENCE), self._changed:
            await self._changed.wait_for(lambda: self.ended_at > after)

    def say(self, body: str) -> bool:
        """To ourselves: it goes to the server and back."""
        message = self.link.message(self.link.jid)
        message["body"] = body
        return self.link.send(message)

    async def hear(self) -> str:
        async with asyncio.timeout(PATIENCE):
            return await self.heard.get()


def account(server: Server, name: str, password: str = "", **settings: Any) -> Account:
    told: dict[str, Any] = {"host": server.host, "port": server.port, "ca": server.ca} | settings
    return Account(jid=f"{name}@{server.domain}/agent", password=password or name, **told)


@asynccontextmanager
async def running(account: Account) -> AsyncIterator[Up]:
    """A link for that account, whether it gets up or not."""
    up = Up(account)
    task = asyncio.ensure_future(up.link.run(up.session))
    try:
        yield up
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def linked(server: Server, name: str = "", **settings: Any) -> AsyncIterator[Up]:
    """A link that is up, for an account of its own."""
    name = name or f"bob-{secrets.token_hex(3)}"
    await asyncio.to_thread(server.add_account, name, name)
    async with running(account(server, name, **settings)) as up:
        await up.until_session(1)
        up.link.client.send_presence()
        yield up


class Hole:
    """A TCP proxy that can swallow all bytes of the connections it has, without closing one."""

    def __init__(self, server: Server) -> None:
        self._server, self._tasks = server, set[asyncio.Task[None]]()
        self._writers: list[asyncio.StreamWriter] = []
        self.port = 0

    async def __aenter__(self) -> "Hole":
        self._listening = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._listening.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.swallow()
        self._listening.close()
        for writer in self._writers:
            writer.transport.abort()
        await self._listening.wait_closed()

    def swallow(self) -> None:
        """From now on nothing comes through, either way, on any connection there is."""
        for task in self._tasks:
            task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(self._server.host, self._server.port)
        self._writers += [writer, far_writer]
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.create_task(self._pump(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await source.read(65536):
                sink.write(data)
                await sink.drain()
            sink.close()


# The link


@pytest.mark.parametrize("kind", list(SERVERS))
async def test_it_comes_back_after_the_server_was_restarted(kind: str, tmp_path: Path) -> None:
    with SERVERS[kind](tmp_path) as server:
        async with linked(server) as bob:
            await asyncio.to_thread(server.restart)
            await bob.until_session(2)
            assert bob.say("hello")
            bob.link.client.send_presence()
            assert await bob.hear() == "hello"


async def test_a_dead_link_is_noticed_within_ten_seconds_and_a_quiet_one_is_none(
    prosody: Server, logs: Logs
) -> None:
    async with (
        Hole(prosody) as hole,
        linked(prosody) as quiet,
        linked(prosody, port=hole.port) as bob,
    ):
        loop = asyncio.get_running_loop()
        bob.say("before")
        assert await bob.hear() == "before"
        began = loop.time()
        hole.swallow()
        assert bob.say("into the hole")  # nobody knows yet
        await bob.until_ended(began)
        assert SILENCE < bob.ended_at - began < 10
        assert (quiet.sessions, quiet.link.online) == (1, True)  # nobody spoke to it meanwhile
        down = await logs.find("link.down")
        assert down["reason"] == f"the server said nothing for {SILENCE + ANSWER:g} s"
        await bob.until_session(2)
        bob.link.client.send_presence()
        bob.say("after")
        assert await bob.hear() == "after"  # and nothing from the hole


async def test_what_is_sent_while_offline_is_dropped(tmp_path: Path) -> None:
    with SERVERS["prosody"](tmp_path) as server:
        async with linked(server) as bob:
            await asyncio.to_thread(server.stop)
            await bob.until_ended(0)
            assert not bob.say("while offline")
            with pytest.raises(Away):
                await bob.link.ask(bob.link.iq(bob.link.jid.domain, "get"), timeout=PATIENCE)
            await asyncio.to_thread(server.start)
            await bob.until_session(2)
            bob.link.client.send_presence()
            assert bob.say("online again")
            assert await bob.hear() == "online again"
            assert bob.heard.empty()


async def test_who_is_told_to_stop_just_when_the_link_is_lost_stops(prosody: Server) -> None:
    name = f"bob-{secrets.token_hex(3)}"
    await asyncio.to_thread(prosody.add_account, name, name)
    up, tidying, tidy = asyncio.Event(), asyncio.Event(), asyncio.Event()
    bob = Link(account(prosody, name))

    async def session() -> None:
        up.set()
        try:
            await asyncio.Event().wait()
        finally:
            tidying.set()
            await tidy.wait()

    task = asyncio.ensure_future(bob.run(session))
    async with asyncio.timeout(PATIENCE):
        await up.wait()
        bob.client.abort()
        await tidying.wait()
    task.cancel()
    tidy.set()
    done, _ = await asyncio.wait({task}, timeout=PATIENCE)
    task.cancel()  # or else the next one ends it
    assert done
    assert task.cancelled()


async def test_who_leaves_says_so(server: Server) -> None:
    async with linked(server) as ann:
        gone: asyncio.Queue[str] = asyncio.Queue()
        ann.link.on("presence", lambda p: gone.put_nowait(f"{p['from'].user} {p['type']}"))
        async with linked(server) as bob:
            name = bob.link.jid.user
            bob.link.client.send_presence(pto=ann.link.jid)
            async with asyncio.timeout(PATIENCE):
                while await gone.get() != f"{name} available":
                    pass
        async with asyncio.timeout(PATIENCE):
            while await gone.get() != f"{name} unavailable":
                pass


async def test_a_server_of_another_authority_is_refused(
    server: Server, tmp_path: Path, logs: Logs
) -> None:
    other = make_certificates(tmp_path).ca
    async with running(account(server, "bob", ca=other, register=True)) as bob:
        down = await logs.find("link.down")
        assert down["reason"].startswith("the server's certificate is not trusted")
        assert bob.sessions == 0
        assert not bob.link.online


STRIPPED = (
    "<stream:stream xmlns='jabber:client' version='1.0' id='1' from='localhost'"
    " xmlns:stream='http://etherx.jabber.org/streams'><stream:features>"
    "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism>"
    "</mechanisms><register xmlns='http://jabber.org/features/iq-register'/></stream:features>"
)
FORM = (
    "<iq type='result' id='{}'><query xmlns='jabber:iq:register'>"
    "<username/><password/></query></iq>"
)


async def test_who_stands_in_the_way_and_hides_tls_gets_no_password(logs: Logs) -> None:
    heard = bytearray()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(STRIPPED.encode())
        while data := await reader.read(65536):
            heard.extend(data)
            for asked in re.findall(rb"<iq [^>]*id=[\"']([^\"']+)", data):
                writer.write(FORM.format(asked.decode()).encode())
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        told = Account(
            jid="bob@localhost/agent",
            password="hunter2",
            host="127.0.0.1",
            port=port,
            register=True,
        )
        async with running(told) as bob:
            failed = await logs.find("link.registration_failed")
            assert failed["reason"] == "the server offers no TLS"
            logs.entries.clear()
            await logs.find("link.down")
        assert bob.sessions == 0
    assert b"jabber:iq:register" in heard  # we got as far as the form
    for secret in (b"hunter2", base64.b64encode(b"\0bob\0hunter2"), b"<auth"):
        assert secret not in heard


# Accounts


async def test_a_missing_account_is_made(server: Server, logs: Logs) -> None:
    name = f"new-{secrets.token_hex(3)}"
    async with running(account(server, name, register=True)) as bob:
        await bob.until_session(1)
        assert await logs.find("link.registered", jid=f"{name}@{server.domain}")
    async with running(account(server, name)) as again:
        await again.until_session(1)


async def test_no_account_is_made_unasked(server: Server, logs: Logs) -> None:
    name = f"new-{secrets.token_hex(3)}"
    async with running(account(server, name)) as bob:
        down = await logs.find("link.down")
        assert down["reason"] == "the server does not accept this account and password"
        logs.entries.clear()
        await logs.find("link.down")  # the second attempt ends like the first
        assert bob.sessions == 0


async def test_the_password_of_an_account_is_never_changed(server: Server, logs: Logs) -> None:
    name = f"old-{secrets.token_hex(3)}"
    await asyncio.to_thread(server.add_account, name, "right")
    async with running(account(server, name, "wrong", register=True)) as thief:
        failed = await logs.find("link.registration_failed")
        assert failed["reason"] == "conflict"
        assert "correct the password" in failed["cure"]
        logs.entries.clear()
        await logs.find("link.down")  # nor does it get in with it afterwards
        assert thief.sessions == 0
    async with running(account(server, name, "right")) as owner:
        await owner.until_session(1)


async def test_no_password_is_ever_logged(server: Server, logs: Logs) -> None:
    name = f"old-{secrets.token_hex(3)}"
    await asyncio.to_thread(server.add_account, name, "right")
    async with running(account(server, name, "hunter2hunter2", register=True)):
        await logs.find("link.registration_failed")
    assert "hunter2hunter2" not in str(logs.entries)


async def test_another_process_with_our_address_is_recognised(server: Server, logs: Logs) -> None:
    async with linked(server) as bob:
        name = bob.link.jid.user
        async with running(account(server, name)) as double:
            await double.until_session(1)
            clash = await logs.find("link.conflict")
            assert clash["jid"] == f"{name}@{server.domain}/agent"
            assert "another process" in clash["cure"]
            await logs.find("link.down", reason="conflict")
            assert not bob.link.online
            assert double.link.online


async def test_after_a_conflict_it_stays_away_for_long(
    prosody: Server, logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "CONFLICT", 3.0)
    async with linked(prosody) as bob:
        async with running(account(prosody, bob.link.jid.user)) as double:
            await double.until_session(1)
            await logs.find("link.down", reason="conflict")
            began = asyncio.get_running_loop().time()
        await bob.until_session(2)
        assert asyncio.get_running_loop().time() - began > 1.4  # half of it, at the least


# The room


class Inside:
    """One of us, as far as one room is concerned."""

    def __init__(self, up: Up, room: str) -> None:
        self.link = up.link
        self.status = "idle"
        self.seen: asyncio.Queue[tuple[str, str, str]] = asyncio.Queue()
        self.membership = Membership(up.link, JID(room), dress=self._dress, seen=self._see)

    def _dress(self, presence: Presence) -> None:
        presence["status"] = self.status

    def _see(self, presence: Presence) -> None:
        nick = presence["from"].resource
        self.seen.put_nowait((nick, presence["type"], presence["status"]))

    async def until_seen(self, nick: str, kind: str, status: str) -> None:
        async with asyncio.timeout(PATIENCE):
            while await self.seen.get() != (nick, kind, status):
                pass

    @property
    def muc(self) -> Any:
        return self.link.client.plugin["xep_0045"]

    async def configure(self, **fields: str) -> None:
        """Unlocks the room, as its owner."""
        form = self.link.client.plugin["xep_0004"].make_form("submit")
        form.add_field("FORM_TYPE", "hidden", value="http://jabber.org/protocol/muc#roomconfig")
        for name, value in fields.items():
            form.add_field(f"muc#roomconfig_{name}", value=value)
        await self.muc.set_room_config(self.membership.room, form)


@pytest.fixture
def room(server: Server) -> str:
    return f"lab-{secrets.token_hex(3)}@{server.rooms}"


@pytest.fixture
async def owner(server: Server, room: str) -> AsyncIterator[Inside]:
    """Who made the room and is in it as ``labbot``."""
    async with linked(server) as up:
        inside = Inside(up, room)
        entered = await inside.membership.join("labbot", create=True)
        assert entered.created
        await inside.configure(membersonly="0", persistentroom="1")
        yield inside


@pytest.fixture
async def bob(server: Server, room: str) -> AsyncIterator[Inside]:
    """Who is not in it yet."""
    async with linked(server) as up:
        yield Inside(up, room)


async def test_what_we_say_of_ourselves_is_in_the_join_and_in_every_update(
    owner: Inside, bob: Inside
) -> None:
    entered = await bob.membership.join("bob", create=False)
    assert (entered.nick, entered.created) == ("bob", False)
    await owner.until_seen("bob", "available", "idle")
    bob.status = "memtest 43 %"
    bob.membership.update()
    await owner.until_seen("bob", "available", "memtest 43 %")
    bob.membership.leave("good night")
    await owner.until_seen("bob", "unavailable", "good night")
    assert not bob.membership.inside


async def test_what_changes_before_we_are_let_in_is_said_then(owner: Inside, bob: Inside) -> None:
    joining = asyncio.ensure_future(bob.membership.join("bob", create=False))
    await asyncio.sleep(0)  # it is on its way
    bob.status = "memtest 43 %"
    bob.membership.update()
    await joining
    await owner.until_seen("bob", "available", "idle")
    await owner.until_seen("bob", "available", "memtest 43 %")


async def test_who_leaves_is_not_lost(owner: Inside, bob: Inside, logs: Logs) -> None:
    await bob.membership.join("bob", create=False)
    bob.membership.update()  # is reflected after we have left
    bob.membership.leave("good night")
    await bob.until_seen("bob", "unavailable", "good night")
    assert not bob.membership.inside
    assert [entry for entry in logs.entries if entry["event"] == "room.lost"] == []


@pytest.mark.parametrize(
    ("how", "why"),
    [("kick", "kicked"), ("ban", "banned"), ("remove", "membership taken away"),
     ("destroy", "the room closed")],
)  # fmt: skip
async def test_who_is_put_out_learns_it(
    owner: Inside, bob: Inside, room: str, how: str, why: str
) -> None:
    jid = JID(bob.link.jid.bare)
    if how == "remove":
        await owner.configure(membersonly="1", persistentroom="1")
        await owner.muc.set_affiliation(JID(room), "member", jid=jid)
    await bob.membership.join("bob", create=False)
    staying = asyncio.ensure_future(bob.membership.stay())
    match how:
        case "kick":
            await owner.muc.set_role(JID(room), "bob", "none")
        case "ban":
            await owner.muc.set_affiliation(JID(room), "outcast", jid=jid)
        case "remove":
            await owner.muc.set_affiliation(JID(room), "none", jid=jid)
        case _:
            await owner.muc.destroy(JID(room))
    async with asyncio.timeout(PATIENCE):
        assert await staying == why
    assert not bob.membership.inside


async def test_who_was_kicked_may_come_back(owner: Inside, bob: Inside, room: str) -> None:
    for _ in range(2):
        await bob.membership.join("bob", create=False)
        staying = asyncio.ensure_future(bob.membership.stay())
        assert await bob.membership._still_in()
        assert not staying.done()
        await owner.muc.set_role(JID(room), "bob", "none")
        async with asyncio.timeout(PATIENCE):
            assert await staying == "kicked"


async def test_a_room_that_our_join_made_is_removed_again(
    server: Server, bob: Inside, room: str
) -> None:
    with pytest.raises(JoinError) as refused:
        await bob.membership.join("bob", create=False)
    assert refused.value.condition == "item-not-found"
    assert not bob.membership.inside
    async with linked(server) as up:
        entered = await Inside(up, room).membership.join("labbot", create=True)
    assert entered.created  # so it was not there


async def test_a_taken_nick_is_refused_and_another_is_not(owner: Inside, bob: Inside) -> None:
    with pytest.raises(JoinError) as refused:
        await bob.membership.join("labbot", create=False)
    assert refused.value.condition == "conflict"
    assert (await bob.membership.join("labbot-2", create=False)).nick == "labbot-2"
    assert bob.membership.me.resource == "labbot-2"


async def test_who_is_no_member_is_refused_at_once(owner: Inside, bob: Inside, room: str) -> None:
    await owner.configure(membersonly="1", persistentroom="1")
    loop = asyncio.get_running_loop()
    began = loop.time()
    with pytest.raises(JoinError) as refused:
        await bob.membership.join("bob", create=False)
    assert refused.value.condition == "registration-required"
    assert loop.time() - began < 5
    await owner.muc.set_affiliation(JID(room), "member", jid=JID(bob.link.jid.bare))
    await bob.membership.join("bob", create=False)
    assert bob.membership.inside


async def test_who_is_banned_is_refused(owner: Inside, bob: Inside, room: str) -> None:
    await owner.muc.set_affiliation(JID(room), "outcast", jid=JID(bob.link.jid.bare))
    with pytest.raises(JoinError) as refused:
        await bob.membership.join("bob", create=False)
    assert refused.value.condition == "forbidden"


async def test_being_in_is_asked_of_the_room(owner: Inside, bob: Inside) -> None:
    bob.membership.nick = "bob"
    assert not await bob.membership._still_in()
    await bob.membership.join("bob", create=False)
    assert await bob.membership._still_in()
    bob.membership.leave()
    await owner.until_seen("bob", "unavailable", "")
    assert not await bob.membership._still_in()
