"""recipes: what can be run, where, and with which parameters."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from agent.wire.parameter import Parameter, RecipeInfo
from bot.choice import chosen
from bot.grammar import keyword, optional
from bot.grammar_targets import targets
from bot.lab import Lab
from bot.occupant import Line
from bot.policy import Permission
from bot.reply import Reply
from bot.report.nodes import folded
from bot.report.table import block
from bot.report.text import listed, safe, unique, wrapped
from bot.selection import Selection, named
from bot.verb import Verb

ROWS = 25


@dataclass(frozen=True, slots=True)
class Recipes:
    """Of all targets if none is named."""

    of: Selection | None = None
    only: str = ""
    """The recipe that is meant; empty for all."""
    targets: tuple[str, ...] = ()
    """Who is meant, once that is resolved."""


async def resolve(asked: Recipes, lab: Lab, line: Line) -> Recipes:
    """The targets as the lab writes them; a name that only a recipe has is that recipe."""
    if asked.of is None:
        return asked
    every = [each.name for each in lab.targets.all()]
    for recipe in unique(recipe for name in every for recipe in lab.targets.recipes(name) or ()):
        if asked.of == named(recipe) and recipe not in every:
            return Recipes(only=recipe)
    return replace(asked, targets=(await chosen(asked.of, lab)).names)


async def run(asked: Recipes, lab: Lab, line: Line) -> Reply:
    """From the catalogues that the targets sent last."""
    every = asked.targets or [each.name for each in lab.targets.all()]
    who = listed(folded(asked.targets))
    said = {name: lab.targets.recipes(name) for name in every}
    catalogues = {name: recipes for name, recipes in said.items() if recipes is not None}
    if not catalogues:
        has = (
            f"{who} {'has' if len(asked.targets) == 1 else 'have'} not" if who else "no target has"
        )
        return Reply(f"{has} said yet what it can run", data={"recipes": {}})
    offered = unique(recipe for recipes in catalogues.values() for recipe in sorted(recipes))
    names = [recipe for recipe in offered if asked.only in ("", recipe)]
    where = f"{who} {'offers' if len(asked.targets) == 1 else 'offer'}" if who else "there is"
    lines = [line for recipe in names for line in _lines(recipe, catalogues)]
    if len(lines) > ROWS and not asked.only:
        lines = [line for recipe in names for line in _lines(recipe, catalogues, short=True)]
    if len(lines) > ROWS:
        lines = [*lines[: ROWS - 1], f"... {len(lines) - ROWS + 1} lines more"]
    return Reply(
        f"{where} {listed([safe(recipe, 64) for recipe in names]) or 'nothing'}",
        table=block(lines),
        data={"recipes": {name: _facts(recipes) for name, recipes in catalogues.items()}},
    )


def _lines(
    recipe: str, catalogues: Mapping[str, Mapping[str, RecipeInfo]], *, short: bool = False
) -> list[str]:
    """What it does, its parameters, where it cannot run; *short*: of these their defaults alone."""
    offers = {name: recipes[recipe] for name, recipes in catalogues.items() if recipe in recipes}
    info = next(iter(offers.values()))
    if short:
        defaults = " ".join(f"{name}={each.default}" for name, each in info.params.items())
        lines = wrapped(safe(f"{recipe}: {defaults}" if defaults else recipe))
    else:
        lines = wrapped(safe(f"{recipe}: {info.summary}"))
        lines += [line for each in info.params.items() for line in _parameter(*each)]
    if any(offer.destructive for offer in offers.values()):
        lines += wrapped("  destroys what is on the target: I ask back", indent="    ")
    missing = {name: offer.missing for name, offer in offers.items() if offer.missing}
    for reason in unique(missing.values()):
        names = [name for name, other in missing.items() if other == reason]
        lines += wrapped(f"  not on {listed(folded(names), 4)}: {safe(reason, 100)}", indent="    ")
    without = [name for name in catalogues if name not in offers]
    if without:
        lines += wrapped(f"  not on {listed(folded(without), 4)}", indent="    ")
    return lines


def _parameter(called: str, parameter: Parameter) -> list[str]:
    """``size=64M  (1M to 4G)``."""
    bounds = " to ".join(bound for bound in (parameter.min, parameter.max) if bound is not None)
    may_be = ", ".join(parameter.choices) or bounds
    text = f"  {called}={parameter.default}" + (f" ({may_be})" if may_be else "")
    return wrapped(safe(text), indent="    ")


def _facts(recipes: Mapping[str, RecipeInfo]) -> dict[str, object]:
    return {
        name: {
            "summary": info.summary,
            "missing": info.missing,
            "class": info.class_,
            "destructive": info.destructive,
            "params": {
                key: {
                    "kind": parameter.kind.value,
                    "default": parameter.default,
                    "min": parameter.min,
                    "max": parameter.max,
                    "choices": list(parameter.choices),
                    "help": parameter.help,
                }
                for key, parameter in info.params.items()
            },
        }
        for name, info in recipes.items()
    }


VERB = Verb(
    name="recipes",
    instead_of=("tests",),
    summary="what can be run",
    about=(
        "The recipes, what each does, its parameters with their defaults and bounds, and on "
        "which targets it cannot run and why; of all targets, or of those that are named. Of many "
        "recipes only the defaults; `recipes memtest` tells all of one."
    ),
    grammar=optional(
        optional(keyword("on", "a target") | keyword("of", "a target")) + targets("of")
    ),
    then="a target or nothing more",
    build=Recipes,
    resolve=resolve,
    needs=Permission.LOOK,
    run=run,
    examples={
        "recipes": Recipes(),
        "recipes bob": Recipes(named("bob")),
        "recipes memtest": Recipes(named("memtest")),
    },
)
