"""
The rights in bot.toml: people, groups and rules, read strictly, and what they come to.

Rule: a word that means nothing is an error that names its place; it never quietly allows or
denies less than was meant.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated

from pydantic import AfterValidator, Field

from agent.wire.parameter import nearest
from agent.wire.settings import BareJid, Strict
from agent.wire.vocabulary import NAME
from bot import pattern
from bot.commands import discover
from bot.occupant import Affiliation
from bot.policy import Permission, Rights, Rule
from bot.report.text import listed

ADDRESS = r"^[^@/\s]+@[^@/\s]+$"
_RECIPE = re.compile(r"[\w.*-]{1,60}")
_CLASSES = ("look", "run", "disrupt", "admin")
_OLD = {"operate": "disrupt"}
_ANSWERS = ("yes", "no")
"""Whoever may do what was asked may answer."""


def _who(word: str) -> str:
    if word.startswith("@") or word in set(Affiliation) or re.match(ADDRESS, word):
        return word
    raise ValueError(
        f"{word[:60]!r} is nobody: write an address like ann@lab.example, a group of [people] "
        f"like @burnin, or {', '.join(Affiliation)}"
    )


def _may(word: str) -> str:
    every = discover().items()
    verbs = [n for n, verb in every if verb.needs > Permission.LOOK and n not in _ANSWERS]
    word = _OLD.get(word, word)
    if word in _CLASSES or word in verbs:
        return word
    near = nearest(word, [*_CLASSES, *verbs])
    hint = f"the nearest is {near}" if near else f"there are {', '.join([*_CLASSES, *verbs])}"
    raise ValueError(f"{word[:60]!r} is no right and no command that needs one: {hint}")


def _on(word: str) -> str:
    return word if word.startswith("@") else pattern.check(word)


def _recipe(word: str) -> str:
    if _RECIPE.fullmatch(word) is None:
        raise ValueError(f"{word[:60]!r} is no recipe and no class of recipes")
    return word


GroupName = Annotated[str, Field(pattern=f"^{NAME.pattern}$")]
People = dict[GroupName, tuple[BareJid, ...]]
Groups = dict[GroupName, tuple[Annotated[str, AfterValidator(pattern.check)], ...]]


class Right(Strict):
    """What some people may, or (``deny``) may not."""

    who: Annotated[tuple[Annotated[str, AfterValidator(_who)], ...], Field(min_length=1)]
    """Addresses, ``@groups`` of ``[people]``, affiliations."""
    may: Annotated[tuple[Annotated[str, AfterValidator(_may)], ...], Field(min_length=1)]
    """``look``, ``run``, ``disrupt``, ``admin``, or single commands."""
    on: tuple[Annotated[str, AfterValidator(_on)], ...] = ()
    """Targets: patterns, ``@groups`` of ``[groups]``; empty means all."""
    recipes: tuple[Annotated[str, AfterValidator(_recipe)], ...] = ()
    """Recipes, or classes of recipes; empty means all."""
    deny: bool = False


def rights(
    rules: Iterable[Right],
    grants: Mapping[str, Permission],
    people: Mapping[str, tuple[str, ...]],
    groups: Mapping[str, tuple[str, ...]],
) -> Rights:
    """What the settings come to; ValueError names the rule, and what is wrong with it."""
    of_grants = [_granted(jid, permission) for jid, permission in grants.items()]
    numbered = enumerate(rules)
    return Rights((*of_grants, *(_rule(n, rule, people, groups) for n, rule in numbered)))


def _granted(jid: str, permission: Permission) -> Rule:
    nothing = permission is Permission.NOTHING
    return Rule(
        place="grants",
        people=frozenset({jid.lower()}),
        may=frozenset({Permission.LOOK if nothing else permission}),
        deny=nothing,
        text="look" if nothing else permission.name.lower(),
    )


def _rule(
    number: int,
    right: Right,
    people: Mapping[str, tuple[str, ...]],
    groups: Mapping[str, tuple[str, ...]],
) -> Rule:
    place = f"rights.{number}"
    who = list(_expanded(right.who, people, f"{place}.who", "people"))
    _about_targets(right, place)
    return Rule(
        place=place,
        people=frozenset(each.lower() for each in who if "@" in each),
        standings=frozenset(Affiliation(each) for each in who if "@" not in each),
        may=frozenset(Permission[each.upper()] for each in right.may if each in _CLASSES),
        commands=frozenset(each for each in right.may if each not in _CLASSES),
        on=tuple(_expanded(right.on, groups, f"{place}.on", "groups")),
        recipes=right.recipes,
        deny=right.deny,
        text=_text(right),
    )


def _expanded(
    words: Iterable[str], groups: Mapping[str, tuple[str, ...]], place: str, table: str
) -> Iterator[str]:
    """*words*, with the members in the place of each ``@group``."""
    for word in words:
        if not word.startswith("@"):
            yield word
        elif word[1:] in groups:
            yield from groups[word[1:]]
        else:
            near = nearest(word[1:], groups)
            hint = f", the nearest is @{near}" if near else ""
            raise ValueError(f"{place}: there is no {word[:60]} below [{table}]{hint}")


def _about_targets(right: Right, place: str) -> None:
    """Looking, and letting people in, is about the whole lab: limits would limit nothing."""
    verbs = discover()
    for word in right.may if right.on or right.recipes else ():
        whole = word in ("look", "admin") or (word in verbs and verbs[word].deeds is None)
        if whole:
            limit = "on" if right.on else "recipes"
            raise ValueError(
                f"{place}.{limit}: {word} is about the whole lab: leave {limit} out, or say that "
                "in a rule of its own"
            )


def _text(right: Right) -> str:
    """What it says, without about whom: ``run and reboot on rack3/*, only memtest``."""
    on = f" on {listed(right.on)}" if right.on else ""
    only = f", of recipes {listed(right.recipes)}" if right.recipes else ""
    return f"{listed(right.may)}{on}{only}"
