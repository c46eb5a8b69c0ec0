"""
Runs that an earlier database of ours had ordered: functions of a Connection.

They have a number of ours, for people; their targets know them by the id they were ordered
under, their *origin*.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, func, insert, select, update

from agent.wire.vocabulary import RunId, Step
from bot.jobs import Phase, Run
from bot.occupant import Channel
from bot.store import jobs, schema


def find(db: Connection, of: RunId, jid: str, store: str) -> Run:
    """The run that *jid* knows as *of*; KeyError if there is none."""
    if of.store == store:
        return jobs.get_run(db, of.number, jid)
    number = db.scalar(
        select(schema.run.c.job).where(schema.run.c.jid == jid, schema.run.c.origin == str(of))
    )
    if number is None:
        raise KeyError(f"{of}@{jid}")
    return jobs.get_run(db, number, jid)


def count(db: Connection, jid: str) -> int:
    """How many runs were ever relearned from *jid*."""
    query = select(func.count()).where(schema.run.c.jid == jid, schema.run.c.origin != "")
    return db.scalar(query) or 0


def add(
    db: Connection, of: RunId, jid: str, *, target: str, steps: Sequence[Step], phase: Phase,
    journal: str, now: datetime,
) -> Run:  # fmt: skip
    """
    A run that *jid* knows as *of*; runs of the same order are in the same job.

    If that job's end was told already, it will be told again.
    """
    number = db.scalar(select(schema.job.c.number).where(schema.job.c.line == str(of)))
    if number is None:
        number = _add_job(db, of, steps, now)
    db.execute(update(schema.job).where(schema.job.c.number == number).values(told=False))
    db.execute(
        insert(schema.run).values(
            job=number, jid=jid, target=target, phase=phase, outcomes=[], journal=journal,
            origin=str(of), heard=now.timestamp(),
        )
    )  # fmt: skip
    return jobs.get_run(db, number, jid)


def _add_job(db: Connection, of: RunId, steps: Sequence[Step], now: datetime) -> int:
    result = db.execute(
        insert(schema.job).values(
            line=str(of),
            steps=[{"recipe": step.recipe, "params": dict(step.params)} for step in steps],
            asker="",
            asker_jid="",
            channel=Channel.ROOM,
            asked=now.timestamp(),
            by=now.timestamp(),
            told=False,
        )
    )
    key = result.inserted_primary_key
    assert key is not None  # noqa: S101  (an insert of one row has one)
    number: int = key[0]
    return number
