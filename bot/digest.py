"""
What a journal's records mean for the run they belong to. Pure.

Rule 1: a record changes a run only as the table of :mod:`bot.jobs` allows.

Rule 2: what a target writes is bounded and typed here; it may be broken or hostile.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from agent.wire.journal import Record
from agent.wire.vocabulary import Verdict
from bot.jobs import Happening, Outcome, Phase, Run, after

MOST_OUTCOMES = 60
MOST_COUNTS = 20
MOST_LINES = 8


class IntegrityError(Exception):
    """The journal cannot be what the target wrote: of another run, damaged, or spliced."""


def digest(run: Run, record: Record, behind: timedelta) -> Run:
    """
    *run* after *record*.

    Args:
        behind: How far the target's clock is behind ours.

    Raises:
        IntegrityError: the record names another journal than the run's.
    """
    match record.kind:
        case "accepted":
            if run.journal and record.text("journal") != run.journal:
                raise IntegrityError("it names another journal")
            return replace(run, phase=after(run.phase, Happening.ACCEPT))
        case "begin" if run.phase is not Phase.DONE:
            began = run.began or _moment(record, behind)
            return replace(run, phase=after(run.phase, Happening.BEGIN), began=began)
        case "end":
            outcomes = (*run.outcomes, _outcome(record))[:MOST_OUTCOMES]
            return replace(run, outcomes=outcomes)
        case "verdict":
            happening = Happening.REVISE if run.phase is Phase.DONE else Happening.FINISH
            return replace(
                run,
                phase=after(run.phase, happening),
                verdict=_verdict(record),
                reason=record.text("reason"),
                ended=_moment(record, behind),
            )
        case _:
            return run


def given_up(run: Run, verdict: Verdict, reason: str, at: datetime) -> Run:
    """*run* without waiting for its journal any longer."""
    phase = after(run.phase, Happening.FINISH)
    return replace(run, phase=phase, verdict=verdict, reason=reason, ended=at)


def _outcome(record: Record) -> Outcome:
    counts, lines = record.fields.get("counts"), record.fields.get("lines")
    return Outcome(
        step=record.text("name", 200),
        verdict=_verdict(record),
        seconds=max(0.0, record.number("seconds") or 0.0),
        reason=record.text("reason"),
        counts=_counts(counts) if isinstance(counts, dict) else {},
        lines=tuple(line[:200] for line in lines[:MOST_LINES] if isinstance(line, str))
        if isinstance(lines, list)
        else (),
    )


def _counts(counts: dict[object, object]) -> dict[str, float]:
    return {
        name[:40]: value
        for name, value in list(counts.items())[:MOST_COUNTS]
        if isinstance(name, str) and isinstance(value, int | float) and not isinstance(value, bool)
    }


def _verdict(record: Record) -> Verdict:
    """What is no verdict we know is never a pass."""
    try:
        return Verdict(record.text("verdict"))
    except ValueError:
        return Verdict.ERROR


def _moment(record: Record, behind: timedelta) -> datetime:
    try:
        return datetime.fromtimestamp(record.at, UTC) + behind
    except (OverflowError, OSError, ValueError) as error:
        raise IntegrityError(f"a time that cannot be: {record.at:g}") from error
