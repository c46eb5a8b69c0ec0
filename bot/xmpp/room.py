"""
The bot's room: made and configured by us alone, listened to, spoken in.

Rule 1: the room is members-only, persistent and non-anonymous, because rights belong to
real bare JIDs. Where we may not configure it we say so, with the cure.

Rule 2: what is delayed, forwarded, corrected, our own, or another bot's answer is no line.

Rule 3: what we said is said when the room reflects it.

Rule 4: of several bots one acts on lines that are addressed to none (:mod:`bot.election`).
"""

import asyncio
import contextlib
import json
from collections.abc import Callable

import structlog
from slixmpp import JID
from slixmpp.stanza import Message, Presence

from agent.wire.controller import write_controller
from agent.wire.errors import Away
from agent.wire.fields import MalformedError
from agent.wire.link import Link
from agent.wire.membership import NEW_NICK, Entered, JoinError, Membership
from agent.wire.target import TargetState, read_target
from agent.wire.vocabulary import token
from bot.departure import Departure
from bot.dialogue import address
from bot.occupant import Affiliation, Channel, Line, Occupant
from bot.reply import Reply
from bot.xmpp.departure import departure
from bot.xmpp.members import Members
from bot.xmpp.occupants import Occupants, Seen

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


class Room:
    """
    :class:`bot.ports.Voice` on slixmpp.

    Args:
        rank: Of several bots the one with the lowest acts.
        heard: Told of every line.
        arrived: Told of every presence of an occupant: real full JID, what it says of
            itself as a target if it does, and how it leaves if it does.
        overheard: Told of the facts of every answer that another bot gives in the room.
    """

    def __init__(
        self,
        link: Link,
        room: JID,
        *,
        rank: int,
        status: Callable[[], str],
        heard: Callable[[Line], None],
        arrived: Callable[[Seen, TargetState | None, Departure | None], None],
        overheard: Callable[[dict[str, object]], None],
    ) -> None:
        self._link, self._status, self._heard, self._arrived = link, status, heard, arrived
        self._rank, self._overheard = rank, overheard
        self.membership = Membership(link, room, dress=self._dress, seen=self._presence)
        self.room = room
        self.affiliation = Affiliation.NONE
        self.members = Members(link, room, us=lambda: self.affiliation)
        self.belongs = self.members.belongs
        self.occupants = Occupants()
        self._reflections: dict[str, asyncio.Future[None]] = {}
        for plugin in ("xep_0308", "xep_0335", "xep_0359"):
            link.client.register_plugin(plugin)
        link.on("message@type=groupchat/body", self._groupchat)
        link.on("message@type=chat/body", self._chat)

    # Being there

    async def enter(self, nick: str) -> Entered:
        """Join, as *nick* or the nearest free one; make and configure the room if we may."""
        self.occupants.forget()
        entered = await self._join(nick)
        if self.affiliation is Affiliation.OWNER:
            if self.acts:  # else another bot has made it what it must be
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

    @property
    def acting(self) -> str | None:
        """The nick of the bot that acts on lines which are addressed to none."""
        return self.occupants.acting

    @property
    def acts(self) -> bool:
        """Whether that is us."""
        return self.membership.inside and self.acting in (None, self.membership.nick)

    def nick_of(self, full: str) -> str | None:
        """The nick of the session *full*; None if it is not in the room."""
        return self.occupants.nick_of(full)

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
        seen = None if direct else self.occupants.of(jid)
        if seen is not None:
            await self.whisper(seen.occupant.nick, reply)
        else:
            self._send_private(JID(jid), reply, "")

    def nick(self, jid: str) -> str | None:
        """What *jid* is called here; None if they are not here. Raises Away if we are not."""
        if not self.membership.inside:
            raise Away("I am not in the room")
        seen = self.occupants.of(jid)
        return seen.occupant.nick if seen is not None else None

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
        seen = self.occupants.get(nick)
        if seen is None:
            return
        if not _is_line(message):
            self._listen_in(message, seen)
            return
        text, addressed = address(message["body"], self.membership.nick)
        if addressed or self.acts:
            self._heard(self._line(message, seen.occupant, text, addressed=addressed))

    def _listen_in(self, message: Message, seen: Seen) -> None:
        """What another bot of this room says need not be said by us."""
        live = message.get_plugin("delay", check=True) is None
        theirs = seen.rank is not None and seen.occupant.affiliation is Affiliation.OWNER
        if live and theirs and message.get_plugin("json", check=True) is not None:
            facts = message["json"]["value"]
            if isinstance(facts, dict):
                self._overheard(facts)

    def _chat(self, message: Message) -> None:
        """A private message: through the room, or directly by somebody who belongs to it."""
        if not _is_line(message):
            return
        text, _ = address(message["body"], self.membership.nick)
        if message["from"].bare == self.room.bare:
            seen = self.occupants.get(message["from"].resource)
            if seen is not None:
                self._heard(self._line(message, seen.occupant, text, Channel.WHISPER))
        elif self.membership.inside:
            self._link.spawn(self._direct(message, text))

    async def _direct(self, message: Message, text: str) -> None:
        """What somebody who need not be in the room says: the room still knows who they are."""
        jid = message["from"].bare
        seen = self.occupants.of(jid)
        if seen is not None:
            by = seen.occupant
        else:
            by = Occupant(message["from"].user, await self.members.standing(jid), jid)
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
        if not presence["from"].resource:
            return  # ejabberd's rooms say what they can do
        seen, leaves = self.occupants.take(presence), presence["type"] == "unavailable"
        if NEW_NICK in presence["muc"]["status_codes"]:
            return  # the new one follows
        if presence["from"].resource == self.membership.nick:
            self.affiliation = Affiliation.NONE if leaves else seen.occupant.affiliation
            return
        state = None
        if presence.get_plugin("lab_target", check=True) is not None and not leaves:
            with contextlib.suppress(MalformedError):
                state = read_target(presence)
        self._arrived(seen, state, departure(presence) if leaves else None)

    def _dress(self, presence: Presence) -> None:
        presence["status"] = self._status()
        write_controller(presence, self._rank)


def _is_line(message: Message) -> bool:
    """Whether this is somebody speaking, now."""
    odd = ("delay", "replace", "json")
    return not any(message.get_plugin(plugin, check=True) is not None for plugin in odd)
