"""
People and machines that one may take for others: told of once.

People whose nicks look like a target's, like the bot's, or like somebody else's: pointed out.

Anybody may take any nick, and nothing follows from one: neither rights nor whom a command means.
But people read nicks, so they are told who is behind one that they may take for another. Machines
that share an account are worse: only one of them is heard.
"""

from collections.abc import Iterable, Sequence

from bot.alike import alike
from bot.config import Config
from bot.fleet import Fleet
from bot.notices import Notices
from bot.occupant import Occupant
from bot.report.text import safe


class Impostors:
    """
    Looks at everybody who comes in.

    Args:
        config: Says what our nick is, and who is a bot.
    """

    def __init__(self, notices: Notices, fleet: Fleet, config: Config) -> None:
        self._notices, self._fleet = notices, fleet
        self._nick, self._bots = config.nick, config.every_bot

    def look(self, at: Iterable[Occupant], others: Sequence[Occupant] = ()) -> None:
        """Point out whom of those people one may take for somebody, or something, else."""
        names = self._fleet.names()
        for person in at:
            if self._is_person(person):
                self._look(person, names, others)

    def clash(self, jid: str, where: str) -> None:
        """Target *jid* is asked by another process whether it is there; no more, if empty."""
        if not where:
            self._notices.forget("clash", jid)
            return
        text = (
            f"{self._fleet.name(jid)}: a second machine or agent uses its account, on "
            f"{safe(where, 60)}. It is kept out: give it a jid and an empty state folder of its own"
        )
        self._notices.tell("clash", jid, text)

    def _look(self, person: Occupant, names: Iterable[str], others: Sequence[Occupant]) -> None:
        who = f'"{safe(person.nick, 60)}" here is {safe(person.jid or "somebody", 120)}'
        if alike(person.nick, self._nick):
            self._tell(person, "", f"{who}, and not me")
        for name in names:
            if alike(person.nick, name):
                self._tell(person, name, f"{who}, and not the target {name}")
        for other in others:
            if (
                self._is_person(other)
                and other.jid != person.jid
                and alike(person.nick, other.nick)
            ):
                self._tell_two(person, other)

    def _is_person(self, by: Occupant) -> bool:
        return by.jid is not None and by.jid not in self._bots and not self._fleet.belongs(by.jid)

    def _tell(self, person: Occupant, name: str, text: str) -> None:
        self._notices.tell("alike", f"{person.jid}/{name}", f"{text}: I go by addresses")

    def _tell_two(self, one: Occupant, other: Occupant) -> None:
        first, second = sorted((one, other), key=lambda by: by.jid or "")
        text = " and ".join(
            f'"{safe(by.nick, 60)}" ({safe(by.jid or "", 120)})' for by in (first, second)
        )
        self._notices.tell(
            "alike", f"{first.jid}/{second.jid}", f"{text} are two people: I go by addresses"
        )
