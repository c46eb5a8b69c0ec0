"""
The presence of targets, kept true: who came, who went and why, who is a ghost.

Ties the watch (who is alive) to the fleet (what we think), to the room (remove the ghost, tell
people) and to the runs (strand what nobody answers for).

Rule 1: expected silence is no news: a reboot that was ordered has a deadline of its own.

Rule 2: of several bots the one that acts removes ghosts and tells; all of them know.
"""

import asyncio
import contextlib
import math
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import structlog

from agent.wire.target import TargetState
from bot.config import Alertness
from bot.departure import Departure
from bot.fleet import Fleet, Member
from bot.outages import Cause, Gone, Notice, Outages
from bot.reply import Reply
from bot.report.outage import notice
from bot.report.text import safe
from bot.watch import Pings, Watch

log = structlog.get_logger()

KICK_AGAIN = 600.0
"""Seconds until a session that entered again and answers nothing is removed again."""

RETURN = 60.0
"""Seconds that targets have to be back after we were out of the room ourselves."""


class Edges(Pings, Protocol):
    """What the vigil does to the world."""

    async def remove(self, full: str) -> None:
        """Remove the ghost of *full* from the room, and its session from the server."""
        ...

    async def echoes(self, address: str) -> bool | None:
        """Whether *address* answers ICMP from here; None if that cannot be found out."""
        ...

    @property
    def acts(self) -> bool:
        """Whether we are the one of the room's bots that acts."""
        ...


class Vigil:
    """
    Keeps the fleet's picture of who is there, and tells people when it changes.

    Args:
        strand: Told of a target (its bare JID) that is gone: nobody answers for its runs.
        meet: Told of a target with a new session.
        say: Says it in the room.
        reboot: Seconds that a reboot may take.
    """

    def __init__(
        self,
        fleet: Fleet,
        edges: Edges,
        alertness: Alertness,
        *,
        strand: Callable[[str], None],
        meet: Callable[[str], None],
        say: Callable[[Reply], None],
        reboot: float,
    ) -> None:
        self._fleet, self._edges, self._alertness = fleet, edges, alertness
        self._strand, self._meet, self._say = strand, meet, say
        self._reboot = reboot
        self._watch = Watch(
            edges, alertness, doubted=self._doubted, lost=self._lost, proven=self._proven
        )
        self._outages = Outages(
            hold=alertness.hold, restart=alertness.restart,
            flapping=alertness.flapping, steady=alertness.steady,
        )  # fmt: skip
        self._boots = {each.kept.jid: each.kept.boot for each in fleet.members()}
        self._expected: dict[str, tuple[Gone, float]] = {}  # by bare JID: who reboots, until when
        self._before: dict[str, Gone] = {}  # who was there when we were put out
        self._bots: set[str] = set()
        self._echoes: dict[str, bool | None] = {}
        self._removed: dict[str, float] = {}
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    # What happens

    def heard(self, full: str) -> None:
        """*full* has sent something just now."""
        self._fleet.heard(_bare(full), _utc())
        self._watch.heard(full)

    def arrived(self, full: str, says: TargetState) -> None:
        """The room shows a presence of a target."""
        member = self._fleet.member(_bare(full))
        before = member.says if member.full == full else None
        if member.reboot is not None:  # whoever ordered it is told of it, and nobody else
            gone = self._gone(member, Cause.REBOOTING, 0.0)
            self._expected.setdefault(member.kept.jid, (gone, math.inf))
        if self._fleet.arrived(full, says, _utc()):
            self._watch.entered(full)
            self._meet(member.kept.jid)
        elif says != before:
            self._watch.heard(full)  # a room repeats presences by itself, but does not invent any

    def left(self, full: str, departure: Departure) -> None:
        """The room says that *full* is gone."""
        self._watch.left(full)
        member = self._fleet.member(_bare(full))
        if member.full != full:
            return  # given up long ago, or another session of it is there
        gone = self._gone(member, departure.cause, 0.0)
        self._fleet.left(full, _utc(), dead=not gone.cause.clean)
        self._strand(member.kept.jid)
        if not departure.removed:  # that everybody saw, and its agent comes back by itself
            self._miss(member, gone)

    def bot(self, full: str, *, there: bool) -> None:
        """Another bot of the room is *there*, or leaves: a dead one must not be waited for."""
        if there and full not in self._bots:
            self._bots.add(full)
            self._watch.entered(full)
        elif not there:
            self._bots.discard(full)
            self._watch.left(full)

    def listening(self) -> None:
        """We are in the room again."""
        if self._before:
            asyncio.get_running_loop().call_later(RETURN, self._count)

    def nobody(self) -> None:
        """We are out of the room: who is there is unknown."""
        for member in self._fleet.present():
            self._before[member.kept.jid] = self._gone(member, Cause.MISSED, 0.0)
        self._fleet.nobody(_utc())
        self._bots.clear()
        self._watch.nobody()
        self._outages.nobody()

    def _count(self) -> None:
        """Who was there before we were put out, and is not now?"""
        if not self._fleet.listening:
            return  # once more out of it: after the next time
        for jid, gone in self._before.items():
            if not self._fleet.member(jid).full:
                self._tell(self._outages.gone(gone, _now()))
        self._before.clear()

    def _miss(self, member: Member, gone: Gone) -> None:
        """*member* is gone: news, unless that was ordered."""
        by_run = gone.cause is Cause.REBOOTING and member.says.state == "rebooting"
        if member.reboot is not None and member.reboot.agreed:  # who ordered it is told of it
            self._expected[member.kept.jid] = gone, math.inf
        elif by_run:  # a step of a run, or another bot's order
            self._expected[member.kept.jid] = gone, _now() + self._reboot
            self._wake.set()
        else:
            self._tell(self._outages.gone(gone, _now()))

    # What the watch finds

    def _doubted(self, full: str) -> None:
        """It has not answered once: does its machine answer, while we wait?"""
        address = "" if full in self._bots else self._fleet.member(_bare(full)).says.address
        self._echoes.pop(full, None)
        if address:
            self._spawn(self._echo(full, address))

    async def _echo(self, full: str, address: str) -> None:
        self._echoes[full] = await self._edges.echoes(address)

    def _lost(self, full: str) -> None:
        """It is dead to us."""
        if full in self._bots:
            log.warning("bot.lost", jid=full)
            self._remove(full)
            return
        member = self._fleet.member(_bare(full))
        if member.full != full:
            return
        silent = self._watch.silent(full)
        name = self._fleet.name(member.kept.jid)
        log.warning("target.lost", target=name, jid=full, silent=round(silent, 1))
        gone = self._gone(member, Cause.SILENT, silent)
        near = [
            each.full
            for each in self._fleet.present()
            if each.full != full and each.says.location == member.says.location
        ]
        self._fleet.left(full, _utc(), dead=True)
        self._strand(member.kept.jid)
        self._watch.look_at(near)
        if self._edges.acts:
            self._remove(full)
        self._miss(member, gone)

    def _remove(self, full: str) -> None:
        """Remove the ghost of *full*, but not for ever one that comes again and says nothing."""
        if _now() - self._removed.get(full, -math.inf) >= KICK_AGAIN:
            self._removed[full] = _now()
            self._spawn(self._edges.remove(full))

    def _proven(self, full: str) -> None:
        """It has answered for the first time since it entered, or since we gave it up."""
        if full in self._bots:
            return
        member = self._fleet.member(_bare(full))
        if not member.full:  # its ghost could not be removed, and was none
            self._fleet.arrived(full, member.says, _utc())
            self._meet(member.kept.jid)
        boot, before = member.says.boot, self._boots.get(member.kept.jid, "")
        self._boots[member.kept.jid] = boot
        self._removed.pop(full, None)
        self._before.pop(member.kept.jid, None)
        expected = self._expected.pop(member.kept.jid, None)
        if expected is not None and not self._outages.knows(self._fleet.name(member.kept.jid)):
            return  # as it was ordered
        rebooted = bool(boot and before and boot != before)
        name = self._fleet.name(member.kept.jid)
        self._tell(self._outages.back(name, _now(), rebooted=rebooted, boot=boot))

    def _gone(self, member: Member, cause: Cause, silent: float) -> Gone:
        says = member.says
        target = self._fleet.view(member)
        percent = "" if says.progress is None else f", {says.progress} %"
        step = safe(says.step, 60)
        return Gone(
            target=target.name,
            cause=cause,
            since=_utc() - timedelta(seconds=silent),
            seconds=silent,
            location=target.location,
            job=target.job,
            doing=f"{step}{percent}" if step else "",
            echoes=self._echoes.pop(member.full, None),
            at=_now() - silent,
        )

    # The clock

    async def run(self) -> None:
        """Watch and tell, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch.run())
            group.create_task(self._keep_telling())

    async def _keep_telling(self) -> None:
        while True:
            self._wake.clear()
            due = min([self._outages.deadline, *(due for _, due in self._expected.values())])
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(None if due == math.inf else due):
                    await self._wake.wait()
            for jid, (gone, until) in list(self._expected.items()):
                if _now() >= until:
                    self._expected[jid] = gone, math.inf
                    late = replace(gone, cause=Cause.OVERDUE)
                    self._fleet.member(jid).dead = True
                    self._tell(self._outages.gone(late, _now()))
            doubt = self._watch.doubtful(each.full for each in self._fleet.present())
            self._tell(self._outages.tick(_now(), doubt=doubt))

    def _tell(self, notices: list[Notice]) -> None:
        for told in notices:
            reply = notice(told)
            log.info("outage.told", what=told.what.value, text=reply.text)
            if self._edges.acts:
                self._say(reply)
        self._wake.set()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _bare(full: str) -> str:
    return full.partition("/")[0]


def _now() -> float:
    return asyncio.get_running_loop().time()


def _utc() -> datetime:
    return datetime.now(UTC)
