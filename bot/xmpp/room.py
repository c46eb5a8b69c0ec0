"""
The bot's room: made and configured by us alone.

Rule 1: the room is members-only, persistent and non-anonymous, because rights belong to
real bare JIDs. Where we may not configure it we say so, with the cure.

Rule 2: of several bots one acts on lines that are addressed to none (:mod:`bot.election`).

What is said is heard in :mod:`bot.xmpp.hearing`; what we say is in :mod:`bot.xmpp.speech`.
"""

import contextlib
from collections.abc import Callable

import structlog
from slixmpp import JID
from slixmpp.stanza import Presence

from agent.wire.controller import write_controller
from agent.wire.fields import MalformedError
from agent.wire.link import Link
from agent.wire.membership import NEW_NICK, Entered, JoinError, Membership
from agent.wire.target import TargetState, read_target
from bot.departure import Departure
from bot.missed import PAST, Past
from bot.occupant import Affiliation, Line
from bot.xmpp.clients import Clients
from bot.xmpp.departure import departure
from bot.xmpp.hearing import Hearing
from bot.xmpp.members import Members
from bot.xmpp.occupants import Occupants, Seen
from bot.xmpp.speech import Speech

log = structlog.get_logger()

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
    Being in the room, and knowing who else is.

    Args:
        rank: Of several bots the one with the lowest acts.
        heard: Told of every line.
        arrived: Told of every presence of an occupant: real full JID, what it says of
            itself as a target if it does, and how it leaves if it does.
        overheard: Told of the facts of every answer that another bot gives in the room.
        past: Told of the room's history, once we have entered.
    """

    def __init__(
        self,
        link: Link,
        room: JID,
        *,
        rank: int,
        prefix: str,
        status: Callable[[], str],
        heard: Callable[[Line], None],
        arrived: Callable[[Seen, TargetState | None, Departure | None], None],
        overheard: Callable[[dict[str, object]], None],
        past: Callable[[list[Past]], None],
    ) -> None:
        self._link, self._status, self._arrived, self._rank = link, status, arrived, rank
        self.membership = Membership(link, room, dress=self._dress, seen=self._presence)
        self.room = room
        self.affiliation = Affiliation.NONE
        self.members = Members(link, room, us=lambda: self.affiliation)
        self.clients = Clients(link)
        self.occupants = Occupants()
        self.speech = Speech(link, self.membership, self.occupants, self.members)
        self._hearing = Hearing(
            link, self.membership, self.occupants, self.members, self.speech,
            prefix=prefix, acts=lambda: self.acts, heard=heard, overheard=overheard, past=past,
        )  # fmt: skip

    async def enter(self, nick: str) -> Entered:
        """Join, as *nick* or the nearest free one; make and configure the room if we may."""
        self.occupants.forget()
        self._hearing.enter()
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
                return await self.membership.join(wanted, create=True, past=PAST)
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

    def _presence(self, presence: Presence) -> None:
        if not presence["from"].resource:
            return  # ejabberd's rooms say what they can do
        seen, leaves = self.occupants.take(presence), presence["type"] == "unavailable"
        if NEW_NICK in presence["muc"]["status_codes"]:
            return  # the new one follows
        if presence["from"].resource == self.membership.nick:
            self.affiliation = Affiliation.NONE if leaves else seen.occupant.affiliation
            return
        if leaves and seen.full:
            self.clients.forget(seen.full)
        state = None
        if presence.get_plugin("lab_target", check=True) is not None and not leaves:
            with contextlib.suppress(MalformedError):
                state = read_target(presence)
        self._arrived(seen, state, departure(presence) if leaves else None)

    def _dress(self, presence: Presence) -> None:
        presence["status"] = self._status()
        write_controller(presence, self._rank)
