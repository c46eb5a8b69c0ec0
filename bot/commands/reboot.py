"""reboot: restart a target. Never queued: one that is away refuses at once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from agent.wire.errors import Busy, Refusal, UnknownName
from bot import deeds
from bot.confirm import Cost, Stakes, state
from bot.grammar import flag, known, name
from bot.lab import Lab
from bot.occupant import Line
from bot.policy import Deed, Permission
from bot.reply import Reply
from bot.report import loss
from bot.report.text import age, safe
from bot.verb import Verb


@dataclass(frozen=True, slots=True)
class Reboot:
    """``force``: even though a run is on, which then ends as it may."""

    target: str
    force: bool = False


async def resolve(asked: Reboot, lab: Lab, line: Line) -> Reboot:
    """The target as the lab writes it."""
    names = [target.name for target in lab.targets.all()]
    return replace(asked, target=known(asked.target, names, "target"))


async def comes_to(asked: Reboot, lab: Lab, line: Line) -> Sequence[Deed]:
    """One reboot."""
    return deeds.on("reboot", Permission.DISRUPT, [asked.target], lab.targets)


async def stakes(asked: Reboot, lab: Lab, line: Line) -> Stakes:
    """What is on. Without "now" it costs nothing: a target at work refuses."""
    mine = [target for target in lab.targets.all() if target.name == asked.target]
    busy = [target for target in mine if asked.force and target.state == "busy"]
    return Stakes(
        states={target.name: state(target) for target in mine},
        costs=frozenset({Cost.RUNNING} if busy else ()),
        losses=tuple([await loss.on(target, lab) for target in busy]),
    )


async def run(asked: Reboot, lab: Lab, line: Line) -> Reply:
    """
    Order the reboot. How it ends is announced later, from the target's presence.

    It is forced only where we saw a run, and so asked back: one that has begun this moment,
    which nobody agreed to lose, makes the target refuse.
    """
    seen = any(each.name == asked.target and each.state == "busy" for each in lab.targets.all())
    try:
        await lab.targets.reboot(asked.target, force=asked.force and seen, by=line.by.nick)
    except Refusal as refusal:
        raise await _explained(refusal, asked.target, lab) from refusal
    return Reply(
        f"{asked.target} reboots; I say when it is back",
        data={"target": asked.target, "force": asked.force},
        kind="acknowledgement",
    )


async def _explained(refusal: Refusal, name: str, lab: Lab) -> Refusal:
    """A target that is busy says with what; for whom, only we know."""
    target = next(each for each in lab.targets.all() if each.name == name)
    if refusal.condition != Busy.condition or target.state != "busy" or target.job is None:
        return refusal
    try:
        job = await lab.jobs.get(target.job)
    except UnknownName:
        return refusal
    asker = safe(job.asker_jid.split("@")[0] or job.asker or "nobody knows", 20)
    step = f"{safe(target.doing, 100)} of " if target.doing else ""
    return Busy(
        f"a run is on: {step}{job.number}@{name}, asked for by {asker} {age(job.asked, lab.now)}",
        hint=f"Say reboot {name} now to lose it.",
    )


VERB = Verb(
    name="reboot",
    instead_of=("restart", "reset"),
    summary="restart a target",
    about=(
        "Restarts a target, if it is there and agrees; it is never queued. The room hears when "
        "it is back, proven by a new boot id, how long that took, and from the third time on how "
        "long it usually takes; or that it is not back, and then when it is after all. While a "
        "run is on it refuses, and says which and whose; `reboot bob now` reboots all the same, "
        "after a question: `yes 7f`."
    ),
    grammar=name("target", "a target") + flag("now", "force"),
    then='"now" or nothing more',
    build=Reboot,
    resolve=resolve,
    needs=Permission.DISRUPT,
    deeds=comes_to,
    stakes=stakes,
    run=run,
    examples={
        "reboot bob": Reboot("bob"),
        "reboot bob now": Reboot("bob", force=True),
    },
)
