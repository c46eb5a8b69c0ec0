"""
Who is gone, and what the room hears of it: one line for a rack, three for one that flaps.

Rule 1: no I/O. Times are seconds of any monotonic clock; callers feed in what happened and say
what :meth:`Outages.tick` returns.

Rule 2: what happens together is told together. News waits for :attr:`Outages.deadline`, or until
nobody else is in doubt; an agent that was only restarted is back before that, and no news.

Rule 3: those that were told of in one line come back in one line, if they come back together.

Rule 4: who goes again soon after it came back flaps: that is said once, and then nothing until
it has been steady. What it is then is said, so the last word is the truth.
"""

import enum
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

TOGETHER = 30.0
"""Seconds that those who are back wait for the rest of their group."""

BRIEF = 1.0
"""Seconds that news waits for more of its kind where nobody need be asked: a rack shut down."""


class Cause(enum.StrEnum):
    """Why a target is gone."""

    SILENT = "silent"  # no answer: cut off, powered off or hung
    CRASHED = "crashed"  # its connection was reset: its agent died, and its kernel lives
    FAILED = "failed"  # its agent gave up after an error of its own, and said so
    STOPPED = "stopped"  # its agent was stopped, and said so
    REPLACED = "replaced"  # a newer connection of its account took its place
    SHUTDOWN = "shutdown"  # the machine shuts down
    REBOOTING = "rebooting"  # the machine reboots, ordered by nobody here
    OVERDUE = "overdue"  # it went to reboot, and is not back
    MISSED = "missed"  # it went while we were not looking

    @property
    def clean(self) -> bool:
        """Whether somebody wanted it."""
        return self in (Cause.STOPPED, Cause.SHUTDOWN, Cause.REBOOTING)


UNSAID = (Cause.STOPPED, Cause.REPLACED)
"""What is no news if it is over soon: an agent was restarted, a connection was lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """A target that is gone."""

    target: str
    """Its name."""
    cause: Cause
    since: datetime
    """When it was last there, for all we know (UTC)."""
    seconds: float = 0.0
    """How long it had been silent when we gave it up."""
    location: str = ""
    job: int | None = None
    """The job it worked on, if that is one of ours."""
    doing: str = ""
    """What it worked on, as people write it, with how far it was: ``memtest, 43 %``."""
    echoes: bool | None = None
    """Whether its machine answers ICMP, if that is known."""
    at: float = 0.0
    """The same, monotonic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Back:
    """A target that is there again, and has answered."""

    target: str
    location: str = ""
    away: float = 0.0
    """Seconds."""
    cause: Cause
    """Why it was gone."""
    rebooted: bool
    """Whether it has another boot id than before."""
    boot: str = ""
    job: int | None = None
    """The job that it worked on when it went."""


class What(enum.StrEnum):
    """What a notice tells."""

    GONE = "gone"
    BACK = "back"
    FLAPS = "flaps"
    STEADY = "steady"
    REBOOTED = "rebooted"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something for the room to hear, of one target or of several alike."""

    what: What
    gone: tuple[Gone, ...] = ()
    back: tuple[Back, ...] = ()
    missing: tuple[str, ...] = ()
    """Of a group that is back: who is not."""
    times: int = 0
    """How often one that flaps was gone."""
    seconds: float = 0.0
    """In how long; or how long it was back before it went again."""


@dataclass(slots=True)
class _Group:
    """Targets that were told of in one line."""

    missing: set[str]
    back: list[Back] = field(default_factory=list)
    due: float = math.inf


@dataclass(slots=True)
class _Flapping:
    began: float
    times: int
    changed: float
    gone: Gone | None


class Outages:
    """
    What to tell, and when.

    Args:
        hold: Seconds that the silence of one waits for the silence of others.
        restart: Seconds that a stopped agent has to come back unsaid.
        flapping: Seconds that one must have been back not to flap.
        steady: Seconds without a change until one no longer flaps.
    """

    def __init__(self, *, hold: float, restart: float, flapping: float, steady: float) -> None:
        self._hold = {Cause.SILENT: hold, **dict.fromkeys(UNSAID, restart)}
        self._flaps_within, self._steady = flapping, steady
        self._waiting: dict[str, tuple[Gone, float]] = {}  # to be told, and when at the latest
        self._told: dict[str, tuple[Gone, _Group]] = {}
        self._groups: list[_Group] = []
        self._returned: dict[str, float] = {}
        self._flapping: dict[str, _Flapping] = {}

    @property
    def deadline(self) -> float:
        """When :meth:`tick` is due, whatever else happens."""
        dues = [due for _, due in self._waiting.values()]
        dues += [group.due for group in self._groups]
        dues += [each.changed + self._steady for each in self._flapping.values()]
        return min(dues, default=math.inf)

    @property
    def anxious(self) -> bool:
        """Whether the news of a silent one waits for the silence of others."""
        return any(gone.cause is Cause.SILENT for gone, _ in self._waiting.values())

    def gone(self, gone: Gone, now: float) -> list[Notice]:
        """*gone* has gone, as we know *now*."""
        name = gone.target
        if (flaps := self._flapping.get(name)) is not None:
            flaps.times, flaps.changed, flaps.gone = flaps.times + 1, now, gone
            return []
        was = self._returned.get(name, -math.inf)
        if not gone.cause.clean and now - was < self._flaps_within:
            self._flapping[name] = _Flapping(was, 2, now, gone)
            return [Notice(What.FLAPS, gone=(gone,), times=2, seconds=now - was)]
        if name not in self._told:
            self._waiting[name] = gone, now + self._hold.get(gone.cause, BRIEF)
        return []

    def back(self, name: str, now: float, *, rebooted: bool, boot: str = "") -> list[Notice]:
        """*name* is there again, and has answered."""
        if (flaps := self._flapping.get(name)) is not None:
            flaps.changed, flaps.gone = now, None
            return []
        notices: list[Notice] = []
        if name in self._waiting:
            gone, _ = self._waiting[name]
            if gone.cause in UNSAID:
                del self._waiting[name]
                return [self._surprise(name, boot)] if rebooted else []
            notices = self._tell([gone])
        told = self._told.pop(name, None)
        if told is None:
            return notices + ([self._surprise(name, boot)] if rebooted else [])
        gone, group = told
        self._returned[name] = now
        group.missing.discard(name)
        group.back.append(
            Back(
                target=name, location=gone.location, away=now - gone.at, cause=gone.cause,
                rebooted=rebooted, boot=boot, job=gone.job,
            )
        )  # fmt: skip
        if not group.missing:
            return notices + self._returns(group)
        group.due = min(group.due, now + TOGETHER)
        return notices

    def knows(self, name: str) -> bool:
        """Whether it was told, or will be, that *name* is gone."""
        return name in self._told or name in self._waiting or name in self._flapping

    def nobody(self) -> None:
        """We are out of the room: what we have not told yet may not be so."""
        self._waiting.clear()

    def tick(self, now: float, *, doubt: bool) -> list[Notice]:
        """Time has passed; *doubt* if somebody else may be silent, too."""
        notices = []
        ripe = [gone for gone, due in self._waiting.values() if now >= due]
        if ripe or (self.anxious and not doubt):
            silent = [g for g, _ in self._waiting.values() if g.cause is Cause.SILENT]
            ripe += [gone for gone in silent if gone not in ripe]
        for cause in Cause:
            alike = [gone for gone in ripe if gone.cause is cause]
            notices += self._tell(alike) if alike else []
        for group in [group for group in self._groups if now >= group.due]:
            notices += self._returns(group)
        return notices + self._settle(now)

    def _tell(self, gone: Sequence[Gone]) -> list[Notice]:
        group = _Group({each.target for each in gone})
        self._groups.append(group)
        for each in gone:
            self._waiting.pop(each.target, None)
            self._told[each.target] = each, group
        return [Notice(What.GONE, gone=tuple(gone))]

    def _returns(self, group: _Group) -> list[Notice]:
        back, group.back, group.due = tuple(group.back), [], math.inf
        if not group.missing:
            self._groups.remove(group)
        return [Notice(What.BACK, back=back, missing=tuple(sorted(group.missing)))] if back else []

    def _drop(self, name: str) -> None:
        """That *name* is gone is no longer told of."""
        _, group = self._told.pop(name, (None, None))
        if group is not None:
            group.missing.discard(name)
            if not group.missing and not group.back:
                self._groups.remove(group)

    def _settle(self, now: float) -> list[Notice]:
        notices = []
        for name, flaps in list(self._flapping.items()):
            if now - flaps.changed < self._steady:
                continue
            del self._flapping[name]
            self._drop(name)
            seconds = flaps.changed - flaps.began
            if flaps.gone is not None:
                self._tell([flaps.gone])
                notices.append(
                    Notice(What.STEADY, gone=(flaps.gone,), times=flaps.times, seconds=seconds)
                )
            else:
                steady = Back(target=name, cause=Cause.SILENT, rebooted=False)
                notices.append(
                    Notice(What.STEADY, back=(steady,), times=flaps.times, seconds=seconds)
                )
        return notices

    def _surprise(self, name: str, boot: str) -> Notice:
        back = Back(target=name, cause=Cause.MISSED, rebooted=True, boot=boot)
        return Notice(What.REBOOTED, back=(back,))
