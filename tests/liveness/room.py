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

BOB, REBOOTING = "bob", "rebooting"


def notice(heard: Heard, *, there: bool) -> dict[str, Any]:
    """The facts of a notice that targets are *there*, or are not; else empty."""
    found = facts(heard)
    told = found.get("kind") == "notice" and found.get("there") is there
    return found if told else {}


def notices(person: Person, since: int = 0, *, there: bool) -> list[Heard]:
    """All such notices since a :meth:`Person.mark`."""
    return [heard for heard in person.messages.entries[since:] if notice(heard, there=there)]


def gone(heard: Heard) -> str:
    """Why bob goes, if that is what is told: a notice's cause, or that its reboot was ordered."""
    found = facts(heard)
    if BOB in notice(heard, there=False).get("targets", ()):
        return str(found["cause"])
    ordered = found.get("target") == BOB and found.get("kind") in ("answer", "acknowledgement")
    return REBOOTING if ordered else ""


def back(heard: Heard) -> bool:
    """Whether that is what is told."""
    found = facts(heard)
    proven = found.get("target") == BOB and found.get("back") is True
    return proven or BOB in notice(heard, there=True).get("targets", ())


async def told(
    person: Person, since: int, wanted: Callable[[Heard], object], *, within: float = PATIENCE
) -> Heard:
    """The next message that *wanted* likes: :func:`gone` or :func:`back`."""
    return await person.heard(lambda heard: bool(wanted(heard)), since=since, within=within)


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
    hears = told(person, messages, gone, within=within)
    _, heard, left = await asyncio.gather(harm(), until(hears), until(leaves))
    found = [said for said in person.messages.entries[messages:] if gone(said)]
    return Departure(heard, left, gone(found[0]) if found else "", found[0].body if found else "")
