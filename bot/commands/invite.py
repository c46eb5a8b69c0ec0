"""invite: make a person a member of the room."""

from dataclasses import dataclass

from agent.wire.errors import Refusal
from bot.grammar import jid
from bot.lab import Lab
from bot.occupant import Line
from bot.policy import Permission
from bot.reply import Reply
from bot.verb import Verb


@dataclass(frozen=True, slots=True)
class Invite:
    """By address: a name says too little about a person."""

    person: str


async def run(asked: Invite, lab: Lab, line: Line) -> Reply:
    """Membership, and an invitation that their client shows."""
    if any(target.jid.lower() == asked.person for target in lab.targets.all()):
        name = asked.person.split("@")[0]
        raise Refusal(f"{asked.person} is a target", hint=f"Say admit {name}.")
    await lab.room.invite(asked.person)
    text = f"{asked.person} is a member now and has an invitation"
    return Reply(text, data={"invited": asked.person}, kind="acknowledgement")


VERB = Verb(
    name="invite",
    summary="make a person a member",
    about="Makes a person a member of the room, who may then run recipes, and invites them.",
    grammar=jid("person"),
    build=Invite,
    needs=Permission.ADMIN,
    run=run,
    examples={"invite ann@lab.example": Invite("ann@lab.example")},
)
