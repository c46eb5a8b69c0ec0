"""reboot: restart targets. Never queued: one that is away refuses at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from agent.wire.errors import Busy, Refusal, UnknownName
from bot import deeds, together
from bot.choice import chosen
from bot.confirm import Cost, Stakes, state
from bot.grammar import flag
from bot.grammar_targets import targets
from bot.lab import Lab
from bot.occupant import Line
from bot.policy import Deed, Permission
from bot.reply import Reply
from bot.report import loss
from bot.report.nodes import folded
from bot.report.text import age, listed, safe
from bot.selection import Selection, named
from bot.verb import Verb


@dataclass(frozen=True, slots=True)
class Reboot:
    """``force``: even though a run is on, which then ends as it may."""

    of: Selection
    force: bool = False
    targets: tuple[str, ...] = ()
    """Who is meant, once that is resolved."""


async def resolve(asked: Reboot, lab: Lab, line: Line) -> Reboot:
    """The targets as the lab writes them, frozen."""
    return replace(asked, targets=(await chosen(asked.of, lab)).names)


async def comes_to(asked: Reboot, lab: Lab, line: Line) -> Sequence[Deed]:
    """A reboot of each."""
    return deeds.on("reboot", Permission.DISRUPT, asked.targets, lab.targets)


async def stakes(asked: Reboot, lab: Lab, line: Line) -> Stakes:
    """What is on. Without "now" it costs nothing: a target at work refuses."""
    mine = [target for target in lab.targets.all() if target.name in asked.targets]
    busy = [target for target in mine if asked.force and target.state == "busy"]
    return Stakes(
        states={target.name: state(target) for target in mine},
        costs=frozenset({Cost.RUNNING} if busy else ()),
        losses=tuple([await loss.on(target, lab) for target in busy]),
    )


async def run(asked: Reboot, lab: Lab, line: Line) -> Reply:
    """
    Order the reboots. How they end is announced later, from the targets' presence.

    One is forced only where we saw a run, and so asked back: one that has begun this moment,
    which nobody agreed to lose, makes the target refuse.
    """
    seen = {each.name for each in lab.targets.all() if each.state == "busy"}

    async def order(name: str) -> None:
        try:
            await lab.targets.reboot(name, force=asked.force and name in seen, by=line.by.nick)
        except Refusal as refusal:
            raise await _explained(refusal, name, lab) from refusal

    agreed, refused = await together.each(asked.targets, order)
    if not agreed and len(refused) == 1:
        raise next(iter(refused.values()))
    they = "reboots; I say when it is back" if len(agreed) == 1 else (
        "reboot; I say when each is back"
    )  # fmt: skip
    clauses = [f"{listed(folded([*agreed]))} {they}"] if agreed else ["nothing reboots"]
    data = {
        "target": asked.targets[0] if len(asked.targets) == 1 else None,
        "targets": [*agreed],
        "refused": {name: refusal.what for name, refusal in refused.items()},
        "force": asked.force,
    }
    text = "; ".join([*clauses, *_refused(refused)])
    if not agreed:
        condition = next(refusal.condition for refusal in refused.values())
        return Reply(text, data={**data, "condition": condition, "what": text}, kind="refusal")
    return Reply(text, data=data, kind="acknowledgement")


def _refused(refused: Mapping[str, Refusal]) -> list[str]:
    """Who will not, those with the same reason together: ``alice and carol are away``."""
    reasons: dict[str, list[str]] = {}
    for name, refusal in refused.items():
        reasons.setdefault(refusal.what.removeprefix(f"{name} "), []).append(name)
    clauses = []
    for reason, names in reasons.items():
        predicate = reason.startswith("is ")
        if predicate and len(names) > 1:
            reason = f"are {reason[3:]}"
        clauses.append(f"{listed(folded(names))}{'' if predicate else ':'} {reason}")
    return clauses


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
    doing = f"{safe(target.doing, 100)}, " if target.doing else ""
    return Busy(
        f"a run is on: job {job.number} of {asker}, {doing}asked for {age(job.asked, lab.now)}",
        hint=f"Say reboot {name} now to lose it.",
    )


VERB = Verb(
    name="reboot",
    instead_of=("restart", "reset"),
    summary="restart targets",
    about=(
        "Restarts targets, each if it is there and agrees; it is never queued. The room hears "
        "when one is back, proven by a new boot id, how long that took, and from the third time "
        "on how long it usually takes; or that it is not back, and then when it is after all. "
        "While a run is on it refuses, and says which and whose; `reboot bob now` reboots all the "
        "same, after a question: `yes 7f`."
    ),
    grammar=targets("of") + flag("now", "force"),
    then='"now" or nothing more',
    build=Reboot,
    resolve=resolve,
    needs=Permission.DISRUPT,
    deeds=comes_to,
    stakes=stakes,
    run=run,
    examples={
        "reboot bob": Reboot(named("bob")),
        "reboot bob now": Reboot(named("bob"), force=True),
        "reboot pc[01-04], alice": Reboot(named("pc[01-04]", "alice")),
    },
)
