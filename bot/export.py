"""
``labroom export 41``: a job for other programs, from the database itself.

It reads, and never writes; so it may be used while the bot runs, and while it does not. What it
reads is of one moment.
"""

from sqlalchemy import Connection

from agent.wire.errors import Refusal, UnknownName
from bot import runs
from bot.jobs import Job, Run
from bot.reply import Reply
from bot.report import facts, notes
from bot.report.junit import junit
from bot.report.printed import whole
from bot.report.progress import overall
from bot.store import history, jobs, journals
from bot.store.readonly import reading

TAIL = 16 * 1024
"""Bytes of a bad run's output that go into the XML."""


def export(database: str, number: int, *, as_junit: bool) -> str:
    """Job *number* of *database* (an SQLAlchemy URL), as JUnit XML or as JSON."""
    with reading(database) as db:
        job = _job(db, number)
        return _junit(db, job) if as_junit else _json(db, job)


def _job(db: Connection, number: int) -> Job:
    try:
        return jobs.get_job(db, number)
    except KeyError:
        raise UnknownName(f"there is no job {number}", hint="Say jobs.") from None


def _json(db: Connection, job: Job) -> str:
    insights = history.of_job(db, job) if job.done else {}
    told = [
        {
            **facts.of_run(run, whole=True),
            "insight": notes.as_data(insights[run.jid]) if insights else {},
        }
        for run in job.runs
    ]
    return Reply("", data={**facts.of_job(job), "runs": told}).json + "\n"


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
    """The end of what *run* printed, as plain text; or that it is not kept."""
    if run.dropped:
        return runs.gone(run)
    printed = journals.tail(db, run.job, run.jid, run.size, TAIL) if run.size else b""
    return whole(printed).decode()
