"""Somebody in the room who says lines and waits for what the bot makes of them."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from slixmpp import JID
from slixmpp.stanza import Message, Presence

from agent.wire.account import Account
from agent.wire.link import Link
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
    private: bool = False
    """Said to us alone."""


class Speaker:
    """
    An ordinary occupant.

    Args:
        told: Gets everything that is said, as it is said, but for answers to `ask`.
        shown: Gets the presence of every occupant, as it comes.
    """

    def __init__(
        self,
        account: Account,
        room: str,
        nick: str,
        told: Callable[[Said], None],
        shown: Callable[[Presence], None] = lambda _: None,
    ) -> None:
        self._link = Link(account, plugins=("xep_0335",))
        self._link.call_itself("console")
        self._nick, self._told, self._shown = nick, told, shown
        self._asked: set[str] = set()
        self._presences: dict[str, Presence] = {}
        self._said: list[Said] = []
        self._news = asyncio.Condition()
        self._membership = Membership(self._link, JID(room), dress=lambda _: None, seen=self._seen)
        self._inside = asyncio.Event()
        self._link.on("message@type=groupchat/body", self._heard)
        self._link.on("message@type=chat/body", self._heard)

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

    @property
    def present(self) -> bool:
        """Whether we are in the room now, as far as we know."""
        return self._link.online and self._membership.inside

    def say(self, text: str) -> str:
        """Say *text* in the room; the message's id."""
        return self._send(text, self._link.message(self._membership.room, "groupchat"))

    async def ask(self, nick: str, text: str, *, within: float) -> Said:
        """Say *text* to *nick* alone; what the bot answered. TimeoutError if it did not."""
        message = self._link.message(f"{self._membership.room}/{nick}", "chat")
        message.enable("muc")
        message["id"] = token()
        self._asked.add(message["id"])
        identity = self._send(text, message)
        async with asyncio.timeout(within):
            return await self.hear(lambda said: said.facts.get("re") == identity)

    def _send(self, text: str, message: Message) -> str:
        message["id"] = message["id"] or token()
        message["body"] = text
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
        facts = _facts(message)
        said = Said(
            datetime.now(UTC), message["from"].resource, message["body"], facts,
            private=message["type"] == "chat",
        )  # fmt: skip
        self._said.append(said)
        if facts.get("re") not in self._asked:
            self._told(said)
        self._link.spawn(self._notify())

    def _seen(self, presence: Presence) -> None:
        self._presences[presence["from"].resource] = presence
        self._shown(presence)
        self._link.spawn(self._notify())

    async def _notify(self) -> None:
        async with self._news:
            self._news.notify_all()


def _facts(message: Message) -> Mapping[str, Any]:
    """The facts in *message*; anybody may send what looks like them, and is shown all the same."""
    if message.get_plugin("json", check=True) is None:
        return {}
    try:
        facts = json.loads(message.xml.findtext("{urn:xmpp:json:0}json") or "{}")
    except ValueError:
        return {}
    return facts if isinstance(facts, dict) else {}
