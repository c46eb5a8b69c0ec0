"""
Being in a room, for as long as the session lasts (XEP-0045).

Rule 1: a join ends in an answer: entered, refused with a condition, or no answer in time.
slixmpp's own join waits for ever on some of Prosody's refusals.

Rule 2: being in the room is checked, not assumed (XEP-0410): servers forget occupants, and
rooms. ``service-unavailable`` and ``feature-not-implemented`` mean that we are in.

Rule 3: agents never ask for history; what is delayed is history all the same.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from slixmpp import JID
from slixmpp.exceptions import IqError, IqTimeout
from slixmpp.stanza import Presence

from agent.wire.link import Link
from agent.wire.vocabulary import token

log = structlog.get_logger()

ANSWER = 10.0
"""Seconds to wait for the room's answer to a join or a ping."""
CHECK = 15.0
"""Seconds between checks that we are still in."""

SELF, CREATED, BANNED, NEW_NICK, KICKED, NOT_MEMBER, GONE = 110, 201, 301, 303, 307, 321, 333
"""Status codes of XEP-0045, section 15.6.2."""


class JoinError(Exception):
    """The room did not let us in."""

    def __init__(self, condition: str, text: str) -> None:
        super().__init__(f"{condition}: {text}" if text else condition)
        self.condition = condition


@dataclass(frozen=True, slots=True)
class Entered:
    """The room let us in."""

    nick: str
    created: bool
    """The room did not exist: it is ours, and not configured."""


class Membership:
    """
    Us in one room.

    Args:
        dress: Puts what we say of ourselves into a presence, before it is sent.
        seen: Told of every occupant's presence, ours included, once we are in.
    """

    def __init__(
        self,
        link: Link,
        room: JID,
        *,
        dress: Callable[[Presence], None],
        seen: Callable[[Presence], None],
    ) -> None:
        link.client.register_plugin("xep_0045")
        self.room = room
        self.nick = ""
        self.entered = asyncio.Event()
        """Set while we are in the room."""
        self._link, self._dress, self._seen = link, dress, seen
        self._answer: asyncio.Future[Entered] | None = None
        self._asked = ""  # the id of the presence that asked to be let in
        self._stale = False  # whether what it said was no longer so before the answer came
        self._out = asyncio.Event()
        self._why = ""
        link.on("presence", self._presence)

    @property
    def inside(self) -> bool:
        """Whether we are in the room, as far as we know."""
        return self.entered.is_set()

    @property
    def me(self) -> JID:
        """Our occupant JID."""
        return JID(f"{self.room}/{self.nick}")

    async def join(self, nick: str, *, create: bool, past: int = 0) -> Entered:
        """
        Enter as *nick*.

        Args:
            past: How many messages of the room's history to ask for.
            create: Whether a room that does not exist is ours to make. If not, the one that
                our joining made is removed again (XEP-0045, section 10.9).

        Raises:
            JoinError: we are not let in, or there is no room.
            TimeoutError: the room does not answer.
        """
        entered = await self._join(nick, past)
        if entered.created and not create:
            self.entered.clear()
            with contextlib.suppress(IqError, IqTimeout):
                await self._link.client.plugin["xep_0045"].destroy(self.room, timeout=ANSWER)
            raise JoinError("item-not-found", "there is no such room yet")
        return entered

    async def _join(self, nick: str, past: int) -> Entered:
        self.nick, self._why, self._stale = nick, "", False
        self.entered.clear()
        self._out.clear()
        self._answer = asyncio.get_running_loop().create_future()
        presence: Presence = self._link.client.plugin["xep_0045"].make_join_stanza(
            self.room, nick, maxstanzas=past
        )
        self._dress(presence)
        presence["id"] = self._asked = token()
        self._link.send(presence)
        try:
            async with asyncio.timeout(ANSWER):
                entered = await self._answer
        finally:
            self._answer = None
        if self._stale:
            self.update()
        return entered

    def update(self) -> None:
        """Say again what we are, now that it has changed: at once, or when we are let in."""
        self._stale = not self.inside
        if self.inside:
            presence = self._link.client.make_presence(pto=self.me)
            self._dress(presence)
            self._link.send(presence)

    def leave(self, status: str = "") -> None:
        """Leave the room."""
        if self.inside:
            self.entered.clear()
            self._link.send(
                self._link.client.make_presence(
                    pto=self.me, ptype="unavailable", pstatus=status or None
                )
            )

    async def stay(self) -> str:
        """Return, with the reason, when we are no longer in the room."""
        while not self._out.is_set():
            try:
                async with asyncio.timeout(CHECK):
                    await self._out.wait()
            except TimeoutError:
                if not await self._still_in():
                    self._lost("the room no longer knows us")
        return self._why

    async def _still_in(self) -> bool:
        """XEP-0410, section 3.2; a time-out proves nothing."""
        ping = self._link.iq(self.me, "get")
        ping.enable("ping")
        try:
            await ping.send(timeout=ANSWER)
        except IqTimeout:
            return True
        except IqError as error:
            return error.condition in ("service-unavailable", "feature-not-implemented")
        return True

    def _presence(self, presence: Presence) -> None:
        if presence["from"].bare != self.room.bare:
            return
        if presence["type"] == "error":
            self._refused(presence)
            return
        codes = presence["muc"]["status_codes"]
        out = presence["type"] == "unavailable" and self.inside and presence["from"] == self.me
        if SELF in codes or out:  # ejabberd does not mark it when the room is destroyed
            self._mine(presence, codes)
        self._seen(presence)

    def _mine(self, presence: Presence, codes: set[int]) -> None:
        if presence["type"] != "unavailable":
            if self._answer is None and not self.inside:
                return  # the reflection of an update overtook our leaving
            self.nick = presence["from"].resource
            self.entered.set()
            if self._answer is not None and not self._answer.done():
                self._answer.set_result(Entered(self.nick, CREATED in codes))
        elif NEW_NICK in codes:
            self.nick = presence["muc"]["item_nick"]
        else:
            reasons = {KICKED: "kicked", BANNED: "banned", NOT_MEMBER: "membership taken away"}
            named = [text for code, text in reasons.items() if code in codes]
            self._lost(named[0] if named else "the room closed")

    def _refused(self, presence: Presence) -> None:
        if presence["id"] != self._asked:
            return  # of an update that we sent while we thought we were in, perhaps a session ago
        error = presence["error"]
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(JoinError(error["condition"], error["text"]))

    def _lost(self, why: str) -> None:
        if self.inside:
            log.warning("room.lost", room=str(self.room), nick=self.nick, reason=why)
        self.entered.clear()
        self._why = why
        self._out.set()
