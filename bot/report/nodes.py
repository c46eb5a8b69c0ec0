"""
Many names in few letters: ``pc[01-16,20]``, as ClusterShell's node sets have them. Pure.

Rule 1: a set is counted before it is unfolded: ``pc[1-100000000]`` is refused at once.
Rule 2: folding keeps the order in which names were said; names that share nothing stay.
"""

import math
import re
from collections.abc import Iterable, Sequence

from ClusterShell.NodeSet import RESOLVER_NOGROUP, NodeSet, NodeSetException

from agent.wire.errors import Refusal
from bot.report.text import listed

MOST = 1000
"""Names of one set."""

_RANGE = r"[0-9]{1,9}(?:-[0-9]{1,9}(?:/[1-9][0-9]{0,3})?)?"
RANGES = rf"\[ ?{_RANGE}(?: ?, ?{_RANGE}){{0,199}} ?\]"
"""A bracket: numbers and ranges of numbers, with a step if need be (``[1-9/2]``)."""

_FOLDABLE = re.compile(r"[A-Za-z_.-]*[0-9]{1,9}[A-Za-z_.-]*")  # one number: two make grids
_BARE = re.compile(r"\[[0-9]+\]")


class TooMany(Refusal):
    """A set of more names than any lab has."""

    condition = "bad-request"


def split(text: str) -> tuple[str, str]:
    """``rack3/pc*`` as its place and the rest; the slash in ``pc[1-9/2]`` is no place's."""
    place, slash, _ = text.partition("[")[0].rpartition("/")
    return place, text[len(place) + len(slash) :]


def unfolded(text: str) -> tuple[str, ...]:
    """
    The names that *text* stands for, in order; Refusal if they are too many, or run backwards.

    Args:
        text: A name with up to two :data:`RANGES` in it.
    """
    text = text.replace(" ", "")
    count = math.prod(sum(map(_count, each.split(","))) for each in re.findall(r"\[(.*?)\]", text))
    if count > MOST:
        raise TooMany(f"{text[:60]} is {count} names", hint=f"At most {MOST}.")
    try:
        return tuple(NodeSet(text, resolver=RESOLVER_NOGROUP))
    except NodeSetException as error:
        raise TooMany(f"{text[:60]} is no set of names", hint="Write it like pc[01-16].") from error


def _count(span: str) -> int:
    """How many numbers are in ``01-16``."""
    span, _, step = span.partition("/")
    first, _, last = span.partition("-")
    count = int(last or first) - int(first)
    if count < 0:
        raise TooMany(f"[{span}] runs backwards", hint=f"Write it like [{last}-{first}].")
    return count // int(step or 1) + 1


def folded(names: Sequence[str]) -> tuple[str, ...]:
    """*names*, each once, those that differ in a number only together: ``("bob", "pc[01-16]")``."""
    stems: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        stem = re.sub(r"[0-9]+", "#", name) if _FOLDABLE.fullmatch(name) else name
        stems.setdefault(stem, []).append(name)
    return tuple(_fold(alike) for alike in stems.values())


def _fold(alike: Sequence[str]) -> str:
    if len(alike) == 1:
        return alike[0]
    return str(NodeSet.fromlist(alike, resolver=RESOLVER_NOGROUP))


def gathered(names: Iterable[str], most: int = 8) -> str:
    """*names*, sorted and folded, as a sentence has them: ``alice, bob and pc[01-03]``."""
    return listed(folded(sorted(set(names))), most)
