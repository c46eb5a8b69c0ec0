"""flaky: which tests pass and fail with nothing changed."""

from dataclasses import dataclass

from bot.insight.series import alike, flaky
from bot.lab import Lab
from bot.occupant import Line
from bot.policy import Permission
from bot.reply import Reply
from bot.report.table import table
from bot.report.text import plural, safe
from bot.verb import Verb

LOOKED = 5000
"""Steps that are looked at, the newest of the whole lab."""


@dataclass(frozen=True, slots=True)
class Flaky:
    """Nothing to say about it."""


async def run(asked: Flaky, lab: Lab, line: Line) -> Reply:
    """From what was measured last in the whole lab."""
    names = {target.jid: target.name for target in lab.targets.all()}
    recent = [each for each in await lab.history.recent(LOOKED) if each.jid in names]
    found = flaky(alike(recent))
    if not found:
        looked = f"{plural(len(recent), 'steps')} looked at" if recent else "no steps yet"
        return Reply(f"nothing is flaky ({looked})", data={"flaky": []})
    rows = [
        [names[each.jid], each.recipe, f"{each.failed} of {each.of}", each.params] for each in found
    ]
    first = found[0]
    return Reply(
        f"{plural(len(found), 'tests')} {'passes' if len(found) == 1 else 'pass'} and "
        f"{'fails' if len(found) == 1 else 'fail'} with nothing changed: "
        f"{safe(first.recipe, 60)} on {names[first.jid]} failed {first.failed} of {first.of}",
        table=table(rows, columns=line.columns),
        data={
            "flaky": [
                {
                    "target": names[each.jid],
                    "recipe": each.recipe,
                    "params": safe(each.params, 500),
                    "failed": each.failed,
                    "of": each.of,
                }
                for each in found
            ]
        },
    )


VERB = Verb(
    name="flaky",
    instead_of=("unstable",),
    summary="what passes and fails",
    about=(
        f"Which tests pass and fail to and fro on the same target with the same parameters, of the "
        f"last {LOOKED} steps of the lab: target, recipe, how many failed of how many. What broke "
        "once, or was repaired, is not flaky; errors of the lab do not count."
    ),
    build=Flaky,
    needs=Permission.LOOK,
    run=run,
    examples={"flaky": Flaky()},
)
