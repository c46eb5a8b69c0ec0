"""What this machine can run, for whoever has just installed it, and what would help."""

from collections.abc import Iterable, Iterator

from agent.recipe import Recipe
from agent.wire.parameter import RecipeInfo

PACKAGES = {"smartctl": "smartmontools", "lsblk": "util-linux", "lscpu": "util-linux"}
"""Debian's package, where it is not called like the program."""


def findings(infos: Iterable[RecipeInfo], recipes: dict[str, Recipe]) -> Iterator[str]:
    """One line for what is offered, one for each recipe that is not, with the cure."""
    found = list(infos)
    offered = [info.name for info in found if not info.missing]
    yield f"offered: {', '.join(offered) or 'nothing'}"
    for info in found:
        if info.missing:
            programs = recipes[info.name].requires.programs
            missing = [program for program in programs if info.missing.startswith(f"{program} ")]
            cure = "".join(f": apt install {PACKAGES.get(each, each)}" for each in missing)
            yield f"not offered: {info.name}, {info.missing}{cure}"
