"""When we last looked at what is overdue: functions of a Connection, for :meth:`Writer.do`."""

from datetime import UTC, datetime

from sqlalchemy import Connection, delete, insert, select

from bot.store import schema

_KEY = "looked"


def last(db: Connection) -> datetime | None:
    """When that was, by the clock of then; None if never."""
    value = db.scalar(select(schema.meta.c.value).where(schema.meta.c.key == _KEY))
    return None if value is None else datetime.fromtimestamp(float(value), UTC)


def note(db: Connection, now: datetime) -> None:
    """We look *now*."""
    db.execute(delete(schema.meta).where(schema.meta.c.key == _KEY))
    db.execute(insert(schema.meta).values(key=_KEY, value=repr(now.timestamp())))
