"""compare: two jobs side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyparsing as pp

from agent.wire.errors import UnknownName
from bot.grammar import NoSuch, keyword, number, optional
from bot.insight.comparison import Pair, pairs
from bot.jobs import Job
from bot.lab import Lab
from bot.occupant import Line
from bot.policy import Permission
from bot.reply import Reply
from bot.report import facts
from bot.report.notes import percents, quantity
from bot.report.progress import overall, where
from bot.report.table import table
from bot.report.text import duration, listed, plural, safe
from bot.verb import Verb


@dataclass(frozen=True, slots=True)
class Compare:
    """A job, and what it is compared with."""

    number: int
    other: int


async def resolve(asked: Compare, lab: Lab, line: Line) -> Compare:
    """A number that no job has is talk."""
    for each in (asked.number, asked.other):
        try:
            await lab.jobs.get(each)
        except UnknownName as missing:
            raise NoSuch(missing.what, hint=missing.hint, likely=True) from None
    return asked


async def run(asked: Compare, lab: Lab, line: Line) -> Reply:
    """Step by step, like with like: the same recipe with the same parameters."""
    job, other = await lab.jobs.get(asked.number), await lab.jobs.get(asked.other)
    found = pairs(await lab.history.of_job(job.number), await lab.history.of_job(other.number))
    names = {run.jid: run.target for run in (*other.runs, *job.runs)}
    title = f"job {job.number} against job {other.number}"
    running = [each.number for each in (job, other) if not each.done]
    if running and not found:
        who = listed([f"job {number}" for number in running])
        text = f"{title}: {who} {'is' if len(running) == 1 else 'are'} not done yet"
    elif not found:
        text = f"{title}: nothing that both did: {_did(job)}; {_did(other)}"
    else:
        turned = [pair for pair in found if pair.now.verdict is not pair.before.verdict]
        clauses = [
            f"{plural(len(turned), 'verdicts')} {'differs' if len(turned) == 1 else 'differ'}"
        ]
        clauses += _largest(found, names)
        text = f"{title}, {plural(len(found), 'steps')} that both did: {', '.join(clauses)}"
    several = len({pair.now.jid for pair in found}) > 1 or len(found) == 1
    return Reply(
        text,
        table=table((_row(pair, names, named=several) for pair in found), columns=line.columns),
        data={
            "job": job.number,
            "compared": {"with": other.number, "steps": [_data(p, names) for p in found[:100]]},
        },
    )


def _did(job: Job) -> str:
    return f"job {job.number} is {safe(job.title, 60)} on {where(job.runs)} ({overall(job)})"


def _largest(found: Sequence[Pair], names: dict[str, str]) -> list[str]:
    """The metric that has changed most; of those that failed only if there is no other."""
    good = [pair for pair in found if pair.now.verdict.good and pair.before.verdict.good]
    all_ = [(each, pair) for pair in good or found for each in pair.differences if each.percent]
    if not all_:
        return []
    each, pair = max(all_, key=lambda one: abs(one[0].percent or 0))
    percent = each.percent or 0
    way = "above" if percent > 0 else "below"
    whose = f" on {names[pair.now.jid]}" if len(names) > 1 else ""
    then = quantity(each.before, each.metric.unit)
    name = safe(each.metric.name, 40)
    return [f"{name}{whose} {percents(percent)} {way} {then}"]


def _row(pair: Pair, names: dict[str, str], *, named: bool) -> list[str]:
    now, before = pair.now, pair.before
    verdict = str(now.verdict)
    if now.verdict is not before.verdict:
        verdict = f"{before.verdict}→{now.verdict}"
    metric = next(iter(pair.differences), None)
    told = quantity(metric.metric.value, metric.metric.unit) if metric else ""
    if metric and metric.percent:
        told = f"{'+' if metric.percent > 0 else '-'}{percents(metric.percent)}"
    took = " / ".join(dict.fromkeys([duration(now.seconds), duration(before.seconds)]))
    return [names[now.jid] if named else now.recipe, verdict, told, took]


def _data(pair: Pair, names: dict[str, str]) -> facts.Facts:
    now, before = pair.now, pair.before
    return {
        "target": names[now.jid],
        "recipe": now.recipe,
        "params": now.params,
        "verdict": now.verdict.value,
        "before": before.verdict.value,
        "seconds": facts.finite(now.seconds),
        "seconds_before": facts.finite(before.seconds),
        "metrics": [
            {
                "name": each.metric.name,
                "unit": each.metric.unit,
                "value": facts.finite(each.metric.value),
                "before": facts.finite(each.before),
                "percent": None if each.percent is None else round(each.percent, 1),
            }
            for each in pair.differences
        ],
    }


_JOB = optional(keyword("jobs") | keyword("job"))
_WITH = pp.MatchFirst([keyword(word) for word in ("with", "against", "and", "to")])

VERB = Verb(
    name="compare",
    instead_of=("diff",),
    summary="two jobs side by side",
    about=(
        "Two jobs side by side: what both did, with the verdicts, the change of the metric that "
        "changed most, and the times, now and before. Only like is compared with like: the same "
        "recipe with the same parameters on the same target; or on two, if each job has one."
    ),
    grammar=_JOB + number("number") + _WITH.set_name('"with"') + _JOB + number("other"),
    build=Compare,
    resolve=resolve,
    needs=Permission.LOOK,
    run=run,
    examples={
        "compare job 41 with 37": Compare(41, 37),
        "compare 41 with 37": Compare(41, 37),
        "compare 41 and 37": Compare(41, 37),
    },
)
