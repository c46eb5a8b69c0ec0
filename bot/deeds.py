"""What a command comes down to, one target and one recipe at a time: what rights are about."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from agent.wire.parameter import RecipeInfo
from agent.wire.vocabulary import Step
from bot.lab import Target
from bot.policy import DESTRUCTIVE, Deed, Permission

REBOOT = "reboot"
"""What targets offer beside their recipes: a step that restarts them."""


class Known(Protocol):
    """What is known of the machines: :class:`bot.lab.Targets` is one."""

    def all(self) -> Sequence[Target]:
        """Every known target."""
        ...

    def recipes(self, name: str) -> Mapping[str, RecipeInfo] | None:
        """What target *name* offers; None if it never said."""
        ...


def on(command: str, needs: Permission, names: Iterable[str], lab: Known) -> list[Deed]:
    """*command* on each of the targets *names*."""
    places = {target.name: target.location for target in lab.all()}
    return [
        Deed(command=command, needs=needs, target=name, location=places.get(name, ""))
        for name in names
    ]


def running(steps: Sequence[Step], names: Iterable[str], lab: Known) -> list[Deed]:
    """To run *steps* on each of the targets *names*; a step that is a reboot is a reboot."""
    places = {target.name: target.location for target in lab.all()}
    found = []
    for name in names:
        for step in steps:
            if step.recipe.casefold() == REBOOT:
                found += on(REBOOT, Permission.DISRUPT, [name], lab)
                continue
            deed = Deed(
                command="run",
                needs=Permission.RUN,
                target=name,
                location=places.get(name, ""),
                recipe=step.recipe,
                classes=_classes(step.recipe, lab.recipes(name)),
            )
            found.append(deed)
    return found


def _classes(recipe: str, offered: Mapping[str, RecipeInfo] | None) -> frozenset[str] | None:
    folded = {name.casefold(): info for name, info in (offered or {}).items()}
    info = folded.get(recipe.casefold())
    return None if info is None else classes(info)


def classes(info: RecipeInfo) -> frozenset[str]:
    """What rules may call *info* beside its name."""
    return frozenset({info.class_} - {""} | ({DESTRUCTIVE} if info.destructive else set()))


def destroying(steps: Sequence[Step], names: Sequence[str], lab: Known) -> dict[str, list[str]]:
    """
    The recipes among *steps* that destroy something, and on which of the targets *names*.

    Of a target that never said what it offers, the others tell: recipes of one name are alike.
    """
    every = [lab.recipes(target.name) or {} for target in lab.all()]
    anywhere = {
        name.casefold() for recipes in every for name, info in recipes.items() if info.destructive
    }
    found: dict[str, list[str]] = {}
    for name in names:
        offered = lab.recipes(name)
        there = (
            anywhere
            if offered is None
            else {recipe.casefold() for recipe, info in offered.items() if info.destructive}
        )
        for step in steps:
            if step.recipe.casefold() in there and name not in found.setdefault(step.recipe, []):
                found[step.recipe].append(name)
    return {recipe: names for recipe, names in found.items() if names}
