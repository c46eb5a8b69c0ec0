"""
Which targets are meant: what was said, and the lab's targets, become names. Pure.

Rule 1: one name that does not exist refuses the whole line; nothing is chosen in part.
Rule 2: the same words and lab give the same names: those said, in their order; of a number
of many, those with the shortest queue, then by name.
Rule 3: what is chosen is a list of names, frozen; who comes later is not meant.
"""

import contextlib
import fnmatch
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from agent.wire.errors import Busy, Refusal
from agent.wire.parameter import nearest
from bot.conditions import STATES, Condition, holds, outermost, unknown_facts
from bot.grammar import NoSuch, known
from bot.lab import Target
from bot.pattern import matches
from bot.places import standing
from bot.report.nodes import folded, split, unfolded
from bot.report.text import listed, plural, unique


@dataclass(frozen=True, slots=True)
class Word:
    """Something spelled like a name: ``bob``, ``pc[01-16,20]``, ``pc*``, ``rack3/*``."""

    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Every:
    """All targets, or all that are ``idle``, ``busy``, ``away``."""

    state: str = ""

    def __str__(self) -> str:
        return self.state or "all"


@dataclass(frozen=True, slots=True)
class Group:
    """A group of the configuration: ``@burnin``."""

    name: str

    def __str__(self) -> str:
        return f"@{self.name}"


@dataclass(frozen=True, slots=True)
class Failed:
    """Those whose runs of a job did not end well: ``failed in job 41``."""

    job: int

    def __str__(self) -> str:
        return f"failed in job {self.job}"


@dataclass(frozen=True, slots=True)
class Part:
    """What stands between two commas."""

    of: Word | Every | Group | Failed
    count: int | None = None
    """How many of them; None is all."""
    place: str = ""
    """Only those that stand there."""

    @property
    def is_by_name(self) -> bool:
        """Whether its targets are named, each of them, and nobody may leave one out."""
        is_name = isinstance(self.of, Word) and "*" not in self.of.text
        return is_name and self.count is None

    def __str__(self) -> str:
        of = f"{self.count} {self.of}" if self.count is not None else str(self.of)
        return f"{of} in {self.place}" if self.place else of


@dataclass(frozen=True, slots=True)
class Selection:
    """What a line says of its targets."""

    parts: tuple[Part, ...]
    but: tuple[Part, ...] = ()
    where: Condition | None = None

    @property
    def jobs(self) -> frozenset[int]:
        """The jobs that it names."""
        parts = (*self.parts, *self.but)
        return frozenset(part.of.job for part in parts if isinstance(part.of, Failed))

    def __str__(self) -> str:
        said = ", ".join(map(str, self.parts))
        if self.but:
            said += f" except {', '.join(map(str, self.but))}"
        return f"{said} where {outermost(self.where)}" if self.where is not None else said


def named(*words: str) -> Selection:
    """The selection that says *words*, each a name, a set of names or a pattern."""
    return Selection(tuple(Part(Word(word)) for word in words))


EVERYBODY = Selection((Part(Every()),))


@dataclass(frozen=True, slots=True)
class Choice:
    """The targets that are meant."""

    names: tuple[str, ...]
    by_name: frozenset[str] = frozenset()
    """Those of them that were said by name: nobody may leave them out."""
    absent: tuple[str, ...] = ()
    """Names of a group that no target has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What there is to choose from."""

    targets: Sequence[Target]
    groups: Mapping[str, Sequence[str]]
    failed: Mapping[int, Sequence[str]]
    """By job, who did not end it well."""
    suits: Callable[[str], bool] = bool
    """Whether the target could do it: of a number of targets, one that cannot is none."""


def choose(said: Selection, lab: Known, *, others: bool | None = None) -> Choice:
    """
    The targets that are meant; NoSuch or Refusal if there are none.

    Args:
        others: Whether everything else that the line names exists; None if that is nothing.
    """
    _check_names(said, lab, others)
    if not lab.targets:
        raise NoSuch("there is no target yet", hint="One has to come in first.", likely=False)
    out = {name for part in said.but for name in _members(part, lab)[0]}
    by_name: set[str] = set()
    absent: list[str] = []
    names: list[str] = []

    left = {
        target.name
        for target in lab.targets
        if target.name not in out and (said.where is None or holds(said.where, target) is True)
    }

    for part in said.parts:
        members, missing = _members(part, lab)
        absent += missing
        members = [name for name in members if name in left]
        if part.count is not None:
            rest = [name for name in members if name not in names]
            members = _some(part, part.count, rest, lab)
        elif part.is_by_name:
            by_name.update(members)
        names += members
    if not names:
        raise Busy(_nobody(said), hint="Say status for how they are.")
    return Choice(unique(names), frozenset(by_name), unique(absent))


def _nobody(said: Selection) -> str:
    first = said.parts[0].of
    if len(said.parts) == 1 and not said.but and said.where is None:
        if isinstance(first, Every):
            where = f" in {said.parts[0].place}" if said.parts[0].place else ""
            return f"no target{where} is {first.state}" if first.state else f"no target is{where}"
        if isinstance(first, Failed):
            return f"nobody failed in job {first.job}"
        if isinstance(first, Group):
            return f"no target of @{first.name} has come in yet"
    return f'no target is left of "{said}"'


def _too_few(part: Part, fit: Sequence[str], members: Sequence[str]) -> str:
    """``only 2 targets are idle in rack3 and can run that: bob and pc01, not 3``."""
    state = isinstance(part.of, Every) and part.of.state
    what = (f"are {part.of}" if state else "are there") + (
        f" in {part.place}" if part.place else ""
    )
    if isinstance(part.of, (Word, Group, Failed)):
        what = f"are {part.of}"
    able = " and can run that" if len(fit) < len(members) else ""
    if not fit:
        return f"no target {what.replace('are', 'is', 1)}{able}"
    are = what if len(fit) > 1 else what.replace("are", "is", 1)
    return (
        f"only {plural(len(fit), 'targets')} {are}{able}: {listed(folded(fit))}, not {part.count}"
    )


def _some(part: Part, count: int, members: Sequence[str], lab: Known) -> list[str]:
    """*count* of *members*, those that have least to do first."""
    queue = {target.name: (target.state != "idle", target.queue) for target in lab.targets}
    fit = sorted((name for name in members if lab.suits(name)), key=lambda name: queue[name])
    if len(fit) < count:
        raise Busy(
            _too_few(part, fit, members),
            hint=f"Say {len(fit)}, or name others." if fit else "Say status for how they are.",
        )
    return fit[:count]


# Names


def _check_names(said: Selection, lab: Known, others: bool | None) -> None:
    """NoSuch for the first name that does not exist; likely if all others do."""
    unknown: list[NoSuch] = []
    for part in (*said.parts, *said.but):
        try:
            _members(part, lab)
        except NoSuch as error:
            unknown.append(error)
    facts = list(unknown_facts(said.where)) if said.where is not None else []
    unknown += [NoSuch(f"no fact called {fact}", hint=hint, likely=True) for fact, hint in facts]
    if not unknown:
        return
    first = unknown[0]
    exist = len(said.parts) + len(said.but) - len(unknown) + len(facts)
    alone = len(unknown) == 1 and others is not False
    first.likely = alone and (bool(exist) or others is True or first.likely)
    raise first


def _members(part: Part, lab: Known) -> tuple[list[str], list[str]]:
    """Every target that *part* may mean, whatever its count; and names that nobody has."""
    absent: list[str] = []
    match part.of:
        case Word(text):
            names = _spelled(text, lab)
        case Every(state):
            names = [each.name for each in lab.targets if not state or STATES[state](each)]
        case Group(name):
            names, absent = _group(name, lab)
        case Failed(job):
            names = [each.name for each in lab.targets if each.name in lab.failed[job]]
    if part.place:
        here = standing(part.place, lab.targets)
        elsewhere = [name for name in names if name not in here]
        if elsewhere and part.is_by_name:  # one that was named is not dropped in silence
            they = f"{listed(folded(elsewhere))} {'does' if len(elsewhere) == 1 else 'do'}"
            hint = "Say status for where they are."
            raise NoSuch(f"{they} not stand in {part.place}", hint=hint, likely=True)
        names = [name for name in names if name in here]
    return names, absent


def _spelled(text: str, lab: Known) -> list[str]:
    """The targets that *text* names."""
    place, last = split(text)
    within = standing(place, lab.targets) if place else None
    names = [each.name for each in lab.targets if within is None or each.name in within]
    if "*" in last:
        found = [name for name in names if fnmatch.fnmatchcase(name.casefold(), last.casefold())]
        if not found:
            near = nearest(last.replace("*", ""), names)
            hint = f"Did you mean {near}?" if near else f"There are {listed(folded(names), 12)}."
            raise NoSuch(f"no target matches {text}", hint=hint, likely=False)
        return found
    several = unfolded(last)
    exist = {name.casefold() for name in names}
    missing = [each for each in several if each.casefold() not in exist]
    if len(missing) > 1:
        raise NoSuch(
            f"no targets called {listed(folded(missing), 4)}{f' in {place}' if place else ''}",
            hint=f"There are {listed(folded(names), 12)}." if names else "",
            likely=len(missing) < len(several),
        )
    return [known(each, names, "target", place=place) for each in several]


def _group(called: str, lab: Known) -> tuple[list[str], list[str]]:
    """The members of a group that are targets, and the names in it that nobody has."""
    name = known(called, lab.groups, "group")
    members: list[str] = []
    absent: list[str] = []
    for text in lab.groups[name]:
        found = [each.name for each in lab.targets if matches(text, each.name, each.location)]
        members += found
        if not set(text) & set("*?/"):
            with contextlib.suppress(Refusal):
                absent += [each for each in unfolded(text) if each not in found]
    return [*unique(members)], absent
