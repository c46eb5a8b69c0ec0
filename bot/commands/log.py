"""log: the end of what a run printed, and all of it as a file."""

import re
from dataclasses import dataclass

import pyparsing as pp

from agent.wire.errors import Refusal, UnknownName
from bot import grammar
from bot.grammar import NoSuch, known, name, number, optional
from bot.jobs import Job, Run
from bot.lab import Lab
from bot.occupant import Line
from bot.policy import Permission
from bot.reply import File, Reply
from bot.report.nodes import folded
from bot.report.printed import last_lines, whole
from bot.report.progress import state
from bot.report.table import block
from bot.report.text import listed, plural, size
from bot.verb import Verb

LINES = 20
BYTES = 256 * 1024
"""Read from the end: a line of memtester's takes eleven thousand."""


@dataclass(frozen=True, slots=True)
class Log:
    """Of the job's only target, or the only one that went wrong, if none is named."""

    number: int
    target: str = ""


async def resolve(asked: Log, lab: Lab, line: Line) -> Log:
    """A number that no job has, or a target that nobody is ("log 3 times"), is talk."""
    names = [target.name for target in lab.targets.all()]
    try:
        job = await lab.jobs.get(asked.number)
    except UnknownName as missing:
        likely = not asked.target or asked.target.casefold() in map(str.casefold, names)
        raise NoSuch(missing.what, hint=missing.hint, likely=likely) from None
    if asked.target:
        theirs = [run.target for run in job.runs]
        if asked.target.casefold() not in map(str.casefold, names):
            known(asked.target, theirs, f"target in job {job.number}")
    return asked


async def run(asked: Log, lab: Lab, line: Line) -> Reply:
    """From the store: it is there while the run goes on, too."""
    job = await lab.jobs.get(asked.number)
    chosen = _run(job, asked.target)
    data = await lab.jobs.tail(chosen, BYTES)
    lines = last_lines(data, LINES)
    # Shorter than we asked for: that is all of it. Otherwise somebody must have counted.
    total = len(data) if len(data) < BYTES else max(chosen.printed, len(data))
    counted = len(data) < BYTES or chosen.printed >= len(data)
    of = size(total) if counted else f"more than {size(total)}"
    if lines:
        amount = f"last {plural(len(lines), 'lines')} of {of}"
    else:
        amount = f"{of}, nothing to read" if total else "nothing printed yet"
    return Reply(
        f"job {job.number} on {chosen.target}, {state(chosen)}: {amount}",
        table=block(lines, columns=line.columns),
        data={
            "job": job.number,
            "target": chosen.target,
            "state": state(chosen),
            "bytes": total,
            "lines": lines,
        },
        quotes=True,
        file=_file(job, chosen, data, lines),
    )


def _file(job: Job, run: Run, data: bytes, shown: list[str]) -> File | None:
    """All that we read, if that is more than is shown."""
    text = whole(data)
    told = [line for line in text.decode().split("\n") if line.strip()]
    if len(told) <= len(shown):
        return None
    name = re.sub(r"[^A-Za-z0-9.-]", "_", run.target)[:60]
    return File(f"job-{job.number}-{name}.txt", text)


def _run(job: Job, target: str) -> Run:
    names = [run.target for run in job.runs]
    if target:
        called = known(target, names, f"target in job {job.number}", likely=True)
        return next(run for run in job.runs if run.target == called)
    wrong = [run for run in job.runs if run.verdict is not None and not run.verdict.good]
    candidates = job.runs if len(job.runs) == 1 else wrong
    if len(candidates) == 1:
        return candidates[0]
    raise Refusal(
        f"job {job.number} has {len(names)} targets: {listed(folded(names))}",
        hint=f"Say log {job.number} {names[0]}.",
    )


_OF = optional(pp.Suppress(pp.Literal("@")) | grammar.keyword("on"))

VERB = Verb(
    name="log",
    instead_of=("tail", "output"),
    summary="the end of what was printed",
    about=(
        f"The last {LINES} lines that a run printed, without colours and with counters at "
        "their last state, cut at the width of a phone; and how much there is in all. The "
        "target may be left out if there is only one, or only one that went wrong."
    ),
    grammar=number("number") + optional(_OF + name("target", "a target")),
    then="a target or nothing more",
    build=Log,
    resolve=resolve,
    needs=Permission.LOOK,
    run=run,
    examples={"log 3": Log(3), "log 3 bob": Log(3, "bob")},
)
