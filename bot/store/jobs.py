"""Jobs and runs in the database: functions of a Connection, for :meth:`Writer.do`."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, insert, select, update

from agent.wire.vocabulary import Step, Verdict
from bot.jobs import Job, Phase, Run
from bot.occupant import Channel
from bot.store import schema
from bot.store.outcomes import outcome_in, outcome_out

# Built once: people wait for these.
_NUMBER_OF_LINE = (
    select(schema.job.c.number)
    .where(
        schema.job.c.line == bindparam("said"),
        schema.job.c.text == bindparam("words"),
        schema.job.c.asked.between(bindparam("since"), bindparam("until")),
    )
    .order_by(schema.job.c.number.desc())
    .limit(1)
)

AGAIN = 600.0
"""Seconds in which the same words with the same id are the same line: some clients count from 1."""

_THIS_RUN = and_(schema.run.c.job == bindparam("of_job"), schema.run.c.jid == bindparam("of_jid"))
_ASKED = select(schema.job.c.asked).where(schema.job.c.number == bindparam("number"))
_RUN = select(schema.run).where(_THIS_RUN)
_SAVE_RUN = update(schema.run).where(_THIS_RUN)
_INSERT_JOB, _INSERT_RUN = insert(schema.job), insert(schema.run)


def add_job(
    db: Connection,
    *,
    line: str,
    text: str,
    steps: Sequence[Step],
    targets: Mapping[str, str],
    asker: str,
    asker_jid: str,
    channel: Channel,
    asked: datetime,
    by: datetime,
    ref: str = "",
) -> tuple[Job, bool]:
    """
    A new job with one run per target (bare JID -> name), and True.

    The job that the same *line* with the same *text* made just before, and False, if there is one.
    """
    at = asked.timestamp()
    known = db.scalar(
        _NUMBER_OF_LINE,
        {"said": line, "words": text, "since": at - AGAIN, "until": at + AGAIN},
    )
    if known is not None:
        return get_job(db, known), False
    result = db.execute(
        _INSERT_JOB,
        {
            "line": line,
            "text": text,
            "steps": [{"recipe": step.recipe, "params": dict(step.params)} for step in steps],
            "ref": ref,
            "asker": asker,
            "asker_jid": asker_jid,
            "channel": channel,
            "asked": asked.timestamp(),
            "by": by.timestamp(),
            "told": False,
        },
    )
    key = result.inserted_primary_key
    assert key is not None  # noqa: S101  (an insert of one row has one)
    number: int = key[0]
    db.execute(
        _INSERT_RUN,
        [
            {"job": number, "jid": jid, "target": name, "phase": Phase.OFFERED, "outcomes": []}
            for jid, name in targets.items()
        ],
    )
    runs = [Run(job=number, target=name, jid=jid) for jid, name in targets.items()]
    job = Job(
        number=number,
        steps=tuple(steps),
        asker=asker,
        asker_jid=asker_jid,
        channel=channel,
        asked=asked,
        by=by,
        ref=ref,
        runs=tuple(sorted(runs, key=lambda run: run.target)),
    )
    return job, True


def get_job(db: Connection, number: int) -> Job:
    """Job *number*; KeyError if there is none."""
    row = db.execute(select(schema.job).where(schema.job.c.number == number)).one_or_none()
    if row is None:
        raise KeyError(number)
    return _job(db, row)


def recent_jobs(db: Connection, limit: int) -> list[Job]:
    """Those that are not done first, then the newest first."""
    open_ = (
        select(schema.run.c.job)
        .where(schema.run.c.job == schema.job.c.number, schema.run.c.phase != Phase.DONE)
        .exists()
    )
    rows = db.execute(
        select(schema.job).order_by(open_.desc(), schema.job.c.number.desc()).limit(limit)
    )
    return [_job(db, row) for row in rows.all()]


def untold_jobs(db: Connection) -> list[Job]:
    """Jobs that are done, and nobody has heard of it."""
    rows = db.execute(
        select(schema.job).where(schema.job.c.told.is_(False)).order_by(schema.job.c.number)
    )
    return [job for job in (_job(db, row) for row in rows.all()) if job.done]


def set_told(db: Connection, job: Job) -> None:
    """The room has heard how *job* ended, in these very words."""
    db.execute(update(schema.job).where(schema.job.c.number == job.number).values(told=True))
    for run in job.runs:
        set_run_told(db, run)


def told_verdict(db: Connection, number: int, jid: str) -> Verdict | None:
    """Which end of that run the room has heard; None if it has heard nothing."""
    told = db.scalar(select(schema.run.c.told).where(_is(number, jid)))
    return None if told is None else Verdict(told)


def set_run_told(db: Connection, run: Run) -> None:
    """The room has heard how *run* ended."""
    db.execute(update(schema.run).where(_is(run.job, run.jid)).values(told=run.verdict))


def misreported_runs(db: Connection) -> list[Run]:
    """Runs that ended otherwise than the room has heard."""
    rows = db.execute(
        select(schema.run).where(schema.run.c.told != schema.run.c.verdict).order_by("job", "jid")
    )
    return [_run(row) for row in rows.all()]


def asked(db: Connection, number: int) -> datetime:
    """When job *number*, which there is, was asked for."""
    return datetime.fromtimestamp(db.execute(_ASKED, {"number": number}).scalar_one(), UTC)


def get_run(db: Connection, number: int, jid: str) -> Run:
    """The run of job *number* on *jid*; KeyError if there is none."""
    row = db.execute(_RUN, {"of_job": number, "of_jid": jid}).one_or_none()
    if row is None:
        raise KeyError(f"{number}@{jid}")
    return _run(row)


def open_runs(db: Connection, jid: str | None = None) -> list[Run]:
    """Runs without a verdict, of target *jid* or of all, oldest first."""
    query = select(schema.run).where(schema.run.c.phase != Phase.DONE).order_by(schema.run.c.job)
    if jid is not None:
        query = query.where(schema.run.c.jid == jid)
    return [_run(row) for row in db.execute(query).all()]


def stranded_runs(db: Connection) -> list[Run]:
    """Accepted runs of whose targets nothing is heard, oldest first."""
    query = select(schema.run).where(schema.run.c.phase == Phase.STRANDED)
    return [_run(row) for row in db.execute(query.order_by(schema.run.c.job)).all()]


def incomplete_runs(db: Connection, jid: str, limit: int) -> list[Run]:
    """
    Runs of *jid* whose journal may still grow here.

    First the open ones, the oldest first; then those that were given up in the middle of
    their journal, the newest first.
    """
    given_up = (
        select(schema.run)
        .where(
            schema.run.c.jid == jid,
            schema.run.c.phase == Phase.DONE,
            schema.run.c.final.is_(False),
            schema.run.c.journal != "",
        )
        .order_by(schema.run.c.job.desc())
        .limit(limit)
    )
    runs = open_runs(db, jid) + [_run(row) for row in db.execute(given_up).all()]
    return runs[:limit]


def save_run(db: Connection, run: Run) -> None:
    """Write what can change of *run*."""
    db.execute(
        _SAVE_RUN,
        {
            "of_job": run.job,
            "of_jid": run.jid,
            "phase": run.phase,
            "verdict": run.verdict,
            "reason": run.reason,
            "outcomes": [outcome_out(outcome) for outcome in run.outcomes],
            "journal": run.journal,
            "size": run.size,
            "printed": run.printed,
            "began": _seconds(run.began),
            "ended": _seconds(run.ended),
            "heard": _seconds(run.heard),
            "stop": run.stop,
            "final": run.final,
        },
    )


def _is(number: int, jid: str) -> ColumnElement[bool]:
    return and_(schema.run.c.job == number, schema.run.c.jid == jid)


def _job(db: Connection, row: Row[Any]) -> Job:
    runs = db.execute(
        select(schema.run).where(schema.run.c.job == row.number).order_by(schema.run.c.target)
    )
    return Job(
        number=row.number,
        steps=tuple(Step(step["recipe"], step["params"]) for step in row.steps),
        asker=row.asker,
        asker_jid=row.asker_jid,
        channel=Channel(row.channel),
        asked=datetime.fromtimestamp(row.asked, UTC),
        by=datetime.fromtimestamp(row.by, UTC),
        runs=tuple(_run(run) for run in runs.all()),
        told=row.told,
        ref=row.ref,
    )


def _run(row: Row[Any]) -> Run:
    return Run(
        job=row.job,
        target=row.target,
        jid=row.jid,
        phase=Phase(row.phase),
        verdict=None if row.verdict is None else Verdict(row.verdict),
        reason=row.reason,
        outcomes=tuple(outcome_in(outcome) for outcome in row.outcomes),
        journal=row.journal,
        size=row.size,
        printed=row.printed,
        began=_moment(row.began),
        ended=_moment(row.ended),
        heard=_moment(row.heard),
        stop=row.stop,
        origin=row.origin,
        final=row.final,
        dropped=row.dropped,
    )


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
