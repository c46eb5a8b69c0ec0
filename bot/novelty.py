"""
What was said in a run that failed, and in the last one that passed was not.

Rule: it adds to what the room hears of a job, and must not keep it from the room: it takes
seconds, or it is left out.
"""

import asyncio
from collections.abc import AsyncGenerator, Hashable, Mapping
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
from bot.report.evidence import alike
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
                if before is None:
                    continue
                async for new in _novel(run, before, logs):
                    insight = found.get(run.jid, Insight())
                    found[run.jid] = replace(insight, new=new, new_since=before.job)
    except (TimeoutError, Refusal, JournalError) as error:
        log.info("novelty.left_out", job=job.number, reason=str(error) or f"over {WITHIN:.0f} s")
    return found


async def _novel(run: Run, before: Run, logs: Logs) -> AsyncGenerator[tuple[str, ...], None]:
    """What is new in *run*, as far as that is known: what is not of its log costs no time."""
    beside = _beside(run, before)
    if beside:
        yield beside
    known = Templates()
    await logs.scan(before, known)
    if known.whole:
        novel = Novel(known)
        await logs.scan(run, novel)
        if novel.lines:
            yield (*beside, *novel.lines)


def _beside(run: Run, before: Run) -> tuple[str, ...]:
    """The first bad lines that were not printed, if there were none like them *before*."""
    had = {
        template(line)
        for outcome in before.outcomes
        for line in (*outcome.lines, *map(str, outcome.cases))
    }
    firsts = [outcome.first for outcome in run.outcomes if outcome.first]
    return tuple(each.line for each in firsts if each.by and template(each.line) not in had)


def _each_kind(job: Job) -> list[Run]:
    """The first run of each way to fail."""
    kinds: dict[Hashable, Run] = {}
    for run in job.runs:
        if run.verdict in _OF and run.size:
            kinds.setdefault(alike(run), run)
    return list(kinds.values())[:MOST]
