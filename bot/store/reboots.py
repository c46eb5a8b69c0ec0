"""
Reboots: those under way, and how long the last ones took. Functions of a Connection.

A row is written before its target is asked, so that whoever asked hears of it whenever we die.
It is under way until it is proven; of one target only the last that it agreed to is.
"""

from datetime import UTC, datetime

from sqlalchemy import Connection, Row, delete, insert, select, update

from bot.reboot import MOST, Back, Reboot
from bot.store import schema

_T = schema.reboot.c


def add(db: Connection, *, jid: str, order: Reboot) -> int:
    """Target *jid* is about to be asked; the number of the row."""
    result = db.execute(
        insert(schema.reboot).values(
            jid=jid, by=order.by, boot=order.boot, agreed=False, late=False,
            ordered=order.ordered.timestamp(), deadline=order.deadline.timestamp(),
        )
    )  # fmt: skip
    key = result.inserted_primary_key
    assert key is not None  # noqa: S101  (an insert of one row has one)
    number: int = key[0]
    return number


def agreed(db: Connection, *, jid: str, number: int, boot: str) -> None:
    """Target *jid*, whose boot id is *boot*, will: who waited for an earlier one waits for this."""
    db.execute(update(schema.reboot).where(_T.number == number).values(agreed=True, boot=boot))
    db.execute(
        delete(schema.reboot).where(_T.jid == jid, _T.took.is_(None), _T.number != number)
    )  # fmt: skip


def drop(db: Connection, *, number: int) -> None:
    """The target refused: there is no such reboot."""
    db.execute(delete(schema.reboot).where(_T.number == number))


def over(db: Connection, *, jid: str, number: int) -> None:
    """Nobody waits for it any more, nor for those that were ordered before."""
    before = (_T.jid == jid, _T.took.is_(None), _T.number <= number)
    db.execute(delete(schema.reboot).where(*before))


def late(db: Connection, *, number: int) -> None:
    """The room has heard that it is not back."""
    db.execute(update(schema.reboot).where(_T.number == number).values(late=True))


def done(db: Connection, *, jid: str, of: Back) -> None:
    """The room has heard that it is back. Remembered is what counts, and not for ever."""
    if of.counts:
        this = _T.number == of.reboot.number
        db.execute(update(schema.reboot).where(this).values(took=of.seconds))
    over(db, jid=jid, number=of.reboot.number)
    past = select(_T.number).where(_T.jid == jid, _T.took.is_not(None))
    old = db.scalars(past.order_by(_T.number.desc()).offset(MOST)).all()
    db.execute(delete(schema.reboot).where(_T.number.in_(old)))


def took(db: Connection, *, jid: str) -> list[float]:
    """Seconds that the last reboots of *jid* took, the oldest first."""
    query = select(_T.took).where(_T.jid == jid, _T.took.is_not(None)).order_by(_T.number)
    return list(db.scalars(query))


def under_way(db: Connection) -> dict[str, Reboot]:
    """What is not proven, by bare JID."""
    rows = db.execute(select(schema.reboot).where(_T.took.is_(None)).order_by(_T.number))
    return {row.jid: _reboot(row) for row in rows.all()}


def _reboot(row: Row[tuple[object, ...]]) -> Reboot:
    return Reboot(
        number=row.number,
        by=row.by,
        boot=row.boot,
        ordered=datetime.fromtimestamp(row.ordered, UTC),
        deadline=datetime.fromtimestamp(row.deadline, UTC),
        agreed=row.agreed,
        late=row.late,
    )
