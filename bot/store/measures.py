"""
Steps that have ended, indexed for history: functions of a Connection, for :meth:`Writer.do`.

A row is written in the transaction that digests its record, and only if its journal can be
true. What a run measured stays when its output is dropped.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, ColumnElement, Connection, and_, delete, insert, literal, select, true

from agent.wire.vocabulary import Step, Verdict
from bot.digest import MOST_OUTCOMES
from bot.insight.measure import Measure, model_of, settings_of
from bot.jobs import Outcome, Run
from bot.store import schema, targets
from bot.store.outcomes import metrics_in, metrics_out, outcome_in

_M, _I = schema.measure.c, schema.inventory.c
_NEWEST = (_M.at.desc(), _M.job.desc(), _M.step.desc())
_FACTS = select(schema.inventory, _M.recipe, _M.params).join(
    schema.measure, and_(_M.job == _I.job, _M.jid == _I.jid, _M.step == _I.step)
)
_WHOLE = (str(Verdict.PASS), str(Verdict.WARN))
"""How a step ends that has found all there is: of another, what is missing may only be unread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """Steps that have ended; None is of any."""

    jid: str | None = None
    model: str | None = None
    recipe: str | None = None
    params: str | None = None
    verdict: Verdict | None = None
    before: int | None = None
    """Only those of jobs before that one."""

    @property
    def where(self) -> ColumnElement[bool]:
        """The same for the database."""
        same = ("jid", "model", "recipe", "params", "verdict")
        wanted = {name: getattr(self, name) for name in same}
        found = [_M[name] == str(each) for name, each in wanted.items() if each is not None]
        earlier = [_M.job < self.before] if self.before is not None else []
        return and_(true(), *found, *earlier)


@dataclass(frozen=True, slots=True)
class Inventory:
    """The facts that a step found on its target."""

    job: int
    jid: str
    recipe: str
    params: str
    at: datetime
    facts: dict[str, str]


def add(db: Connection, run: Run, first: int, ended: Sequence[datetime]) -> None:
    """
    Keep the outcomes of *run* from number *first* on.

    Args:
        ended: When each of them ended.
    """
    if not ended:
        return
    steps = db.execute(select(schema.job.c.steps).where(schema.job.c.number == run.job)).scalar()
    rows = _rows(targets.one(db, run.jid), steps or [], run, first, ended)
    if rows:
        db.execute(insert(schema.measure), rows)
    for index, at in enumerate(ended, first):
        if facts := dict(run.outcomes[index].facts):
            db.execute(
                insert(schema.inventory).values(
                    job=run.job, jid=run.jid, step=index, at=at.timestamp(),
                    facts=facts,
                )
            )  # fmt: skip


def drop(db: Connection, run: Run) -> None:
    """Forget what *run* has measured: its journal is not to be trusted."""
    for table in (schema.measure, schema.inventory):
        db.execute(delete(table).where(table.c.job == run.job, table.c.jid == run.jid))


def fill(db: Connection) -> None:
    """
    Make the rows of all runs there are: for a database of before there were any.

    They have verdicts and times. What those runs measured, and the facts that they found, stand
    in their journals alone: `log` shows them, history and charts do not.
    """
    steps = {row.number: row.steps for row in db.execute(select(schema.job))}
    known = {each.jid: each for each in targets.remembered(db)}
    for row in db.execute(select(schema.run).where(schema.run.c.outcomes != [])).all():
        run = Run(
            job=row.job, target=row.target, jid=row.jid,
            outcomes=tuple(map(outcome_in, row.outcomes)),
        )  # fmt: skip
        at = datetime.fromtimestamp(row.ended or row.began or row.heard or 0, UTC)
        ended = [at] * len(run.outcomes)
        if rows := _rows(known.get(row.jid), steps[row.job], run, 0, ended):
            db.execute(insert(schema.measure), rows)


def likeness(
    target: targets.Remembered | None, steps: Sequence[Step]
) -> tuple[str, list[tuple[str, str]]]:
    """What *target* is, and of each of *steps* its recipe and parameters: like with like."""
    model = model_of(target.machine) if target else ""
    recipes = {info.name: info for info in (target.recipes or ())} if target else {}
    return model, [(step.recipe, settings_of(step, recipes.get(step.recipe))) for step in steps]


def of_run(db: Connection, job: int, jid: str) -> list[Measure]:
    """What the run of *job* on *jid* has measured, in the order of its steps."""
    mine = and_(_M.job == job, _M.jid == jid)
    return _read(db, mine, limit=MOST_OUTCOMES, order=(_M.step,))


def of_job(db: Connection, job: int) -> list[Measure]:
    """What all runs of *job* have measured."""
    return _read(db, _M.job == job, limit=100_000, order=(_M.jid, _M.step))


def newest(db: Connection, which: Which, limit: int) -> list[Measure]:
    """The newest *limit* of *which*, the newest first."""
    return _read(db, which.where, limit=limit, order=_NEWEST)


def seconds(db: Connection, which: Which, limit: int) -> list[tuple[str, float]]:
    """How long each of the same took, with its target's bare JID."""
    query = select(_M.jid, _M.seconds).where(which.where).order_by(*_NEWEST).limit(limit)
    return [(row.jid, row.seconds) for row in db.execute(query).all()]


def recent(db: Connection, limit: int) -> list[Measure]:
    """The newest *limit* of the whole lab, the oldest of them first; without their metrics."""
    columns: list[Any] = [column for column in _M if column.name != "metrics"]
    newest = (_M.job.desc(), _M.jid, _M.step.desc())  # as they stand in the primary key
    nothing = literal([], JSON).label("metrics")
    rows = db.execute(select(*columns, nothing).order_by(*newest).limit(limit))
    return [_measure(row) for row in rows.all()][::-1]


def inventory(db: Connection, job: int, jid: str) -> list[Inventory]:
    """The facts that the run of *job* on *jid* has found and that are whole, step by step."""
    mine = and_(_I.job == job, _I.jid == jid, _M.verdict.in_(_WHOLE))
    return [_found(row) for row in db.execute(_FACTS.where(mine).order_by(_I.step)).all()]


def inventory_before(db: Connection, now: Inventory) -> Inventory | None:
    """The facts that were found before *now* by the same recipe with the same parameters."""
    mine = and_(
        _I.jid == now.jid, _M.recipe == now.recipe, _M.params == now.params, _I.job < now.job,
        _M.verdict.in_(_WHOLE),
    )  # fmt: skip
    row = db.execute(
        _FACTS.where(mine).order_by(_I.job.desc(), _I.step.desc()).limit(1)
    ).one_or_none()
    return None if row is None else _found(row)


def _read(
    db: Connection, where: ColumnElement[bool], *, limit: int, order: Sequence[Any]
) -> list[Measure]:
    rows = db.execute(select(schema.measure).where(where).order_by(*order).limit(limit))
    return [_measure(row) for row in rows.all()]


def _measure(row: Any) -> Measure:
    return Measure(
        job=row.job,
        jid=row.jid,
        step=row.step,
        recipe=row.recipe,
        params=row.params,
        model=row.model,
        verdict=Verdict(row.verdict),
        seconds=row.seconds,
        at=datetime.fromtimestamp(row.at, UTC),
        metrics=metrics_in(row.metrics),
    )


def _found(row: Any) -> Inventory:
    at = datetime.fromtimestamp(row.at, UTC)
    return Inventory(row.job, row.jid, row.recipe, row.params, at, row.facts)


def _rows(
    target: targets.Remembered | None, steps: Sequence[dict[str, Any]], run: Run, first: int,
    ended: Sequence[datetime],
) -> list[dict[str, Any]]:  # fmt: skip
    """Rows for the outcomes of *run* from number *first* on; a step nobody asked for has none."""
    asked = [Step(step["recipe"], step["params"]) for step in steps[first : first + len(ended)]]
    model, keys = likeness(target, asked)
    return [
        _row(run, index, *key, model, at)
        for index, (key, at) in enumerate(zip(keys, ended, strict=False), first)
    ]


def _row(
    run: Run, index: int, recipe: str, params: str, model: str, at: datetime
) -> dict[str, Any]:
    outcome: Outcome = run.outcomes[index]
    return {
        "job": run.job,
        "jid": run.jid,
        "step": index,
        "recipe": recipe,
        "params": params,
        "model": model,
        "verdict": str(outcome.verdict),
        "seconds": outcome.seconds,
        "at": at.timestamp(),
        "metrics": metrics_out(outcome.metrics),
    }
