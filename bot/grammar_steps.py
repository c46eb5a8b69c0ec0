"""
How steps are written: ``memtest size=64M 2 times then reboot``, ``stress for 2h30m``.

Rule 1: what is said behind a recipe is for that recipe; what is said behind the targets
(``run memtest, stress on bob 3 times``) for all of them, one after the other.
Rule 2: a run ends with its first bad step, so "until failure" is as often as a run can hold.
"""

import enum
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import pyparsing as pp

from agent.wire.duration import PHRASE, WORDS, seconds, spelled
from agent.wire.errors import Refusal
from agent.wire.parameter import FOR
from agent.wire.vocabulary import NAME, Step
from bot.grammar import PLAIN, Fixed, several

MOST_STEPS = 32
"""Of one run."""
LONGEST_WAIT = 30 * 86400
"""Seconds that an order may wait for its target."""

_VALUE = (
    r"\"[^\"\n]{0,200}\"|[0-9]+(?:[.,][0-9]+)?\s?(?:[kmgt]i?b?|bytes)(?![\w.=-])"
    rf"|(?:{PHRASE})(?![\w.=-])|[A-Za-z0-9_./:@%+-]{{1,200}}"
)
_RECIPE = (
    r"(?!(?i:on|and|all|now|for|then|until|till|it|that|this|them|me|my|the)(?![\w.@-]))"
    rf"{NAME.pattern}(?<![.-])"
)
_NUMBER = rf"(?:[0-9]{{1,4}}|{'|'.join(WORDS)})"
_THEN = (
    r"(?:,(?:\s*and(?![\w.-]))?(?:\s*then(?![\w.-]))?|and(?:\s+then)?(?![\w.-])"
    r"|then(?![\w.-])|&|->|\u2192)"
)


class Said(enum.Enum):
    """What is said beside parameters, with how people know it when it is there twice."""

    TIMES = "how often"
    UNTIL = '"until"'
    WAIT = "how long it waits"
    SKIP = "whom to skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is said behind the targets of a run."""

    params: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """For the only step."""
    times: int = 1
    until_failure: bool = False
    skip: frozenset[str] = frozenset()
    """States in which a target is left out: ``away``, ``busy``."""
    wait: int | None = None
    """Seconds that the order waits for its target; None is the configured patience."""


ONCE = Terms()


class TooLong(Refusal):
    """A run of more steps than it may have."""

    condition = "bad-request"


@dataclass(frozen=True, slots=True)
class Repeated:
    """A step, and how often."""

    step: Step
    times: int = 1
    until_failure: bool = False


def expanded(said: Sequence[Repeated], terms: Terms) -> tuple[Step, ...]:
    """Every step of the run, in order; Refusal if they are too many."""
    count = sum(each.times for each in said) * terms.times
    if count > MOST_STEPS:
        raise TooLong(
            f"that is {count} steps: a run has at most {MOST_STEPS} on a target",
            hint="Say fewer times, or give a recipe more time.",
        )
    steps = [each.step for each in said for _ in range(each.times)] * terms.times
    if terms.until_failure or any(each.until_failure for each in said):
        steps *= MOST_STEPS // len(steps) if terms.times == 1 else 1
    return tuple(steps)


def steps(name: str) -> pp.ParserElement:
    """Recipes with their parameters, one after the other; a tuple of Repeated in *name*."""
    recipe = pp.Regex(_RECIPE + r"(?![\w.=-])").set_name("a recipe")
    before = pp.Regex(rf"(?P<n>{_NUMBER})\s*(?:x|times)(?=\s)", re.IGNORECASE)
    before.set_name("how often").set_parse_action(_often)
    said = _parameter() | _span() | _times() | _until()
    step: pp.ParserElement = pp.Opt(before) + recipe + said[...]
    return several(step.set_parse_action(_step), _THEN, name)


def terms(name: str) -> pp.ParserElement:
    """What may follow the targets, in any order; Terms in *name*."""
    comma = pp.Suppress(pp.Regex(r",(?:\s*and(?![\w.-]))?|and(?![\w.-])", re.IGNORECASE))
    one = _parameter() | _span() | _times() | _until() | _skip() | _wait()
    every: pp.ParserElement = (pp.Opt(comma) + one)[...]
    return every.set_parse_action(_terms)(name)


def _parameter() -> pp.ParserElement:
    parameter = pp.Regex(
        rf"(?:with\s+)?(?P<key>{PLAIN})\s*=\s*(?P<value>{_VALUE})", re.IGNORECASE
    ).set_name("a parameter like size=64M")
    return parameter.set_parse_action(lambda found: (found["key"], found["value"].strip('"')))


def _phrase() -> pp.ParserElement:
    phrase = pp.Regex(rf"(?:{PHRASE})(?![\w.=-])", re.IGNORECASE)
    return phrase.set_name("how long, like 30s or 2h30m").set_parse_action(_seconds)


def _seconds(line: str, place: int, found: pp.ParseResults) -> int:
    span = seconds(found[0])
    if span is None:
        near = line.find(found[0], place)
        raise pp.ParseFatalException(line, near, f'"{found[0]}" is no time: the larger unit first')
    return span


def _span() -> pp.ParserElement:
    """``for 5 min`` as a parameter, short: which one that is, the recipe knows."""
    # "-": after "for" there is no way back, so the error stands behind it.
    span = pp.Suppress(Fixed(FOR)) - _phrase()
    return span.set_parse_action(lambda found: (FOR, spelled(found[0])))


def _times() -> pp.ParserElement:
    pattern = (
        rf"(?:(?P<n>{_NUMBER})\s*(?:x|times?)|x\s*(?P<m>[0-9]{{1,4}})|(?P<w>once|twice|thrice))"
    )
    times = pp.Regex(rf"{pattern}(?![\w.=-])", re.IGNORECASE).set_name("how often, like 3 times")
    return times.set_parse_action(_often)


def _often(line: str, place: int, found: pp.ParseResults) -> tuple[Said, int]:
    said = next(value for value in found.as_dict().values() if value).lower()
    words = {"once": 1, "twice": 2, "thrice": 3} | WORDS
    times = words[said] if said in words else int(said)
    if times < 1:
        raise pp.ParseFatalException(line, place, "0 times is not at all: at least once")
    return Said.TIMES, times


def _until() -> pp.ParserElement:
    until = pp.Suppress(pp.Regex(r"(?:until|till)(?![\w.=-])", re.IGNORECASE).set_name('"until"'))
    failure = pp.Regex(
        r"(?:(?:the\s+)?first\s+)?(?:failure|fails?|failed|error)(?![\w.=-])"
        r"|(?:it|one)\s+(?:fails|breaks)(?![\w.=-])",
        re.IGNORECASE,
    ).set_name('"failure"')
    return (until - failure).set_parse_action(lambda: (Said.UNTIL, True))


def _skip() -> pp.ParserElement:
    """``if offline skip``, ``skip if busy``, ``if away wait 8h``."""
    state = pp.Regex(r"(?:it\s+is\s+)?(?P<state>offline|away|busy)(?![\w.=-])", re.IGNORECASE)
    state.set_name('"offline" or "busy"').set_parse_action(lambda found: found["state"].lower())
    comma = pp.Suppress(pp.Opt(","))
    do = pp.Regex(r"skip(?:\s+(?:it|them))?(?![\w.=-])", re.IGNORECASE)
    either = do.set_parse_action(lambda: Said.SKIP) | _wait()
    then = either.set_name('"skip", or "wait" with a time')
    first = pp.Suppress(Fixed("if")) - state - comma - then
    last = pp.Suppress(Fixed("skip")) - pp.Suppress(pp.Opt(Fixed("if"))) - state
    return (first | last).set_parse_action(_leave)


def _leave(found: pp.ParseResults) -> tuple[Said, Any]:
    """``if offline wait 8h`` says no more than ``wait 8h``."""
    state, *then = found
    return (Said.SKIP, state) if then in ([], [Said.SKIP]) else then[0]


def _wait() -> pp.ParserElement:
    """How long the order may wait for its target."""
    start = pp.Regex(r"wait(?![\w.=-])(?:\s+(?:for|up\s+to|at\s+most)(?!\w))?", re.IGNORECASE)
    wait = pp.Suppress(start.set_name('"wait"')) - _phrase()
    return wait.set_parse_action(_patience)


def _patience(line: str, place: int, found: pp.ParseResults) -> tuple[Said, int]:
    if not 0 < found[0] <= LONGEST_WAIT:
        raise pp.ParseFatalException(line, place, "an order waits between 1s and 30d")
    return Said.WAIT, found[0]


def _step(line: str, place: int, found: pp.ParseResults) -> Repeated:
    said = list(found)
    recipe = said.pop(0) if isinstance(said[0], str) else said.pop(1)  # "3x memtest"
    params, rest = _once(line, place, said)
    return Repeated(Step(recipe, params), rest.get(Said.TIMES, 1), Said.UNTIL in rest)


def _terms(line: str, place: int, found: pp.ParseResults) -> Terms:
    states = [value for key, value in found if key is Said.SKIP]
    params, rest = _once(line, place, [pair for pair in found if pair[0] is not Said.SKIP])
    return Terms(
        params=params,
        times=rest.get(Said.TIMES, 1),
        until_failure=Said.UNTIL in rest,
        skip=frozenset("away" if state == "offline" else state for state in states),
        wait=rest.get(Said.WAIT),
    )


def _once(
    line: str, place: int, said: Sequence[tuple[str | Said, Any]]
) -> tuple[dict[str, str], dict[Said, Any]]:
    """Parameters and the rest, none of them twice."""
    given = dict(said)
    if len(given) < len(said):
        keys = [key for key, _ in said]
        twice = next(key for key in keys if keys.count(key) > 1)
        what = "how long is said twice" if twice == FOR else f"{twice} is given twice"
        if isinstance(twice, Said):
            raise pp.ParseFatalException(line, place, f"{twice.value} is said twice")
        again = [m.start() for m in re.finditer(rf"(?i:\b{re.escape(twice)}\b)", line[place:])]
        raise pp.ParseFatalException(line, place + again[-1] if again else place, what)
    params = {key: value for key, value in given.items() if isinstance(key, str)}
    return params, {key: value for key, value in given.items() if isinstance(key, Said)}
