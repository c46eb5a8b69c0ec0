"""What a stock client in the room is told of the target bob, and sees of it."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from tests.end_to_end.feed import Heard
from tests.end_to_end.lab import facts
from tests.end_to_end.person import Person
from tests.faults.stage import PATIENCE

BOB = "bob"


def notice(heard: Heard, *, there: bool) -> dict[str, Any]:
    """The facts of a notice that targets are *there*, or are not; else empty."""
    found = facts(heard)
    told = found.get("kind") == "notice" and found.get("there") is there
    return found if told else {}


def notices(person: Person, since: int = 0, *, there: bool) -> list[Heard]:
    """All such notices since a :meth:`Person.mark`."""
    return [heard for heard in person.messages.entries[since:] if notice(heard, there=there)]


async def told(person: Person, since: int, *, there: bool, within: float = PATIENCE) -> Heard:
    """The next notice that bob is *there*, or is not."""
    return await person.heard(
        lambda heard: BOB in notice(heard, there=there).get("targets", ()),
        since=since,
        within=within,
    )


@dataclass(frozen=True, slots=True)
class Departure:
    """A target that went: when the room was told, and saw it leave, in seconds from the harm."""

    told: float
    """inf: never, or not within patience."""
    gone: float
    cause: str
    """As the notice has it; empty if there was none."""
    body: str


async def departure(
    person: Person, harm: Callable[[], Awaitable[object]], *, within: float = PATIENCE
) -> Departure:
    """Do *harm*, and watch what comes of it."""
    messages, presences = person.mark(), len(person.presences.entries)
    began = time.monotonic()

    async def until(event: Awaitable[object]) -> float:
        try:
            await event
        except AssertionError:
            return math.inf
        return time.monotonic() - began

    leaves = person.sees(
        lambda seen: seen.type == "unavailable", nick=BOB, since=presences, within=within
    )
    hears = told(person, messages, there=False, within=within)
    _, heard, left = await asyncio.gather(harm(), until(hears), until(leaves))
    found = notices(person, messages, there=False)
    cause = str(facts(found[0]).get("cause")) if found else ""
    return Departure(heard, left, cause, found[0].body if found else "")
