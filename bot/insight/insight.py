"""
What history makes of a run. Pure: what was measured before comes in, what is worth a word out.

Rule 1: only like with like (:mod:`bot.insight.measure`), only runs that passed, only what was
measured before, and not by the same job.

Rule 2: a machine is compared with itself. With its kind it is compared where it has no past of
its own, or where it is far worse than they are: then it was so yesterday, and needs a look too.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from agent.wire.vocabulary import Verdict
from bot.findings import Metric
from bot.insight.changes import Changes
from bot.insight.measure import Measure
from bot.insight.usual import Compared, Usual, compared, takes_unusual, total, usual

FAR = 10.0
"""Percent that a machine is worse than its kind before that is told beside its own history."""


JUDGED = (Verdict.PASS, Verdict.WARN, Verdict.FAIL)
"""How a step ends whose numbers say something of the machine: an error is the lab's."""


@dataclass(frozen=True, slots=True)
class Note:
    """A metric that is not as usual."""

    compared: Compared
    kind: bool
    """Whether it is compared with the others of its kind, not with itself."""


@dataclass(frozen=True, slots=True)
class Insight:
    """What is worth a word of one run, beside what it says itself."""

    notes: tuple[Note, ...] = ()
    usually: Usual | None = None
    """The seconds that such a run takes, if it took another time."""
    changes: Changes | None = None
    """What is another on its machine."""
    new: tuple[str, ...] = ()
    """Lines that it printed and the last one that passed did not."""
    new_since: int = 0
    """The job of that one."""

    @property
    def marginal(self) -> bool:
        """Whether a metric is worse than its band allows."""
        return any(note.compared.marginal for note in self.notes)


@dataclass(frozen=True, slots=True)
class Past:
    """What was measured before of one step, like with like, by runs that passed."""

    own: Sequence[Measure] = ()
    kind: Sequence[Measure] = ()
    """By other machines of its kind."""

    def usually(self) -> Usual | None:
        """The seconds that it takes."""
        own = usual([each.seconds for each in self.own])
        return own or usual([each.seconds for each in self.kind])


def insight(done: Sequence[tuple[Measure, Past]], changes: Changes | None = None) -> Insight:
    """
    What is worth a word of a run.

    Args:
        done: Its steps that ended, each with its past.
        changes: What is another on its machine.
    """
    notes: dict[tuple[str, str, str], Note] = {}
    for now, past in done:
        for each in now.metrics if now.verdict in JUDGED else ():
            key = (now.recipe, now.params, each.name)
            note = _note(each, past)
            if note is not None and (key not in notes or _further(note, notes[key])):
                notes[key] = note  # of a step that is repeated, the furthest from what is usual
    return Insight(notes=tuple(notes.values()), usually=_time(done), changes=changes)


def _further(one: Note, other: Note) -> bool:
    return abs(one.compared.percent or 0) > abs(other.compared.percent or 0)


def _note(metric: Metric, past: Past) -> Note | None:
    own, kind = _against(metric, past.own), _against(metric, past.kind)
    if own is not None and own.noteworthy:
        return Note(own, kind=False)
    if kind is None or not kind.noteworthy:
        return None
    far = kind.worse and abs(kind.percent or FAR) >= FAR
    return Note(kind, kind=True) if own is None or far else None


def _against(metric: Metric, past: Sequence[Measure]) -> Compared | None:
    values = [each.metric(metric.name, metric.unit) for each in past]
    before = usual([value for value in values if value is not None])
    return None if before is None else compared(metric, before)


def _time(done: Sequence[tuple[Measure, Past]]) -> Usual | None:
    """What the steps together usually take, if they took another time."""
    if not all(now.verdict.good for now, _ in done):
        return None  # a failure ends early, and that is no news
    before = total([past.usually() for _, past in done])
    took = sum(now.seconds for now, _ in done)
    return before if before is not None and takes_unusual(took, before) else None
