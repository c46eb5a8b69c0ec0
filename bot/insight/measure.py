"""
One step that has ended, as history keeps it: what is compared with what. Pure.

Rule: only like is compared with like. That is the same recipe with the same parameters, the
defaults among them, which may be others with every version of a recipe; and where machines
stand in for each other, those of the same make, model and processor.
"""

from dataclasses import dataclass
from datetime import datetime

from agent.wire.errors import Refusal
from agent.wire.machine import Machine
from agent.wire.parameter import RecipeInfo
from agent.wire.vocabulary import Step, Verdict
from bot.findings import Metric

MOST_SETTINGS = 500
"""Characters of all parameters together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A step that has ended on a target."""

    job: int
    jid: str
    """The target's bare JID."""
    step: int
    """Which of the run's, from 0."""
    recipe: str
    params: str
    """All parameters, defaults too, in the order of their names: ``passes=1 size=64M``."""
    model: str
    """What kind of machine it is (:func:`model_of`); empty if nobody knows."""
    verdict: Verdict
    seconds: float
    at: datetime
    """When it ended (UTC, the bot's clock)."""
    metrics: tuple[Metric, ...] = ()

    def metric(self, name: str, unit: str) -> float | None:
        """What it measured as *name*, if it did so in that *unit*."""
        found = (each.value for each in self.metrics if (each.name, each.unit) == (name, unit))
        return next(found, None)


def settings_of(step: Step, info: RecipeInfo | None) -> str:
    """
    Every parameter of *step*, spelled the same whoever said it how.

    Args:
        info: What its target says of the recipe; None if it never did: then only what was said.
    """
    given = step.params
    if info is not None:
        try:
            given = info.check(step.params)
        except Refusal:  # the recipe is another one by now
            given = step.params
    return " ".join(f"{name}={given[name]}" for name in sorted(given))[:MOST_SETTINGS]


def model_of(machine: Machine) -> str:
    """What kind of machine it is: ``Dell Inc. PowerEdge R6515, AMD EPYC 7302P``; may be empty."""
    made = " ".join(part for part in (machine.vendor, machine.model) if part)
    return ", ".join(part for part in (made, machine.cpu) if part)
