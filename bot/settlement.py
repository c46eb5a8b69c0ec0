"""
What becomes of runs without their journals: stopped, or missing where they should be.

Functions of a Connection, for :meth:`Writer.do`. Each reads a run and writes it back in one
piece of work, so that nothing that happened meanwhile is overwritten.
"""

import contextlib
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

import structlog
from sqlalchemy import Connection

from agent.wire.query import MOST_RUNS, HeldRun, Standing
from agent.wire.vocabulary import Held, Verdict
from bot.digest import IntegrityError, distrusted, given_up, heard_of
from bot.jobs import Happening, Job, Phase, Run, after
from bot.store import jobs, relearned

log = structlog.get_logger()


def stop(
    db: Connection,
    *,
    number: int,
    by: str,
    away: set[str],
    now: datetime,
    on: Collection[str] | None = None,
) -> list[Run]:
    """
    Mark the runs of job *number* that are not done, or are lost and may be back yet.

    Those that never reached a target end.

    Args:
        on: The names of the targets that are meant; None is all.
    """
    marked = []
    for run in jobs.get_job(db, number).runs:
        if on is not None and run.target not in on:
            continue
        if run.phase is Phase.DONE and not run.missing:
            continue
        asked = replace(run, stop=run.stop or by)
        if run.phase is Phase.OFFERED and run.jid in away:
            asked = _never_began(asked, now)
        jobs.save_run(db, asked)
        marked.append(asked)
    return marked


def withdraw(db: Connection, *, job: Job, jid: str, why: str, now: datetime) -> Run:
    """The run of *job* on *jid*, which nobody may have any more; one that has begun goes on."""
    run = jobs.get_run(db, job.number, jid)
    by = f"the bot, as {job.asker} may no longer run it"
    if run.phase is Phase.OFFERED:
        run = given_up(replace(run, stop=by), Verdict.REFUSED, why, now)
    elif run.phase is Phase.QUEUED:
        run = replace(run, stop=by)
    jobs.save_run(db, run)
    return run


def settle(
    db: Connection,
    *,
    jid: str,
    seen: list[Run],
    standing: Standing,
    store: str,
    forgot: bool,
    now: datetime,
) -> list[Run]:
    """
    What a sync says of the open runs of *jid*; the runs as they are now.

    With them come those that it works on although they have been stopped.

    Args:
        seen: The open runs as they were before the target was asked.
        forgot: Whether the target's state folder is new.
    """
    held = {at.of.run: at for at in standing.held}
    whole = len(standing.held) < MOST_RUNS  # else what is not there may only be left out
    settled = []
    for before in sorted(seen, key=lambda run: run.job):
        run = jobs.get_run(db, before.job, jid)
        at = held.pop(run.known_as(store), None)
        if at is not None:
            settled.append(_present(before, run, at, now))
        elif whole and run.phase is before.phase:
            settled.append(_absent(run, now, forgot=forgot))
        else:
            settled.append(run)  # its journal, or its answer, was faster
        if settled[-1] != run:
            jobs.save_run(db, settled[-1])
    return settled + _strays(db, jid, list(held.values()), store)


def _present(before: Run, run: Run, at: HeldRun, now: datetime) -> Run:
    """*run*, which its target holds."""
    lie = None
    if run.journal not in ("", at.of.journal):
        lie = IntegrityError(f"{run.target} has started another journal for it")
    elif before.journal and at.size < before.size:
        lie = IntegrityError(f"{run.target} has {at.size} bytes of the {before.size} it sent")
    if lie is not None:
        log.error("run.integrity", run=run.name, jid=run.jid, reason=str(lie))
        return distrusted(run, lie, now)
    run = replace(run, journal=at.of.journal)
    if at.phase is Held.DONE and run.heard is not None:
        return run  # what is left to come is its journal: only that counts as a word of it
    run = heard_of(run, now)
    return replace(run, phase=after(run.phase, Happening.ACCEPT))


def _absent(run: Run, now: datetime, *, forgot: bool) -> Run:
    """*run*, of which its target knows nothing."""
    if run.phase is not Phase.OFFERED:
        why = "its state folder is new" if forgot else "it no longer knows of it"
        reason = f"{run.target} lost the run: {why}"
        return given_up(run, Verdict.LOST, reason, now)
    return _never_began(run, now) if run.stop else run


def _never_began(run: Run, now: datetime) -> Run:
    reason = f"stopped by {run.stop} before it began"
    return given_up(run, Verdict.ABORTED, reason, now)


def _strays(db: Connection, jid: str, held: list[HeldRun], store: str) -> list[Run]:
    """Of *held*, the runs that have been stopped: the target has not heard of it."""
    strays = []
    for at in held:
        with contextlib.suppress(KeyError):
            run = relearned.find(db, at.of.run, jid, store)
            if run.stop and run.phase is Phase.DONE and at.phase is not Held.DONE:
                strays.append(run)
    return strays
