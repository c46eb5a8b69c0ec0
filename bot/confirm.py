"""
Questions before what costs: what would be lost, who must say yes, and until when. Pure.

Rule 1: a question is bound to the bare JID of who asked, to the very targets it named, and to a
time. Only then does ``yes 7f`` carry it out, once.

Rule 2: what has changed since for the worse was not agreed to: a target that went away, began
other work, or is no target any more is left as it is, and named (:func:`changes`).

Rule 3: where two people are needed, the second is somebody else, who may do it, too.
"""

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Generic, TypeVar

from agent.wire.errors import Busy, Forbidden, Refusal
from bot.grammar import NoSuch
from bot.lab import Target
from bot.occupant import Line
from bot.report.text import duration, safe

MOST = 5
"""Open questions of one person; the oldest goes first."""
REMEMBERED = 50
"""Questions that are over, so that a late yes hears why."""
CODES = tuple(f"{digit}{letter}" for digit in "23456789" for letter in "abcdefhkmnpqrtuvwxyz")
"""Short enough for a thumb; nothing that is a word, a number, or looks like another."""


class Cost(enum.StrEnum):
    """Why a line is asked back."""

    RUNNING = "running"  # it ends what is on
    DESTRUCTIVE = "destructive"  # a recipe destroys what is on the target
    MANY = "many"  # more targets at once than the settings say


@dataclass(frozen=True, slots=True)
class Stakes:
    """What carrying out a request costs, as the lab is now."""

    states: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """What each of its targets does: ``idle``, ``away``, ``runs job 17``."""
    costs: frozenset[Cost] = frozenset()
    losses: tuple[str, ...] = ()
    """A clause each: ``bob runs job 17 of ann: memtest, 43 %``."""


def state(target: Target) -> str:
    """What *target* does, in the words that :func:`changes` compares."""
    if target.state != "busy":
        return target.state
    return (
        f"runs job {target.job}" if target.job else f"runs {safe(target.doing, 60) or 'something'}"
    )


def changes(asked: Stakes, now: Stakes) -> dict[str, str]:
    """What is different from when it was asked, by target: ``away``, ``runs job 18``."""
    return {
        name: now.states.get(name, "no target any more")
        for name, then in asked.states.items()
        if now.states.get(name) not in (then, "idle")
    }


Q = TypeVar("Q")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question(Generic[Q]):
    """Something that waits for a yes."""

    code: str
    line: Line
    """What was said, and by whom."""
    asked: Q
    """The request as it will be carried out: its names found, its targets frozen."""
    stakes: Stakes
    two: bool
    """Whether somebody else must say yes."""
    since: float
    until: float


class Questions(Generic[Q]):
    """
    The open ones. Times are seconds of any clock that never goes back.

    Args:
        within: Seconds that a question stands.
        pick: Chooses one of several codes.
    """

    def __init__(self, *, within: float, pick: Callable[[Sequence[str]], str]) -> None:
        self.within, self._pick = within, pick
        self._open: dict[str, Question[Q]] = {}
        self._over: dict[str, Refusal] = {}

    def ask(self, line: Line, asked: Q, stakes: Stakes, *, two: bool, now: float) -> Question[Q]:
        """A new question; the same line again is the same one. Busy if too many wait."""
        self._expire(now)
        mine = [each for each in self._open.values() if each.line.by.jid == line.by.jid]
        for question in mine:
            if (question.line.id, question.line.text) == (line.id, line.text):
                return question
        if len(mine) >= MOST:
            self.close(mine[0].code, f"{mine[0].code} is over: you asked for {MOST} things since")
        if not (free := [code for code in CODES if code not in self._open]):
            raise Busy("too many questions wait for a yes", hint="Say it again in a minute.")
        fresh = [code for code in free if code not in self._over] or free
        code = self._pick(fresh)
        self._over.pop(code, None)
        self._open[code] = Question(
            code=code, line=line, asked=asked, stakes=stakes, two=two,
            since=now, until=now + self.within,
        )  # fmt: skip
        return self._open[code]

    def find(self, code: str, now: float) -> Question[Q]:
        """The open question *code*; the Refusal says why there is none."""
        self._expire(now)
        if code in self._over:
            raise self._over[code]
        if code not in self._open:
            hint = "Say the command again."
            raise NoSuch(f"there is no question {code}", hint=hint, likely=False)
        return self._open[code]

    def close(self, code: str, why: str, *, hint: str = "") -> None:
        """Question *code* is over; who answers it later hears *why*."""
        del self._open[code]
        self._over[code] = Refusal(why, hint=hint)
        if len(self._over) > REMEMBERED:
            del self._over[next(iter(self._over))]

    def _expire(self, now: float) -> None:
        for question in [each for each in self._open.values() if now >= each.until]:
            self.close(
                question.code,
                f"{question.code} is over: it stood for {duration(self.within)}",
                hint=f"Say it again: {safe(question.line.text, 100)}",
            )


def check_yes(question: Question[Q], jid: str | None) -> None:
    """Forbidden if *jid* is not the one whose yes it takes."""
    own = jid is not None and jid == question.line.by.jid
    nick = safe(question.line.by.nick, 60)
    if question.two and own:
        raise Forbidden(
            f"{question.code} needs a second person",
            hint=f"Somebody else who may do it says yes {question.code}.",
        )
    if not question.two and not own:
        raise Forbidden(f"{question.code} is {nick}'s to confirm", hint="Say the command yourself.")
