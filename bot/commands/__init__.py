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


HEAD = f"""# Commands

<!-- Made from the commands' own examples: python -m bot.commands > docs/commands.md -->

Say them in the room, or to the bot alone in a private message. A line in the room acts if
all of it is a command about things that exist; anything else is talk, and the bot keeps
silent. A line addressed to the bot (`labbot: status`, `labbot, status`, `@labbot status`)
always gets an answer: if it was not understood, where, and what was expected there.

Case, double spaces, "please" and a full stop at the end do no harm. Targets are
written {listed(["`bob`", "`bob, alice and carol`", "`all`"])}; jobs are called by their
number, `3` or `#3`.

Rights: everybody may look, and stop what is theirs; members may run; owners and admins of the
room may disrupt, and are admins. The settings may say otherwise, down to single people,
commands, targets and recipes ([rights.md](rights.md)). Nicks give no rights, and where the room
hides real addresses everybody may only look. What costs is asked back first: `yes 7f`.
"""
