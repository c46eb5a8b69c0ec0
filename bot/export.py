"""
``labroom export 41``: a job for other programs, from the database itself.

It reads, and never writes; so it may be used while the bot runs, and while it does not. What it
reads is of one moment.
"""

from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event, inspect, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from agent.wire.errors import Refusal, UnknownName
from bot.jobs import Job, Run
from bot.reply import Reply
from bot.report import facts, notes
from bot.report.junit import junit
from bot.report.printed import whole
from bot.report.progress import overall
from bot.store import history, jobs, journals, schema

TAIL = 16 * 1024
"""Bytes of a bad run's output that go into the XML."""


def export(database: str, number: int, *, as_junit: bool) -> str:
    """Job *number* of *database* (an SQLAlchemy URL), as JUnit XML or as JSON."""
    engine = _reading(database)
    try:
        with engine.connect() as db, db.begin():
            _check(db)
            job = _job(db, number)
            return _junit(db, job) if as_junit else _json(db, job)
    except SQLAlchemyError as error:
        raise Refusal(
            f"database: cannot read it: {str(error).splitlines()[0]}",
            hint="Run it as the bot's account, on the bot's machine.",
        ) from error
    finally:
        engine.dispose()


def _reading(database: str) -> Engine:
    """To *database*, which nothing that we do changes."""
    if make_url(database).get_backend_name() != "sqlite":
        return create_engine(database)
    path = quote(make_url(database).database or "")
    engine = create_engine(f"sqlite:///file:{path}?mode=rw&uri=true")  # mode=rw: never makes one

    @event.listens_for(engine, "connect")
    def never_write(connection: Any, _: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, for all reads together
        cursor = connection.cursor()
        cursor.execute("PRAGMA query_only = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def _check(db: Connection) -> None:
    version = None
    if inspect(db).has_table("meta"):
        version = db.scalar(select(schema.meta.c.value).where(schema.meta.c.key == "version"))
    if version != schema.VERSION:
        raise Refusal(
            f"database: its tables have version {version}, this labroom's have {schema.VERSION}",
            hint="Run the labroom that made it; or start this bot once, and it grows.",
        )


def _job(db: Connection, number: int) -> Job:
    try:
        return jobs.get_job(db, number)
    except KeyError:
        raise UnknownName(f"there is no job {number}", hint="Say jobs.") from None


def _json(db: Connection, job: Job) -> str:
    insights = history.of_job(db, job) if job.done else {}
    runs = [
        {**facts.of_run(run), "insight": notes.as_data(insights[run.jid]) if insights else {}}
        for run in job.runs
    ]
    return Reply("", data={**facts.of_job(job), "runs": runs}).json + "\n"


def _junit(db: Connection, job: Job) -> str:
    if not job.done:
        raise Refusal(
            f"job {job.number} is {overall(job)}: only one that is done is a report",
            hint=f"Wait for it: labroom say --wait, or tell me when job {job.number} is done.",
        )
    return junit(job, {run.jid: _tail(db, run) for run in job.runs if _is_bad(run)})


def _is_bad(run: Run) -> bool:
    return run.verdict is not None and not run.verdict.good


def _tail(db: Connection, run: Run) -> str:
    """The end of what *run* printed, as plain text."""
    printed = journals.tail(db, run.job, run.jid, run.size, TAIL) if run.size else b""
    return whole(printed).decode()
