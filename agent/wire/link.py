"""
A connection that comes back: how agent and bot stay on the server.

slixmpp parses, authenticates and serialises; it does not reconnect, and does not notice
a dead peer. Both are decided here; what goes in and out is in :mod:`agent.wire.exchange`.

Rule 1: one session at a time. :meth:`Link.run` connects, runs the session it was given,
cancels it when the link is gone, waits with jitter, and connects again, for ever.

Rule 2: a link that says nothing for some seconds is asked; no answer, and it is cut
(XEP-0199, section 4.2). Dead is noticed within 10 s.
"""

import asyncio
import contextlib
import random
import ssl
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from socket import IPPROTO_TCP, TCP_QUICKACK
from typing import Any

import structlog
from slixmpp import ClientXMPP
from slixmpp.exceptions import IqError, IqTimeout
from slixmpp.xmlstream import StanzaBase

from agent.wire.account import Account
from agent.wire.errors import Refusal
from agent.wire.exchange import Exchange
from agent.wire.registration import Registration

log = structlog.get_logger()

SILENCE = 4.0
"""Seconds without a byte from the server until we ask whether it is there."""
ANSWER = 4.0
"""Seconds it has to answer."""
ESTABLISH = 20.0
"""Seconds from connecting to a session."""
RETRY_FIRST, RETRY_MOST = 0.5, 20.0
"""Seconds between attempts: they double, and each is drawn from half of that upwards."""
GOODBYE = 2.0
"""Seconds for our last words, and for the server's answer to them."""
CONFLICT = 20.0
"""Seconds to stay away after another session took our full JID; at least half of it."""


class Link(Exchange):
    """One account on one server. See the rules above."""

    def __init__(self, account: Account, *, plugins: tuple[str, ...] = ()) -> None:
        super().__init__(_client(account))
        self.account = account
        for plugin in ("xep_0030", "xep_0199", "xep_0203", *plugins):
            self.client.register_plugin(plugin)
        self._loop = asyncio.get_running_loop()
        self._heard = self._loop.time()
        self.failure: str = ""
        """Why there is no session; empty while nobody knows."""
        self._unreached = "no connection"
        self._over = asyncio.Event()
        self._registration = Registration(self.client) if account.register else None
        self.client.add_filter("in", self._note)
        self._watch_stream()

    @property
    def lost(self) -> bool:
        """Whether the connection is gone, or given up: nothing that we say arrives."""
        return self._over.is_set()

    async def run(
        self,
        session: Callable[[], Awaitable[None]],
        *,
        alone: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """
        Keep a session up until cancelled; then leave properly.

        Args:
            alone: Waited for before we first take our full JID, and when another took it.
        """
        wait, unsure = RETRY_FIRST, True
        try:
            while True:
                if unsure and alone is not None:
                    await alone()
                if await self._establish():
                    wait, unsure = RETRY_FIRST, False
                    await self._live(session)
                    await self._drop()
                log.warning("link.down", reason=self.failure or "connection lost")
                clash = self.failure == "conflict"
                unsure, pause = unsure or clash, CONFLICT if clash else wait
                await asyncio.sleep(random.uniform(pause / 2, pause))  # noqa: S311  (jitter)
                wait = min(2 * wait, RETRY_MOST)
        finally:
            await self._leave()

    async def once(self, session: Callable[[], Awaitable[None]]) -> str:
        """One attempt and one *session*, without coming back; why it failed, or empty."""
        try:
            if await self._establish():
                await self._live(session)
            return self.failure
        finally:
            await self._leave()

    async def _establish(self) -> bool:
        """One attempt; True once there is a session."""
        self._over.clear()
        self.failure = ""
        started, client = asyncio.Event(), self.client

        def begin(_: object) -> None:
            self.online = True
            started.set()

        client.add_event_handler("session_start", begin, disposable=True)
        try:
            client.connect(self.account.host, self.account.port)
            async with asyncio.timeout(ESTABLISH):
                await _first(started.wait(), self._over.wait())
        except TimeoutError:
            self._fail("the server did not answer in time")
        finally:
            client.del_event_handler("session_start", begin)
        if not started.is_set() or self._over.is_set():
            await self._drop()
            return False
        log.info("link.up", jid=str(self.jid))
        return True

    async def _live(self, session: Callable[[], Awaitable[None]]) -> None:
        """Run *session* until the link is gone."""
        self._heard = self._loop.time()
        task = asyncio.ensure_future(session())
        try:
            await _first(self._over.wait(), self._watch(), _forever(task))
        finally:
            task.cancel()
            try:
                await asyncio.wait({task})  # not the task itself: its end is not ours
            finally:
                self.online = False
        if not task.cancelled():
            task.result()

    async def _watch(self) -> None:
        """Return when the server no longer answers."""
        while True:
            quiet = self._loop.time() - self._heard
            if quiet < SILENCE:
                await asyncio.sleep(SILENCE - quiet)
                continue
            ping = self.iq(self.jid.domain, "get")
            ping.enable("ping")
            before = self._heard
            with contextlib.suppress(IqError, IqTimeout):
                await ping.send(timeout=ANSWER)
            if self._heard == before:
                self._fail(f"the server said nothing for {SILENCE + ANSWER:g} s")
                return

    async def _drop(self) -> None:
        self.online = False
        self.client.cancel_connection_attempt()
        transport = self.client.transport
        with _closed_twice():
            if transport is not None and transport.is_closing():
                transport.abort()  # slixmpp would close it once more before
            else:
                self.client.abort()
        await asyncio.sleep(0)  # lets connection_lost run, which empties the send queue

    async def _leave(self) -> None:
        """Unavailable presence and a closed stream: nobody sees a ghost."""
        for task in self._tasks:
            task.cancel()
        if self.client.is_connected():
            said = asyncio.ensure_future(self.client.waiting_queue.join())
            await asyncio.wait({said}, timeout=GOODBYE)  # slixmpp would close before its last words
            said.cancel()
            with _closed_twice():
                await self.client.disconnect(wait=GOODBYE)
        self.online = False
        self.client.cancel_connection_attempt()
        filters = self.client._run_out_filters  # slixmpp never ends this task
        if filters is not None:
            filters.cancel()

    # What the stream says of itself

    def _note(self, what: StanzaBase) -> StanzaBase:
        self._heard = self._loop.time()
        self._acknowledge()
        return what

    def _acknowledge(self) -> None:
        """
        Have the kernel acknowledge what came at once (tcp(7), TCP_QUICKACK; it forgets).

        Prosody by default leaves Nagle's algorithm on: what it says next would wait 40 ms
        for an acknowledgement that the kernel delays.
        """
        transport = self.client.transport
        socket = None if transport is None else transport.get_extra_info("socket")
        if socket is not None:
            with contextlib.suppress(OSError):  # it is just being closed
                socket.setsockopt(IPPROTO_TCP, TCP_QUICKACK, 1)

    def _watch_stream(self) -> None:
        client = self.client
        client.add_event_handler("disconnected", self._end)
        client.add_event_handler("reconnect_delay", lambda _: self._fail(self._unreached))
        client.add_event_handler("connection_failed", self._connection_failed)
        client.add_event_handler("ssl_invalid_chain", self._untrusted)
        client.add_event_handler("stream_error", self._stream_error)
        client.add_event_handler("failed_all_auth", self._unknown)

    def _fail(self, reason: str) -> None:
        self.failure = self.failure or reason
        self._over.set()

    def _end(self, reason: object) -> None:
        if isinstance(reason, ssl.SSLCertVerificationError):
            self._untrusted(reason)
        self._fail(str(reason or "connection lost"))

    def _connection_failed(self, reason: object) -> None:
        self._unreached = f"no connection: {getattr(reason, 'strerror', None) or reason}"

    def _untrusted(self, error: ssl.SSLError) -> None:
        why = getattr(error, "verify_message", None) or error.reason or error
        self._fail(f"the server's certificate is not trusted: {why}")

    def _stream_error(self, error: StanzaBase) -> None:
        condition = str(error["condition"])
        if condition == "conflict":
            log.error(
                "link.conflict", jid=self.account.jid, pause=CONFLICT,
                cure="another process uses this account and resource: stop it, or give it its own",
            )  # fmt: skip
        self._fail(condition)

    def _unknown(self, _: object) -> None:
        self._fail("the server does not accept this account and password")
        if self._registration is not None:
            self._registration.want()


def trust(ca: Path | None) -> ssl.SSLContext:
    """Trust the certificates in *ca*, or the system's; Refusal if they cannot be used."""
    try:
        return ssl.create_default_context(cafile=ca)
    except OSError as error:
        raise Refusal(
            f"server.ca: cannot use {ca} ({error.strerror or error})",
            hint="Name a file with the certificates to trust, in PEM.",
        ) from error


def _closed_twice() -> contextlib.suppress:
    """
    For what slixmpp does to a stream that may be closing already.

    In asyncio of Python 3.11.2, which is Debian 12's, a TLS transport that is closed twice
    loses its protocol, and raises AttributeError from then on; later ones just do nothing.
    """
    return contextlib.suppress(AttributeError)


def _client(account: Account) -> ClientXMPP:
    client = ClientXMPP(account.jid, account.password, ssl_context=trust(account.ca))
    client.enable_direct_tls = account.host is None
    client.enable_plaintext = False
    client.whitespace_keepalive = False
    client.auto_authorize = None
    client.auto_subscribe = False
    return client


async def _first(*waits: Coroutine[Any, Any, Any]) -> None:
    """Return when the first of *waits* does; cancel the others; raise what it raised."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


async def _forever(task: asyncio.Future[None]) -> None:
    """Wait on *task*; a session that ends by itself is over, one that raises is a bug."""
    await asyncio.shield(task)
