"""What happened before: functions of a Connection, for :meth:`Writer.do`."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection

from agent.wire.vocabulary import Step, Verdict
from bot.insight.changes import Changes, changed
from bot.insight.insight import Insight, Past, insight
from bot.insight.measure import Measure
from bot.insight.usual import Usual, usual
from bot.jobs import Job, Run
from bot.store import jobs, measures, targets
from bot.store.measures import Which

OWN, KIND = 30, 60
"""How many runs of a machine, and of all of its kind, say what is usual now."""


TRIED = 5
"""Runs that are looked at for one that did the same from its first step on."""

_Kinds = dict[tuple[str, str, str], list[Measure]]
"""By model, recipe and parameters: asked for once, however many machines are of that kind."""


def of_job(db: Connection, job: Job) -> dict[str, Insight]:
    """What is worth a word of each run of *job*, by the bare JID of its target."""
    kinds: _Kinds = {}
    pasts: dict[tuple[str, str, str], Past] = {}  # a step that is repeated has one past
    runs: dict[str, list[tuple[Measure, Past]]] = {run.jid: [] for run in job.runs}
    for now in measures.of_job(db, job.number):
        key = (now.jid, now.recipe, now.params)
        if key not in pasts:
            pasts[key] = _past(db, now.jid, now.model, *key[1:], now.job, kinds)
        runs.setdefault(now.jid, []).append((now, pasts[key]))
    return {jid: insight(done, _changes(db, job.number, jid)) for jid, done in runs.items()}


def last_passed(db: Connection, run: Run) -> Run | None:
    """The last run before *run* that did the same on the same machine, and passed whole."""
    mine = measures.of_run(db, run.job, run.jid)
    if not mine:
        return None
    asked = [(each.recipe, each.params) for each in mine]
    last = mine[-1]
    like = Which(
        jid=run.jid, recipe=last.recipe, params=last.params, verdict=Verdict.PASS, before=run.job
    )
    for each in measures.newest(db, like, TRIED):
        did = [(one.recipe, one.params) for one in measures.of_run(db, each.job, each.jid)]
        try:
            before = jobs.get_run(db, each.job, each.jid)
        except KeyError:
            continue  # not kept; what it measured is
        if before.dropped:
            continue  # its output is not
        if did[: len(asked)] == asked and before.verdict is Verdict.PASS and before.size:
            return before
    return None


def usual_of(
    db: Connection, jids: Sequence[str], steps: Sequence[Step]
) -> dict[str, list[Usual | None]]:
    """The seconds that each of *steps* usually takes on each of *jids*; None if nobody knows."""
    kinds: dict[tuple[str, str, str], list[tuple[str, float]]] = {}
    return {jid: _usual(db, jid, steps, kinds) for jid in jids}


def _usual(
    db: Connection,
    jid: str,
    steps: Sequence[Step],
    kinds: dict[tuple[str, str, str], list[tuple[str, float]]],
) -> list[Usual | None]:
    model, keys = measures.likeness(targets.one(db, jid), steps)
    found: dict[tuple[str, str], Usual | None] = {}
    for key in set(keys):
        like = Which(recipe=key[0], params=key[1], verdict=Verdict.PASS)
        own = measures.seconds(db, replace(like, jid=jid), OWN)
        found[key] = usual([seconds for _, seconds in own])
        if found[key] is None and model:
            kind = (model, *key)
            if kind not in kinds:
                kinds[kind] = measures.seconds(db, replace(like, model=model), KIND)
            found[key] = usual([seconds for of, seconds in kinds[kind] if of != jid])
    return [found[key] for key in keys]


def _past(
    db: Connection, jid: str, model: str, recipe: str, params: str, before: int,
    kinds: _Kinds,
) -> Past:  # fmt: skip
    """What was measured by jobs *before*, on *jid* and on its kind."""
    like = Which(recipe=recipe, params=params, verdict=Verdict.PASS, before=before)
    key = (model, recipe, params)
    if model and key not in kinds:
        kinds[key] = measures.newest(db, replace(like, model=model), KIND)
    own = measures.newest(db, replace(like, jid=jid), OWN)
    return Past(own, [each for each in kinds.get(key, ()) if each.jid != jid])


def _changes(db: Connection, number: int, jid: str) -> Changes | None:
    """What the facts that job *number* found on *jid* differ in from those before."""
    for now in measures.inventory(db, number, jid):
        before = measures.inventory_before(db, now)
        if before is not None and (of := changed(before.facts, now.facts)):
            return Changes(before.job, before.at, of)
    return None
