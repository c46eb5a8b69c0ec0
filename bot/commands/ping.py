"""ping: ask targets for a sign of life, now."""

from dataclasses import dataclass, replace

from bot import together
from bot.choice import chosen
from bot.grammar_targets import targets
from bot.lab import Lab
from bot.occupant import Line
from bot.policy import Permission
from bot.reply import Reply
from bot.report.nodes import folded
from bot.report.table import table
from bot.report.text import listed
from bot.selection import Selection, named
from bot.verb import Verb


@dataclass(frozen=True, slots=True)
class Ping:
    """One target or more."""

    of: Selection
    targets: tuple[str, ...] = ()
    """Who is meant, once that is resolved."""


async def resolve(asked: Ping, lab: Lab, line: Line) -> Ping:
    """The targets as the lab writes them, frozen."""
    return replace(asked, targets=(await chosen(asked.of, lab)).names)


async def run(asked: Ping, lab: Lab, line: Line) -> Reply:
    """Their agents answer, not their servers."""
    answered, silent = await together.each(asked.targets, lab.targets.ping)
    if not answered and len(silent) == 1:
        raise next(iter(silent.values()))
    rows = [[name, refusal.what.removeprefix(f"{name} ")] for name, refusal in silent.items()]
    rows += [[name, f"{_milliseconds(seconds)} ms"] for name, seconds in answered.items()]
    data = {
        "target": asked.targets[0] if len(asked.targets) == 1 else None,
        "seconds": round(answered[asked.targets[0]], 6) if len(asked.targets) == 1 else None,
        "answered": {name: round(seconds, 6) for name, seconds in answered.items()},
        "silent": {name: refusal.what for name, refusal in silent.items()},
    }
    slowest = _milliseconds(max(answered.values(), default=0))
    if len(asked.targets) == 1:
        return Reply(f"{asked.targets[0]} answered in {slowest} ms", data=data)
    clauses = [f"{listed(folded([*answered]))} answered within {slowest} ms"] if answered else []
    clauses += [f"{listed(folded([*silent]))} did not"] if answered and silent else []
    text = ", ".join(clauses) or f"{listed(folded([*silent]))} did not answer"
    return Reply(text, table=table(rows), data=data)


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))


VERB = Verb(
    name="ping",
    summary="is a target alive",
    about="Asks the agents of targets for a sign of life and says how long that took.",
    grammar=targets("of"),
    then="a comma and another target, or nothing more",
    build=Ping,
    resolve=resolve,
    needs=Permission.LOOK,
    run=run,
    examples={"ping bob": Ping(named("bob")), "ping rack3/*": Ping(named("rack3/*"))},
)
