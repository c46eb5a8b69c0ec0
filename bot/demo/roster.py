"""
Who is in the room, and what the targets do: what any client knows, from presence alone.

Rules: a target that left stays on the list, with its last words: it is expected back.
"""

from collections.abc import Mapping
from types import MappingProxyType

from slixmpp.stanza import Presence

from bot.report.text import safe

AWAY = "away"
STYLES = {"": "ansigreen", "dnd": "ansiyellow", "xa": "ansimagenta", AWAY: "ansired"}
"""The colour of a state, by presence's show."""


class Roster:
    """The occupants, as told by :meth:`see`."""

    def __init__(self) -> None:
        self._here: set[str] = set()
        self._targets: dict[str, tuple[str, str]] = {}

    @property
    def targets(self) -> Mapping[str, str]:
        """What each target does, by name in alphabetical order: ``memtest 43 %``."""
        return MappingProxyType({name: doing for name, (_, doing) in sorted(self._targets.items())})

    def present(self) -> set[str]:
        """The targets that are in the room."""
        return self._here & set(self._targets)

    def see(self, presence: Presence) -> str:
        """Take note; a line for people if somebody came or left, else nothing."""
        nick = safe(presence["from"].resource, 60)
        if presence["type"] == "unavailable":
            return self._left(nick, safe(presence["status"]))
        if presence.get_plugin("lab_target", check=True) is not None:
            self._targets[nick] = presence.xml.findtext("{*}show") or "", safe(presence["status"])
        came = nick not in self._here
        self._here.add(nick)
        return f"{nick} is here" if came else ""

    def _left(self, nick: str, why: str) -> str:
        if nick in self._targets:
            self._targets[nick] = AWAY, why or AWAY
        if nick not in self._here:
            return ""
        self._here.remove(nick)
        return f"{nick} left" + (f": {why}" if why else "")

    def states(self) -> list[tuple[str, str]]:
        """The targets' states in colour, for prompt_toolkit."""
        parts: list[tuple[str, str]] = []
        for name, (show, doing) in sorted(self._targets.items()):
            parts += [("", f" {name} "), (f"bold {STYLES.get(show, '')}", doing), ("", "  ")]
        return parts
