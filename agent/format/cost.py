"""
What a pattern may cost: those that may take for ever on a line made for it are refused.

Python's engine tries every way in which a pattern can match a line. Where the same text can go
around a loop in two ways, as in ``(a+)+``, the ways double with each character: 30 of them
take minutes. Where it can be divided among loops in a row, as in ``.*x.*y.*``, they grow with
a power of its length. The lines come from programs that we do not trust.

Rule 1: the pattern as a graph of its characters: which may come after which, and in how many
ways. Exponential is what has two ways around from one character to itself by the same text
(known as EDA); a power, what has loops p and q with a text that goes around p, around q, and
from p to q (IDA; A. Weber, H. Seidl, 1991). The degree is that of the longest row of them.

Rule 2: looking for a pattern anywhere in a line is a loop of its own before it, unless it
begins with ``^``.

Rule 3: in doubt it is refused: what looks ahead or behind is followed as if it were matched,
what can be repeated more than ten times as if it could be for ever.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from re import _constants as op  # type: ignore[attr-defined]  # what the engine itself goes by
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

from agent.format.graph import Edges, components, degree, doubles

MOST_DEGREE = 1
"""A line of 4096 characters in its square: a tenth of a second, at worst."""

_MOST = 400  # characters of a pattern, its short repetitions written out
_SHORT = 10  # repetitions that are written out

_SAMPLES = "05azAZ_ \t\n!-.:/[]\x00\x7f\xe9\xd7\u2603\u0665"
"""Characters of every category that patterns speak of."""

_CATEGORIES: dict[Any, Callable[[str], bool]] = {
    op.CATEGORY_DIGIT: str.isdecimal,
    op.CATEGORY_NOT_DIGIT: lambda c: not c.isdecimal(),
    op.CATEGORY_SPACE: str.isspace,
    op.CATEGORY_NOT_SPACE: lambda c: not c.isspace(),
    op.CATEGORY_WORD: lambda c: c.isalnum() or c == "_",
    op.CATEGORY_NOT_WORD: lambda c: not (c.isalnum() or c == "_"),
}


class TooCostly(ValueError):  # noqa: N818  (why a pattern is refused)
    """Says what is wrong with the pattern, and what would do."""


@lru_cache(1024)
def check(pattern: str, *, anywhere: bool = True) -> None:
    """
    TooCostly if a line can make *pattern* take very long; re.error if it is none.

    Args:
        anywhere: It is looked for in a line; else it must match the whole of it.
    """
    tree = parser.parse(pattern)
    graph = _Graph(_alphabet(tree, bool(tree.state.flags & re.IGNORECASE)))
    whole = graph.sequence(tree)
    if anywhere and not _anchored(tree):
        start = {graph.position(graph.every): 1}
        graph.follow(start, start)
        graph.follow(start, whole.first)
    parts = components(graph.edges)
    if doubles(graph.edges, graph.classes, parts):
        raise TooCostly(
            "it may take for ever: what repeats can match the same text in two ways "
            "(a repetition within a repetition, or alternatives that are alike)"
        )
    power = degree(graph.edges, graph.classes, parts)
    if power > MOST_DEGREE:
        raise TooCostly(
            f"it may take very long (a line's length to the power of {power + 1}): begin it "
            "with ^, or say what may not come between, such as [^:]* in place of .*"
        )


def _anchored(tree: Any) -> bool:
    """Whether *tree* can match at the start of a line only."""
    if not len(tree):
        return False
    code, argument = tree[0]
    if code is op.AT:
        return argument in (op.AT_BEGINNING, op.AT_BEGINNING_STRING)
    if code is op.SUBPATTERN:
        return _anchored(argument[3])
    return code is op.BRANCH and all(map(_anchored, argument[1]))


def _alphabet(tree: Any, fold: bool) -> frozenset[str]:
    """Characters enough to tell all sets in *tree* apart."""
    found = set(_SAMPLES)
    _literals(tree, found)
    if fold:
        found |= {c.swapcase() for c in found if len(c.swapcase()) == 1}
    return frozenset(found)


def _literals(node: Any, found: set[str]) -> None:
    """Collect the characters in *node*, and those beside them."""
    if isinstance(node, int) and not isinstance(node, op._NamedIntConstant):
        found.update(chr(n) for n in (node - 1, node, node + 1) if 0 <= n < 0x110000)
    elif isinstance(node, list | tuple | parser.SubPattern):
        for each in node:
            _literals(each, found)


Ways = dict[int, int]
"""In how many ways something begins or ends with each of these; two stand for any number."""


@dataclass(frozen=True)
class _Piece:
    """A part of a pattern: where it may begin and end, and in how many ways it may be empty."""

    first: Ways = field(default_factory=dict)
    last: Ways = field(default_factory=dict)
    empty: int = 1


def _sum(*each: Ways) -> Ways:
    return {node: min(2, sum(ways.get(node, 0) for ways in each)) for ways in each for node in ways}


def _times(ways: Ways, number: int) -> Ways:
    return {node: min(2, times * number) for node, times in ways.items()} if number else {}


class _Graph:
    """The characters of a pattern, and which may come after which (after V. Glushkov, 1961)."""

    def __init__(self, every: frozenset[str]) -> None:
        self.every = every
        self.classes: list[frozenset[str]] = []
        self.edges: Edges = []

    def position(self, characters: Iterable[str]) -> int:
        """A new one that stands for one of *characters*."""
        if len(self.classes) == _MOST:
            raise TooCostly("it is too long to be checked: make two of it")
        self.classes.append(frozenset(characters))
        self.edges.append({})
        return len(self.classes) - 1

    def follow(self, before: Ways, after: Ways) -> None:
        """Each of *after* may come after each of *before*, in more ways than so far."""
        for one, times in before.items():
            self.edges[one] = _sum(self.edges[one], _times(after, times))

    def sequence(self, tree: Any) -> _Piece:
        """What *tree* says, one after the other."""
        whole = _Piece()
        for code, argument in tree:
            whole = self._then(whole, self._one(code, argument))
        return whole

    def _then(self, one: _Piece, other: _Piece) -> _Piece:
        self.follow(one.last, other.first)
        return _Piece(
            _sum(one.first, _times(other.first, one.empty)),
            _sum(other.last, _times(one.last, other.empty)),
            min(2, one.empty * other.empty),
        )

    def _one(self, code: Any, argument: Any) -> _Piece:
        if code in (op.LITERAL, op.NOT_LITERAL, op.ANY, op.IN):
            here = {self.position(c for c in self.every if _matches(code, argument, c)): 1}
            return _Piece(here, here, empty=0)
        if code is op.AT:
            return _Piece()
        if code in (op.SUBPATTERN, op.ATOMIC_GROUP):
            return self.sequence(argument[3] if code is op.SUBPATTERN else argument)
        if code is op.BRANCH:
            pieces = [self.sequence(each) for each in argument[1]]
            return _Piece(
                _sum(*(each.first for each in pieces)),
                _sum(*(each.last for each in pieces)),
                min(2, sum(each.empty for each in pieces)),
            )
        if code in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
            return self._repeat(*argument)
        if code in (op.ASSERT, op.ASSERT_NOT):  # tried here; then it goes on without it
            return _Piece(self.sequence(argument[1]).first)
        raise TooCostly("what refers back to a group cannot be checked: write it out")

    def _repeat(self, least: int, most: Any, tree: Any) -> _Piece:
        whole = _Piece()
        if most is not op.MAXREPEAT and most <= _SHORT:
            for number in range(most):
                piece = self.sequence(tree)
                whole = self._then(whole, _optional(piece) if number >= least else piece)
            return whole
        piece = self.sequence(tree)
        self.follow(piece.last, piece.first)
        if piece.empty and least > _SHORT:  # any of those that must be may be empty
            self.follow(piece.last, piece.first)
        return piece if least else _optional(piece)


def _optional(piece: _Piece) -> _Piece:
    return _Piece(piece.first, piece.last, min(2, piece.empty + 1))


def _matches(code: Any, argument: Any, c: str) -> bool:
    """Whether *c* is one that a node of one character takes; in doubt about case, it is."""
    if code is op.ANY:
        return c != "\n"
    if code is op.IN:
        negated = argument[0][0] is op.NEGATE
        return any(_matches(what, of, c) for what, of in argument[negated:]) != negated
    if code is op.RANGE:
        return any(argument[0] <= ord(each) <= argument[1] for each in _cases(c))
    if code is op.CATEGORY:
        return _CATEGORIES[argument](c)
    return (chr(argument) in _cases(c)) != (code is op.NOT_LITERAL)


def _cases(c: str) -> set[str]:
    return {c, c.swapcase()} if len(c.swapcase()) == 1 else {c}
