"""
What stands behind "where": comparisons of facts, and their truth for one target. Pure.

Rule 1: a fact that a target has not told is neither true nor false, and neither is what
hangs on it: such a target is not chosen.
Rule 2: text is compared in any case, with ``*`` for any letters; versions by their numbers.
"""

import enum
import fnmatch
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from agent.wire.errors import BadValue
from agent.wire.parameter import format_size, nearest, read_size
from bot.lab import Target
from bot.report.text import listed


class Sort(enum.Enum):
    """What kind of fact it is, so how it is compared."""

    SIZE = "a size like 64G"
    NUMBER = "a number"
    VERSION = "a version like 6.1"
    TEXT = "a text"


FACTS: Mapping[str, tuple[Sort, str]] = {
    "memory": (Sort.SIZE, "what is plugged in"),
    "cpus": (Sort.NUMBER, "logical processors"),
    "arch": (Sort.TEXT, "`x86_64`, `aarch64`"),
    "kernel": (Sort.VERSION, "as `uname -r` says it"),
    "os": (Sort.TEXT, "`Debian GNU/Linux 12 (bookworm)`"),
    "cpu": (Sort.TEXT, "the processor's model"),
    "vendor": (Sort.TEXT, "who made the machine, as its firmware says"),
    "model": (Sort.TEXT, "which one it is, likewise"),
    "firmware": (Sort.TEXT, "the version of its firmware (BIOS), as that says"),
    "dimms": (Sort.NUMBER, "modules of memory, as the firmware says to root"),
    "ecc": (Sort.TEXT, "`yes` or `no`: whether the memory corrects errors, likewise"),
    "disks": (Sort.NUMBER, "whole disks"),
    "nics": (Sort.NUMBER, "network cards"),
    "location": (Sort.TEXT, "where it stands, as its agent is told"),
    "version": (Sort.VERSION, "of its agent"),
    "queue": (Sort.NUMBER, "runs that wait there"),
}
"""What may be asked of a target, how it is compared, and what it is."""

ALIASES = {"ram": "memory", "mem": "memory", "cores": "cpus", "architecture": "arch"}
STATES: Mapping[str, Callable[[Target], bool]] = {
    "idle": lambda target: target.state == "idle",
    "busy": lambda target: target.state == "busy",
    "rebooting": lambda target: target.state == "rebooting",
    "down": lambda target: target.state == "down",
    "away": lambda target: not target.present,
    "offline": lambda target: not target.present,
    "online": lambda target: target.present,
}
"""Words that are true of a target, or not."""

COMPARE: Mapping[str, Callable[[int], bool]] = {
    ">=": lambda order: order >= 0,
    "<=": lambda order: order <= 0,
    "!=": lambda order: order != 0,
    ">": lambda order: order > 0,
    "<": lambda order: order < 0,
    "=": lambda order: order == 0,
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """``memory >= 64G``."""

    fact: str
    sign: str
    value: str

    def __str__(self) -> str:
        value = f'"{self.value}"' if re.search(r"[^\w./:@%+*-]", self.value) else self.value
        return f"{self.fact} {self.sign} {value}"


@dataclass(frozen=True, slots=True)
class Being:
    """``busy``."""

    state: str

    def __str__(self) -> str:
        return self.state


@dataclass(frozen=True, slots=True)
class Negation:
    """``not busy``."""

    of: "Condition"

    def __str__(self) -> str:
        return f"not {self.of}"


@dataclass(frozen=True, slots=True)
class Junction:
    """Conditions that must all be true, or (``word`` is "or") any of them."""

    word: str
    of: "tuple[Condition, ...]"

    def __str__(self) -> str:
        return f"({f' {self.word} '.join(map(str, self.of))})"


Condition = Comparison | Being | Negation | Junction


def outermost(condition: Condition) -> str:
    """*condition* as people write it: brackets stand only within."""
    text = str(condition)
    return text[1:-1] if isinstance(condition, Junction) else text


def comparison(fact: str, sign: str, value: str) -> Comparison:
    """What is meant by the words of a line; BadValue if *value* cannot be compared so."""
    fact = ALIASES.get(fact.casefold(), fact.casefold())
    sort, _ = FACTS.get(fact, (Sort.TEXT, ""))
    if sort is Sort.SIZE:
        size = read_size(value)
        value = "" if size is None else format_size(size)
    elif sort in NEEDS and re.fullmatch(NEEDS[sort], value) is None:
        value = ""
    if not value:
        raise BadValue(f"{fact} is {sort.value}", hint=f"Write it like {_example(fact, sort)}.")
    if sort is Sort.TEXT and fact in FACTS and sign not in ("=", "!="):
        raise BadValue(f"{fact} is a text: it has no order", hint=f"Say {fact} = {value}.")
    return Comparison(fact, sign, value)


NEEDS = {Sort.NUMBER: r"[0-9]{1,9}", Sort.VERSION: r"[^*0-9]*[*0-9].*"}
EXAMPLES = {Sort.SIZE: "64G", Sort.VERSION: "6.1"}


def _example(fact: str, sort: Sort) -> str:
    return f"{fact} >= {EXAMPLES.get(sort, '8')}"


def unknown_facts(condition: Condition) -> Iterator[tuple[str, str]]:
    """Every fact in *condition* that there is not, with a hint."""
    match condition:
        case Comparison(fact) if fact not in FACTS:
            near = nearest(fact, [*FACTS, *ALIASES])
            yield fact, f"Did you mean {near}?" if near else f"There are {listed([*FACTS], 20)}."
        case Negation(of):
            yield from unknown_facts(of)
        case Junction(_, several):
            for each in several:
                yield from unknown_facts(each)


def holds(condition: Condition, target: Target) -> bool | None:
    """Whether *condition* is true of *target*; None if that is not known."""
    match condition:
        case Being(state):
            return STATES[state](target)
        case Negation(of):
            inner = holds(of, target)
            return None if inner is None else not inner
        case Junction(word, several):
            truths = [holds(each, target) for each in several]
            decisive = word == "or"  # one true "or" decides, as does one false "and"
            if decisive in truths:
                return decisive
            return None if None in truths else not decisive
        case Comparison():
            return _compare(condition, target)


def _compare(asked: Comparison, target: Target) -> bool | None:
    told = {"location": target.location, "version": target.version, "queue": target.queue}
    value = {**target.machine.known, **told}.get(asked.fact, "")
    if value == "":
        return None
    sort, _ = FACTS[asked.fact]
    text = str(value).casefold()
    if sort is Sort.TEXT or "*" in asked.value:
        pattern = re.sub(r"([\[?])", r"[\1]", asked.value.casefold())
        return fnmatch.fnmatchcase(text, pattern) is (asked.sign == "=")
    ours, theirs = _order(text, sort), _order(asked.value, sort)
    if sort is Sort.VERSION:
        ours = ours[: len(theirs)]  # "kernel = 6.1" is true of 6.1.0-21
    return COMPARE[asked.sign]((ours > theirs) - (ours < theirs))


def _order(value: str, sort: Sort) -> tuple[int, ...]:
    if sort is Sort.SIZE:
        return (read_size(value) or 0,)
    return tuple(int(part) for part in re.findall(r"[0-9]{1,18}", value)[:6])
