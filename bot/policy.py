"""
Who may do what. Pure: the room vouches for people, the configuration for rules.

Rule 1: rights belong to real bare JIDs and to the room's affiliations, never to nicks.
Rule 2: whoever's bare JID the room hides may look, whatever their affiliation says.
Rule 3: a denial wins, over the affiliation and over every other rule, wherever it stands.
Rule 4: what is not known is denied: a recipe that a target never described may be of any class.
"""

import enum
import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent.wire.errors import Forbidden
from bot import pattern
from bot.occupant import Affiliation, Occupant


class Permission(enum.IntEnum):
    """What a deed needs; each includes the ones before it."""

    NOTHING = 0  # as a grant: not even looking, whatever the room says
    LOOK = 1
    RUN = 2  # start recipes
    DISRUPT = 3  # reboot, stop other people's jobs
    OPERATE = 3  # how the settings called DISRUPT first, and may go on to
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

DESTRUCTIVE = "destructive"
"""The class of every recipe that destroys what is on its target, beside its own one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One thing that somebody may do or not: one command, on one target, with one recipe."""

    command: str
    needs: Permission
    target: str = ""
    """Empty where the command is about no target."""
    location: str = ""
    recipe: str = ""
    """What is run, if something is."""
    classes: frozenset[str] | None = frozenset()
    """Of the recipe; None if its target never described it."""

    @property
    def title(self) -> str:
        """As people say it: ``run memtest on bob``, ``reboot bob``."""
        if self.recipe:
            return f"{self.command} {self.recipe} on {self.target}"
        return f"{self.command} {self.target}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What some people may, or may not, beside what their affiliation gives."""

    place: str
    """Where it stands in the settings: ``rights.2``."""
    people: frozenset[str] = frozenset()
    """Bare JIDs in lower case, ``*`` for any text in them."""
    standings: frozenset[Affiliation] = frozenset()
    may: frozenset[Permission] = frozenset()
    commands: frozenset[str] = frozenset()
    """Single ones, beside what *may* includes."""
    on: tuple[str, ...] = ()
    """Patterns of :mod:`bot.pattern`; empty means everything, also what is about no target."""
    recipes: tuple[str, ...] = ()
    """Names of recipes, with ``*``, and classes; empty means all."""
    deny: bool = False
    text: str = ""
    """What it allows or denies, for people."""

    def is_about(self, by: Occupant) -> bool:
        """Whether *by* is one of those it is for."""
        jid = (by.jid or "").lower()
        return by.affiliation in self.standings or any(
            fnmatch.fnmatchcase(jid, each) for each in self.people
        )

    def covers(self, deed: Deed) -> bool:
        """Whether it allows, or denies, *deed*."""
        within = (
            any(least <= deed.needs for least in self.may)  # who may not run may not disrupt
            if self.deny
            else any(most >= deed.needs for most in self.may)
        )
        return (
            (within or deed.command in self.commands)
            and (not self.on or self._is_on(deed))
            and (not self.recipes or self._has(deed))
        )

    def _is_on(self, deed: Deed) -> bool:
        return bool(deed.target) and any(
            pattern.matches(each, deed.target, deed.location) for each in self.on
        )

    def _has(self, deed: Deed) -> bool:
        """Recipes narrow what may be run: a permission to reboot stays one."""
        if not deed.recipe:
            return not self.deny
        name = deed.recipe.casefold()
        if any(fnmatch.fnmatchcase(name, each.casefold()) for each in self.recipes):
            return True
        if deed.classes is None:
            return self.deny
        return not deed.classes.isdisjoint(self.recipes)


@dataclass(frozen=True, slots=True)
class Ruling:
    """Whether somebody may, why, and what to do about it if not."""

    allowed: bool
    because: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Rights:
    """Everybody's: the room's affiliations, and the rules of the settings."""

    rules: tuple[Rule, ...] = ()

    def judge(self, by: Occupant, deed: Deed) -> Ruling:
        """Whether *by* may do *deed*."""
        about = [rule for rule in self.rules if rule.is_about(by) and rule.covers(deed)]
        if denial := next((rule for rule in about if rule.deny), None):
            return Ruling(False, f"{denial.place} of my settings denies it", _WHO_SETS)
        standing = BY_AFFILIATION[by.affiliation]
        if by.jid is None and deed.needs > Permission.LOOK:
            hint = "An owner can make it show real addresses (non-anonymous)."
            return Ruling(False, "this room hides who you are", hint)
        if standing >= deed.needs:
            return Ruling(True, f"by being {_STANDS[by.affiliation]}")
        if about:
            return Ruling(True, f"by {about[0].place} of my settings")
        return Ruling(False, _needed(deed.needs), _HINTS[deed.needs])

    def check(self, by: Occupant, deeds: Sequence[Deed], *, who: str = "you may not") -> None:
        """Raise Forbidden unless *by*, called *who*, may do all of *deeds*."""
        refused = [(deed, ruling) for deed in deeds if not (ruling := self.judge(by, deed)).allowed]
        if not refused:
            return
        (deed, ruling), others = refused[0], len({deed.title for deed, _ in refused}) - 1
        more = f" (nor {others} more of it)" if others else ""
        raise Forbidden(f"{who} {deed.title}{more}: {ruling.because}", hint=ruling.hint)

    def of(self, by: Occupant) -> list[Rule]:
        """The rules that are about *by*."""
        return [rule for rule in self.rules if rule.is_about(by)]


_WHO_SETS = "Whoever runs the bot can change that."
_STANDS: Mapping[Affiliation, str] = {
    Affiliation.OWNER: "an owner of this room",
    Affiliation.ADMIN: "an admin of this room",
    Affiliation.MEMBER: "a member of this room",
    Affiliation.NONE: "in this room",
    Affiliation.OUTCAST: "banned from this room",
}
_HINTS: Mapping[Permission, str] = {
    Permission.LOOK: "Ask an owner of this room.",
    Permission.RUN: "Ask an owner to make you a member of this room.",
    Permission.DISRUPT: "Owners and admins of this room may.",
    Permission.ADMIN: "Owners and admins of this room may.",
}


def stands(affiliation: Affiliation) -> str:
    """``an owner of this room``."""
    return _STANDS[affiliation]


def _needed(needs: Permission) -> str:
    if needs is Permission.ADMIN:
        return "it needs the rights of an admin"
    return f"it needs the right to {needs.name.lower()}"
