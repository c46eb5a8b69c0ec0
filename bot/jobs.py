"""
Jobs and runs: what was asked, and how far each target has come with it.

A *job* is one request of one person. It has one *run* per target. A run goes through
the phases below, and nowhere else: everything that can happen to it is in ``NEXT``.

Rule: no run waits for ever. Every phase but the last has a deadline, in ``LIMITS``, and what
happens then.
"""

import enum
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from agent.wire.vocabulary import RunId, Step, Verdict
from bot.findings import Case, FirstLine, Known, Metric
from bot.occupant import Channel


class Phase(enum.StrEnum):
    """Where a run stands."""

    OFFERED = "offered"  # recorded; sent, and not answered yet, or its target is away
    QUEUED = "queued"  # the target has it on disk, and something else to do first
    RUNNING = "running"
    STRANDED = "stranded"  # accepted, and its target is gone or says nothing of it
    DONE = "done"  # has a verdict


class Happening(enum.StrEnum):
    """What can happen to a run."""

    ACCEPT = "accept"  # the target has it on disk
    BEGIN = "begin"  # its first step starts
    SILENCE = "silence"  # the target left, or has said nothing of it for too long
    FINISH = "finish"  # its journal is complete, or it will never have one
    EXPIRE = "expire"  # it has waited for too long: it is given up
    REVISE = "revise"  # the journal of a run that was given up arrives after all


NEXT: Mapping[Phase, Mapping[Happening, Phase]] = {
    Phase.OFFERED: {
        Happening.ACCEPT: Phase.QUEUED,
        Happening.BEGIN: Phase.RUNNING,  # its journal overtook the acceptance
        Happening.FINISH: Phase.DONE,
        Happening.EXPIRE: Phase.DONE,
    },
    Phase.QUEUED: {
        Happening.ACCEPT: Phase.QUEUED,  # offered twice, answered twice
        Happening.BEGIN: Phase.RUNNING,
        Happening.SILENCE: Phase.STRANDED,
        Happening.FINISH: Phase.DONE,
    },
    Phase.RUNNING: {
        Happening.ACCEPT: Phase.RUNNING,
        Happening.BEGIN: Phase.RUNNING,  # the next step
        Happening.SILENCE: Phase.STRANDED,
        Happening.FINISH: Phase.DONE,
    },
    Phase.STRANDED: {
        Happening.ACCEPT: Phase.QUEUED,  # its target is back, and has not begun it
        Happening.BEGIN: Phase.RUNNING,  # its target is back, and has
        Happening.FINISH: Phase.DONE,
        Happening.EXPIRE: Phase.DONE,
    },
    Phase.DONE: {
        Happening.ACCEPT: Phase.DONE,
        Happening.REVISE: Phase.DONE,
    },
}


@dataclass(frozen=True, slots=True)
class Limit:
    """How long a run may stay as it is."""

    setting: str
    """The setting of ``[patience]`` that says how many seconds."""
    since: str
    """From when they count."""
    then: Happening


LIMITS: Mapping[Phase, Limit] = {
    Phase.OFFERED: Limit("start", "it was asked for", Happening.EXPIRE),
    Phase.QUEUED: Limit("silence", "its target's last word of it", Happening.SILENCE),
    Phase.RUNNING: Limit("silence", "its target's last word of it", Happening.SILENCE),
    Phase.STRANDED: Limit("lost", "its target's last word of it", Happening.EXPIRE),
}


class ImpossibleError(Exception):
    """The run cannot do that from where it stands: a bug, or a confused peer."""


def after(phase: Phase, happening: Happening) -> Phase:
    """The phase that follows; ImpossibleError if *happening* cannot happen in *phase*."""
    try:
        return NEXT[phase][happening]
    except KeyError:
        raise ImpossibleError(f"{happening} while {phase}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one step of a run ended."""

    step: str
    """What was run, as people write it: ``memtest size=16M``."""
    verdict: Verdict
    seconds: float
    reason: str = ""
    """Why it is not a pass, in a few words."""
    counts: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    """What the recipe counted: ``{"loops": 2, "errors": 0}``."""
    lines: tuple[str, ...] = ()
    """On failure, the few lines of output that matter; printable, not longer than 200 each."""
    metrics: tuple[Metric, ...] = ()
    """What it measured."""
    first: FirstLine | None = None
    """On failure, the first line of output that failed it."""
    known: tuple[Known, ...] = ()
    """Known issues that explain what it printed."""
    cases: tuple[Case, ...] = ()
    """What its program told of, the worst first; as many as its target could pass on."""
    case_count: int = 0
    """How many there were."""
    facts: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """What it found: ``{"dimm DIMM_A1": "16 GB DDR4"}``; empty in what comes out of the store."""

    @property
    def totals(self) -> Mapping[str, float]:
        """What was counted, its cases among it."""
        return {**({"cases": self.case_count} if self.case_count else {}), **self.counts}

    @property
    def bad_cases(self) -> tuple[Case, ...]:
        """Those that went wrong."""
        return tuple(case for case in self.cases if not case.verdict.good)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A job on one target."""

    job: int
    target: str
    """The target's name, for people."""
    jid: str
    """The target's bare JID."""
    phase: Phase = Phase.OFFERED
    verdict: Verdict | None = None
    """Set exactly when the phase is DONE."""
    reason: str = ""
    outcomes: tuple[Outcome, ...] = ()
    """Of the steps that ended, in order."""
    journal: str = ""
    """The journal's id; empty until the target accepted."""
    size: int = 0
    """Bytes of the journal that are stored here."""
    printed: int = 0
    """Bytes of output in them."""
    began: datetime | None = None
    """When its first step started (UTC, the bot's clock)."""
    ended: datetime | None = None
    heard: datetime | None = None
    """When its target said something of it last (UTC, the bot's clock); None until it accepted."""
    stop: str = ""
    """Who asked to stop it (a nick); empty if nobody did."""
    origin: str = ""
    """The id its target knows it by, if that was given by an earlier store of ours."""
    final: bool = False
    """Whether nothing revises its end: its journal is whole, or is not to be trusted."""

    dropped: str = ""
    """Why its output is no longer kept; empty while it is."""

    def known_as(self, store: str) -> RunId:
        """The id its target knows it by; *store* is ours."""
        return RunId.parse(self.origin) if self.origin else RunId(store, self.job)

    @property
    def missing(self) -> bool:
        """Whether it was given up as lost, and may be back yet: its target may work on it."""
        return self.verdict is Verdict.LOST and not self.final

    @property
    def name(self) -> str:
        """As people write it: ``17@bob``."""
        return f"{self.job}@{self.target}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What one line asked for."""

    number: int
    steps: tuple[Step, ...]
    asker: str
    """The nick of who asked."""
    asker_jid: str
    """The bare JID of who asked."""
    channel: Channel
    """Where it was asked, and its end is told."""
    asked: datetime
    by: datetime
    """No run of it starts after this (UTC)."""
    runs: tuple[Run, ...]
    told: bool = False
    """Whether the room has heard how it ended."""
    ref: str = ""
    """What whoever asked calls it; for scripts."""

    @property
    def done(self) -> bool:
        """Whether every run has a verdict."""
        return all(run.phase is Phase.DONE for run in self.runs)

    @property
    def verdict(self) -> Verdict | None:
        """The worst of its runs', once all have one."""
        verdicts = [run.verdict for run in self.runs if run.verdict is not None]
        return Verdict.worst(verdicts) if len(verdicts) == len(self.runs) else None

    @property
    def was(self) -> int | None:
        """Its number in an earlier store, if it was relearned from its targets."""
        origin = next((run.origin for run in self.runs if run.origin), "")
        return RunId.parse(origin).number if origin else None

    @property
    def title(self) -> str:
        """What was asked, as people write it: ``memtest size=16M 3 times, stress``."""
        return spoken(self.steps)


def spoken(steps: Sequence[Step]) -> str:
    """*steps* as people write them, what is repeated said once: ``memtest 3 times, stress``."""
    said = [str(step) for step in steps]
    for period in range(2, len(said) // 2 + 1):  # of one alone, the loop below takes care
        rounds, rest = divmod(len(said), period)
        if not rest and said == said[:period] * rounds and len(set(said)) > 1:
            return f"({spoken(steps[:period])}) {rounds} times"
    groups = [(step, len(list(alike))) for step, alike in itertools.groupby(said)]
    return ", ".join(step if times == 1 else f"{step} {times} times" for step, times in groups)
