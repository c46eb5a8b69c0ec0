"""chart: what was measured, as a picture; and in a line for those who cannot see it."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pyparsing as pp

from agent.wire.errors import Refusal, UnknownName
from bot.choice import chosen
from bot.findings import Metric
from bot.grammar import NoSuch, keyword, known, name, number, optional
from bot.grammar_targets import targets
from bot.insight.measure import Measure
from bot.insight.picture import ROWS, TIME, Picture, Series, against, metrics_in, series_of
from bot.lab import Lab
from bot.occupant import Line
from bot.policy import Permission
from bot.reply import File, Reply
from bot.report import facts
from bot.report.nodes import folded
from bot.report.notes import away, quantity
from bot.report.table import table
from bot.report.text import listed, plural, safe
from bot.selection import Selection, named
from bot.verb import Verb

RUNS = 60
"""Newest steps of each target that are looked at."""

TOLD = 3
"""Most targets that are told to be not as usual."""

TARGETS = 200
"""Most targets of one picture."""


@dataclass(frozen=True, slots=True)
class Chart:
    """Of a job, or of a recipe or a metric on targets."""

    number: int = 0
    first: str = ""
    """A recipe, or a metric."""
    metric: str = ""
    of: Selection | None = None
    targets: tuple[str, ...] = ()
    """Who is meant, once that is resolved."""
    recipe: str = ""
    """The same."""


async def resolve(asked: Chart, lab: Lab, line: Line) -> Chart:
    """The job, or the targets and what they did: then the recipe and the metric are known."""
    if asked.of is None:
        try:
            await lab.jobs.get(asked.number)
        except UnknownName as missing:
            raise NoSuch(missing.what, hint=missing.hint, likely=True) from None
        return asked
    called = (await chosen(asked.of, lab)).names
    done = await _past(called[:TARGETS], "", lab)
    recipes = dict.fromkeys(each.recipe for each in done)
    offered = dict.fromkeys(each for target in called for each in lab.targets.recipes(target) or {})
    if asked.first.casefold() in map(str.casefold, [*recipes, *offered]) or asked.metric:
        recipe = known(asked.first, {**offered, **recipes}, "recipe", likely=bool(asked.metric))
        metric = asked.metric
        if metric:
            mine = [each for each in done if each.recipe == recipe]
            metric = known(metric, metrics_in(mine), f"metric of {recipe}", likely=True)
    else:
        metrics = metrics_in(done)
        metric = known(asked.first, [*metrics, *recipes, *offered], "recipe or metric")
        recipe = next((each.recipe for each in done if metric in metrics_in([each])), "")
    return replace(asked, targets=called, recipe=recipe, metric=metric)


async def run(asked: Chart, lab: Lab, line: Line) -> Reply:
    """One target's run in its history, the targets of a job side by side, or a history."""
    if asked.of is not None:
        found = await _past(asked.targets[:TARGETS], asked.recipe, lab)
        where = f"on {listed(folded([*asked.targets]), 4)}"
        return await _told(asked.recipe, asked.metric, found, where, lab, line, history=True)
    job = await lab.jobs.get(asked.number)
    here = {target.jid for target in lab.targets.all()}
    found = [each for each in await lab.history.of_job(job.number) if each.jid in here]
    title = f"job {job.number}"
    if not found:
        return Reply(f"{title}: nothing is measured yet", data={"job": job.number})
    recipe = next((each.recipe for each in found if each.metrics), found[0].recipe)
    mine = [each for each in found if each.recipe == recipe]
    if len({each.jid for each in mine}) > 1:
        names = [run.target for run in job.runs if run.jid in here]
        before = [each for each in await _past(names, recipe, lab) if each.job < job.number]
        where = f"in {title}"
        return await _told(recipe, "", mine, where, lab, line, history=False, before=before)
    target = next(run.target for run in job.runs if run.jid == mine[0].jid)
    past = await _past([target], recipe, lab)
    upto = [each for each in past if each.job <= job.number and each.params == mine[0].params]
    mark = max(each.at for each in mine).timestamp()
    where = f"on {target}"
    return await _told(recipe, "", upto or mine, where, lab, line, history=True, mark=mark)


async def _past(targets: Sequence[str], recipe: str, lab: Lab) -> list[Measure]:
    """The newest steps of *targets*, the newest first."""
    jids = {target.name: target.jid for target in lab.targets.all()}
    found: list[Measure] = []
    for target in targets:
        found += await lab.history.of_target(jids[target], recipe, RUNS)
    return sorted(found, key=lambda each: each.at, reverse=True)


async def _told(
    recipe: str, metric: str, found: Sequence[Measure], where: str, lab: Lab, line: Line, *,
    history: bool, before: Sequence[Measure] = (), mark: float | None = None,
) -> Reply:  # fmt: skip
    """The facts of *found*, the newest first, and their picture."""
    if not found:
        return Reply(f"no run of {recipe} {where} has ended yet", data={"recipe": recipe})
    like = [each for each in found if each.params == found[0].params]
    units = metrics_in(like)
    metric = metric or next(iter(units))
    unit = units.get(metric, "")
    names = {target.jid: target.name for target in lab.targets.all()}
    series = series_of(like, metric, unit, names)
    if not series:
        raise Refusal(f"{recipe} {where} measured no {metric} in its newest runs")
    what = f"{safe(metric, 40)} of {recipe} {where}"
    if not history or len(series) == 1:
        series = _compared(series, like, before, metric, names)
    shown = safe(metric, 40), safe(unit, 12)
    picture = Picture(f"{recipe} {where}", *shown, series, history, mark)
    return await _drawn(
        picture, lab,
        Reply(
            f"{what}: {_facts(series, unit, history=history)}",
            table=table(_rows(series, unit), columns=line.columns) if len(series) > 1 else "",
            data={
                "recipe": recipe,
                "params": safe(like[0].params, 500),
                "chart": {
                    "metric": picture.metric,
                    "unit": picture.unit,
                    "targets": [_data(each) for each in series],
                },
            },
        ),
    )  # fmt: skip


def _compared(
    series: Sequence[Series], found: Sequence[Measure], before: Sequence[Measure], called: str,
    names: Mapping[str, str],
) -> tuple[Series, ...]:  # fmt: skip
    """*series*, each against what its target measured *before*; or, of a history, in it."""
    measured = [metric for each in found for metric in each.metrics if metric.name == called]
    metric = measured[0] if measured else Metric(name=called, value=0, unit="s")
    like = [each for each in before if each.params == found[0].params]
    past = {each.name: each for each in series_of(like, called, metric.unit, names)}
    compared = []
    for one in series:
        points = past[one.name].points if one.name in past else () if before else one.points[:-1]
        compared.append(against(one, [each.value for each in points if not each.bad], metric))
    return tuple(compared)


async def _drawn(picture: Picture, lab: Lab, reply: Reply) -> Reply:
    """*reply* with its picture, or with why there is none."""
    try:
        png = await lab.charts.draw(picture)
    except Refusal as refusal:
        why = f"no picture: {refusal.what}"
        cure = f" ({refusal.hint.rstrip('.')})" if refusal.hint else ""
        return replace(reply, text=f"{reply.text}; {why}{cure}", data={**reply.data, "note": why})
    return replace(reply, picture=File("chart.png", png, "image/png", wanted=True))


def _facts(series: Sequence[Series], unit: str, *, history: bool) -> str:
    """What the picture shows, in words."""
    runs = sum(len(each.points) for each in series)
    bad = sum(point.bad for each in series for point in each.points)
    went_wrong = [f"{plural(bad, 'runs')} went wrong"] if bad else []
    if len(series) == 1:
        [one] = series
        last = f"last {quantity(one.points[-1].value, unit)}"
        if runs == 1:
            return ", ".join([quantity(one.median, unit), "the only run yet", *went_wrong])
        spread = f"{quantity(min(one.values))} to {quantity(max(one.values), unit)}"
        middle = f"median {quantity(one.median, unit)} of {plural(runs, 'runs')}"
        return ", ".join([last, middle, spread, *went_wrong])
    odd = [each for each in series if each.past is not None and each.past.unusual]
    typical = statistics.median(each.median for each in series)
    low, high = series[0], series[-1]
    count = plural(len(series), "targets") + (f", {plural(runs, 'runs')}" if history else "")
    return ", ".join([
        count,
        f"median {quantity(typical, unit)}",
        f"lowest {low.name} ({quantity(low.median, unit)})",
        f"highest {high.name} ({quantity(high.median, unit)})",
        *_unusual(odd),
        *went_wrong,
    ])  # fmt: skip


def _unusual(odd: Sequence[Series]) -> list[str]:
    """Who is not as usual, the furthest first."""
    by = {each.name: each.past.percent or 0 for each in odd if each.past is not None}
    first = sorted(by, key=lambda name: -abs(by[name]))
    told = [f"{name} {away(by[name])} its median" for name in first[:TOLD]]
    return [*told, *([f"{len(odd) - TOLD} more not as usual"] if len(odd) > TOLD else [])]


def _rows(series: Sequence[Series], unit: str) -> list[list[str]]:
    return [
        [each.name, quantity(each.median, unit), plural(len(each.points), "runs")]
        + (["went wrong"] if each.bad else [])
        for each in series[:ROWS]
    ]


def _data(each: Series) -> Mapping[str, object]:
    return {
        "target": each.name,
        "count": len(each.points),
        "median": facts.finite(each.median),
        "low": facts.finite(min(each.values)),
        "high": facts.finite(max(each.values)),
        "last": facts.finite(each.points[-1].value),
        "usual": facts.finite(each.past.median) if each.past else None,
        "percent": round(each.past.percent, 1) if each.past and each.past.percent else None,
        "unusual": (each.past.unusual or None) if each.past else None,
    }


def _grammar() -> pp.ParserElement:
    """A job; or a recipe, a metric, or both, "on" and targets."""
    of = keyword("on") - targets("of")
    job = optional(keyword("job")) + number("number")
    metric = optional(~keyword("on") + name("metric", "a metric"))
    past = name("first", "a recipe or metric") + metric + of
    return (job | past).set_name("a job, a recipe or a metric")


VERB = Verb(
    name="chart",
    instead_of=("plot", "graph"),
    summary="measurements as a picture",
    about=(
        "A picture: the targets of a job side by side, each against its own past, or one "
        "target's run in its history; with a recipe or a metric, how that went on targets over "
        "time: a line for each, if they are many a row for each, or how many are where. Only the "
        "same recipe with the same parameters is put together, the newest "
        f"{RUNS} runs of each target. Without a metric it is the first; "
        f"`{TIME}` is how long it took. Above it the same in words. It needs matplotlib "
        "(labroom[bot,charts]) and a server that keeps files (XEP-0363)."
    ),
    grammar=_grammar(),
    then="on and targets, or nothing more",
    build=Chart,
    resolve=resolve,
    needs=Permission.LOOK,
    run=run,
    examples={
        "chart 41": Chart(41),
        "chart disk on rack3/*": Chart(first="disk", of=named("rack3/*")),
        "chart disk read_mb_per_s on bob": Chart(
            first="disk", metric="read_mb_per_s", of=named("bob")
        ),
    },
)
