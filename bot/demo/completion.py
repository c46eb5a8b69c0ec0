"""
What may come next in a line that is being typed. Pure.

Rule 1: the grammar says what may come: the line up to the cursor is parsed, and what was looked
for where it ends is what is offered. A new command is completed without a word here.

Rule 2: names are those of things that exist: what the room shows, and what the bot says that
its targets can run.
"""

import enum
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import pyparsing as pp

from agent.wire.parameter import Kind, Parameter, RecipeInfo
from bot import grammar
from bot.verb import Verb


class Place(enum.StrEnum):
    """What the grammar calls the places that we can fill."""

    TARGET = "a target"
    RECIPE = "a recipe"
    PARAMETER = "a parameter like size=64M"
    JOB = "a job's number"
    COMMAND = "a command"


_WORD = re.compile(r"[^\s,&@]*\Z")

GOES_ON = frozenset({"on", "job"})
"""Fixed words that a name follows."""

Catalogues = Mapping[str, Mapping[str, RecipeInfo]]
"""Recipes by name, by target."""


@dataclass(frozen=True, slots=True)
class Known:
    """What there is."""

    targets: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """What each does now, by name."""
    catalogues: Catalogues = field(default_factory=lambda: MappingProxyType({}))
    jobs: Mapping[int, str] = field(default_factory=lambda: MappingProxyType({}))
    """What each is about, by number."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A word that may stand in place of the one being typed."""

    text: str
    about: str = ""
    """What it is, in a few words."""
    more: bool = False
    """Whether something follows it in most lines."""
    replaces: int = 0
    """How many characters before the cursor it stands for."""


def complete(line: str, verbs: Mapping[str, Verb[Any]], known: Known) -> list[Candidate]:
    """What the last word of *line*, up to the cursor, may become; that may be empty."""
    found = _WORD.search(line)
    word = found[0] if found else ""
    before = line[: len(line) - len(word)].lstrip()
    return [
        replace(candidate, replaces=len(word))
        for candidate in _offers(before, verbs, known)
        if candidate.text.casefold().startswith(word.casefold()) and candidate.text != word
    ]


def wants_recipes(line: str, verbs: Mapping[str, Verb[Any]]) -> bool:
    """Whether catalogues are needed to complete *line*."""
    found = _WORD.search(line)
    before = line[: found.start()] if found else line
    verb = verbs.get(before.split(" ", 1)[0].casefold())
    return verb is not None and not {Place.RECIPE, Place.PARAMETER}.isdisjoint(
        _expected(verb, before)
    )


def read_catalogues(facts: Mapping[str, Any]) -> Catalogues:
    """The catalogues out of the facts of the bot's answer to ``recipes``."""
    return {
        target: {name: _recipe(name, told) for name, told in recipes.items()}
        for target, recipes in facts.get("recipes", {}).items()
    }


def _recipe(name: str, told: Mapping[str, Any]) -> RecipeInfo:
    return RecipeInfo(
        name=name,
        summary=told.get("summary", ""),
        missing=told.get("missing", ""),
        params={key: _parameter(value) for key, value in told.get("params", {}).items()},
    )


def _parameter(told: Mapping[str, Any]) -> Parameter:
    return Parameter(
        kind=Kind(told["kind"]),
        default=told.get("default", ""),
        min=told.get("min"),
        max=told.get("max"),
        choices=tuple(told.get("choices", ())),
        help=told.get("help", ""),
    )


def _offers(before: str, verbs: Mapping[str, Verb[Any]], known: Known) -> Iterator[Candidate]:
    commands = [Candidate(verb.name, verb.summary) for verb in verbs.values()]
    if not before:
        yield from (replace(each, more=_takes_more(verbs[each.text])) for each in commands)
        return
    verb = verbs.get(before.split()[0].casefold())
    for expected in _expected(verb, before) if verb else ():  # else it is talk
        match expected:
            case grammar.Fixed():
                yield Candidate(expected.word, more=expected.word in GOES_ON)
            case Place.COMMAND:
                yield from commands
            case _:
                yield from _names(expected, before, known)


def _takes_more(verb: Verb[Any]) -> bool:
    return not isinstance(verb.grammar, pp.Empty | pp.Opt)


def _names(place: str, before: str, known: Known) -> Iterator[Candidate]:
    match place:
        case Place.TARGET:
            yield from _targets(before.casefold(), known.targets)
        case Place.RECIPE:
            yield from _recipes(known.catalogues)
        case Place.PARAMETER:
            yield from _parameters(before, known.catalogues)
        case Place.JOB:
            for number in sorted(known.jobs, reverse=True):
                yield Candidate(str(number), known.jobs[number])


def _targets(before: str, targets: Mapping[str, str]) -> Iterator[Candidate]:
    """Those that do not stand there yet; before the first of them, all of them at once, too."""
    words = before.split()
    if words[-1] in ("on", words[0]):
        yield from (Candidate("all", "every target"), Candidate("idle", "who is free"))
    used = set(re.findall(r"[^\s,&@=]+", before))
    for name, state in targets.items():
        if name.casefold() not in used:
            yield Candidate(name, state)


def _expected(verb: Verb[Any], before: str) -> list[str | grammar.Fixed]:
    """
    What the grammar looks for where *before* ends: fixed words, and the names of places.

    pyparsing tells what it tried and where by calling its elements' fail actions; they are ours
    for the time of this one call.
    """
    sentence = grammar.keyword(verb.name) + verb.grammar
    parts = sentence.visit_all()  # type: ignore[no-untyped-call]
    leaves = [part for part in parts if isinstance(part, pp.Token)]
    tried: list[str | grammar.Fixed] = []

    def failed(text: str, place: int, element: pp.ParserElement, _: Exception) -> None:
        what = element if isinstance(element, grammar.Fixed) else str(element)
        if place >= len(text) and what not in tried:
            tried.append(what)

    before_us = [leaf.failAction for leaf in leaves]
    for leaf in leaves:
        leaf.failAction = failed
    try:
        sentence.parse_string(before)
    except pp.ParseBaseException:
        pass  # a line that is not complete is what we came for
    finally:
        for leaf, action in zip(leaves, before_us, strict=True):
            leaf.failAction = action
    return tried


def _recipes(catalogues: Catalogues) -> Iterator[Candidate]:
    """Each once, with what it does; or with what it lacks where no target can run it."""
    offers: dict[str, list[RecipeInfo]] = {}
    for catalogue in catalogues.values():
        for name, info in catalogue.items():
            offers.setdefault(name, []).append(info)
    for name, infos in sorted(offers.items()):
        can = [info.summary for info in infos if not info.missing]
        yield Candidate(name, can[0] if can else infos[0].missing, more=True)


def _parameters(before: str, catalogues: Catalogues) -> Iterator[Candidate]:
    """Of the last recipe in *before*, those that were not given yet."""
    recipes = {name.casefold(): info for each in catalogues.values() for name, info in each.items()}
    step = re.split(r",|&|\band\b", before)[-1].casefold().split()
    info = next((recipes[word] for word in step if word in recipes), None)
    given = {word.partition("=")[0] for word in step}
    for name, parameter in info.params.items() if info else ():
        if name.casefold() not in given:
            for value in parameter.choices or (parameter.default,):
                yield Candidate(f"{name}={value}", _about(parameter))


def _about(parameter: Parameter) -> str:
    bounds = " to ".join(bound for bound in (parameter.min, parameter.max) if bound is not None)
    return ", ".join(part for part in (parameter.help.rstrip("."), bounds) if part)
