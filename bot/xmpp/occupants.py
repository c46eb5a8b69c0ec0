"""Who is in the room, as its presences say; and which of the bots among them acts."""

import contextlib
from dataclasses import dataclass, replace

from slixmpp.stanza import Presence

from agent.wire.controller import read_controller
from agent.wire.fields import MalformedError
from bot.election import Candidate, elected
from bot.occupant import Affiliation, Occupant


@dataclass(frozen=True, slots=True)
class Seen:
    """Somebody in the room."""

    occupant: Occupant
    full: str | None
    """Real full JID, where the room shows it."""
    rank: int | None = None
    """Of a bot."""
    machine: bool = False
    """Whether it is a target."""
    changed: bool = False
    """Whether its affiliation is another than before."""


class Occupants:
    """Everybody in the room, us included, by nick."""

    def __init__(self) -> None:
        self._seen: dict[str, Seen] = {}

    def forget(self) -> None:
        """We enter anew: the room tells of everybody again."""
        self._seen.clear()

    def take(self, presence: Presence) -> Seen:
        """Who says *presence*; of who leaves, what was known before."""
        nick, item = presence["from"].resource, presence["muc"]
        try:
            affiliation = Affiliation(item["affiliation"] or "none")
        except ValueError:
            affiliation = Affiliation.NONE
        rank = None
        with contextlib.suppress(MalformedError):
            rank = read_controller(presence)
        jid, before = item["jid"], self._seen.get(nick)
        changed = before is not None and before.occupant.affiliation is not affiliation
        machine = presence.get_plugin("lab_target", check=True) is not None
        seen = Seen(
            Occupant(nick, affiliation, jid.bare or None), jid.full or None, rank, machine, changed
        )
        if presence["type"] == "unavailable":
            return replace(self._seen.pop(nick, seen), changed=changed)
        self._seen[nick] = seen
        return seen

    def get(self, nick: str) -> Seen | None:
        """The occupant called *nick*."""
        return self._seen.get(nick)

    def of(self, jid: str) -> Seen | None:
        """The occupant with bare JID *jid*, if there is one."""
        return next((seen for seen in self._seen.values() if seen.occupant.jid == jid), None)

    def nick_of(self, full: str) -> str | None:
        """The nick of the session with that full JID."""
        return next((nick for nick, seen in self._seen.items() if seen.full == full), None)

    def people(self) -> list[Occupant]:
        """Everybody who is no bot."""
        return [seen.occupant for seen in self._seen.values() if seen.rank is None]

    def nicks(self) -> list[str]:
        """What the people are called."""
        people = (seen for seen in self._seen.values() if seen.rank is None and not seen.machine)
        return [seen.occupant.nick for seen in people]

    @property
    def acting(self) -> str | None:
        """The nick of the bot that acts on lines which are addressed to none."""
        return elected(
            Candidate(nick, seen.rank, seen.occupant.affiliation is Affiliation.OWNER)
            for nick, seen in self._seen.items()
            if seen.rank is not None
        )
