"""``[on]``: what to do when something happens to a step that it did not do itself."""

from typing import Literal

from pydantic import Field

from agent.wire.settings import Strict


class On(Strict):
    """What to do when something happens to a step that it did not do itself."""

    crash: Literal["stop", "repeat", "next"] = "stop"
    """The machine rebooted unasked: the run ends, does the step again, or goes on after it."""
    repeats: int = Field(default=1, ge=1, le=100)
    """How often to repeat it, at most; then the run ends."""
