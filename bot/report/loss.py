"""What somebody would lose: on a target that is at work, and of a job that runs."""

from collections.abc import Mapping
from contextlib import suppress

from agent.wire.errors import UnknownName
from bot.jobs import Job
from bot.lab import Lab, Target
from bot.report.text import safe


async def on(target: Target, lab: Lab) -> str:
    """``bob runs job 17 of ann: memtest, 43 %``."""
    if target.other or target.job is None:
        work = safe(target.doing, 60) or "something"
        whose = f" for {target.other}" if target.other else ""
        return f"{target.name} runs {work}{whose}{_progress(target)}"
    whose = ""
    with suppress(UnknownName):  # the target may say any number
        asker = (await lab.jobs.get(target.job)).asker
        whose = f" of {safe(asker, 60)}" if asker else ""
    doing = safe(target.doing, 60) or "something"
    return f"{target.name} runs job {target.job}{whose}: {doing}{_progress(target)}"


def of(job: Job, running: list[str], targets: Mapping[str, Target]) -> list[str]:
    """``job 17 of ann runs on bob: memtest, 43 %``, of each target in *running*."""
    whose = f" of {safe(job.asker, 60)}" if job.asker else ""
    return [
        f"job {job.number}{whose} runs on {name}: {safe(_doing(job, name, targets), 60)}"
        + (_progress(targets[name]) if _is_at(job, name, targets) else "")
        for name in running
    ]


def _is_at(job: Job, name: str, targets: Mapping[str, Target]) -> bool:
    return name in targets and targets[name].job == job.number


def _doing(job: Job, name: str, targets: Mapping[str, Target]) -> str:
    return (targets[name].doing if _is_at(job, name, targets) else "") or job.title


def _progress(target: Target) -> str:
    known = target.progress is not None and 0 <= target.progress <= 1
    return f", {round(100 * (target.progress or 0))} %" if known else ""
