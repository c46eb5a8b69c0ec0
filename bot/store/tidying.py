"""
What is kept no longer: functions of a Connection, for :meth:`Writer.do`, each a short one.

Rule 1: only what is over and whole is dropped, and what its target owes no more. A run that was
given up may be back yet: its half journal stays.

Rule 2: of a run whose output is dropped everything else stays, its journal's name and size too:
so its target hears that it is here, and sends nothing again.

Rule 3: the pages of the file are used again, not given back: to move them would stall us.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    delete,
    exists,
    func,
    insert,
    not_,
    or_,
    select,
    text,
    update,
)

from agent.wire.vocabulary import Verdict
from bot.config import Keeping
from bot.jobs import Phase
from bot.report.text import size
from bot.store import schema

RUNS = 50
"""Most runs whose output is dropped in one transaction, and jobs that are."""

PIECES = 10
"""Most pieces of journals that are deleted in one transaction: 600 kB, 8 ms."""

_R, _J, _P, _W = schema.run.c, schema.job.c, schema.piece.c, schema.waste.c
_WITH_OUTPUT = text(schema.WITH_OUTPUT)
_OLDEST = select(_R.job, _R.jid, _R.ended, _R.size).where(_WITH_OUTPUT).order_by(_R.ended)
_LAST = "last_dropped"
"""The highest number of a job that was dropped."""


@dataclass(frozen=True, slots=True)
class Output:
    """The output of a run, which is kept no longer."""

    job: int
    jid: str
    size: int
    """Bytes."""
    why: str
    """``older than 90 days``."""


def outputs(
    db: Connection, keeping: Keeping, now: datetime, limit: int | None = None
) -> list[Output]:
    """The output that is due to go, the oldest first; at most *limit* runs' of it."""
    cutoff = _cutoff(keeping.journals_days, now)
    too_much = 0
    if keeping.journals_bytes:
        total = db.scalar(select(func.sum(_R.size)).where(_WITH_OUTPUT)) or 0
        too_much = total - keeping.journals_bytes
    found: list[Output] = []
    for row in db.execute(_OLDEST.limit(limit)):
        if row.ended < cutoff:
            why = f"older than {keeping.journals_days:g} days"
        elif too_much > 0:
            why = f"more than {size(keeping.journals_bytes)} were kept"
        else:
            break
        too_much -= row.size
        found.append(Output(row.job, row.jid, row.size, why))
    return found


def drop_outputs(db: Connection, *, keeping: Keeping, now: datetime) -> list[Output]:
    """Drop some of the output that is due to go; from now on nobody reads it."""
    found = outputs(db, keeping, now, RUNS)
    for each in found:
        mine = and_(_R.job == each.job, _R.jid == each.jid)
        db.execute(update(schema.run).where(mine).values(dropped=each.why))
        db.execute(insert(schema.waste).values(job=each.job, jid=each.jid))
    return found


def sweep(db: Connection) -> int:
    """Delete some pieces of what was dropped: how many; 0 if nothing is left to delete."""
    row = db.execute(select(schema.waste).limit(1)).one_or_none()
    if row is None:
        return 0
    mine = and_(_P.job == row.job, _P.jid == row.jid)
    offsets = db.scalars(select(_P.offset).where(mine).order_by(_P.offset).limit(PIECES)).all()
    if offsets:
        db.execute(delete(schema.piece).where(mine, _P.offset <= offsets[-1]))
    if len(offsets) < PIECES:
        db.execute(delete(schema.waste).where(_W.job == row.job, _W.jid == row.jid))
    return max(1, len(offsets))


def old_jobs(
    db: Connection, keeping: Keeping, now: datetime, limit: int | None = None
) -> list[int]:
    """Jobs that are due to go, at most *limit*: told, and nothing of them may come back."""
    cutoff = _cutoff(keeping.runs_days, now)
    of_it = _R.job == _J.number
    unfinished = exists().where(of_it, or_(*_unfinished(cutoff)))
    query = select(_J.number).where(_J.asked < cutoff, _J.told.is_(True), not_(unfinished))
    return list(db.scalars(query.order_by(_J.asked).limit(limit)).all())


def drop_jobs(db: Connection, *, keeping: Keeping, now: datetime) -> list[int]:
    """Drop some of the jobs that are due to go."""
    numbers = old_jobs(db, keeping, now, RUNS)
    if not numbers:
        return []
    kept = select(_R.job, _R.jid).where(_R.job.in_(numbers), _R.size > 0, _R.dropped == "")
    for row in db.execute(kept).all():
        db.execute(insert(schema.waste).values(job=row.job, jid=row.jid))
    db.execute(delete(schema.run).where(_R.job.in_(numbers)))
    db.execute(delete(schema.job).where(_J.number.in_(numbers)))
    _note(db, max(numbers))
    return numbers


def is_dropped(db: Connection, number: int) -> bool:
    """Whether there was a job *number* and it is kept no longer."""
    return number <= _last(db) and not db.scalar(select(exists().where(_J.number == number)))


def _cutoff(days: float, now: datetime) -> float:
    return (now - timedelta(days=days)).timestamp() if days else 0.0


def _unfinished(cutoff: float) -> list[ColumnElement[bool]]:
    """What of a run keeps its job."""
    return [
        _R.phase != Phase.DONE,
        _R.ended >= cutoff,
        _R.told != _R.verdict,
        _R.origin != "",  # else it would be learned anew from its target
        and_(_R.final.is_(False), or_(_R.journal != "", _R.verdict == str(Verdict.LOST))),
    ]


def _last(db: Connection) -> int:
    meta: Any = schema.meta.c
    return int(db.scalar(select(meta.value).where(meta.key == _LAST)) or 0)


def _note(db: Connection, number: int) -> None:
    highest = max(number, _last(db))
    db.execute(delete(schema.meta).where(schema.meta.c.key == _LAST))
    db.execute(insert(schema.meta).values(key=_LAST, value=str(highest)))
