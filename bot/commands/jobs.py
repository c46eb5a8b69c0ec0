"""jobs: the newest jobs, those that are not done first."""

from dataclasses import dataclass

from bot.lab import Lab
from bot.occupant import Line
from bot.policy import Permission
from bot.reply import Reply
from bot.report import facts
from bot.report.progress import overall
from bot.report.table import table
from bot.report.text import plural
from bot.verb import Verb

MOST = 10


@dataclass(frozen=True, slots=True)
class Jobs:
    """Nothing to say about it."""


async def run(asked: Jobs, lab: Lab, line: Line) -> Reply:
    """From the store."""
    jobs = await lab.jobs.recent(MOST)
    if not jobs:
        return Reply("no jobs yet", data={"jobs": []})
    waiting = sum(not job.done for job in jobs)
    newest = "newest job" if len(jobs) == 1 else f"newest {plural(len(jobs), 'jobs')}"
    rows = [
        [
            str(job.number),
            overall(job),
            job.runs[0].target if len(job.runs) == 1 else f"{len(job.runs)} targets",
            job.title,
        ]
        for job in jobs
    ]
    return Reply(
        f"the {newest}, {f'{waiting} not' if waiting else 'all'} done",
        table=table(rows, columns=line.columns),
        data={"jobs": [facts.of_job(job) for job in jobs]},
    )


VERB = Verb(
    name="jobs",
    summary="the newest jobs",
    about=f"The newest {MOST} jobs: first those that are not done, then how the others ended.",
    build=Jobs,
    needs=Permission.LOOK,
    run=run,
    examples={"jobs": Jobs()},
)
