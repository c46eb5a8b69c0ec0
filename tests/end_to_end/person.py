"""
An engineer with any XMPP client: stock slixmpp in a room, nothing of ours.

Rules: no labroom imports. A person knows what a client's screen shows, and the XML behind it.
What we say ourselves is in the transcript only, so that waiting for a word we used means waiting
for somebody else to use it.
"""

import asyncio
import json
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Literal, NoReturn

from slixmpp import JID, ClientXMPP, Message, Presence
from slixmpp.plugins.xep_0004 import Form
from slixmpp.plugins.xep_0045 import XEP_0045
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import StanzaPath
from slixmpp.xmlstream.stanzabase import StanzaBase

from tests.answers import check
from tests.end_to_end.feed import Feed, Heard, Seen

BOT = "labbot"
PATIENCE = 15.0
"""Seconds until what did not come counts as not coming; a loaded machine with two cores is slow."""


class NotConnectedError(Exception):
    """The server was not reached, not trusted, or did not let us in."""


class JoinRefusedError(Exception):
    """The room said no; `args[0]` is the condition of the stanza error."""


class Person:
    """
    One client of one account, in at most one room.

    Args:
        jid: With a resource, if it has to be a certain one.
        trust: The TLS context; share one, each takes 80 ms to build.
        client: What the client calls itself (XEP-0030); slixmpp's own word is ``bot``.
    """

    def __init__(
        self,
        jid: str,
        password: str,
        *,
        host: str,
        port: int,
        trust: ssl.SSLContext,
        client: str = "phone",
    ) -> None:
        self.xmpp = ClientXMPP(jid, password, ssl_context=trust)
        self.xmpp.enable_direct_tls = False
        self.xmpp.register_plugin("xep_0045")
        self._client = client
        self.xmpp.add_event_handler("session_bind", self._introduce)
        self._address = host, port
        self.room: JID | None = None
        self.nick = ""
        self.messages: Feed[Heard] = Feed()
        self.presences: Feed[Seen] = Feed()
        self._log: list[str] = []
        self._wrong: list[str] = []
        hear = Callback("person hears", StanzaPath("message"), self._on_message)
        see = Callback("person sees", StanzaPath("presence"), self._on_presence)
        self.xmpp.register_handler(hear)
        self.xmpp.register_handler(see)
        self.xmpp.add_event_handler("disconnected", self._on_disconnected)

    @property
    def muc(self) -> XEP_0045:
        """The room plugin, for what only one test does."""
        plugin: XEP_0045 = self.xmpp.plugin["xep_0045"]
        return plugin

    @property
    def jid(self) -> JID:
        """With the resource that the server gave us."""
        return self.xmpp.boundjid

    async def connect(self, *, within: float = PATIENCE) -> None:
        """Log in, and say that we are there: only then does the server deliver to us."""
        outcome: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def settle(how: str) -> Callable[[object], None]:
            def handler(detail: object) -> None:
                if not outcome.done():
                    outcome.set_result("" if how == "session_start" else f"{how}: {detail}")

            return handler

        ends = ("session_start", "connection_failed", "ssl_invalid_chain", "failed_all_auth")
        handlers = {event: settle(event) for event in (*ends, "disconnected")}
        for event, handler in handlers.items():
            self.xmpp.add_event_handler(event, handler)
        self.xmpp.connect(*self._address)
        try:
            wrong = await asyncio.wait_for(outcome, within)
        except TimeoutError:
            wrong = f"no session after {within} s"
        for event, handler in handlers.items():
            self.xmpp.del_event_handler(event, handler)
        if wrong:
            await self.leave()
            raise NotConnectedError(f"{self.jid}: {wrong}")
        self.xmpp.send_presence()

    async def join(self, room: str, nick: str, *, history: int | None = None) -> None:
        """
        Enter *room*, whose subject is the last that comes of the join.

        Args:
            history: How many of the past messages we ask for; default: as the server likes.
        """
        refused: asyncio.Future[Presence] = asyncio.get_running_loop().create_future()

        # Prosody answers some refusals without <x/>, which join_muc_wait never sees.
        def on_error(presence: Presence) -> None:
            if presence["from"].bare == room and not refused.done():
                refused.set_result(presence)

        # Before the join: what comes during it is from this room already.
        self.room, self.nick = JID(room), nick
        with self.xmpp.event_handler("presence_error", on_error):
            joining = asyncio.ensure_future(
                self.muc.join_muc_wait(self.room, nick, maxstanzas=history, timeout=PATIENCE)
            )
            either: tuple[asyncio.Future[Any], ...] = (joining, refused)
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if refused.done():
            joining.cancel()
            await asyncio.gather(joining, return_exceptions=True)
            self.room = None
            error = refused.result()["error"]
            raise JoinRefusedError(error["condition"], error["text"])
        try:
            await joining
        except TimeoutError:
            raise AssertionError(f"{nick} never got into {room}\n{self.transcript()}") from None

    async def accept_defaults(self) -> None:
        """As the first in a new room, open it for others: Prosody locks it until then."""
        form = Form()
        form["type"] = "submit"
        await self.muc.set_room_config(self._joined(), form, timeout=PATIENCE)

    def say(self, text: str) -> str:
        """Say it in the room; the message's id."""
        return self._send(self._joined(), text, "groupchat")

    def whisper(self, nick: str, text: str) -> str:
        """Say it to one occupant only; the message's id."""
        return self._send(JID(f"{self._joined()}/{nick}"), text, "chat")

    def tell(self, jid: str, text: str) -> str:
        """Write to somebody's account, outside of the room; the message's id."""
        return self._send(JID(jid), text, "chat")

    def mark(self) -> int:
        """Now, as a place among the messages: for `since`."""
        return len(self.messages.entries)

    async def heard(
        self,
        wanted: str | Callable[[Heard], bool],
        *,
        nick: str | None = None,
        since: int | None = None,
        within: float = PATIENCE,
    ) -> Heard:
        """
        Wait for somebody else's message, read on from what this nick last matched.

        Args:
            wanted: A part of its body, or a predicate.
            nick: Whose it has to be.
            since: A `mark()` to begin at instead; 0 is the beginning.
        """
        match = wanted if callable(wanted) else (lambda heard: wanted in heard.body)
        found = await self.messages.find(
            lambda heard: nick in (None, heard.nick) and match(heard), since=since, within=within
        )
        assert not self._wrong, self._wrong
        if found is None:
            self._missed("hear", wanted if isinstance(wanted, str) else "it", nick, within)
        return found

    async def ask(self, text: str, *, nick: str = BOT, within: float = PATIENCE) -> Heard:
        """Say it, and return the bot's next message, in the room or private."""
        since = self.mark()
        self.say(text)
        return await self.heard(lambda _: True, nick=nick, since=since, within=within)

    async def sees(
        self,
        wanted: Callable[[Seen], bool],
        *,
        nick: str | None = None,
        since: int | None = None,
        within: float = PATIENCE,
    ) -> Seen:
        """Wait for a presence, read on from what this nick last matched, as `heard` does."""
        found = await self.presences.find(
            lambda seen: nick in (None, seen.nick) and wanted(seen), since=since, within=within
        )
        if found is None:
            self._missed("see", "it", nick, within)
        return found

    def now(self, nick: str) -> Seen | None:
        """The last presence of *nick*."""
        return next((seen for seen in reversed(self.presences.entries) if seen.nick == nick), None)

    def transcript(self) -> str:
        """All that we said, heard and saw, in order."""
        return "\n".join([f"=== {self.nick or self.jid} in {self.room} ===", *self._log])

    async def leave(self) -> None:
        """Out of the room and off the server; does nothing the second time."""
        if self.xmpp.is_connected() and self.room:
            self.muc.leave_muc(self.room, self.nick)
        self.xmpp.cancel_connection_attempt()
        await self.xmpp.disconnect()
        sending = self.xmpp._run_out_filters  # slixmpp leaves its sender running
        if sending:
            sending.cancel()
            with suppress(asyncio.CancelledError):
                await sending
        self.room = None

    def _introduce(self, _: object) -> None:
        disco = self.xmpp.plugin["xep_0030"]
        disco.add_identity(category="client", itype=self._client, name="a client")

    def _joined(self) -> JID:
        if self.room is None:
            raise AssertionError(f"{self.jid} is in no room\n{self.transcript()}")
        return self.room

    def _send(self, to: JID, text: str, kind: Literal["chat", "groupchat"]) -> str:
        message = self.xmpp.make_message(mto=to, mbody=text, mtype=kind)
        message["id"] = message["id"] or self.xmpp.new_id()
        message.send()
        where = "" if kind == "groupchat" else f" (to {to})"
        self._log.append(f"<{self.nick or self.jid.bare}>{where} {text}")
        return str(message["id"])

    def _missed(self, verb: str, what: str, nick: str | None, within: float) -> NoReturn:
        who = f" from {nick}" if nick else ""
        raise AssertionError(
            f"{self.nick or self.jid} did not {verb} {what!r}{who} within {within} s\n"
            f"{self.transcript()}"
        )

    def _name(self, jid: JID) -> str:
        """The nick of an occupant of our room, else the bare JID."""
        in_room = self.room is not None and jid.bare == self.room.bare and jid.resource
        return str(jid.resource if in_room else jid.bare)

    def _on_message(self, message: StanzaBase) -> None:
        assert isinstance(message, Message)
        heard = Heard(
            nick=self._name(message["from"]),
            body=message["body"],
            id=message["id"],
            private=message["type"] != "groupchat",
            delayed=message.get_plugin("delay", check=True) is not None,
            message=message,
        )
        if not heard.private and heard.nick == self.nick and not heard.delayed:
            return
        self._judge(message)
        self._log.append(str(heard))
        self.messages.add(heard)

    def _judge(self, message: Message) -> None:
        """Every answer must be as the bot's schema says."""
        facts = json.loads(message.xml.findtext("{urn:xmpp:json:0}json") or "{}")
        if "labroom" in facts:
            try:
                check(facts)
            except AssertionError as error:
                self._wrong.append(str(error))  # not here: slixmpp would tell the room

    def _on_presence(self, presence: StanzaBase) -> None:
        assert isinstance(presence, Presence)
        seen = Seen(
            nick=self._name(presence["from"]),
            show=presence["show"],
            status=presence["status"],
            type=presence.xml.get("type", "available"),
            presence=presence,
        )
        self._log.append(str(seen))
        self.presences.add(seen)

    def _on_disconnected(self, reason: object) -> None:
        self._log.append(f"-- we are disconnected: {reason}")
