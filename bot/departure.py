"""How a session left the room, and what that tells of why its target is gone."""

from dataclasses import dataclass

from agent.wire.target import Leaving
from bot.outages import Cause

CAUSES = {
    "shutdown": Cause.SHUTDOWN,
    "rebooting": Cause.REBOOTING,
    "restarting": Cause.STOPPED,
    "stopped": Cause.STOPPED,
    "failed": Cause.FAILED,
}
"""By what a target says when it leaves."""


@dataclass(frozen=True, slots=True)
class Departure:
    """What the room's last presence of a session tells."""

    leaving: Leaving | None = None
    """Why, in its own words."""
    removed: bool = False
    """Whether somebody took it out of the room: it is there all the same."""
    timed_out: bool = False
    """Whether the server gave the connection up."""
    replaced: bool = False
    """Whether another connection of the same account took its place."""

    @property
    def cause(self) -> Cause:
        """Why it is gone."""
        if self.leaving is not None:
            return CAUSES.get(self.leaving.reason, Cause.STOPPED)
        if self.replaced:
            return Cause.REPLACED
        return Cause.SILENT if self.timed_out or self.removed else Cause.CRASHED
