"""Replicas of journals, byte for byte: functions of a Connection, for :meth:`Writer.do`."""

from collections.abc import Iterator

from sqlalchemy import Connection, insert, select, update

from agent.wire.delivery import Chunk
from agent.wire.journal import Reader
from bot.store import schema


def append(db: Connection, number: int, jid: str, chunk: Chunk, parsed: int) -> None:
    """Add *chunk*, which starts where the replica ends; whole records end at *parsed*."""
    db.execute(
        insert(schema.piece).values(job=number, jid=jid, offset=chunk.offset, data=chunk.data)
    )
    db.execute(
        update(schema.run)
        .where(schema.run.c.job == number, schema.run.c.jid == jid)
        .values(parsed=parsed)
    )


def reader(db: Connection, number: int, jid: str) -> Reader:
    """A reader that stands where the replica ends: only its last record is read again."""
    row = db.execute(
        select(schema.run.c.parsed, schema.run.c.size).where(
            schema.run.c.job == number, schema.run.c.jid == jid
        )
    ).one()
    reader = Reader(row.parsed)
    for _ in reader.feed(b"".join(read(db, number, jid, row.parsed))):
        raise AssertionError(f"{number}@{jid}: a whole record lies after byte {row.parsed}")
    return reader


def read(db: Connection, number: int, jid: str, start: int = 0) -> Iterator[bytes]:
    """The replica's bytes from *start* on, piece by piece."""
    piece = schema.piece.c
    mine = (piece.job == number) & (piece.jid == jid)
    first = db.scalar(
        select(piece.offset).where(mine, piece.offset <= start).order_by(piece.offset.desc())
    )
    rows = db.execute(
        select(piece.offset, piece.data)
        .where(mine, piece.offset >= (first or 0))
        .order_by(piece.offset)
    )
    for offset, data in rows:
        yield data[max(0, start - offset) :]


def tail(db: Connection, number: int, jid: str, limit: int) -> bytes:
    """The last *limit* bytes of what was printed."""
    reader, kept = Reader(), bytearray()
    for data in read(db, number, jid):
        for record in reader.feed(data):
            if record.kind == "out":
                kept += record.payload
                del kept[: max(0, len(kept) - limit)]
    return bytes(kept)
