"""
Who belongs to the room: made so here, and asked for of those who are not in it.

Whoever writes to the bot from account to account need not be there. The room is asked each
time, one question after the other: rights that were taken away a moment ago are gone, and a
flood from strangers becomes no flood of questions.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import structlog
from slixmpp import JID
from slixmpp.exceptions import IqError, IqTimeout

from agent.wire.errors import Away, Refusal
from agent.wire.link import Link
from bot.occupant import Affiliation

log = structlog.get_logger()

ORDER = (Affiliation.OUTCAST, Affiliation.MEMBER, Affiliation.ADMIN, Affiliation.OWNER)
"""The room's lists (XEP-0045, section 9); the most frequent first."""

PATIENCE = 5.0
"""Seconds for the room to answer."""

MOST = 20
"""People who may wait for their answer; who comes then is not heard."""


class Members:
    """
    The room's lists, for us and for :class:`bot.lab.Membership`.

    Args:
        us: Our own standing.
    """

    def __init__(self, link: Link, room: JID, *, us: Callable[[], Affiliation]) -> None:
        self._link, self._room, self._us = link, room, us
        link.client.register_plugin("xep_0249")
        self._lock = asyncio.Lock()
        self._waiting = 0

    async def affiliate(self, jid: str, affiliation: Affiliation) -> None:
        """Give *jid* a standing in the room. Raises Refusal if we may not."""
        try:
            await self._link.client.plugin["xep_0045"].set_affiliation(
                self._room, affiliation.value, jid=JID(jid)
            )
        except IqTimeout as error:
            raise Away("the room does not answer") from error
        except IqError as error:
            raise Refusal(
                f"the room refuses to let {jid} in: {error.condition}",
                hint=f"I must be an owner of the room; I am {self._us()}.",
            ) from error

    async def admit(self, jid: str) -> None:
        """Let the target *jid* in."""
        await self.affiliate(jid, Affiliation.MEMBER)

    async def invite(self, jid: str) -> None:
        """Make *jid* a member, and send an invitation (XEP-0249)."""
        await self.affiliate(jid, Affiliation.MEMBER)
        self._link.client.plugin["xep_0249"].send_invitation(JID(jid), self._room)

    async def standing(self, jid: str) -> Affiliation:
        """What the room says of the bare JID *jid*; none if it does not say."""
        if self._waiting >= MOST:
            log.warning("line.ignored", jid=jid, reason="too many write to us directly")
            return Affiliation.NONE
        self._waiting += 1
        try:
            return await self.listed(jid)
        except Away:
            return Affiliation.NONE
        finally:
            self._waiting -= 1

    async def belongs(self, jid: str) -> bool:
        """Whether *jid* is on one of the lists; Away if the room cannot say it now."""
        try:
            async with self._lock:
                return await self._ask(jid) not in (Affiliation.NONE, Affiliation.OUTCAST)
        except IqTimeout as error:
            raise Away("the room does not answer") from error
        except IqError as error:
            if error.etype == "wait":
                raise Away(f"the room does not say who belongs to it: {error.condition}") from error
            log.warning("room.members_unknown", jid=jid, reason=str(error))
            return False

    async def listed(self, jid: str) -> Affiliation:
        """What the room says of the bare JID *jid*. Raises Away if it does not say."""
        async with self._asking():
            return await self._ask(jid)

    async def everybody(self) -> dict[str, Affiliation]:
        """All who belong to the room, by bare JID. Raises Away if it does not say."""
        async with self._asking():
            return {jid: each for each in ORDER[1:] for jid in await self._list(each)}

    @contextlib.asynccontextmanager
    async def _asking(self) -> AsyncIterator[None]:
        """One question after the other; Away if there is no answer."""
        async with self._lock:
            try:
                yield
            except (IqError, IqTimeout) as error:
                log.warning("room.members_unknown", reason=str(error))
                raise Away("the room does not say who belongs to it") from error

    async def _ask(self, jid: str) -> Affiliation:
        for affiliation in ORDER:
            if jid in await self._list(affiliation):
                return affiliation
        return Affiliation.NONE

    async def _list(self, affiliation: Affiliation) -> list[str]:
        muc = self._link.client.plugin["xep_0045"]
        listed = await muc.get_affiliation_list(self._room, affiliation.value, timeout=PATIENCE)
        return [JID(each).bare for each in listed]
