"""What our presence says. Pure: everybody's client shows it, so it must read well there."""

from dataclasses import dataclass, replace

from agent.estimate import spoken
from agent.wire.duration import rounded
from agent.wire.target import TargetState
from agent.wire.vocabulary import RunId

PROGRESS_EVERY = 3.0
"""Seconds between two presences that differ in progress only: a room is quadratic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What the target is busy with."""

    controller: str
    run: RunId
    step: str
    fraction: float | None = None
    silent: bool = False
    """Whether it says and does nothing, and will be stopped soon."""
    left: float | None = None
    """Seconds until the run is probably over; None if that cannot be told."""


@dataclass(frozen=True, slots=True)
class Appearance:
    """A presence, before it is XML."""

    show: str
    """``dnd`` while busy, ``xa`` while rebooting, empty when ready (RFC 6121, 4.7.2.1)."""
    status: str
    state: TargetState


def appear(base: TargetState, work: Work | None, queue: int, *, rebooting: bool) -> Appearance:
    """Our presence, from who we are (*base*) and what we do."""
    if rebooting:
        return Appearance("xa", "rebooting", _with(base, "rebooting", work, queue))
    if work is None:
        return Appearance("", "idle", _with(base, "idle", None, queue))
    recipe = work.step.partition(" ")[0]
    percent = "" if work.fraction is None else f" {_percent(work.fraction)} %"
    left = rounded(work.left) if work.left is not None else 0
    until = f", about {spoken(left)} left" if left else ""
    waiting = f", {queue} waiting" if queue else ""
    silent = ", silent" if work.silent else ""
    return Appearance(
        "dnd", f"{recipe}{percent}{until}{waiting}{silent}", _with(base, "busy", work, queue)
    )


def only_progress(before: Appearance, after: Appearance) -> bool:
    """Whether nothing but the progress and the estimate differ: that may wait."""
    if before.status.endswith(", silent") != after.status.endswith(", silent"):
        return False
    return before.state.state == after.state.state and (
        (before.state.run, before.state.step, before.state.queue, before.state.clash)
        == (after.state.run, after.state.step, after.state.queue, after.state.clash)
    )


def _with(base: TargetState, state: str, work: Work | None, queue: int) -> TargetState:
    if work is None:
        return replace(base, state=state, queue=queue)
    return replace(
        base,
        state=state,
        queue=queue,
        controller=work.controller,
        run=work.run,
        step=work.step,
        progress=None if work.fraction is None else _percent(work.fraction),
        left=None if work.left is None else rounded(work.left),
    )


def _percent(fraction: float) -> int:
    return int(100 * min(1.0, max(0.0, fraction)) + 1e-9)  # 0.29 is 29, and 0.999 not yet 100
