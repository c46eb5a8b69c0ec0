"""
Reboots that were ordered: what is known of each, and what the room is told. Pure.

Rule 1: a reboot is proven by a new boot id, and by nothing else.

Rule 2: how long it took is said as it was seen. If we were not in the room when the target
came back, all we know is that it took no longer; that counts for no median.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.reply import Reply
from bot.report.text import age, duration, safe

LEAST, MOST = 3, 10
"""Reboots from which on a duration is called usual, and of how many of the newest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reboot:
    """An ordered reboot that is not proven yet."""

    number: int = 0
    """In the store."""
    by: str
    """The nick of who asked."""
    boot: str
    """The boot id it had."""
    ordered: datetime
    deadline: datetime
    agreed: bool = True
    """Whether the target has said that it will."""
    late: bool = False
    """Whether the room has heard, or is about to, that it is not back."""
    going: bool = False
    """Whether the target's presence has said since then that it reboots."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Back:
    """A reboot that is proven."""

    reboot: Reboot
    boot: str
    """The new boot id."""
    seconds: float
    """From the order to the target's presence."""
    seen: bool
    """Whether we were in the room when it came; else it took that long at most."""

    @property
    def counts(self) -> bool:
        """Whether it says something about the next one: who was late may have been repaired."""
        return self.seen and not self.reboot.late


def usual(seconds: Sequence[float]) -> float | None:
    """What a target usually takes, from how long its last reboots took; None of too few."""
    return statistics.median(seconds[-MOST:]) if len(seconds) >= LEAST else None


def back(name: str, of: Back, before: float | None) -> Reply:
    """
    Target *name* is back.

    Args:
        before: What it usually took until now.
    """
    late, took = of.reboot.late, duration(of.seconds)
    text = f"{safe(of.reboot.by, 60)}: {name} is back after "
    text += f"all, {took}" if late else took
    if not of.seen:
        text += " at most (I was away meanwhile)"
    elif late:
        text += " after the order"
    elif before is not None:
        text += f" (usually {duration(before)})"
    return Reply(
        text + ", with a new boot id",
        data={
            "target": name, "back": True, "seconds": round(of.seconds, 1), "seen": of.seen,
            "usual": None if before is None else round(before, 1), "late": late, "boot": of.boot,
        },
        kind="notice",
    )  # fmt: skip


def missing(name: str, of: Reboot, heard: datetime, now: datetime) -> Reply:
    """Target *name*, which was last *heard* then, did not come back in time."""
    within = duration((of.deadline - of.ordered).total_seconds())
    text = f"{name} has not come back in {within}: last heard {age(heard, now)}, say status {name}"
    return _late(name, of, text, present=False)


def stayed(name: str, of: Reboot) -> Reply:
    """Target *name* is there, and did not reboot."""
    text = f"{name} has not rebooted: it is there, and shows no new boot id"
    if of.agreed:
        text += ". Its agent's log says why"
    else:
        text += ", and it never agreed. Order it again"
    return _late(name, of, text, present=True)


def _late(name: str, of: Reboot, text: str, *, present: bool) -> Reply:
    data = {"target": name, "back": False, "present": present}
    return Reply(f"{safe(of.by, 60)}: {text}", data=data, kind="notice")
