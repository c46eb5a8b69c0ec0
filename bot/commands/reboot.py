"""reboot: restart a target. Never queued: one that is away refuses at once."""

from dataclasses import dataclass, replace

from bot.grammar import flag, known, name
from bot.lab import Lab
from bot.occupant import Line
from bot.policy import Permission
from bot.reply import Reply
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


async def run(asked: Reboot, lab: Lab, line: Line) -> Reply:
    """Order the reboot. That the target is back is announced later, from its presence."""
    await lab.targets.reboot(asked.target, force=asked.force, by=line.by.nick)
    return Reply(
        f"{asked.target} reboots; I say when it is back",
        data={"target": asked.target, "force": asked.force},
        kind="acknowledgement",
    )


VERB = Verb(
    name="reboot",
    instead_of=("restart", "reset"),
    summary="restart a target",
    about=(
        "Restarts a target, if it is there and agrees; it is never queued. The room hears when "
        "it is back, proven by a new boot id, or that it is not. While a run is on it refuses; "
        "`reboot bob now` reboots all the same."
    ),
    grammar=name("target", "a target") + flag("now", "force"),
    then='"now" or nothing more',
    build=Reboot,
    resolve=resolve,
    needs=Permission.OPERATE,
    run=run,
    examples={
        "reboot bob": Reboot("bob"),
        "reboot bob now": Reboot("bob", force=True),
    },
)
