"""
How long a run may take in all, reboots included. No I/O; time is an argument.

Each step has a time of its own, which its supervisor sees to. This is the clock above it,
for what no supervisor sees: itself, when it hangs; a machine that was switched off for the
weekend in the middle of a run, and must not go on with it on Monday.

Rule 1: until a step is over, a run may take as long as that step and those before it may.

Rule 2: it counts from the begin of the first step, whatever ends and starts meanwhile:
agent, supervisor, machine.

Rule 3: in one boot it counts by a clock that nobody sets. Over a reboot there is none:
the clock on the wall may have stood, and a difference that cannot be is not believed.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from agent.resume import Story

MARGIN = 120.0
"""Seconds that a step gets beyond its own: to be killed, and to be written down."""

BOOT = 3600.0
"""Seconds that a machine may take from the order to reboot until it is back, beside the first."""

INCREDIBLE = 30 * 86400.0
"""Seconds of a reboot that nobody has waited for: a clock was set meanwhile."""


def limit(steps: Sequence[Mapping[str, Any]]) -> float:
    """Seconds that *steps*, as their supervisor runs them, may take together."""
    return sum(map(_of_step, steps))


def _of_step(step: Mapping[str, Any]) -> float:
    if "reboot" in step:
        return float(step["reboot"]) + BOOT + MARGIN
    then, most = (*step.get("on_crash", ()), "stop", 0)[:2]
    times = 1 + int(most) if then == "repeat" else 1
    return times * (float(step.get("wall", 0)) + float(step.get("grace", 0)) + MARGIN)


def elapsed(story: Story, *, boot: str, up: float, now: float) -> float:
    """
    Seconds since the first step of *story* began; 0 if none has.

    Args:
        boot: The id of this boot.
        up: Seconds since it.
        now: Seconds since the epoch, by the clock on the wall.
    """
    if not story.first_boot:
        return 0.0
    if boot == story.first_boot and story.first_up:
        return up - story.first_up
    wall = now - story.first_at
    step = up - story.up if story.up and boot == story.boot else 0.0
    return max(wall if wall < INCREDIBLE else 0.0, step)


def left(
    story: Story, steps: Sequence[Mapping[str, Any]], *, boot: str, up: float, now: float
) -> float:
    """Seconds that the run of *story* still has for the step it is at; negative if it is over."""
    return limit(steps[: story.index + 1]) - elapsed(story, boot=boot, up=up, now=now)
