"""Replicas of journals, byte for byte: functions of a Connection, for :meth:`Writer.do`."""

from collections.abc import Iterator

from sqlalchemy import ColumnElement, Connection, and_, insert, select

from agent.wire.delivery import Chunk
from agent.wire.journal import Reader
from bot.store import schema

_piece = schema.piece.c
PAGE = 512 * 1024
"""Bytes that are read at once of a long journal: others wait for the store meanwhile."""

_INSERT = insert(schema.piece)  # made once: to put a statement together costs as much as to run it


def append(db: Connection, number: int, jid: str, chunk: Chunk, parsed: int) -> None:
    """Add *chunk*, which starts where the replica ends; whole records end at *parsed*."""
    db.execute(
        _INSERT,
        {"job": number, "jid": jid, "offset": chunk.offset, "parsed": parsed, "data": chunk.data},
    )


def reader(db: Connection, number: int, jid: str) -> Reader:
    """A reader that stands where the replica ends: only its last record is read again."""
    start = _boundary(db, number, jid)
    reader = Reader(start)
    for _ in reader.feed(b"".join(read(db, number, jid, start))):
        raise AssertionError(f"{number}@{jid}: a whole record lies after byte {start}")
    return reader


def read(db: Connection, number: int, jid: str, start: int = 0) -> Iterator[bytes]:
    """The replica's bytes from *start* on, piece by piece."""
    for offset, data in _pieces(db, number, jid, start):
        yield data[max(0, start - offset) :]


def page(db: Connection, number: int, jid: str, start: int) -> bytes:
    """
    The replica's next bytes from *start* on: PAGE, or a piece more.

    Empty at its end, and where the next are gone: they may be dropped between two pages.
    """
    found = bytearray()
    for offset, data in _pieces(db, number, jid, start):
        at = start + len(found)
        if offset > at:
            break
        found += data[at - offset :]
        if len(found) >= PAGE:
            break
    return bytes(found)


def _pieces(db: Connection, number: int, jid: str, start: int) -> Iterator[tuple[int, bytes]]:
    """The pieces from the one on that holds byte *start*, and where they begin."""
    mine = _of(number, jid)
    first = db.scalar(
        select(_piece.offset)
        .where(mine, _piece.offset <= start)
        .order_by(_piece.offset.desc())
        .limit(1)
    )
    rows = db.execute(
        select(_piece.offset, _piece.data)
        .where(mine, _piece.offset >= (first or 0))
        .order_by(_piece.offset)
    )
    return ((offset, data) for offset, data in rows)


def tail(db: Connection, number: int, jid: str, size: int, limit: int) -> bytes:
    """
    The last *limit* bytes of what was printed, in a replica of *size* bytes.

    Reads from the end, each time four times as much, until that is enough.
    """
    back = 2 * limit
    while True:
        start = _boundary(db, number, jid, max(0, size - back))
        printed = _printed(db, number, jid, start, limit)
        if len(printed) == limit or start == 0:
            return printed
        back *= 4


def _printed(db: Connection, number: int, jid: str, start: int, limit: int) -> bytes:
    """The last *limit* bytes printed by the records from *start* on."""
    reader, kept = Reader(start), bytearray()
    for data in read(db, number, jid, start):
        for record in reader.feed(data):
            if record.kind == "out":
                kept += record.payload
                del kept[: max(0, len(kept) - limit)]
    return bytes(kept)


def _boundary(db: Connection, number: int, jid: str, before: int | None = None) -> int:
    """The last offset (at most *before*) of which we know that a record starts there."""
    query = select(_piece.parsed).where(_of(number, jid))
    if before is not None:
        query = query.where(_piece.parsed <= before)
    return db.scalar(query.order_by(_piece.offset.desc()).limit(1)) or 0


def _of(number: int, jid: str) -> ColumnElement[bool]:
    return and_(_piece.job == number, _piece.jid == jid)
