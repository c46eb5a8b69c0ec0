"""Somebody in the room who says lines and waits for what the bot makes of them."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from slixmpp import JID
from slixmpp.stanza import Message, Presence

from agent.wire.link import Account, Link
from agent.wire.membership import JoinError, Membership
from agent.wire.vocabulary import token


@dataclass(frozen=True, slots=True)
class Said:
    """A message in the room."""

    at: datetime
    nick: str
    body: str
    facts: Mapping[str, Any]
    """The bot's facts; empty for people."""


class Speaker:
    """
    An ordinary occupant.

    Args:
        told: Gets everything that is said, as it is said.
    """

    def __init__(
        self, account: Account, room: str, nick: str, told: Callable[[Said], None]
    ) -> None:
        self._link = Link(account, plugins=("xep_0335",))
        self._nick, self._told = nick, told
        self._presences: dict[str, Presence] = {}
        self._said: list[Said] = []
        self._news = asyncio.Condition()
        self._membership = Membership(self._link, JID(room), dress=lambda _: None, seen=self._seen)
        self._inside = asyncio.Event()
        self._link.on("message@type=groupchat/body", self._heard)

    async def run(self) -> None:
        """Be in the room until cancelled."""
        await self._link.run(self._session)

    async def _session(self) -> None:
        self._link.client.send_presence()
        while True:
            try:
                await self._membership.join(self._nick, create=False)
            except (JoinError, TimeoutError):  # the bot has not made the room yet
                await asyncio.sleep(0.2)
            else:
                self._inside.set()
                await self._membership.stay()

    async def inside(self) -> None:
        """Return once we are in the room."""
        await self._inside.wait()

    def say(self, text: str) -> str:
        """Say *text* in the room; the message's id."""
        message = self._link.message(self._membership.room, "groupchat")
        message["id"], message["body"] = token(), text
        self._link.send(message)
        return str(message["id"])

    async def presence(self, nick: str, wanted: Callable[[Presence], bool]) -> None:
        """Return once the presence of *nick* is as *wanted*."""
        async with self._news:
            await self._news.wait_for(
                lambda: nick in self._presences and wanted(self._presences[nick])
            )

    async def hear(self, wanted: Callable[[Said], bool]) -> Said:
        """The first message, said or still to come, that is *wanted*."""
        async with self._news:
            await self._news.wait_for(lambda: any(map(wanted, self._said)))
        return next(said for said in self._said if wanted(said))

    def _heard(self, message: Message) -> None:
        if message.get_plugin("delay", check=True) is not None:
            return
        facts = {}
        if message.get_plugin("json", check=True) is not None:
            facts = json.loads(message.xml.findtext("{urn:xmpp:json:0}json") or "{}")
        said = Said(datetime.now(UTC), message["from"].resource, message["body"], facts)
        self._said.append(said)
        self._told(said)
        self._link.spawn(self._notify())

    def _seen(self, presence: Presence) -> None:
        self._presences[presence["from"].resource] = presence
        self._link.spawn(self._notify())

    async def _notify(self) -> None:
        async with self._news:
            self._news.notify_all()
