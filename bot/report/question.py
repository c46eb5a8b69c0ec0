"""What is said of a question that waits for a yes: that it is asked, done, or dropped."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bot.confirm import Cost, Question
from bot.reply import Reply
from bot.report.text import duration, listed, safe, wrapped

LOSSES = 3
"""Losses that stand in the line; more stand in the block."""


def asked(question: Question[Any], called: str) -> Reply:
    """
    What would be lost, and how to go on.

    Args:
        called: What people must say before the yes, so that it is for us.
    """
    stakes, names = question.stakes, list(question.stakes.states)
    losses = list(stakes.losses)
    if Cost.MANY in stakes.costs:
        losses.insert(0, f"{len(names)} targets at once: {listed(names, 4)}")
    code = question.code
    who = "somebody else who may do it" if question.two else ""
    say = f"{who} says {called}yes {code}" if who else f"say {called}yes {code}"
    within = duration(question.until - question.since)
    lost = "; ".join(losses[:LOSSES]) + "; and more" * (len(losses) > LOSSES)
    rows = [row for loss in losses[LOSSES:] for row in wrapped(loss)]
    return Reply(
        f"{lost}: {say} within {within}",
        table="\n".join(rows[:12] + ["..."] * (len(rows) > 12)),
        data={
            "confirm": code,
            "costs": sorted(stakes.costs),
            "losses": list(stakes.losses),
            "targets": names,
            "two": question.two,
            "seconds": round(question.until - question.since, 1),
        },
        kind="question",
    )


def done(reply: Reply, changed: Mapping[str, str]) -> Reply:
    """*reply*, and what was not touched because it is not as it was when it was asked."""
    if not changed:
        return reply
    data = {**reply.data, "untouched": dict(changed)}
    return replace(reply, text=f"{reply.text}; not touched: {told(changed)}", data=data)


def dropped(question: Question[Any]) -> Reply:
    """It will not be done."""
    said = safe(question.line.text, 100)
    return Reply(f"{question.code}: not done: {said}", data={"dropped": question.code})


def told(changed: Mapping[str, str]) -> str:
    """``bob runs job 18 now, alice is away now``."""
    parts = [
        f"{name} {'' if state.startswith('runs') else 'is '}{state}"
        + ("" if state.endswith("more") else " now")
        for name, state in changed.items()
    ]
    return listed(parts, 5)


def again(question: Question[Any]) -> str:
    """What to do if it is wanted after all."""
    return f"If you still want it, say it again: {safe(question.line.text, 100)}"


def who(question: Question[Any]) -> str:
    """Who asked."""
    return safe(question.line.by.nick, 60)
