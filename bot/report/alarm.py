"""
What the room hears of a run while it is on: that a step hangs, or has little time left.

Rule: only what is still true is told. A journal may arrive hours after it was written.
"""

from agent.wire.journal import Record
from bot.digest import Clock
from bot.jobs import Run
from bot.reply import Reply
from bot.report.text import duration, safe

FRESH = 60.0
"""Seconds after which it is no news any more that a step goes on."""

LONGEST = 30 * 86400.0


def alarm(run: Run, record: Record, clock: Clock) -> tuple[Reply, float] | None:
    """What *record* tells people, and for how many seconds it is true; None if it is nothing."""
    if record.kind not in ("warning", "relief"):
        return None
    why, left = record.text("why"), _seconds(record, "left")
    step = safe(record.text("name"), 60).partition(" ")[0] or "a step"
    name = f"{run.job}@{run.target}"
    soon = f"it will be stopped in {duration(left)}"
    for_ = duration(_seconds(record, "seconds"))
    if record.kind == "relief":
        text, left, why = f"{name}: {step} moves again", FRESH, "relief"
    elif why == "stall":
        text = f"{name}: {step} has said and done nothing for {for_}; {soon}"
    elif why == "wall":
        text = f"{name}: {step} has taken {for_}; {soon}"
    else:
        return None
    good = left - (clock.now - clock.moment(record.at)).total_seconds()
    data = {"job": run.job, "target": run.target, "step": step, "why": why, "left": round(good)}
    return (Reply(text, data=data, kind="notice"), good) if good > 0 else None


def _seconds(record: Record, name: str) -> float:
    value = record.number(name)
    return value if value is not None and 0 <= value <= LONGEST else 0.0
