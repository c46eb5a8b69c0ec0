"""
Logs as they are read: out of the store, page by page, whatever their size.

Rule 1: memory is bounded by a page. The store is asked for one page at a time, so what others
want of it goes in between; what a page means is worked out in a thread.

Rule 2: what is missing is said where it is missing.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar

import structlog

from agent.wire.errors import Refusal
from agent.wire.journal import Reader, Record
from bot.artifacts import Artifact, Listing
from bot.findings import sane
from bot.jobs import Run
from bot.report.printed import Lines
from bot.report.text import size
from bot.scan import Scan
from bot.store import journals
from bot.store.writer import Writer
from bot.turns import Turns

log = structlog.get_logger()

AT_ONCE = 2
"""Logs that are read at the same time."""

WAITING = 8
"""Most that wait for that."""

T = TypeVar("T")


class Logs:
    """:class:`bot.reading.Logs` on the store."""

    def __init__(self, store: Writer) -> None:
        self._store = store
        self._turns = Turns("logs", at_once=AT_ONCE, waiting=WAITING)

    async def scan(self, run: Run, scan: Scan) -> None:
        """Show *scan* the lines that *run* printed, from the first, until it has enough."""
        async with self._turns.taken():
            lines = Lines()

            def look(records: Iterator[Record]) -> None:
                scan.feed(lines.feed(printed(records)))

            async for _ in self._pages(run, look):
                if scan.enough:
                    return
            scan.feed(lines.finish())

    async def text(self, run: Run) -> AsyncGenerator[bytes, None]:
        """All that *run* printed, as plain text: nothing that a terminal would obey."""
        async with self._turns.taken():
            lines = Lines()

            def look(records: Iterator[Record]) -> bytes:
                return "".join(f"{line}\n" for line in lines.feed(printed(records))).encode()

            async for page in self._pages(run, look):
                yield page
            yield "\n".join(lines.finish()).encode()

    async def files(self, run: Run) -> Sequence[Artifact]:
        """The files that *run* left."""
        async with self._turns.taken():
            listing = Listing()
            async for _ in self._pages(run, listing.feed):
                pass
            return listing.files

    async def file(self, run: Run, artifact: Artifact) -> AsyncGenerator[bytes, None]:
        """What is in one of them."""
        async with self._turns.taken():
            async for page in self._pages(run, artifact.pieces):
                yield page

    async def news(self, run: Run, reader: Reader, take: Callable[[bytes], None]) -> None:
        """Have *take* look, in a thread, at what *run* printed behind where *reader* stands."""

        def look(records: Iterator[Record]) -> None:
            take(printed(records))

        async for _ in self._pages(run, look, reader):
            pass

    async def end(self, run: Run) -> Reader:
        """A reader that stands where *run*'s journal ends, for now."""
        return await self._store.do(partial(journals.reader, number=run.job, jid=run.jid))

    async def _pages(
        self, run: Run, look: Callable[[Iterator[Record]], T], reader: Reader | None = None
    ) -> AsyncIterator[T]:
        """What *look*, in a thread, makes of the records of each page."""
        reader = reader or Reader()
        at = reader.parsed + reader.pending
        while at < run.size:
            read = partial(journals.page, number=run.job, jid=run.jid, start=at)
            page = await self._store.do(read)
            if not page:
                raise _unreadable(run)
            at += len(page)
            yield await asyncio.to_thread(look, reader.feed(page))


def _unreadable(run: Run) -> Refusal:
    """Some of its output is not there, though nobody has said that it was dropped."""
    log.warning(
        "log.gone", run=run.name, cure="nothing, if it is about to be dropped, as it is old"
    )
    return Refusal(
        f"the output of {run.name} cannot be read any further",
        hint=f"It may just be dropped, as it is old: say log {run.job} again.",
    )


def printed(records: Iterator[Record]) -> bytes:
    """What was printed in *records*, with a line where the target has left something out."""
    found = bytearray()
    for record in records:
        if record.kind == "out":
            found += record.payload
        elif record.kind == "cut":
            left_out = max(0, int(sane(record.fields.get("size")) or 0))
            found += f"\n[here {size(left_out)} were not kept by the agent]\n".encode()
    return bytes(found)
