"""``[on]``: what to do when a step ends badly, or the machine under it."""

from typing import Annotated, Literal

from pydantic import Field

from agent.wire.settings import Strict


class On(Strict):
    """What to do when a step ends badly, or the machine under it."""

    crash: Literal["stop", "repeat", "next"] = "stop"
    """The machine rebooted unasked: the run ends, does the step again, or goes on after it."""
    repeats: int = Field(default=1, ge=1, le=100)
    """How often to repeat it, at most; then the run ends."""
    bad: tuple[Annotated[tuple[str, ...], Field(min_length=1)], ...] = Field(
        default=(), max_length=3
    )
    """Commands to run after a step that was not good (and not stopped by a person). What each
    says is kept with the run, as a file."""
