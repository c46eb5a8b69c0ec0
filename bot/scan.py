"""
What is looked for in a log that is read once, from its beginning. Pure, in bounded memory.

Rule: a line is as a person sees it, and has its number, from 1. No pattern language: the time
is linear in the log, whatever is asked for.
"""

import re
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from bot.report.printed import WIDEST
from bot.report.text import safe

_WORDS = (
    "error", "fail", "fatal", "panic", "oops", "segfault", "traceback", "exception", "corrupt",
    "mismatch", "timed out", "timeout", "killed", "no space", "denied", "machine check", "mce:",
    "lockup", "abort", "cannot", "uncorrect", "unrecover", "bad block", "bad page",
)  # fmt: skip
"""In a line of which nothing better is known, a sign that something went wrong."""

_HARMLESS = re.compile(
    r"\b(?:no|0|zero|without)[ _-](?:\w+[ _-]){0,2}(?:errors?|fail(?:ed|ures?|s)?)\b"
    r"|\b(?:errors?|fail(?:ed|ures?|s)?)\b[ \t]{0,20}[:=][ \t]{0,20}0+(?![\d.x])",
    re.IGNORECASE,
)
"""No errors, 0 failed, errors: 0."""

Test = Callable[[str], bool]


class Scan(Protocol):
    """Looks at the lines of a log as they come."""

    enough: bool
    """Whether nothing that follows would matter."""

    def feed(self, lines: Sequence[str]) -> None:
        """Look at the next *lines*."""
        ...


class Span:
    """The lines from *first* to *last*, both included."""

    def __init__(self, first: int, last: int) -> None:
        self._first, self._last = first, last
        self.lines: list[str] = []
        self.seen = 0
        """Lines that were looked at."""
        self.enough = False

    def feed(self, lines: Sequence[str]) -> None:
        """Look at the next *lines*."""
        start = max(0, self._first - 1 - self.seen)
        self.lines += [shown(line) for line in lines[start : max(0, self._last - self.seen)]]
        self.seen += len(lines)
        self.enough = self.seen >= self._last


class Search:
    """
    The lines of which *matches* is true, counted; of the first of them, what they say.

    Args:
        skim: Whether a line of a text can be one of them: a quick look at many at once.
        most: How many are kept.
        around: Lines before and after each that are kept, too.
    """

    def __init__(self, matches: Test, *, skim: Test, most: int, around: int = 0) -> None:
        self._matches, self._skim = matches, skim
        self._most, self._around = most, around
        self._before: list[str] = []
        self._after = 0  # lines that are still to be kept
        self.count = 0
        self.hits: list[int] = []
        """The numbers of those that are kept."""
        self.texts: dict[int, str] = {}
        """By number, those and the lines around them."""
        self.seen = 0
        self.enough = False

    def feed(self, lines: Sequence[str]) -> None:
        """Look at the next *lines*."""
        if self._after or self._skim("\n".join(lines)):
            for at, line in enumerate(lines):
                self._look(at, line, lines)
        self.seen += len(lines)
        if self._around:
            self._before = [*self._before, *lines[-self._around :]][-self._around :]

    def _look(self, at: int, line: str, lines: Sequence[str]) -> None:
        number = self.seen + at + 1
        if self._matches(line):
            self.count += 1
            if len(self.hits) < self._most:
                self.hits.append(number)
                self._keep_before(number, lines[max(0, at - self._around) : at])
                self.texts[number] = shown(line)
                self._after = self._around
                return
        if self._after:
            self._after -= 1
            self.texts[number] = shown(line)

    def _keep_before(self, number: int, lines: Sequence[str]) -> None:
        nearest_first = [*self._before, *lines][::-1][: self._around]
        for back, line in enumerate(nearest_first, 1):
            self.texts.setdefault(number - back, shown(line))


class Errors:
    """
    Lines that tell of errors: the *known*, which failed the run, and what looks like one.

    Where there are too many the known are kept, and the first of the others.
    """

    def __init__(self, known: Collection[str], most: int) -> None:
        self._known = [line.rstrip("…") for line in known if len(line) > 2]
        self._most = most
        self._sure = Search(self._is_known, skim=self._is_known, most=most, around=1)
        self._likely = Search(
            lambda line: is_error(line) and not self._is_known(line),
            skim=_tells,
            most=most,
            around=1,
        )
        self.enough = False

    def feed(self, lines: Sequence[str]) -> None:
        """Look at the next *lines*."""
        self._sure.feed(lines)
        self._likely.feed(lines)

    @property
    def count(self) -> int:
        """How many there are."""
        return self._sure.count + self._likely.count

    @property
    def hits(self) -> list[int]:
        """The numbers of those that are kept."""
        room = self._most - len(self._sure.hits)
        return sorted([*self._sure.hits, *self._likely.hits[:room]])

    @property
    def texts(self) -> dict[int, str]:
        """By number, those and the lines around them."""
        every = {**self._likely.texts, **self._sure.texts}
        near = {hit + step for hit in self.hits for step in (-1, 0, 1)}
        return {number: every[number] for number in sorted(near & every.keys())}

    def _is_known(self, text: str) -> bool:
        return any(known in text for known in self._known)


def having(text: str, most: int) -> Search:
    """A search for the lines that have *text* in them, in any case."""
    wanted = text.casefold()

    def matches(line: str) -> bool:
        return wanted in line.casefold()

    return Search(matches, skim=matches, most=most)


def is_error(line: str) -> bool:
    """Whether *line* looks as if it told of an error."""
    return _tells(line) and _tells(_HARMLESS.sub("", line))


def _tells(text: str) -> bool:
    lower = text.lower()
    return any(word in lower for word in _WORDS)


def shown(line: str) -> str:
    """*line* as it is kept: harmless, and not too long."""
    return safe(line, WIDEST).rstrip()
