"""How long a run will take, and how much of that is left. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.insight.usual import Usual, total
from bot.jobs import Phase, Run


@dataclass(frozen=True, slots=True)
class Estimate:
    """What history knows of a run that is not over."""

    usually: Usual | None = None
    """The seconds that all of it takes."""
    left: float | None = None
    """Seconds until it is probably over; None if it waits, or takes longer than it ever did."""


def estimate(run: Run, usual: Sequence[Usual | None], now: datetime) -> Estimate:
    """
    What is to be said of *run* now.

    Args:
        usual: What each of its steps takes.
    """
    whole = total(usual)
    if run.phase is not Phase.RUNNING or run.began is None:
        return Estimate(whole)
    rest = total(usual[len(run.outcomes) :])
    if rest is None:
        return Estimate(whole)
    over = sum(outcome.seconds for outcome in run.outcomes)
    gone = max(0.0, (now - run.began).total_seconds() - over)  # in the step under way
    left = rest.median - gone
    return Estimate(whole, left if left > 0 else None)
