"""
The recipes of this target: found by listing folders, offered as far as the machine can.

A file that cannot be used is reported, and hides no other; a folder need not exist. In
two folders with a recipe of the same name, the later one wins: a lab may replace ours.
"""

import contextlib
import fnmatch
import hashlib
import json
import math
import os
import resource
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agent import machine, reboot
from agent.exclusive import in_use
from agent.recipe import BadRecipe, Means, Recipe, load
from agent.sources import KMSG
from agent.wire.errors import UnknownName
from agent.wire.parameter import RecipeInfo, nearest
from agent.wire.vocabulary import Step

PACKAGED = Path(__file__).parent / "recipes"
"""The recipes that come with us."""

_CAP_IPC_LOCK = 1 << 14


def search_path() -> str:
    """
    PATH with the folders of system programs at its end.

    memtester lives in one, and a user's session or a service may lack them.
    """
    given = os.environ.get("PATH", os.defpath).split(os.pathsep)
    system = ("/usr/local/sbin", "/usr/sbin", "/sbin")
    return os.pathsep.join(given + [folder for folder in system if folder not in given])


def means() -> Means:
    """What this machine can give, now, to what this process starts."""
    path = search_path()
    return Means(
        root=os.geteuid() == 0,
        lockable=_lockable(),
        memory=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        finds=lambda program: shutil.which(program, path=path) is not None,
        disks=_disks(),
        in_use=in_use,
        nics=_nics(),
        has=_has,
        kernel_log=_kernel_log(),
        today=datetime.now(UTC).date(),
    )


def _kernel_log() -> str:
    """Why the kernel's log cannot be read; empty if it can."""
    try:
        os.close(os.open(KMSG, os.O_RDONLY | os.O_NONBLOCK))
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _disks() -> tuple[str, ...]:
    """The disks that a program can be given."""
    return tuple(name for name in machine.disks() if Path("/dev", name).exists())


def _nics() -> tuple[str, ...]:
    """Network cards, by name; not what is made of others or of nothing."""
    return tuple(sorted(path.parent.name for path in Path("/sys/class/net").glob("*/device")))


def _has(pattern: str) -> bool:
    """Whether there is a device whose modalias is like *pattern*."""
    places = ("bus/pci/devices/*/modalias", "bus/usb/devices/*/modalias", "class/dmi/id/modalias")
    for path in (path for place in places for path in Path("/sys").glob(place)):
        with contextlib.suppress(OSError):
            if fnmatch.fnmatchcase(path.read_text("ascii", "replace").strip(), pattern):
                return True
    return False


def _lockable() -> float:
    status = Path("/proc/self/status").read_text("ascii", "replace")
    for line in status.splitlines():
        if line.startswith("CapEff:") and int(line.split()[1], 16) & _CAP_IPC_LOCK:
            return math.inf
    soft, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    return math.inf if soft == resource.RLIM_INFINITY else soft


class Catalogue:
    """What can be run here, by name."""

    def __init__(
        self,
        folders: Iterable[Path] = (),
        *,
        packaged: Path | None = PACKAGED,
        reboot_within: float = 300.0,
    ) -> None:
        self._reboot_within = reboot_within
        self.recipes: dict[str, Recipe] = {}
        self.machine = machine.facts()
        """What all of them run on."""
        self.bad: list[BadRecipe] = []
        """The files that cannot be used, for the log and for ``labroom-agent recipes``."""
        for folder in (*([packaged] if packaged else []), *folders):
            self._read(folder)

    def _read(self, folder: Path) -> None:
        for path in sorted(folder.glob("*.toml")):
            try:
                self.recipes[path.stem] = load(path)
            except BadRecipe as error:
                self.recipes.pop(path.stem, None)  # never the one it was meant to replace
                self.bad.append(error)

    def infos(self) -> list[RecipeInfo]:
        """Every recipe, by name, with what is missing for it on this machine now."""
        here = means()
        infos = [recipe.info(here) for recipe in self.recipes.values()]
        return sorted([*infos, reboot.STEP], key=lambda info: info.name)

    def deaf(self, here: Means | None = None) -> dict[str, str]:
        """Which recipes run without the kernel's say on this machine, and why."""
        here = here or means()
        reasons = {name: recipe.deaf(here) for name, recipe in sorted(self.recipes.items())}
        return {name: why for name, why in reasons.items() if why}

    def digest(self) -> str:
        """Short, and different when what is offered or the machine is: controllers ask again."""
        said = [*(_plain(info) for info in self.infos()), self.machine.known]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:12]

    def resolve(self, step: Step) -> dict[str, Any]:
        """
        *step* as the supervisor runs it, as plain JSON.

        Raises a Refusal if there is no such recipe here, or it cannot run with these
        parameters, or not on this machine.
        """
        if step.recipe == reboot.STEP.name:
            reboot.STEP.check(step.params)
            return {"name": step.recipe, "recipe": step.recipe, "reboot": self._reboot_within}
        recipe = self.recipes.get(step.recipe)
        if recipe is None:
            near = nearest(step.recipe, [*self.recipes, reboot.STEP.name])
            known = ", ".join(sorted(self.recipes)) or "none"
            hint = f"Did you mean {near}?" if near else f"There are: {known}."
            raise UnknownName(f"there is no recipe called {step.recipe[:60]} here", hint=hint)
        return recipe.resolve(step.params, means())


def _plain(info: RecipeInfo) -> dict[str, Any]:
    params: Mapping[str, Any] = {name: asdict(param) for name, param in info.params.items()}
    told: dict[str, Any] = {"name": info.name, "summary": info.summary, "missing": info.missing}
    told |= {"takes": info.takes, "class": info.class_, "destructive": info.destructive}
    return {**told, "params": params}
