"""
What the room hears of who is gone, and of who is back: what happened, and what it means.

One line each, the name first. What cannot be known is not said: a machine that does not answer
may be off, cut off or hung.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from bot.outages import Back, Cause, Gone, Notice, What
from bot.reply import Reply
from bot.report.nodes import gathered
from bot.report.text import duration, listed, plural, safe, unique

HAPPENED = {
    Cause.CRASHED: "agent crashed or was killed: its connection was reset",
    Cause.FAILED: "agent gave up after an error of its own: its log says why",
    Cause.REPLACED: "agent lost its connection, and the new one was lost, too",
    Cause.STOPPED: "agent was stopped",
}
"""What happened to its agent."""

GROUP = {
    Cause.SILENT: "silent",
    Cause.CRASHED: "agents crashed or were killed",
    Cause.FAILED: "agents gave up after an error",
    Cause.REPLACED: "lost their connections",
    Cause.STOPPED: "agents stopped",
    Cause.SHUTDOWN: "shut down",
    Cause.REBOOTING: "reboot",
    Cause.OVERDUE: "not back from their reboot",
    Cause.MISSED: "gone",
}
"""The same of several."""


def notice(told: Notice) -> Reply:
    """What to say of *told*."""
    match told.what:
        case What.GONE:
            return _gone(told.gone)
        case What.BACK:
            return _back(told.back, told.missing)
        case What.FLAPS:
            return _flaps(told)
        case What.STEADY:
            return _steady(told)
        case What.REBOOTED:
            return _rebooted(told.back[0])


def _gone(gone: Sequence[Gone]) -> Reply:
    text = _one(gone[0]) if len(gone) == 1 else _several(gone)
    return _reply(text, gone)


def _reply(text: str, gone: Sequence[Gone], cause: str = "") -> Reply:
    return Reply(
        text,
        data={
            "targets": [each.target for each in gone],
            "there": False,
            "cause": cause or gone[0].cause.value,
            "since": min(each.since for each in gone).isoformat(timespec="seconds"),
            "worked_on": _jobs(gone),
            "echoes": gone[0].echoes if len(gone) == 1 else None,
        },
        kind="notice",
    )


def _one(gone: Gone) -> str:
    work, name = _work(gone), gone.target
    match gone.cause:
        case Cause.SILENT:
            what = f"{name} is down: no answer for {duration(gone.seconds)}, {_guess(gone.echoes)}"
        case Cause.SHUTDOWN:
            what = f"{name} shuts down"
        case Cause.REBOOTING:
            what = f"{name} reboots, and not by my order"
        case Cause.OVERDUE:
            what = f"{name} is not back from its reboot"
        case Cause.MISSED:
            what = f"{name} is gone: it left while I was away"
        case _:
            what = f"{name}'s {HAPPENED[gone.cause]}"
    return f"{what}. {work}" if work else what


def _guess(echoes: bool | None) -> str:
    if echoes is None:
        return "so powered off, cut off or hung"
    if echoes:
        return "but its machine answers ICMP: it hangs, or its agent does"
    return "nor of its machine to ICMP: powered off or cut off"


def _work(gone: Gone) -> str:
    """What it worked on, and what becomes of that."""
    if not gone.doing:
        return ""
    what = f"Job {gone.job} ({safe(gone.doing, 80)})" if gone.job else safe(gone.doing, 80)
    if gone.cause in (Cause.STOPPED, Cause.CRASHED, Cause.FAILED):
        return f"{what} goes on without it, if the machine is well"
    if gone.cause in (Cause.SHUTDOWN, Cause.REBOOTING):
        return f"{what} dies with it; I say how when it is back"
    return f"{what} is stranded until it is back"


def _several(gone: Sequence[Gone]) -> str:
    names, since = gathered(each.target for each in gone), min(each.since for each in gone)
    text = f"{_where(gone)}{len(gone)} {GROUP[gone[0].cause]} since {_clock(since)}: {names}"
    if jobs := _jobs(gone):
        numbers = listed([str(number) for number in jobs], 6)
        text += f". They worked on {'job' if len(jobs) == 1 else 'jobs'} {numbers}"
    return text


def _where(each: Iterable[Gone | Back]) -> str:
    """``rack 3: ``, if all are there."""
    places = unique(one.location for one in each)
    return f"{safe(places[0], 60)}: " if len(places) == 1 and places[0] else ""


def _jobs(gone: Iterable[Gone | Back]) -> list[int]:
    return sorted({each.job for each in gone if each.job is not None})


def _back(back: Sequence[Back], missing: Sequence[str]) -> Reply:
    if len(back) == 1 and not missing:
        text = _returned(back[0])
    else:
        away = duration(max(each.away for each in back))
        text = (
            f"{_where(back)}{gathered(each.target for each in back)} {_are(back)} back after {away}"
        )
        if booted := sum(each.rebooted for each in back):
            text += f", {booted if booted < len(back) else 'all'} with a new boot id"
        if missing:
            text += f"; still gone: {gathered(missing)}"
    return Reply(
        text,
        data={
            "targets": [each.target for each in back],
            "there": True,
            "away": round(max(each.away for each in back), 1),
            "cause": back[0].cause.value,
            "rebooted": [each.target for each in back if each.rebooted],
            "missing": list(missing),
            "worked_on": _jobs(back),
        },
        kind="notice",
    )


def _returned(back: Back) -> str:
    text = f"{back.target} is back after {duration(back.away)}"
    if back.rebooted:
        return f"{text}, with a new boot id"
    if back.cause is Cause.SILENT:
        return f"{text}, not rebooted: it was cut off, or hung"
    return text


def _are(back: Sequence[Back]) -> str:
    return "is" if len(back) == 1 else "are"


def _flaps(told: Notice) -> Reply:
    [gone] = told.gone
    text = (
        f"{gone.target} flaps: gone again {duration(told.seconds)} after it came back. "
        "I say no more of it until it is steady"
    )
    return _reply(text, told.gone, "flapping")


def _steady(told: Notice) -> Reply:
    often = f"after it was gone {plural(told.times, 'times')} in {duration(told.seconds)}"
    if told.gone:
        [gone] = told.gone
        return _reply(f"{gone.target} is gone since {_clock(gone.since)}, {often}", told.gone)
    [back] = told.back
    return Reply(
        f"{back.target} is steady again, {often}",
        data={"targets": [back.target], "there": True, "cause": "flapping", "times": told.times},
        kind="notice",
    )


def _rebooted(back: Back) -> Reply:
    return Reply(
        f"{back.target} has rebooted: it has a new boot id",
        data={"targets": [back.target], "there": True, "cause": "rebooted", "boot": back.boot},
        kind="notice",
    )


def _clock(moment: datetime) -> str:
    return f"{moment:%H:%M} UTC"
