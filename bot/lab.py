"""
What a command may touch.

``Lab`` is a record of ports, not a service: it has no methods and must never grow one.
The edges (store, xmpp) implement these protocols; nothing here imports them.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Protocol

from agent.wire.errors import UnknownName
from agent.wire.machine import NOTHING, Machine
from agent.wire.parameter import RecipeInfo
from agent.wire.vocabulary import Step
from bot.insight.estimate import Estimate
from bot.insight.measure import Measure
from bot.jobs import Job, Run
from bot.occupant import Line, Occupant
from bot.policy import Deed, Rights
from bot.reading import Charts, Followers, Logs
from bot.reply import Reply
from bot.wish import Wish


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What the bot knows of one machine, from the target's own presence."""

    name: str
    """What people type: ``bob``."""
    jid: str
    """Bare JID."""
    present: bool = False
    """Whether it is there, as far as the server knows."""
    state: str = "away"
    """``idle``, ``busy``, ``rebooting``, ``down`` or ``away``."""
    friendly: str = ""
    """What its owner calls it: ``Bob's server``. May be empty; the target's word, bounded."""
    location: str = ""
    doing: str = ""
    """What it runs, as people write it; empty if idle."""
    job: int | None = None
    """The job it works on, if that is one of ours."""
    other: str = ""
    """The bot that it works for, if that is another one."""
    progress: float | None = None
    """Of the current step, 0 to 1."""
    left: float | None = None
    """Seconds until its run is probably over, as it said last; None if that cannot be told."""
    queue: int = 0
    """How many runs wait there."""
    boot: str = ""
    version: str = ""
    address: str = ""
    """Its IP address in its own words, which nothing proves; it may be another network's."""
    machine: Machine = NOTHING
    """What it is, as it said last."""
    since: datetime | None = None
    """Since when it is in this state (UTC, the bot's clock)."""
    heard: datetime | None = None
    """When it last said anything (UTC)."""


class Targets(Protocol):
    """The machines of the lab."""

    def all(self) -> Sequence[Target]:
        """Every known target, present or not, by name."""
        ...

    def recipes(self, name: str) -> Mapping[str, RecipeInfo] | None:
        """What target *name* offers, as it said last; None if it never said."""
        ...

    async def reboot(self, name: str, *, force: bool, by: str) -> None:
        """
        Order a reboot; returns when the target has agreed, not when it is back.

        Raises Away or Busy; NoAnswer if nobody knows whether it will. That it is back, or is
        not, the room hears later.
        """
        ...

    async def ping(self, name: str) -> float:
        """Ask the target's agent for a sign of life: seconds it took. Raises Away."""
        ...


class Jobs(Protocol):
    """The durable record of what was asked and what came of it."""

    async def submit(
        self, steps: Sequence[Step], targets: Sequence[str], line: Line, *, within: float = 0
    ) -> Job:
        """
        Record a new job, one run per target; durable on return, sent soon after.

        A run that has not started *within* so many seconds never does; 0 is the
        configured patience.
        The same line (by its id and its words) said again within minutes is the same job.
        """
        ...

    async def get(self, number: int) -> Job:
        """Job *number*; UnknownName if there is none."""
        ...

    async def recent(self, limit: int) -> Sequence[Job]:
        """The newest jobs first, those that are not done before those that are."""
        ...

    async def tail(self, run: Run, limit: int) -> bytes:
        """The last *limit* bytes of what the run printed, byte for byte."""
        ...

    async def stranded(self) -> Sequence[Run]:
        """Runs whose targets are gone, or say nothing of them; they may be back yet."""
        ...

    async def stop(self, job: Job, by: str, *, on: Collection[str] | None = None) -> Sequence[Run]:
        """
        Ask every run of *job* to stop that is not done, or was lost and may be back yet.

        Only those *on* the targets of these names, if any are given. Returns those runs.
        """
        ...


class Membership(Protocol):
    """Who belongs to the room."""

    async def admit(self, jid: str) -> None:
        """Let the target with this bare JID into the room."""
        ...

    async def invite(self, jid: str) -> None:
        """Make this person a member, and invite them (XEP-0045, XEP-0249)."""
        ...


class Missed(Protocol):
    """What was said while we were away."""

    def line(self, number: int) -> str:
        """The words of the one with that *number*; UnknownName if there is none."""
        ...

    def did(self, number: int) -> None:
        """It was done."""
        ...


class Likes(Protocol):
    """What people like."""

    async def set_columns(self, jid: str, columns: int) -> None:
        """Tell *jid* in private what is at most so many columns wide."""
        ...


class Wishes(Protocol):
    """What people wait for."""

    async def wait_for(self, wish: Wish) -> bool:
        """
        Whether *wish* is so already; else it is durable on return, and told once it is so.

        Raises Busy if its asker waits for too much.
        """
        ...

    def of(self, asker: str) -> Sequence[Wish]:
        """What the person with this bare JID waits for."""
        ...

    async def forget(self, asker: str) -> Sequence[Wish]:
        """Wait for none of it any more; returns what it was."""
        ...


class People(Protocol):
    """Those of the room, there or not."""

    async def everybody(self) -> Sequence[Occupant]:
        """All who belong to it. Raises Away."""
        ...


class History(Protocol):
    """What happened before."""

    async def estimates(self, job: Job) -> Mapping[str, Estimate]:
        """Of the runs of *job* that are not over, by the bare JID of their targets."""
        ...

    async def left(self, running: Mapping[str, int]) -> Mapping[str, float]:
        """Seconds left, by bare JID, where that is known; of *running*, bare JID -> job."""
        ...

    async def of_target(self, jid: str, recipe: str, limit: int) -> Sequence[Measure]:
        """The newest *limit* of *recipe* (empty: of all) on *jid*, the newest first."""
        ...

    async def recent(self, limit: int) -> Sequence[Measure]:
        """The newest *limit* of the whole lab, the oldest of them first; without their metrics."""
        ...

    async def of_job(self, number: int) -> Sequence[Measure]:
        """What the runs of job *number* have measured."""
        ...


class Commands(Protocol):
    """What commands about other commands need."""

    async def deeds(self, text: str, lab: "Lab", line: Line) -> Sequence[Deed]:
        """What the command *text* would come down to; a Refusal if it is none about targets."""
        ...

    async def confirm(self, code: str, lab: "Lab", line: Line) -> Reply:
        """Carry out what question *code* is about."""
        ...

    async def withdraw(self, code: str, lab: "Lab", line: Line) -> Reply:
        """Never do what question *code* is about."""
        ...


class Nothing:
    """:class:`Commands`, :class:`People` and :class:`History` of a lab that nobody talks to."""

    async def everybody(self) -> Sequence[Occupant]:
        """There is nobody."""
        return []

    async def deeds(self, *_args: object, **_kwargs: object) -> Sequence[Deed]:
        """There is none."""
        raise UnknownName("there are no commands here")

    async def confirm(self, *_args: object, **_kwargs: object) -> Reply:
        """There is no question."""
        raise UnknownName("nothing was asked here")

    withdraw = confirm

    async def estimates(self, _job: Job) -> Mapping[str, Estimate]:
        """Nothing is known."""
        return {}

    async def left(self, _running: Mapping[str, int]) -> Mapping[str, float]:
        """Nothing is known."""
        return {}

    async def of_target(self, _jid: str, _recipe: str, _limit: int) -> Sequence[Measure]:
        """There is none."""
        return []

    async def recent(self, _limit: int) -> Sequence[Measure]:
        """There is none."""
        return []

    async def of_job(self, _number: int) -> Sequence[Measure]:
        """There is none."""
        return []


@dataclass(frozen=True, slots=True)
class Lab:
    """Everything a handler may use."""

    targets: Targets
    jobs: Jobs
    logs: Logs
    followers: Followers
    room: Membership
    missed: Missed
    likes: Likes
    wishes: Wishes
    charts: Charts
    domain: str
    """The domain of our own account: what ``admit bob`` means by bob."""
    now: datetime
    """When the line was said (UTC)."""
    knocking: frozenset[str] = frozenset()
    """Bare JIDs of those who asked to be let in and are not: what a bare ``admit bob`` may name."""
    version: str = ""
    """Of the bot."""
    rights: Rights = field(default_factory=Rights)
    """Who may do what."""
    people: People = field(default_factory=Nothing)
    """Who belongs to the room."""
    commands: Commands = field(default_factory=Nothing)
    """The other commands."""
    history: History = field(default_factory=Nothing)
    """What happened before."""
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    """What ``@burnin`` stands for, by name: names, sets of names, patterns."""
