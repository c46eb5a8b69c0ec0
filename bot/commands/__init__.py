"""
One module, one verb: each defines ``VERB``. Dropping a file in here adds a command.

Nothing registers itself on import; :func:`discover` looks. A file whose name begins with
an underscore is no command.
"""

import functools
import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from bot.conditions import FACTS, STATES
from bot.report.nodes import MOST
from bot.report.text import listed
from bot.verb import Verb


@functools.cache
def discover() -> Mapping[str, Verb[Any]]:
    """Every verb, by name."""
    modules = (
        importlib.import_module(f"{__name__}.{module.name}")
        for module in pkgutil.iter_modules(__path__)
        if not module.name.startswith("_")
    )
    verbs: list[Verb[Any]] = [module.VERB for module in modules]
    return MappingProxyType({verb.name: verb for verb in verbs})


def reference() -> str:
    """docs/commands.md, out of the verbs: ``python -m bot.commands > docs/commands.md``."""
    return "\n".join([HEAD, *(_section(verb) for verb in discover().values())])


def _section(verb: Verb[Any]) -> str:
    need = verb.needs.name.lower()
    examples = "\n".join(f"    {line}" for line in verb.examples)
    return f"## {verb.name}\n\n{verb.about}\n\n{examples}\n\nNeeds: {need}.\n"


TARGETS = {
    "`bob`": "one target, in any case; two that are called alike by their addresses",
    "`bob, alice and carol`": "several of anything below",
    "`pc[01-16,20]`": "a set of names; `[1-9/2]` is every second",
    "`pc*`": "all whose names fit; `*` is any text",
    "`rack3/*`": "all that stand in a place; `lab2/rack3/pc*` works, too",
    "`all`": "all that are known, away or not",
    "`idle`, `busy`, `away`": "all that are so now",
    "`any idle`, `3 idle in rack3`": "so many of them; `any pc*` and `2 of @burnin` work, too",
    "`@burnin`": "a group of the configuration (`groups`)",
    "`failed in job 41`": "those whose runs of that job did not end well",
    "`all except bob and pc*`": "without those",
    "`all where memory >= 64G and not busy`": "those of which it is true",
}
"""How targets are written, and what that means: the table of docs/commands.md."""

FACT_ROWS = {f"`{name}`": f"{sort.value}: {about}" for name, (sort, about) in FACTS.items()}
STATE_WORDS = listed([f"`{word}`" for word in STATES])


def _rows(table: Mapping[str, str], left: str, right: str) -> str:
    """A table in Markdown."""
    rows = "".join(f"| {key} | {value} |\n" for key, value in table.items())
    return f"| {left} | {right} |\n|---|---|\n{rows}"


HEAD = f"""# Commands

<!-- Made from the commands' own examples: python -m bot.commands > docs/commands.md -->

Say them in the room, or to the bot alone in a private message. A line in the room acts if
all of it is a command about things that exist; anything else is talk, and the bot keeps
silent. A line addressed to the bot (`labbot: status`, `labbot, status`, `@labbot status`)
always gets an answer: if it was not understood, where, and what was expected there.

It is addressed as well if it begins with the prefix of the configuration (`!status`).

Case, double spaces, "please" and a full stop at the end do no harm, nor do a phone's
quotes, dashes and spaces. Jobs are called by their number, `3` or `#3`. A line is taken as a
whole or not at all: one unknown word, parameter or target, and nothing of it is done.

Rights: everybody may look, and stop what is theirs; members may run; owners and admins of the
room may disrupt, and are admins. The settings may say otherwise, down to single people,
commands, targets and recipes ([rights.md](rights.md)). Nicks give no rights, and where the room
hides real addresses everybody may only look. What costs is asked back first: `yes 7f`.

## Targets

Wherever a target can stand, any of these can. Who is meant is found when the line is said, and
named in the answer (`pc[01-16]`); who comes in later is not meant.

{_rows(TARGETS, "say", "means")}
Sets have at most {MOST} names. A number of targets takes those with the shortest queue, by
name, and of those that can run the recipe. Who was said by name is never left out.

Behind `where` stand comparisons (`=`, `!=`, `<`, `<=`, `>`, `>=`) and states ({STATE_WORDS}), with
`and`, `or`, `not` and brackets. In texts `*` stands for anything. A target that has not told a
fact is not chosen by it. `location`, `version` and `queue` it says always, the others with its
recipes.

{_rows(FACT_ROWS, "fact", "is")}
## Sizes and times

`64M`, `64 MiB`, `64mb` and `1.5G` are sizes, always in powers of 1024. `30s`, `5 min`, `90 min`,
`2h30m`, `2h30`, `1.5h`, `half an hour`, `two hours`, `1 day` are times, the larger unit first.
Answers have units.
"""
