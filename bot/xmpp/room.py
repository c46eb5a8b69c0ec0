"""
The bot's room: made and configured by us alone, listened to, spoken in.

Rule 1: the room is members-only, persistent and non-anonymous, because rights belong to
real bare JIDs. Where we may not configure it we say so, with the cure.

Rule 2: what is delayed, forwarded, corrected, our own, or another bot's answer is no line.

Rule 3: what we said is said when the room reflects it.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from slixmpp import JID
from slixmpp.exceptions import IqError, IqTimeout
from slixmpp.stanza import Message, Presence

from agent.wire.errors import Away, Refusal
from agent.wire.fields import MalformedError
from agent.wire.link import Link
from agent.wire.membership import Entered, JoinError, Membership
from agent.wire.target import TargetState, read_target
from agent.wire.vocabulary import token
from bot.dialogue import address
from bot.occupant import Affiliation, Channel, Line, Occupant
from bot.verb import Reply
from bot.xmpp.members import Members

log = structlog.get_logger()

REFLECTION = 10.0
"""Seconds for the room to reflect what we said."""

CONFIGURATION = {
    "muc#roomconfig_membersonly": "1",
    "muc#roomconfig_persistentroom": "1",
    "muc#roomconfig_whois": "anyone",
    "muc#roomconfig_moderatedroom": "0",
    "muc#roomconfig_publicroom": "0",
    "muc#roomconfig_changesubject": "0",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """Somebody in the room."""

    occupant: Occupant
    full: str | None
    """Real full JID, where the room shows it."""


class Room:
    """
    :class:`bot.ports.Voice` and :class:`bot.lab.Membership` on slixmpp.

    Args:
        heard: Told of every line.
        arrived: Told of every presence of an occupant: real full JID, what it says of
            itself as a target if it does, whether it leaves, and its status text.
    """

    def __init__(
        self,
        link: Link,
        room: JID,
        *,
        status: Callable[[], str],
        heard: Callable[[Line], None],
        arrived: Callable[[Seen, TargetState | None, bool], None],
    ) -> None:
        self._link, self._status, self._heard, self._arrived = link, status, heard, arrived
        self.membership = Membership(link, room, dress=self._dress, seen=self._presence)
        self.room = room
        self.affiliation = Affiliation.NONE
        self._members = Members(link, room)
        self._occupants: dict[str, Seen] = {}
        self._reflections: dict[str, asyncio.Future[None]] = {}
        for plugin in ("xep_0249", "xep_0308", "xep_0335", "xep_0359"):
            link.client.register_plugin(plugin)
        link.on("message@type=groupchat/body", self._groupchat)
        link.on("message@type=chat/body", self._chat)

    # Being there

    async def enter(self, nick: str) -> Entered:
        """Join, as *nick* or the nearest free one; make and configure the room if we may."""
        self._occupants.clear()
        entered = await self._join(nick)
        if self.affiliation is Affiliation.OWNER:
            await self._configure()
        else:
            log.error(
                "room.not_owner", room=str(self.room), affiliation=str(self.affiliation),
                cure=f"let an owner of the room make {self._link.jid.bare} an owner, too",
            )  # fmt: skip
        return entered

    async def _join(self, nick: str) -> Entered:
        for attempt in range(1, 10):
            wanted = nick if attempt == 1 else f"{nick}-{attempt}"
            try:
                return await self.membership.join(wanted, create=True)
            except JoinError as error:
                if error.condition != "conflict":
                    raise
                log.warning("room.nick_taken", nick=wanted)
        raise JoinError("conflict", f"{nick} and eight like it are taken")

    async def _configure(self) -> None:
        client = self._link.client
        form = client.plugin["xep_0004"].make_form("submit")
        form.add_field("FORM_TYPE", "hidden", value="http://jabber.org/protocol/muc#roomconfig")
        for name, value in CONFIGURATION.items():
            form.add_field(name, value=value)
        await client.plugin["xep_0045"].set_room_config(self.room, form)

    async def affiliate(self, jid: str, affiliation: Affiliation) -> None:
        """Give *jid* a standing in the room. Raises Refusal if we may not."""
        try:
            await self._link.client.plugin["xep_0045"].set_affiliation(
                self.room, affiliation.value, jid=JID(jid)
            )
        except IqTimeout as error:
            raise Away("the room does not answer") from error
        except IqError as error:
            raise Refusal(
                f"the room refuses to let {jid} in: {error.condition}",
                hint=f"I must be an owner of the room; I am {self.affiliation}.",
            ) from error

    async def admit(self, jid: str) -> None:
        """Let the target *jid* in."""
        await self.affiliate(jid, Affiliation.MEMBER)

    async def invite(self, jid: str) -> None:
        """Make *jid* a member, and send an invitation (XEP-0249)."""
        await self.affiliate(jid, Affiliation.MEMBER)
        self._link.client.plugin["xep_0249"].send_invitation(JID(jid), self.room)

    def nick_of(self, jid: str) -> str | None:
        """The nick of the occupant with bare JID *jid*, if there is one."""
        for nick, seen in self._occupants.items():
            if seen.occupant.jid == jid:
                return nick
        return None

    # Speaking

    async def say(self, reply: Reply, *, re: str = "") -> None:
        """Say *reply* in the room; returns when the room has reflected it. Raises Away."""
        if not self.membership.inside:
            raise Away("I am not in the room")
        message = self._message(JID(self.room), reply, re)
        message["type"] = "groupchat"
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

    async def tell(self, jid: str, reply: Reply, *, direct: bool) -> None:
        """Say *reply* to one person: through the room if they are in it and not *direct*."""
        nick = None if direct else self.nick_of(jid)
        if nick is not None:
            await self.whisper(nick, reply)
        else:
            self._send_private(JID(jid), reply, "")

    async def whisper(self, nick: str, reply: Reply, *, re: str = "") -> None:
        """Say *reply* to an occupant alone (XEP-0045, section 7.5). Raises Away."""
        self._send_private(JID(f"{self.room}/{nick}"), reply, re)

    async def answer(self, line: Line, reply: Reply) -> None:
        """Say *reply* where *line* was said. Raises Away."""
        match line.channel:
            case Channel.ROOM:
                await self.say(reply, re=line.message)
            case Channel.WHISPER:
                await self.whisper(line.by.nick, reply, re=line.message)
            case Channel.DIRECT:
                self._send_private(JID(line.by.jid), reply, line.message)

    def _send_private(self, to: JID, reply: Reply, re: str) -> None:
        message = self._message(to, reply, re)
        message["type"] = "chat"
        if to.bare == self.room.bare:
            message.enable("muc")
        if not self._link.send(message):
            raise Away("I am not connected to the server")

    def _message(self, to: JID, reply: Reply, re: str) -> Message:
        message = self._link.message(to)
        message["id"] = token()
        message["body"] = reply.body
        facts = json.loads(reply.json)
        if re:
            facts["re"] = re
        message["json"]["value"] = json.dumps(facts, separators=(",", ":"))
        return message

    # Listening

    def _groupchat(self, message: Message) -> None:
        if message["from"].bare != self.room.bare:
            return
        nick = message["from"].resource
        if nick == self.membership.nick:
            self._reflected(message["id"])
            return
        seen = self._occupants.get(nick)
        if seen is None or not _is_line(message):
            return
        text, addressed = address(message["body"], self.membership.nick)
        self._heard(self._line(message, seen.occupant, text, addressed=addressed))

    def _chat(self, message: Message) -> None:
        """A private message: through the room, or directly by somebody who belongs to it."""
        if not _is_line(message):
            return
        text, _ = address(message["body"], self.membership.nick)
        if message["from"].bare == self.room.bare:
            seen = self._occupants.get(message["from"].resource)
            if seen is not None:
                self._heard(self._line(message, seen.occupant, text, Channel.WHISPER))
        elif self.membership.inside:
            self._link.spawn(self._direct(message, text))

    async def _direct(self, message: Message, text: str) -> None:
        """What somebody who need not be in the room says: the room still knows who they are."""
        jid = message["from"].bare
        nick = self.nick_of(jid)
        if nick is not None:
            by = self._occupants[nick].occupant
        else:
            by = Occupant(message["from"].user, await self._members.standing(jid), jid)
        if by.affiliation in (Affiliation.NONE, Affiliation.OUTCAST):
            log.info("line.from_stranger", jid=jid)
            return
        self._heard(self._line(message, by, text, Channel.DIRECT))

    def _reflected(self, identity: str) -> None:
        waiting = self._reflections.get(identity)
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    def _line(
        self,
        message: Message,
        by: Occupant,
        text: str,
        channel: Channel = Channel.ROOM,
        *,
        addressed: bool = True,
    ) -> Line:
        said = message["id"] or token()
        speaker = by.jid or f"{self.room}/{by.nick}"  # nobody can name another's line
        return Line(by, text, f"{speaker}#{said}", said, channel, addressed=addressed)

    def _presence(self, presence: Presence) -> None:
        nick, item = presence["from"].resource, presence["muc"]
        leaves = presence["type"] == "unavailable"
        jid = item["jid"]
        try:
            affiliation = Affiliation(item["affiliation"] or "none")
        except ValueError:
            affiliation = Affiliation.NONE
        occupant = Occupant(nick, affiliation, jid.bare or None)
        seen = Seen(occupant, jid.full or None)
        if leaves:
            seen = self._occupants.pop(nick, seen)
        else:
            self._occupants[nick] = seen
        if nick == self.membership.nick:
            self.affiliation = affiliation
            return
        state = None
        if presence.get_plugin("lab_target", check=True) is not None and not leaves:
            with contextlib.suppress(MalformedError):
                state = read_target(presence)
        self._arrived(seen, state, leaves)

    def _dress(self, presence: Presence) -> None:
        presence["status"] = self._status()


def _is_line(message: Message) -> bool:
    """Whether this is somebody speaking, now."""
    odd = ("delay", "replace", "json")
    return not any(message.get_plugin(plugin, check=True) is not None for plugin in odd)
