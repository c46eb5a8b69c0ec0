"""
The people of the room, there or not: who they are now, and who is none of them.

Rule: what the room does not say, nobody assumes: rights that hang on it wait.
"""

import asyncio
from collections.abc import Collection

from agent.wire.errors import Away
from bot.fleet import Fleet
from bot.occupant import Affiliation, Occupant
from bot.xmpp.room import Room

FRESH = 1.0
"""Seconds for which an answer is good: many runs of one person may be looked at together."""


class People:
    """
    Everybody who is neither a bot nor a target.

    Args:
        bots: Bare JIDs of all bots of this room.
    """

    def __init__(self, room: Room, fleet: Fleet, bots: Collection[str]) -> None:
        self._room, self._fleet, self._bots = room, fleet, bots
        self._listed: dict[str, tuple[float, Affiliation]] = {}

    @property
    def called(self) -> str:
        """What people say before a line so that it is to us: empty if we act, or ``labbot2: ``."""
        return "" if self._room.acts else f"{self._room.membership.nick}: "

    def here(self) -> list[Occupant]:
        """Who is in the room and is no bot; targets are."""
        return self._room.occupants.people()

    async def standing(self, jid: str) -> Affiliation:
        """What the bare JID *jid* is in the room, now. Raises Away if the room does not say."""
        if not self._room.membership.inside:
            raise Away("I am not in the room")
        here = next((by for by in self.here() if by.jid == jid), None)
        return await self._absent(jid) if here is None else here.affiliation

    async def _absent(self, jid: str) -> Affiliation:
        now = asyncio.get_running_loop().time()
        self._listed = {jid: each for jid, each in self._listed.items() if now < each[0] + FRESH}
        if jid not in self._listed:
            self._listed[jid] = now, await self._room.members.listed(jid)
        return self._listed[jid][1]

    async def everybody(self) -> list[Occupant]:
        """All who belong to the room, or are in it. Raises Away if the room does not say."""
        here = {by.jid: by for by in self.here() if by.jid}
        for jid, affiliation in (await self._room.members.everybody()).items():
            here.setdefault(jid, Occupant(jid.partition("@")[0], affiliation, jid))
        return [
            by for jid, by in here.items() if not (jid in self._bots or self._fleet.belongs(jid))
        ]
