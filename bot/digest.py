"""
What a journal's records mean for the run they belong to. Pure.

Rule 1: a record changes a run only as the table of :mod:`bot.jobs` allows.

Rule 2: what a target writes is bounded and typed here; it may be broken or hostile. Text
becomes printable, numbers finite, and nothing happened before it was asked for or after
it was heard of.

Rule 3: the verdict is the last word. Whatever follows it is a lie about all before.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from agent.wire.journal import Record
from agent.wire.vocabulary import Verdict
from bot.findings import MOST_CASES, cases_of, facts_of, first_of, known_of, metrics_of, sane
from bot.jobs import Happening, Outcome, Phase, Run, after
from bot.report.text import safe

MOST_OUTCOMES = 60
MOST_COUNTS = 20
MOST_LINES = 8


class IntegrityError(Exception):
    """The journal cannot be what the target wrote: of another run, damaged, or spliced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """How to read a target's times."""

    asked: datetime
    """When the job was asked for."""
    now: datetime
    behind: timedelta = timedelta()
    """How far the target's clock is behind ours, as far as we know."""

    def moment(self, at: float) -> datetime:
        """What the target means by *at*; IntegrityError if that is no time at all."""
        try:
            moment = datetime.fromtimestamp(at, UTC) + self.behind
        except (OverflowError, OSError, ValueError) as error:
            raise IntegrityError(f"a time that cannot be: {at:g}") from error
        return max(self.asked, min(moment, self.now))


def digest(run: Run, record: Record, clock: Clock) -> Run:
    """*run* after *record*; IntegrityError if it cannot be of this run."""
    if run.final:
        raise IntegrityError("it goes on after its end")
    match record.kind:
        case "accepted":
            if run.journal and record.text("journal") != run.journal:
                raise IntegrityError("it names another journal")
            return replace(run, phase=after(run.phase, Happening.ACCEPT))
        case "begin":
            began = run.began or clock.moment(record.at)
            done = run.phase is Phase.DONE  # given up; the truth comes with the verdict
            phase = Phase.DONE if done else after(run.phase, Happening.BEGIN)
            return replace(run, phase=phase, began=began)
        case "out":
            return replace(run, printed=run.printed + len(record.payload))
        case "end":
            room = MOST_CASES - sum(len(outcome.cases) for outcome in run.outcomes)
            outcomes = (*run.outcomes, _outcome(record, room))[:MOST_OUTCOMES]
            return replace(run, outcomes=outcomes)
        case "verdict":
            happening = Happening.REVISE if run.phase is Phase.DONE else Happening.FINISH
            ended = clock.moment(record.at)
            return replace(
                run,
                phase=after(run.phase, happening),
                verdict=Verdict.read(record.fields.get("verdict")),
                reason=safe(record.text("reason"), 500),
                ended=max(ended, run.began or ended),
                final=True,
            )
        case _:
            return run


def heard_of(run: Run, at: datetime) -> Run:
    """*run*, of which its target has just said something: stranded it is no longer."""
    if run.phase is Phase.DONE:
        return run
    if run.phase is Phase.STRANDED:
        happening = Happening.ACCEPT if run.began is None else Happening.BEGIN
        run = replace(run, phase=after(run.phase, happening))
    return replace(run, heard=at)


def given_up(
    run: Run, verdict: Verdict, reason: str, at: datetime, *, why: Happening = Happening.FINISH
) -> Run:
    """*run* without waiting for its journal any longer."""
    phase = after(run.phase, why)
    return replace(run, phase=phase, verdict=verdict, reason=reason, ended=at)


def distrusted(run: Run, error: Exception, at: datetime) -> Run:
    """*run*, now that its journal cannot be what its target wrote; it ends as an error."""
    if run.phase is Phase.DONE:
        return run  # what was told of it was told without this journal, or is final
    reason = f"the journal from {run.target} cannot be trusted: {error}"
    return replace(given_up(run, Verdict.ERROR, reason, at), final=True)


def _outcome(record: Record, room: int) -> Outcome:
    """How a step ended; with at most *room* of its cases."""
    counts, lines = record.fields.get("counts"), record.fields.get("lines")
    cases = cases_of(record.fields.get("cases"), room)
    total = sane(record.fields.get("case_count")) or 0
    return Outcome(
        step=safe(record.text("name")),
        verdict=Verdict.read(record.fields.get("verdict")),
        seconds=max(0.0, sane(record.fields.get("seconds")) or 0.0),
        reason=safe(record.text("reason"), 500),
        counts=_counts(counts) if isinstance(counts, dict) else {},
        lines=tuple(safe(line) for line in lines[:MOST_LINES] if isinstance(line, str))
        if isinstance(lines, list)
        else (),
        metrics=metrics_of(record.fields.get("metrics")),
        first=first_of(record.fields.get("first")),
        known=known_of(record.fields.get("known")),
        facts=facts_of(record.fields.get("facts")),
        cases=cases,
        case_count=max(len(cases), int(total)),
    )


def _counts(counts: dict[str, object]) -> dict[str, float]:
    return {
        safe(name, 40): number
        for name, value in list(counts.items())[:MOST_COUNTS]
        if (number := sane(value)) is not None
    }
