"""
Who belongs to the room without being in it: whoever writes to the bot from account to account.

The room is asked each time, one question after the other: rights that were taken away a
moment ago are gone, and a flood from strangers becomes no flood of questions.
"""

import asyncio

import structlog
from slixmpp import JID
from slixmpp.exceptions import IqError, IqTimeout

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
    """The room's lists."""

    def __init__(self, link: Link, room: JID) -> None:
        self._link, self._room = link, room
        self._lock = asyncio.Lock()
        self._waiting = 0

    async def standing(self, jid: str) -> Affiliation:
        """What the room says of the bare JID *jid*; none if it does not say."""
        if self._waiting >= MOST:
            log.warning("line.ignored", jid=jid, reason="too many write to us directly")
            return Affiliation.NONE
        self._waiting += 1
        try:
            async with self._lock:
                return await self._ask(jid)
        except (IqError, IqTimeout) as error:
            log.warning("room.members_unknown", jid=jid, reason=str(error))
            return Affiliation.NONE
        finally:
            self._waiting -= 1

    async def _ask(self, jid: str) -> Affiliation:
        muc = self._link.client.plugin["xep_0045"]
        for affiliation in ORDER:
            listed = await muc.get_affiliation_list(self._room, affiliation.value, timeout=PATIENCE)
            if jid in {JID(each).bare for each in listed}:
                return affiliation
        return Affiliation.NONE
