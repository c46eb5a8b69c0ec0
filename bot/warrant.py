"""
Whether who asked for a run may still have it: looked at again before it starts.

A job may wait for days: for its target, or behind others. Who was removed from the room
meanwhile, or lost a right in the settings, starts nothing any more.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

from bot.deeds import Known, running
from bot.jobs import Job
from bot.occupant import Affiliation, Occupant
from bot.policy import Rights


class Asks(Protocol):
    """What dispatch needs to know of it."""

    async def lacks(self, job: Job, target: str) -> str:
        """Why who asked for *job* may not have it on *target*; empty if they may. Raises Away."""
        ...


class Warrant:
    """
    :class:`Asks`, by the room and the settings.

    Args:
        standing: What the room says of a bare JID now. Raises Away if it does not say.
    """

    def __init__(
        self, rights: Rights, lab: Known, standing: Callable[[str], Awaitable[Affiliation]]
    ) -> None:
        self._rights, self._lab, self._standing = rights, lab, standing

    async def lacks(self, job: Job, target: str) -> str:
        """Nothing, for a job that was relearned: who asked is not known, and it was accepted."""
        if not job.asker_jid:
            return ""
        asker = Occupant(job.asker, await self._standing(job.asker_jid), job.asker_jid)
        for deed in running(job.steps, [target], self._lab):
            ruling = self._rights.judge(asker, deed)
            if not ruling.allowed:
                return f"{job.asker} may no longer {deed.title}: {ruling.because}"
        return ""
