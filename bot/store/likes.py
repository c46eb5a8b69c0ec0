"""What people like: functions of a Connection, for :meth:`Writer.do`."""

from sqlalchemy import Connection, delete, insert, select

from bot.store import schema


def columns(db: Connection, jid: str) -> int | None:
    """How wide *jid* wants what is said in private; None if they never said."""
    query = select(schema.person.c.columns).where(schema.person.c.jid == jid)
    found: int | None = db.scalar(query)
    return found


def set_columns(db: Connection, jid: str, wanted: int) -> None:
    """*jid* wants it *wanted* columns wide."""
    db.execute(delete(schema.person).where(schema.person.c.jid == jid))
    db.execute(insert(schema.person).values(jid=jid, columns=wanted))
