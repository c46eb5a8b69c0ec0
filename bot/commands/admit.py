"""admit: let a target into the room."""

from dataclasses import dataclass

from bot.grammar import NoSuch, jid, known
from bot.lab import Lab
from bot.occupant import Line
from bot.policy import Permission
from bot.reply import Reply
from bot.verb import Verb


@dataclass(frozen=True, slots=True)
class Admit:
    """By its name at our own domain, or by its full address."""

    target: str


async def resolve(asked: Admit, lab: Lab, line: Line) -> Admit:
    """
    Its bare JID.

    A name that nobody has, said to nobody ("admit defeat"), is talk; said to us, we trust it.
    """
    if "@" in asked.target:
        return asked
    address = f"{asked.target.lower()}@{lab.domain}"
    jids = {*lab.knocking, *(target.jid for target in lab.targets.all())}
    if address not in jids and not line.addressed:
        known(asked.target, [each.split("@")[0] for each in jids], "target that wants to come in")
        raise NoSuch(f"{asked.target} is at another domain", hint="Say its address.", likely=True)
    return Admit(address)


async def run(asked: Admit, lab: Lab, line: Line) -> Reply:
    """Give it membership; it keeps asking until it is in."""
    await lab.room.admit(asked.target)
    text = f"{asked.target} may come in"
    return Reply(text, data={"admitted": asked.target}, kind="acknowledgement")


VERB = Verb(
    name="admit",
    summary="let a target in",
    about=(
        "Lets a target into the room: `bob` is bob at the bot's own domain. Targets that the "
        "configuration names come in by themselves."
    ),
    grammar=jid("target", or_name=True),
    build=Admit,
    resolve=resolve,
    needs=Permission.ADMIN,
    run=run,
    examples={"admit bob": Admit("bob"), "admit bob@rack.example": Admit("bob@rack.example")},
)
