"""history: how a recipe went on a target, run by run."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.grammar import keyword, known, name, optional
from bot.insight.measure import Measure
from bot.insight.series import alike, flaky, trend
from bot.insight.usual import usual
from bot.lab import Lab
from bot.occupant import Line
from bot.policy import Permission
from bot.reply import Reply
from bot.report import facts
from bot.report.notes import between, measured, percents, quantity
from bot.report.table import table
from bot.report.text import age, duration, plural, safe
from bot.verb import Verb

MOST = 12
"""Runs in the block."""

LOOKED = 60
"""Runs that are looked at."""


@dataclass(frozen=True, slots=True)
class History:
    """Of one recipe on one target; of all of them, if none is named."""

    target: str
    recipe: str = ""
    jid: str = ""
    """Of the target, once it is resolved."""


async def resolve(asked: History, lab: Lab, line: Line) -> History:
    """The names as the lab writes them; a recipe that is gone has a past all the same."""
    targets = {each.name: each for each in lab.targets.all()}
    target = targets[known(asked.target, targets, "target")]
    if not asked.recipe:
        return replace(asked, target=target.name, jid=target.jid)
    offered = lab.targets.recipes(target.name) or {}
    done = {each.recipe for each in await lab.history.of_target(target.jid, "", LOOKED)}
    recipe = known(asked.recipe, dict.fromkeys([*offered, *done]), "recipe", likely=True)
    return replace(asked, target=target.name, jid=target.jid, recipe=recipe)


async def run(asked: History, lab: Lab, line: Line) -> Reply:
    """From what was measured: the newest first."""
    found = await lab.history.of_target(asked.jid, asked.recipe, LOOKED)
    if not found:
        what = f" of {asked.recipe}" if asked.recipe else ""
        return Reply(
            f"no run{what} on {asked.target} has ended yet",
            data={"target": asked.target, "history": []},
        )
    if not asked.recipe:
        return _all(asked.target, found, lab.now, line.columns)
    mine = [each for each in found if each.params == found[0].params]
    rows = [_row(each, lab.now) for each in mine[:MOST]]
    return Reply(
        ", ".join([f"{asked.recipe} on {asked.target}: {_verdicts(mine)}", *_told(mine, found)]),
        table=table(rows, columns=line.columns),
        data={"target": asked.target, **_data(asked.recipe, mine, found)},
    )


def _all(target: str, found: Sequence[Measure], now: datetime, columns: int) -> Reply:
    """A row for each recipe with each of its parameters."""
    kinds = alike(found)
    shaky = {(each.jid, each.recipe, each.params) for each in flaky(kinds)}
    rows = [
        [
            runs[0].recipe,
            "flaky" if key in shaky else str(runs[0].verdict),
            plural(len(runs), "runs"),
            age(runs[0].at, now),
            key[2],
        ]
        for key, runs in kinds.items()
    ]
    return Reply(
        f"{target}: the last {plural(len(found), 'steps')}, {_verdicts(found)}",
        table=table(rows, columns=columns),
        data={"target": target, "history": [_one(each) for each in found]},
    )


def _verdicts(runs: Sequence[Measure]) -> str:
    """``12 runs, 10 pass and 2 fail``."""
    counts = Counter(each.verdict for each in runs)
    if len(counts) == 1:
        return f"{plural(len(runs), 'runs')}, {'all ' * (len(runs) > 1)}{runs[0].verdict}"
    return f"{plural(len(runs), 'runs')}, " + ", ".join(
        f"{count} {verdict}" for verdict, count in counts.most_common()
    )


def _told(mine: Sequence[Measure], found: Sequence[Measure]) -> list[str]:
    """What they have in common, a clause each."""
    passed = [each for each in mine if each.verdict.good]
    clauses = ["flaky"] if flaky(alike(mine)) else []
    if mine[0].metrics:
        metric = mine[0].metrics[0]
        values = [v for each in passed if (v := each.metric(metric.name, metric.unit)) is not None]
        clauses.append(measured(metric))
        if (before := usual(values)) is not None:
            clauses[-1] += f" (median {quantity(before.median)})"
        if percent := trend(values[::-1]):
            clauses.append(f"{'rising' if percent > 0 else 'falling'} by {percents(percent)}")
    if (took := usual([each.seconds for each in passed])) is not None:
        clauses.append(f"takes {between(took)}")
    if others := len(found) - len(mine):
        clauses.append(f"{others} more with other parameters")
    return clauses


def _row(one: Measure, now: datetime) -> list[str]:
    metric = quantity(one.metrics[0].value, one.metrics[0].unit) if one.metrics else ""
    return [str(one.job), str(one.verdict), metric, duration(one.seconds), age(one.at, now)]


def _data(recipe: str, mine: Sequence[Measure], found: Sequence[Measure]) -> facts.Facts:
    took = usual([each.seconds for each in mine if each.verdict.good])
    return {
        "recipe": recipe,
        "params": mine[0].params,
        "usually": round(took.median, 1) if took else None,
        "flaky": bool(flaky(alike(mine))),
        "history": [_one(each) for each in found],
    }


def _one(each: Measure) -> facts.Facts:
    return {
        "job": each.job,
        "recipe": each.recipe,
        "params": safe(each.params, 500),
        "verdict": each.verdict.value,
        "seconds": facts.finite(each.seconds),
        "at": facts.moment(each.at),
        "metrics": [facts.of_metric(metric) for metric in each.metrics],
    }


VERB = Verb(
    name="history",
    instead_of=("past", "trend"),
    summary="how a test went before",
    about=(
        "How a recipe went on a target, the newest run first: the job, the verdict, the first "
        "metric, how long it took and when. Above it what they have in common: how many passed, "
        "the median of the metric, whether that rises or falls, how long it takes. A test is "
        "flaky if it passes and fails to and fro with the same parameters; errors of the lab do "
        "not count. Without a recipe, one line for each."
    ),
    grammar=optional(keyword("of"))
    + (
        name("recipe", "a recipe") + keyword("on") + name("target", "a target")
        | name("target", "a target") + optional(name("recipe", "a recipe"))
    ).set_name("a target"),
    then="a recipe or nothing more",
    build=History,
    resolve=resolve,
    needs=Permission.LOOK,
    run=run,
    examples={
        "history bob memtest": History("bob", "memtest"),
        "history memtest on bob": History("bob", "memtest"),
        "history bob": History("bob"),
    },
)
