"""What people wait for: functions of a Connection, for :meth:`Writer.do`."""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert, select

from bot.occupant import Channel
from bot.store import schema
from bot.wish import Kind, Wish

_T = schema.wish.c


def add(db: Connection, *, wish: Wish) -> int:
    """Keep *wish*; its number."""
    result = db.execute(
        insert(schema.wish).values(
            asker=wish.asker, channel=wish.channel, kind=wish.kind,
            targets=list(wish.targets), job=wish.job,
        )
    )  # fmt: skip
    key = result.inserted_primary_key
    assert key is not None  # noqa: S101  (an insert of one row has one)
    number: int = key[0]
    return number


def drop(db: Connection, *, numbers: Sequence[int]) -> None:
    """They were fulfilled, or are not wished for any more."""
    db.execute(delete(schema.wish).where(_T.number.in_(numbers)))


def every(db: Connection) -> list[Wish]:
    """All of them, the oldest first."""
    return [
        Wish(
            number=row.number,
            asker=row.asker,
            channel=Channel(row.channel),
            kind=Kind(row.kind),
            targets=tuple(row.targets),
            job=row.job,
        )
        for row in db.execute(select(schema.wish).order_by(_T.number)).all()
    ]
