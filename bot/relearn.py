"""
What targets still hold of a database that is gone: taken over under new numbers, and told.

A run id begins with the id of the store that gave it. A target names, in every sync, the runs
of other stores of this controller, too; who takes one over asks for its journal from the
first byte on. It is a new replica: nothing that an earlier store had of it is spliced.

Rule: a target may be broken or hostile, so it is believed a bounded number of such runs.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import Connection

from agent.wire.query import MOST_RUNS, Have, HeldRun
from agent.wire.stanza import MOST_STEPS
from agent.wire.vocabulary import Held, Step
from bot.jobs import Phase, Run
from bot.reply import Reply
from bot.report import summary
from bot.report.text import safe
from bot.store import relearned, tidying

log = structlog.get_logger()

FOLD = 5.0
"""Seconds in which what is relearned is told in one line: targets come back together."""


@dataclass(frozen=True, slots=True)
class Found:
    """A run that was taken over."""

    run: Run
    was: int
    """Its job's number in the earlier store."""
    title: str


def adopt(
    db: Connection, *, jid: str, target: str, held: Sequence[HeldRun], store: str, now: datetime
) -> list[Found]:
    """Take over those of *held* that another store of ours had ordered; those that are new."""
    found: list[Found] = []
    room = MOST_RUNS - relearned.count(db, jid)
    for at in held:
        if at.of.run.store == store or _known(db, at, jid, store):
            continue
        if len(found) >= room:
            log.warning("run.not_relearned", run=str(at.of.run), target=jid)
            continue
        steps = _steps(at.title)
        run = relearned.add(
            db, at.of.run, jid, target=target, steps=steps, journal=at.of.journal, now=now,
            phase=Phase.QUEUED if at.phase is Held.QUEUED else Phase.RUNNING,
        )  # fmt: skip
        log.info("run.relearned", run=run.name, was=run.origin, jid=jid)
        found.append(Found(run, at.of.run.number, ", ".join(map(str, steps))))
    return found


def complete(db: Connection, *, jid: str, held: Sequence[HeldRun], store: str) -> list[Have]:
    """
    Those of *held* that are here, whole, or were: their target has not heard of it.

    What we dropped since then is never asked for again.
    """
    found = []
    for at in held:
        try:
            run = relearned.find(db, at.of.run, jid, store)
        except KeyError:
            if at.of.run.store == store and tidying.is_dropped(db, at.of.run.number):
                found.append(Have(at.of, at.size))
            continue
        if at.phase is Held.DONE and (run.journal, run.size) == (at.of.journal, at.size):
            found.append(Have(at.of, run.size))
    return found


def _known(db: Connection, at: HeldRun, jid: str, store: str) -> bool:
    try:
        relearned.find(db, at.of.run, jid, store)
    except KeyError:
        return False
    return True


def _steps(title: str) -> list[Step]:
    """The steps that were ordered, as far as their words tell: ``memtest size=16M, disk``."""
    steps = []
    for words in (safe(title, 500) or "something").split(", ")[:MOST_STEPS]:
        recipe, *rest = words.split(" ")
        pairs = [word.partition("=") for word in rest]
        plain = all(key and equals for key, equals, _ in pairs)
        steps.append(Step(recipe, {k: v for k, _, v in pairs}) if plain else Step(words))
    return steps


class Relearned:
    """
    Tells what was relearned, folded.

    Args:
        tell: Says it in the room.
    """

    def __init__(self, tell: Callable[[Reply], None]) -> None:
        self._tell = tell
        self._found: list[Found] = []

    def add(self, found: Sequence[Found]) -> None:
        """Told soon, with what else is found until then."""
        if found and not self._found:
            asyncio.get_running_loop().call_later(FOLD, self._say)
        self._found += found

    def _say(self) -> None:
        found, self._found = self._found, []
        jobs: dict[int, list[Found]] = {}
        for each in found:
            jobs.setdefault(each.run.job, []).append(each)
        self._tell(
            summary.relearned(
                [
                    (number, runs[0].was, runs[0].title, sorted(each.run.target for each in runs))
                    for number, runs in sorted(jobs.items())
                ]
            )
        )
