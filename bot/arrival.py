"""
What a target said of a run, on its way to the store. Pure.

Rule: a run's words stay in their order; what is said of different runs may change places.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta

from agent.wire.delivery import Chunk
from agent.wire.stanza import JournalId
from agent.wire.vocabulary import RunId

PIECE = 256 * 1024
"""Most bytes of a journal that are judged and stored as one."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """Something a target said of a run: accepted (neither), refused or a chunk."""

    full: str
    of: JournalId | None
    run: RunId
    chunk: Chunk | None = None
    refused: str = ""
    behind: timedelta = timedelta()
    """How far the target's clock is behind ours, as far as we know."""

    @property
    def jid(self) -> str:
        """The target's bare JID."""
        return self.full.partition("/")[0]

    @property
    def size(self) -> int:
        """Bytes of a journal in it."""
        return 0 if self.chunk is None else len(self.chunk.data)


def joined(arrivals: Iterable[Arrival]) -> list[Arrival]:
    """
    *arrivals*, those chunks of a journal that follow each other made one.

    Each that is left costs the same to look up, judge and store, whatever its size.
    """
    found: list[Arrival] = []
    latest: dict[tuple[str, RunId], int] = {}  # where the last word of a run stands
    for arrival in arrivals:
        key = arrival.jid, arrival.run
        before = found[latest[key]] if key in latest else None
        if before is not None and (both := _together(before, arrival)) is not None:
            found[latest[key]] = both
        else:
            latest[key] = len(found)
            found.append(arrival)
    return found


def _together(first: Arrival, then: Arrival) -> Arrival | None:
    """Both as one; None if they are not the same but for a chunk that goes on."""
    if first.chunk is None or then.chunk is None or then.chunk.offset != first.chunk.end:
        return None
    chunk = Chunk(first.chunk.offset, first.chunk.data + then.chunk.data)
    if len(chunk.data) > PIECE or replace(first, chunk=None) != replace(then, chunk=None):
        return None
    return replace(first, chunk=chunk)
