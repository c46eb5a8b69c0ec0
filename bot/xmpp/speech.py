"""
What we say: in the room, to one occupant, or from account to account.

Rule 1: what we said in the room is said when the room reflects it.
Rule 2: only so much is under way at once (:mod:`bot.xmpp.budget`).
Rule 3: an answer in the room refers to its line (XEP-0461). The line is quoted only where
others have spoken in between: two clients of three show the quote as it is (decisions/0009).
"""

import asyncio
import contextlib
import json
from dataclasses import replace

from slixmpp import JID
from slixmpp.stanza import Message
from slixmpp.xmlstream import tostring

from agent.wire.errors import Away, Refusal
from agent.wire.link import Link
from agent.wire.membership import Membership
from agent.wire.vocabulary import token
from bot.occupant import Channel, Line
from bot.reply import Reply
from bot.report.text import cut, safe, unmentioned
from bot.xmpp.budget import Budget
from bot.xmpp.members import Members
from bot.xmpp.occupants import Occupants
from bot.xmpp.upload import Uploads

REFLECTION = 10.0
"""Seconds for the room to reflect what we said, or the server to have taken it."""

QUOTED = 60
"""Columns of a line that are quoted."""


class Speech:
    """:class:`bot.ports.Voice` on slixmpp."""

    def __init__(
        self, link: Link, membership: Membership, occupants: Occupants, members: Members
    ) -> None:
        self._link, self._membership, self._occupants = link, membership, occupants
        self.belongs = members.belongs
        self._budget, self._uploads = Budget(), Uploads(link)
        self._reflections: dict[str, asyncio.Future[None]] = {}
        self.last = ""
        """The id of what was said last in the room, by whomever."""
        for plugin in ("xep_0066", "xep_0308", "xep_0335", "xep_0359", "xep_0461"):
            link.client.register_plugin(plugin)

    async def say(self, reply: Reply, *, to: Line | None = None) -> None:
        """Say *reply* in the room; returns when the room has reflected it. Raises Away."""
        if reply.quotes:
            reply = replace(reply, table=unmentioned(reply.table, self._occupants.nicks()))
        message = self._message(JID(self._membership.room), reply, to)
        message["type"] = "groupchat"
        async with self._budget.spend(_size(message)):
            await self._reflect(message, to)

    async def _reflect(self, message: Message, to: Line | None) -> None:
        if not self._membership.inside:
            raise Away("I am not in the room")
        if to is not None:
            self._refer(message, to)
        reflected = asyncio.get_running_loop().create_future()
        self._reflections[message["id"]] = reflected
        try:
            self._link.send(message)
            async with asyncio.timeout(REFLECTION):
                await reflected
        except TimeoutError as error:
            raise Away("the room does not reflect what I say") from error
        finally:
            del self._reflections[message["id"]]

    def reflected(self, identity: str) -> None:
        """The room has said what we said with that id."""
        waiting = self._reflections.get(identity)
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    async def tell(self, jid: str, reply: Reply, *, direct: bool) -> None:
        """Say *reply* to one person: through the room if they are in it and not *direct*."""
        seen = None if direct else self._occupants.of(jid)
        if seen is not None:
            await self._whisper(seen.occupant.nick, reply, None)
        else:
            await self._privately(JID(jid), reply, None)

    def nick(self, jid: str) -> str | None:
        """What *jid* is called here; None if they are not here. Raises Away if we are not."""
        if not self._membership.inside:
            raise Away("I am not in the room")
        seen = self._occupants.of(jid)
        return seen.occupant.nick if seen is not None else None

    async def answer(self, line: Line, reply: Reply) -> None:
        """Say *reply* where *line* was said. Raises Away."""
        reply, picture = await self.placed(reply)
        await self._answer(line, reply, line)
        if picture is not None:  # a client shows none that quotes a line
            await self._answer(line, picture, None)

    async def placed(self, reply: Reply) -> tuple[Reply, Reply | None]:
        """*reply* with its file where the server keeps it, and what shows its picture."""
        return await self._uploads.shown(await self._uploads.linked(reply))

    async def _answer(self, line: Line, reply: Reply, to: Line | None) -> None:
        match line.channel:
            case Channel.ROOM:
                await self.say(reply, to=to)
            case Channel.WHISPER:
                await self._whisper(line.by.nick, reply, to)
            case Channel.DIRECT:
                await self._privately(JID(line.by.jid), reply, to)

    async def _whisper(self, nick: str, reply: Reply, to: Line | None) -> None:
        """Say *reply* to an occupant alone (XEP-0045, section 7.5)."""
        await self._privately(JID(f"{self._membership.room}/{nick}"), reply, to)

    async def _privately(self, jid: JID, reply: Reply, to: Line | None) -> None:
        message = self._message(jid, reply, to)
        message["type"] = "chat"
        if jid.bare == self._membership.room.bare:
            message.enable("muc")
        async with self._budget.spend(_size(message)):
            if not self._link.send(message):
                raise Away("I am not connected to the server")
            await self._taken()

    async def _taken(self) -> None:
        """Return when the server has read so far: it answers what comes behind (XEP-0199)."""
        ping = self._link.iq(self._link.jid.domain, "get")
        ping.enable("ping")
        with contextlib.suppress(Refusal):  # an answer, too; and a silent server is the link's
            await self._link.ask(ping, timeout=REFLECTION)

    def _message(self, to: JID, reply: Reply, line: Line | None) -> Message:
        message = self._link.message(to)
        message["id"] = token()
        message["body"] = reply.body
        facts = json.loads(reply.json)
        if line is not None and line.message:
            facts["re"] = line.message
        message["json"]["value"] = json.dumps(facts, separators=(",", ":"))
        if "file" in facts:
            message["oob"]["url"] = facts["file"]
        return message

    def _refer(self, message: Message, line: Line) -> None:
        """Name the line that *message* answers (XEP-0461, section 3)."""
        named = line.stanza or line.message
        if not named:
            return
        message["reply"]["id"] = named
        message["reply"]["to"] = JID(f"{self._membership.room}/{line.by.nick}")
        if self.last not in ("", line.message):
            quoted = cut(safe(line.text, QUOTED), QUOTED)
            message["reply"].add_quoted_fallback(f"{safe(line.by.nick, 30)}: {quoted}")


def _size(message: Message) -> int:
    return len(tostring(message.xml))
