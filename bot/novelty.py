"""
What a run that failed has printed, and the last one that passed had not.

Rule: it adds to what the room hears of a job, and must not keep it from the room: it takes
seconds, or it is left out.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import structlog

from agent.wire.errors import Refusal
from agent.wire.journal import JournalError
from agent.wire.vocabulary import Verdict
from bot.insight.insight import Insight
from bot.insight.novel import Novel, Templates
from bot.insight.templates import template
from bot.jobs import Job, Run
from bot.reading import Logs
from bot.store import history
from bot.store.writer import Writer

log = structlog.get_logger()

WITHIN = 5.0
"""Seconds that it may take, for all runs of a job."""

MOST = 3
"""Runs of one job that are looked at: each that ended in another way, the first ones."""

_OF = (Verdict.FAIL, Verdict.TIMEOUT, Verdict.STALLED, Verdict.CRASHED)


async def with_novel(
    job: Job, insights: Mapping[str, Insight], store: Writer, logs: Logs
) -> dict[str, Insight]:
    """*insights* (by bare JID), with the lines that are new in the runs of *job* that failed."""
    found = dict(insights)
    try:
        async with asyncio.timeout(WITHIN):
            for run in _each_kind(job):
                before = await store.do(partial(history.last_passed, run=run))
                if before is not None and (new := await _novel(run, before, logs)):
                    found[run.jid] = replace(
                        found.get(run.jid, Insight()), new=new, new_since=before.job
                    )
    except (TimeoutError, Refusal, JournalError) as error:
        log.info("novelty.left_out", job=job.number, reason=str(error) or f"over {WITHIN:.0f} s")
    return found


async def _novel(run: Run, before: Run, logs: Logs) -> tuple[str, ...]:
    known = Templates()
    await logs.scan(before, known)
    if not known.whole:
        return ()
    novel = Novel(known)
    await logs.scan(run, novel)
    return novel.lines


def _each_kind(job: Job) -> list[Run]:
    """The first run of each way to fail."""
    kinds: dict[tuple[object, str], Run] = {}
    for run in job.runs:
        if run.verdict in _OF and run.size:
            kinds.setdefault((run.verdict, template(run.reason)), run)
    return list(kinds.values())[:MOST]
