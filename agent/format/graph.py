"""
Graphs of characters, for :mod:`agent.format.cost`: components, and what makes a search long.

A node is a number; an edge says in how many ways one node may come after another; a node's
class, which characters it stands for. Two walks are of the same text if their nodes share a
character at each step.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from itertools import product
from typing import Generic, TypeVar

Edges = list[dict[int, int]]
Classes = Sequence[frozenset[str]]
N = TypeVar("N", bound=Hashable)


def components(edges: Edges) -> list[set[int]]:
    """The strongly connected components with a way around, in topological order."""
    found = _tarjan(range(len(edges)), lambda node: edges[node])
    found.reverse()
    return [part for part in found if len(part) > 1 or any(n in edges[n] for n in part)]


def doubles(edges: Edges, classes: Classes, parts: list[set[int]]) -> bool:
    """Whether there are two ways around from a node to itself by the same text."""
    return any(_doubles(edges, classes, part) for part in parts)


def _doubles(edges: Edges, classes: Classes, part: set[int]) -> bool:
    if any(times > 1 for node in part for then, times in edges[node].items() if then in part):
        return True

    def both(pair: tuple[int, int]) -> Iterable[tuple[int, int]]:
        for one, other in product(edges[pair[0]], edges[pair[1]]):
            if one in part and other in part and classes[one] & classes[other]:
                yield one, other

    for loop in _tarjan([(node, node) for node in part], both):
        if any(one == other for one, other in loop) and any(one != other for one, other in loop):
            return True
    return False


def degree(edges: Edges, classes: Classes, parts: list[set[int]]) -> int:
    """How many steps the longest row of loops has that can divide the same text among them."""
    longest = [0] * len(parts)
    for later, after in enumerate(parts):
        for earlier in range(later):
            if longest[earlier] + 1 > longest[later] and _divides(
                edges, classes, parts[earlier], after
            ):
                longest[later] = longest[earlier] + 1
    return max(longest, default=0)


def _divides(edges: Edges, classes: Classes, before: set[int], after: set[int]) -> bool:
    """Whether a text goes around in *before*, around in *after*, and from one to the other."""

    def all_three(node: tuple[int, int, int]) -> Iterable[tuple[int, int, int]]:
        for one, two, three in product(*(edges[each] for each in node)):
            if one in before and three in after and classes[one] & classes[two] & classes[three]:
                yield one, two, three

    return any(
        (one, other, other) in _reached((one, one, other), all_three)
        for one in before
        for other in after
    )


def _reached(start: N, then: Callable[[N], Iterable[N]]) -> set[N]:
    """What can be reached from *start*, in one step or more."""
    found: set[N] = set()
    waiting = [start]
    while waiting:
        for node in then(waiting.pop()):
            if node not in found:
                found.add(node)
                waiting.append(node)
    return found


def _tarjan(starts: Iterable[N], then: Callable[[N], Iterable[N]]) -> list[set[N]]:
    """Strongly connected components, those that lead nowhere first (R. Tarjan, 1972)."""
    search = _Tarjan(then)
    for start in starts:
        if start not in search.order:
            search.walk(start)
    return search.found


class _Tarjan(Generic[N]):
    """One such search, without recursion: patterns are long, and the stack is short."""

    def __init__(self, then: Callable[[N], Iterable[N]]) -> None:
        self._then = then
        self.order: dict[N, int] = {}
        self._low: dict[N, int] = {}
        self._stack: list[N] = []
        self._stacked: set[N] = set()
        self.found: list[set[N]] = []

    def walk(self, start: N) -> None:
        """Find all components that can be reached from *start*."""
        path = [(start, self._enter(start))]
        while path:
            node, rest = path[-1]
            if (into := self._next(node, rest)) is not None:
                path.append((into, self._enter(into)))
                continue
            path.pop()
            if path:
                above = path[-1][0]
                self._low[above] = min(self._low[above], self._low[node])
            if self._low[node] == self.order[node]:
                self._leave(node)

    def _enter(self, node: N) -> Iterator[N]:
        self.order[node] = self._low[node] = len(self.order)
        self._stack.append(node)
        self._stacked.add(node)
        return iter(self._then(node))

    def _next(self, node: N, rest: Iterator[N]) -> N | None:
        """The next of *rest*, which come after *node*, that was not seen yet."""
        for each in rest:
            if each not in self.order:
                return each
            if each in self._stacked:
                self._low[node] = min(self._low[node], self.order[each])
        return None

    def _leave(self, node: N) -> None:
        part: set[N] = set()
        while node not in part:
            part.add(self._stack.pop())
        self._stacked -= part
        self.found.append(part)
