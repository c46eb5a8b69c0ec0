"""
What a journal tells of its run, and what to do about a run after a start. No I/O.

The agent starts after an upgrade, a crash, a power cut, or because somebody rebooted the
machine. What it finds of each run it holds decides, by the table in :func:`decide`.
"""

import enum
from dataclasses import dataclass, replace

from agent.progress import printable
from agent.wire.journal import Record
from agent.wire.vocabulary import Held, Verdict

_TAIL = 1024


@dataclass(slots=True)
class Story:
    """A run so far: its journal's records, folded one by one."""

    journal: str = ""
    """The journal's id."""
    step: str = ""
    """The step that has begun last, in the words it was ordered in."""
    index: int = -1
    tries: int = 0
    """How often that step has begun."""
    tail: bytes = b""
    """The end of what it has printed."""
    open: bool = False
    """Whether that step has not ended."""
    boot: str = ""
    """The id of the boot in which it began."""
    at: float = 0.0
    """When it began, by the wall clock, which may be another one after a reboot."""
    up: float = 0.0
    """The same in seconds since that boot; 0 if its agent did not say so yet."""
    first_boot: str = ""
    """The same three of the run's first step."""
    first_at: float = 0.0
    first_up: float = 0.0
    within: float = 0.0
    """Seconds in which a step that is a reboot must happen; 0 for any other step."""
    worst: Verdict = Verdict.PASS
    """The worst verdict of the steps that it went on after, and why."""
    why: str = ""
    fraction: float | None = None
    """How far that step is, 0 to 1."""
    lasted: float = 0.0
    """Seconds from its beginning until it said how far it is, by the wall clock."""
    text: str = ""
    """How far it is, in words."""
    silent: bool = False
    """Whether it says and does nothing for so long that it was warned of."""
    bad: Verdict | None = None
    """The verdict of the step that ended the run."""
    reason: str = ""
    verdict: Verdict | None = None
    """The run's, at its end."""

    def see(self, record: Record) -> None:
        """Take in the next record."""
        match record.kind:
            case "accepted":
                self.journal = record.text("journal")
            case "begin":
                self._begun(record)
            case "warning" | "relief":
                stalls = record.kind == "warning" and record.text("why") == "stall"
                self.silent = stalls or (self.silent and record.kind == "warning")
            case "out":
                self.tail = (self.tail + record.payload)[-_TAIL:]
            case "progress":
                self.fraction, self.text = record.number("fraction"), record.text("text")
                self.lasted = record.at - self.at
            case "end":
                self._ended(record)
            case "verdict":
                self.open, self.verdict = False, Verdict.read(record.fields.get("verdict"))
                self.reason = record.text("reason")

    def _begun(self, record: Record) -> None:
        if self.bad is not None:  # it goes on after a crash, as the recipe says
            self.worst, self.why, self.bad = self.bad, self.reason, None
        step = record.number("step")
        index = self.index + 1 if step is None else int(step)
        self.tries = self.tries + 1 if index == self.index else 1
        self.step, self.boot, self.open = record.text("name"), record.text("boot"), True
        self.index, self.fraction, self.text = index, None, ""
        self.silent, self.tail = False, b""
        self.within, self.up = record.number("within") or 0.0, record.number("up") or 0.0
        self.at = record.at
        if not self.first_boot:
            self.first_boot, self.first_at, self.first_up = self.boot, self.at, self.up

    def _ended(self, record: Record) -> None:
        self.open, verdict = False, Verdict.read(record.fields.get("verdict"))
        if not verdict.good:
            self.bad, self.reason = verdict, record.text("reason")
        elif Verdict.worst((verdict, self.worst)) is not self.worst:
            self.worst, self.why = verdict, record.text("reason")

    def last_line(self) -> str:
        """The last line that the step has printed, for people; empty if it printed nothing."""
        lines = self.tail.decode("utf-8", "replace").splitlines()
        return next((line for text in reversed(lines) if (line := printable(text))), "")

    @property
    def phase(self) -> Held:
        """How far it is, for its controller."""
        if self.verdict is not None:
            return Held.DONE
        return Held.RUNNING if self.step else Held.QUEUED


class Action(enum.Enum):
    """What to do about a run."""

    NOTHING = enum.auto()  # it is over
    ADOPT = enum.auto()  # its supervisor lives: watch it
    START = enum.auto()  # it has never begun
    REBOOT = enum.auto()  # a step of it is a reboot, and that has not happened yet
    RESUME = enum.auto()  # a reboot that has happened, or a crash: go on after it
    SETTLE = enum.auto()  # write the verdict that nobody else will


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do about a run; the verdict of the run, or of the step that is open, and why."""

    action: Action
    verdict: Verdict = Verdict.ERROR
    reason: str = ""
    go_on: int = 0
    """The step to go on with."""


def decide(
    story: Story,
    *,
    alive: bool,
    stopper: str | None,
    boot: str,
    up: float,
    machine: str,
    on_crash: tuple[str, int] = ("stop", 0),
    left: float = float("inf"),
) -> Decision:
    """
    What to do about a run of which the journal says *story*.

    Args:
        alive: Whether a supervisor holds its lock.
        stopper: Who asked to stop it, or None.
        boot: The id of this boot.
        up: Seconds since it.
        machine: What people call this machine, for reasons.
        on_crash: What the recipe of its step says: stop, repeat or next; how often at most.
        left: Seconds that the run still has (:func:`agent.limit.left`): past them it does not
            go on.
    """
    decision = _decide(
        story, alive=alive, stopper=stopper, boot=boot, up=up, machine=machine, on_crash=on_crash
    )
    if decision.action is not Action.RESUME or left > 0:
        return decision
    late = "it is too late to go on: the run's time is over"
    if decision.verdict.good:
        return Decision(Action.SETTLE, Verdict.TIMEOUT, f"{machine} rebooted; {late}")
    return replace(decision, action=Action.SETTLE, reason=f"{decision.reason}; {late}")


def _decide(
    story: Story,
    *,
    alive: bool,
    stopper: str | None,
    boot: str,
    up: float,
    machine: str,
    on_crash: tuple[str, int],
) -> Decision:
    where = f"in {story.step}" if story.open else f"after {story.step}"
    if story.verdict is not None:
        return Decision(Action.NOTHING)
    if alive:
        return Decision(Action.ADOPT)
    if story.bad is not None:  # a run ends with its first bad step: only the last word is missing
        return Decision(Action.SETTLE, story.bad, story.reason)
    if not story.step:
        return _fresh(stopper)
    if story.open and story.within:
        return _planned(story, stopper=stopper, boot=boot, up=up, machine=machine)
    if story.boot != boot:
        reason = f"{machine} rebooted {where}: boot {story.boot[:8]}, now {boot[:8]}"
        return _crashed(story, reason, on_crash if stopper is None else ("stop", 0))
    return Decision(Action.SETTLE, Verdict.ERROR, f"the supervisor was killed {where}")


def _fresh(stopper: str | None) -> Decision:
    """What to do about a run that has not begun."""
    if stopper is None:
        return Decision(Action.START)
    return Decision(Action.SETTLE, Verdict.ABORTED, f"stopped by {stopper} before it began")


def _crashed(story: Story, reason: str, on_crash: tuple[str, int]) -> Decision:
    """What to do about a run in which the machine rebooted unasked."""
    then, most = on_crash
    if story.open and then == "repeat" and story.tries <= most:
        return Decision(Action.RESUME, Verdict.CRASHED, reason, story.index)
    if story.open and then == "next":
        return Decision(Action.RESUME, Verdict.CRASHED, reason, story.index + 1)
    return Decision(Action.SETTLE, Verdict.CRASHED, reason)


def _planned(story: Story, *, stopper: str | None, boot: str, up: float, machine: str) -> Decision:
    """
    What to do about a run whose step is a reboot.

    As long as it has not happened it is ordered again: whoever ordered it may have died
    before that, and a machine that is going down does not mind.
    """
    if story.boot != boot:  # whoever asked to stop is heard before the next step
        return Decision(Action.RESUME, Verdict.PASS, go_on=story.index + 1)
    if stopper is not None:
        return Decision(Action.SETTLE, Verdict.ABORTED, f"stopped by {stopper}")
    if up - story.up >= story.within:
        late = f"{machine} did not reboot within {story.within:.0f} s"
        return Decision(Action.SETTLE, Verdict.ERROR, late)
    return Decision(Action.REBOOT)
