"""
The targets as commands use them: their list, a reboot, a ping.

A reboot is two questions to the full JID, never a message: an absent target refuses at
once, and nothing waits in a queue to fire later. That it happened is proven by a new
boot id; that it did not, by the clock, or by a target that says it is as it was.

Rule: an order is in the store before its target is asked, and stays until the room has heard
how it ended. So it outlives us, and is told to the end.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import Connection

from agent.wire.errors import Busy, NoAnswer, Refusal
from agent.wire.parameter import RecipeInfo
from bot import reboot as words
from bot.fleet import Fleet
from bot.herald import Herald
from bot.lab import Target
from bot.owed import Owed
from bot.ports import Voice, Wire, clock, steady
from bot.reboot import Back, Reboot
from bot.report.text import age, safe
from bot.store import reboots
from bot.store.writer import Writer

log = structlog.get_logger()

LOOK = 5.0
"""Seconds between two looks at reboots that are overdue."""


class Machines:
    """
    :class:`bot.lab.Targets`.

    Args:
        within: Seconds that a reboot may take.
    """

    def __init__(
        self,
        fleet: Fleet,
        wire: Wire,
        herald: Herald,
        store: Writer,
        *,
        within: float,
        now: Callable[[], datetime] = clock,
    ) -> None:
        self._fleet, self._wire, self._herald, self._store = fleet, wire, herald, store
        self._within = timedelta(seconds=within)
        self._now, self._steady = now, steady(now)

    async def load(self) -> None:
        """Wait on for what was ordered before we started."""
        for jid, order in (await self._store.do(reboots.under_way)).items():
            if self._fleet.belongs(jid):
                self._fleet.rebooting(jid, order)
            else:
                await self._store.do(partial(reboots.over, jid=jid, number=order.number))

    def all(self) -> Sequence[Target]:
        """Every known target, by name."""
        return self._fleet.all()

    def recipes(self, name: str) -> Mapping[str, RecipeInfo] | None:
        """What target *name* offers."""
        return self._fleet.recipes(name)

    async def reboot(self, name: str, *, force: bool, by: str) -> None:
        """Order it; returns when the target has agreed."""
        self._must_not_reboot(name, force=force)
        member = self._fleet.reach(name)
        jid, now = member.kept.jid, self._steady()
        order = Reboot(
            by=by, boot=member.says.boot, ordered=now, deadline=now + self._within, agreed=False
        )
        number = await self._store.do(partial(reboots.add, jid=jid, order=order))
        order = replace(order, number=number)
        try:
            boot = await self._wire.reboot(member.full, by, force=force)
        except NoAnswer as error:
            log.warning("reboot.unanswered", target=jid, by=by)
            self._await(jid, order)
            raise NoAnswer(
                f"{name} has not said whether it reboots: {error.what}",
                hint="An order that comes late it refuses. If it reboots, I say when it is back.",
            ) from error
        except Refusal:
            await self._store.do(partial(reboots.drop, number=number))
            raise
        log.info("reboot.ordered", target=jid, by=by, boot=boot)
        self._await(jid, replace(order, boot=boot, agreed=True))
        await self._store.do(partial(reboots.agreed, jid=jid, number=number, boot=boot))

    async def ping(self, name: str) -> float:
        """Seconds it took the agent to answer."""
        return await self._wire.ping(self._fleet.reach(name).full)

    def appeared(self, jid: str) -> None:
        """Target *jid* said how it is: is that the boot we wait for, or no reboot at all?"""
        self._prove(jid)
        if (order := self._fleet.stayed(jid)) is not None:
            self._tell_late(jid, order)

    async def run(self) -> None:
        """Tell of reboots that nothing proved in time, for ever."""
        listened = False
        while True:
            # Else nobody's absence says anything; and who was away with us may be back with us.
            if listened and self._fleet.listening:
                for jid, order in self._fleet.overdue(self._steady()):
                    self._tell_late(jid, order)
            listened = self._fleet.listening
            await asyncio.sleep(LOOK)

    def _must_not_reboot(self, name: str, *, force: bool) -> None:
        member = self._fleet.names()[name]
        if not (member.leaving or member.state == "rebooting") or (force and member.full):
            return
        order = member.reboot
        since = (
            f", ordered by {safe(order.by, 60)} {age(order.ordered, self._steady())}"
            if order
            else ""
        )
        raise Busy(f"{name} is rebooting already{since}", hint="I say when it is back.")

    def _await(self, jid: str, order: Reboot) -> None:
        self._fleet.rebooting(jid, order)
        self._prove(jid)  # it may have been faster than its answer

    def _prove(self, jid: str) -> None:
        order = self._fleet.proven(jid)
        if order is None:
            return
        seconds = max(0.0, (self._steady() - order.ordered).total_seconds())
        boot = self._fleet.member(jid).says.boot
        of = Back(reboot=order, boot=boot, seconds=seconds, seen=self._fleet.listening)
        log.info("reboot.proven", target=jid, seconds=round(seconds, 1), boot=boot)

        async def say(voice: Voice) -> None:
            took = await self._store.do(partial(reboots.took, jid=jid))
            await voice.say(words.back(self._fleet.name(jid), of, words.usual(took)))

        self._herald.owe(Owed(f"back {jid}", say, partial(reboots.done, jid=jid, of=of)))

    def _tell_late(self, jid: str, order: Reboot) -> None:
        member, name = self._fleet.member(jid), self._fleet.name(jid)
        log.warning("reboot.unproven", target=jid, present=bool(member.full))
        mark: Callable[[Connection], None]
        if member.full:
            reply = words.stayed(name, order)
            mark = partial(reboots.over, jid=jid, number=order.number)
        else:
            reply = words.missing(name, order, member.heard or order.ordered, self._now())
            mark = partial(reboots.late, number=order.number)

        async def say(voice: Voice) -> None:
            await voice.say(reply)

        self._herald.owe(Owed(f"late {jid}", say, mark))
