"""
Signs of life on the stream: pings, what counts as an answer, and what is done to ghosts.

Rule 1: a sign of life is what the session itself has sent now. Not a presence of type
unavailable, nor an error, which a server sends in its name; not what is delayed; not what a room
says of it.

Rule 2: a ghost is thrown out of the room (XEP-0045, section 8.2), so that everybody's client
tells the truth. Where the server lets us its session is ended, too (XEP-0133, section 4.5): then
contacts hear of it, and messages for it are queued again instead of vanishing.
"""

import asyncio
import ipaddress
from collections.abc import Callable

import structlog
from slixmpp import JID
from slixmpp.exceptions import IqError, IqTimeout
from slixmpp.stanza import Iq, Message
from slixmpp.xmlstream import StanzaBase

from agent.wire.link import Link
from bot.xmpp.room import Room

log = structlog.get_logger()

ECHO = 10.0
"""Seconds that our server has to answer; after that the link itself is in doubt."""
ANSWER = 10.0
"""Seconds for the room, or the server, to do what we ask."""
END_SESSION = "http://jabber.org/protocol/admin#end-user-session"
ASKS_AT_ONCE = 10
"""ICMP questions at the same time."""


class Vitals:
    """
    :class:`bot.vigil.Edges` on slixmpp.

    Args:
        heard: Told of every session (its full JID) that has sent something.
    """

    def __init__(self, link: Link, room: Room, heard: Callable[[str], None]) -> None:
        self._link, self._room, self._heard = link, room, heard
        self._may_end = True
        self._turn = asyncio.Semaphore(ASKS_AT_ONCE)
        for plugin in ("xep_0004", "xep_0050"):
            link.client.register_plugin(plugin)
        link.client.add_filter("in", self._note)
        link.client.add_event_handler("session_start", self._hope)

    @property
    def acts(self) -> bool:
        """Whether we are the one of the room's bots that acts."""
        return self._room.acts

    # Questions

    def ping(self, full: str) -> bool:
        """Ask *full* (XEP-0199, section 4.3); any answer is heard like everything else."""
        iq = self._link.iq(full, "get")
        iq.enable("ping")
        if self._link.online:
            self._link.client.send(iq)  # not iq.send(), which wants an answer to this very one
        return self._link.online

    async def echo(self) -> bool:
        """Whether our server has taken all that was sent before."""
        if not self._link.online:
            return False
        iq = self._link.iq(self._link.jid.domain, "get")
        iq.enable("ping")
        try:
            await iq.send(timeout=ECHO)
        except IqTimeout:
            return False
        except IqError:
            return True  # it will not say, but it has heard us
        return True

    async def echoes(self, address: str) -> bool | None:
        """Whether *address* answers ICMP; None if it is our own, or there is no program to ask."""
        if ipaddress.ip_address(address).is_loopback:
            return None
        argv = ("ping", "-n", "-q", "-c", "1", "-W", "1", address)
        try:
            async with self._turn:
                process = await asyncio.create_subprocess_exec(
                    *argv, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
                )
                code = await process.wait()
        except OSError as error:
            log.info("icmp.impossible", reason=str(error), cure="install iputils-ping")
            return None
        return {0: True, 1: False}.get(code)  # 2: it could not even send

    # Answers

    def _note(self, what: StanzaBase) -> StanzaBase:
        """A filter of what comes in: who sent it lives."""
        if isinstance(what, Iq | Message) and what["type"] != "error" and not _delayed(what):
            sender = what["from"]
            if sender.resource and sender.bare != self._room.room.bare:
                self._heard(str(sender))
        return what

    # Ghosts

    def _hope(self, _: object) -> None:
        """A new session: what the server let us do may have changed."""
        self._may_end = True

    async def remove(self, full: str) -> None:
        """Remove the ghost of *full* from the room, and its session from the server."""
        nick = self._room.nick_of(full)
        await asyncio.gather(self._kick(nick, full), self._end(full))

    async def _kick(self, nick: str | None, full: str) -> None:
        if nick is None:
            return  # it is out already, or somebody else has its nick
        try:
            await self._link.client.plugin["xep_0045"].set_role(
                self._room.room, nick, "none", reason="no answer", timeout=ANSWER
            )
        except (IqError, IqTimeout) as error:
            log.warning(
                "ghost.stays", jid=full, reason=_why(error),
                cure="an owner of the room can make the bot an owner of it",
            )  # fmt: skip
        else:
            log.info("ghost.kicked", jid=full, nick=nick)

    async def _end(self, full: str) -> None:
        if not self._may_end:
            return
        commands = self._link.client.plugin["xep_0050"]
        domain = JID(self._link.jid.domain)
        try:
            asked = await commands.send_command(domain, END_SESSION, timeout=ANSWER)
            form = self._link.client.plugin["xep_0004"].make_form("submit")
            form.add_field("FORM_TYPE", "hidden", value="http://jabber.org/protocol/admin")
            for name in asked["command"]["form"].get_fields():
                if name.startswith("accountjid"):  # of one on ejabberd, of several on Prosody
                    form.add_field(name, value=full)
            session = asked["command"]["sessionid"]
            await commands.send_command(
                domain, END_SESSION, action="complete", payload=form, sessionid=session,
                timeout=ANSWER,
            )  # fmt: skip
        except (IqError, IqTimeout) as error:
            self._may_end = isinstance(error, IqTimeout)
            log.info(
                "ghost.session_stays", jid=full, reason=_why(error),
                cure="make the bot an admin of the server (docs/servers.md), or leave it so",
            )  # fmt: skip
        else:
            log.info("ghost.session_ended", jid=full)


def _delayed(what: Iq | Message) -> bool:
    return isinstance(what, Message) and what.get_plugin("delay", check=True) is not None


def _why(error: IqError | IqTimeout) -> str:
    return "no answer" if isinstance(error, IqTimeout) else str(error.condition)
