"""
Who may do what. Pure: the room vouches for people, the configuration for grants.

Rule 1: rights belong to real bare JIDs and to the room's affiliations, never to nicks.
Rule 2: whoever's bare JID the room hides may look, whatever their affiliation says.
"""

import enum
from collections.abc import Mapping

from agent.wire.errors import Forbidden
from bot.occupant import Affiliation, Occupant


class Permission(enum.IntEnum):
    """What a command needs; each includes the ones before it."""

    NOTHING = 0  # as a grant: not even looking, whatever the room says
    LOOK = 1
    RUN = 2  # start recipes, stop one's own jobs
    OPERATE = 3  # reboot, stop other people's jobs
    ADMIN = 4  # let targets and people in

    @classmethod
    def named(cls, word: str) -> "Permission":
        """The permission called *word* in the configuration; ValueError names the others."""
        try:
            return cls[word.upper()]
        except KeyError:
            names = ", ".join(permission.name.lower() for permission in cls)
            raise ValueError(f"no permission called {word!r}; there are {names}") from None


BY_AFFILIATION: Mapping[Affiliation, Permission] = {
    Affiliation.OWNER: Permission.ADMIN,
    Affiliation.ADMIN: Permission.ADMIN,
    Affiliation.MEMBER: Permission.RUN,
    Affiliation.NONE: Permission.LOOK,
    Affiliation.OUTCAST: Permission.NOTHING,
}


def held(by: Occupant, grants: Mapping[str, Permission]) -> Permission:
    """
    What *by* may do.

    Args:
        grants: By bare JID, in lower case. They add to what the affiliation gives,
            except NOTHING, which takes everything away.
    """
    standing = BY_AFFILIATION[by.affiliation]
    if by.jid is None:
        return min(standing, Permission.LOOK)
    granted = grants.get(by.jid.lower())
    if granted is Permission.NOTHING:
        return granted
    return max(standing, granted or Permission.NOTHING)


def check(by: Occupant, needs: Permission, grants: Mapping[str, Permission]) -> None:
    """Raise Forbidden unless *by* may do what *needs* says."""
    if held(by, grants) >= needs:
        return
    if by.jid is None and needs > Permission.LOOK:
        raise Forbidden(
            "you may only look: this room hides who you are",
            hint="An owner can make it show real addresses (non-anonymous).",
        )
    hint = {
        Permission.LOOK: "Ask an owner of this room.",
        Permission.RUN: "Ask an owner to make you a member of this room.",
    }.get(needs, "Owners and admins of this room may.")
    raise Forbidden(
        f"you may not do that: it needs the right to {needs.name.lower()}"
        if needs is not Permission.ADMIN
        else "you may not do that: it needs the rights of an admin",
        hint=hint,
    )
