"""
The targets as commands use them: their list, a reboot, a ping.

A reboot is two questions to the full JID, never a message: an absent target refuses at
once, and nothing waits in a queue to fire later. That it happened is proven by a new
boot id; that it did not, by the clock.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import structlog

from agent.wire.parameter import RecipeInfo
from bot.fleet import Fleet, Member, Reboot
from bot.herald import Herald
from bot.lab import Target
from bot.ports import Wire
from bot.reply import Reply
from bot.report.text import duration

log = structlog.get_logger()

LOOK = 5.0
"""Seconds between two looks at reboots that are overdue."""


class Machines:
    """
    :class:`bot.lab.Targets`.

    Args:
        within: Seconds that a reboot may take.
    """

    def __init__(self, fleet: Fleet, wire: Wire, herald: Herald, *, within: float) -> None:
        self._fleet, self._wire, self._herald = fleet, wire, herald
        self._within = timedelta(seconds=within)

    def all(self) -> Sequence[Target]:
        """Every known target, by name."""
        return self._fleet.all()

    def recipes(self, name: str) -> Mapping[str, RecipeInfo] | None:
        """What target *name* offers."""
        return self._fleet.recipes(name)

    async def reboot(self, name: str, *, force: bool, by: str) -> None:
        """Order it; returns when the target has agreed."""
        member = self._fleet.reach(name)
        boot = await self._wire.reboot(member.full, by, force=force)
        now = datetime.now(UTC)
        log.info("reboot.ordered", target=member.kept.jid, by=by, boot=boot)
        order = Reboot(by=by, boot=boot, ordered=now, deadline=now + self._within)
        self._fleet.rebooting(member.kept.jid, order)
        self.appeared(member.kept.jid)  # it may have been faster than its answer

    async def ping(self, name: str) -> float:
        """Seconds it took the agent to answer."""
        return await self._wire.ping(self._fleet.reach(name).full)

    def appeared(self, jid: str) -> None:
        """Target *jid* said which boot it is in: is that the one we wait for?"""
        reboot = self._fleet.proven(jid)
        if reboot is not None:
            self._tell_back(self._fleet.member(jid), reboot)

    async def run(self) -> None:
        """Tell of reboots that nothing proved in time, for ever."""
        while True:
            for name, reboot in self._fleet.overdue(datetime.now(UTC)):
                self._tell_late(name, reboot)
            await asyncio.sleep(LOOK)

    def _tell_back(self, member: Member, reboot: Reboot) -> None:
        name = self._fleet.name(member.kept.jid)
        took = (datetime.now(UTC) - reboot.ordered).total_seconds()
        boot = member.says.boot
        log.info("reboot.proven", target=member.kept.jid, seconds=round(took, 1), boot=boot)
        self._herald.news(
            Reply(
                f"{reboot.by}: {name} is back after {duration(took)}, with a new boot id",
                data={"target": name, "back": True, "seconds": round(took, 1), "boot": boot},
                kind="notice",
            )
        )

    def _tell_late(self, name: str, reboot: Reboot) -> None:
        present = any(target.name == name and target.present for target in self._fleet.all())
        how = "it is there, but has not rebooted" if present else "it is away"
        log.warning("reboot.unproven", target=name, present=present)
        self._herald.news(
            Reply(
                f"{reboot.by}: {name} has not come back within "
                f"{duration(self._within.total_seconds())} of its reboot: {how}",
                data={"target": name, "back": False, "present": present},
                kind="notice",
            )
        )
