"""
The facts of an answer as plain data, for scripts: what docs/commands.md calls ``data``.

Only what json takes; times are ISO 8601 in UTC. A field may be added, none removed or
changed in meaning without a new version (bot/reply.py).
"""

import math
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime

from bot.findings import Metric
from bot.jobs import Job, Outcome, Run
from bot.lab import Target

Facts = dict[str, object]

BAD = 8
"""Most cases of a step in what is said: every server counts bytes."""


def moment(at: datetime | None) -> str | None:
    """A time as ISO 8601."""
    return at.astimezone(UTC).isoformat(timespec="seconds") if at else None


def finite(value: float | None) -> float | None:
    """*value*, or None for what JSON has no word for."""
    return value if value is not None and math.isfinite(value) else None


def of_target(target: Target) -> Facts:
    """One machine."""
    return {
        "name": target.name,
        "jid": target.jid,
        "present": target.present,
        "state": target.state,
        "friendly": target.friendly,
        "location": target.location,
        "doing": target.doing,
        "job": target.job,
        "other": target.other,
        "progress": finite(target.progress),
        "left": finite(target.left),
        "queue": target.queue,
        "boot": target.boot,
        "version": target.version,
        "address": target.address,
        "since": moment(target.since),
        "heard": moment(target.heard),
    }


def of_outcome(outcome: Outcome, *, whole: bool = False) -> Facts:
    """One step that ended; of its cases all if *whole*, else the first that went wrong."""
    cases = outcome.cases if whole else outcome.bad_cases[:BAD]
    return {
        "step": outcome.step,
        "verdict": outcome.verdict.value,
        "seconds": finite(outcome.seconds),
        "reason": outcome.reason,
        "counts": {name: finite(value) for name, value in outcome.counts.items()},
        "lines": list(outcome.lines),
        "metrics": [of_metric(metric) for metric in outcome.metrics],
        "first": asdict(outcome.first) if outcome.first else None,
        "known": [asdict(issue) for issue in outcome.known],
        "cases": [
            {"name": case.name, "verdict": case.verdict.value, "why": case.why} for case in cases
        ],
        "case_count": outcome.case_count or None,
    }


def of_metric(metric: Metric) -> Facts:
    """One number that was measured."""
    return {
        "name": metric.name,
        "value": finite(metric.value),
        "unit": metric.unit,
        "better": metric.better,
    }


def of_run(run: Run, *, whole: bool = False) -> Facts:
    """A job on one target; *whole* as in :func:`of_outcome`."""
    return {
        "run": run.name,
        "target": run.target,
        "jid": run.jid,
        "phase": run.phase.value,
        "verdict": run.verdict.value if run.verdict else None,
        "reason": run.reason,
        "steps": [of_outcome(outcome, whole=whole) for outcome in run.outcomes],
        "began": moment(run.began),
        "ended": moment(run.ended),
        "heard": moment(run.heard),
        "stopped_by": run.stop,
    }


def of_job(job: Job) -> Facts:
    """What one line asked for, and how far it is."""
    return {
        "job": job.number,
        "title": job.title,
        "steps": [{"recipe": step.recipe, "params": dict(step.params)} for step in job.steps],
        "was": job.was,
        "ref": job.ref,
        "asker": job.asker_jid,
        "asked": moment(job.asked),
        "by": moment(job.by),
        "done": job.done,
        "verdict": job.verdict.value if job.verdict else None,
        "runs": [of_run(run) for run in job.runs],
    }


def of_end(job: Job, insights: Mapping[str, Facts]) -> Facts:
    """
    How a job ended, and no more: every server counts bytes (``job 3`` has the rest).

    Prosody's default holds whoever says a kilobyte back for 100 ms.

    Args:
        insights: What history makes of its runs, by the bare JID of their targets.
    """
    return {
        "job": job.number,
        "ref": job.ref,
        "title": job.title,
        "verdict": job.verdict.value if job.verdict else None,
        "runs": [
            {
                "target": run.target,
                "verdict": run.verdict.value if run.verdict else None,
                "reason": run.reason,
                "steps": [of_outcome(outcome) for outcome in run.outcomes],
                "insight": insights.get(run.jid, {}),
            }
            for run in job.runs
        ],
    }
