"""
Recipes: what can be run on a target. One TOML file, one recipe.

The file's name is the recipe's name. Nothing else has to know it exists.

Rule 1: a typo is an error that names file and key, never a silent default.

Rule 2: a program gets an argv, never a shell. A parameter replaces one whole argument, or
all of one after ``--option=``.

Rule 3: what a run needs is resolved once, when it is accepted, to plain JSON: the
supervisor reads no recipe, and a changed file does not change a run that waits.
"""

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from agent import probes
from agent.format.artifacts import Artifacts
from agent.format.explain import BadRecipe, explained, not_toml
from agent.format.kernel import KernelLog
from agent.format.known import Issue
from agent.format.metrics import MOST, Metric
from agent.format.on import On
from agent.format.output import Output
from agent.format.params import Param, check_argv, check_params, filled
from agent.format.requires import Means, Requires
from agent.format.results import Results
from agent.format.time import Scratch, Time
from agent.format.types import Word, count
from agent.format.verdict import Rules
from agent.reboot import STEP
from agent.wire.duration import spelled
from agent.wire.errors import BadValue, Busy, Refusal
from agent.wire.parameter import FOR, Kind, Parameter, RecipeInfo
from agent.wire.settings import Strict
from agent.wire.vocabulary import NAME, Step

__all__ = ["BadRecipe", "Means", "Recipe", "load"]


class Recipe(Strict):
    """One diagnostic."""

    name: str = Field(pattern=f"^{NAME.pattern}$")
    schema_: Literal[1] = Field(alias="schema")
    summary: str = Field(min_length=1, max_length=200)
    class_: str = Field("", alias="class", pattern=r"^([a-z][a-z0-9-]{0,29})?$")  # for rights
    destructive: bool = False  # of what is on the machine: the bot asks back first
    argv: tuple[str, ...] = Field(min_length=1)
    params: Mapping[str, Param] = {}
    requires: Requires = Requires()
    time: Time = Time()
    on: On = On()
    output: Output = Output()
    verdict: Rules = Rules()
    scratch: Scratch | None = None
    results: Results | None = None
    metrics: Mapping[Word, Metric] = Field({}, max_length=MOST)
    kernel: KernelLog | None = None
    known: tuple[Issue, ...] = ()
    artifacts: Artifacts | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        check_params(self.params)
        check_argv(self.argv, self.params)
        for argv in self.on.bad:
            check_argv(argv, self.params, "on.bad")
        for key, name, kind in self._references():
            if name is not None and (name not in self.params or self.params[name].kind != kind):
                raise ValueError(f"{key}: no parameter of kind {kind} is called {name}")
        if self.results is not None and self.results.file and self.scratch is None:
            raise ValueError("results.file: needs a scratch folder, in which it will be")
        if self.artifacts is not None and self.scratch is None:
            raise ValueError("artifacts: needs a scratch folder, in which they will be")
        self._check_tables()
        return self

    def _check_tables(self) -> None:
        for issue in self.known:
            for name in issue.where:
                if name not in self.params:
                    raise ValueError(f"known.where: no parameter is called {name}")
        for name, metric in self.metrics.items():
            if metric.path is not None and self.results is None:
                raise ValueError(f"metrics.{name}.path: needs [results], in which it is looked up")

    def _references(self) -> list[tuple[str, str | None, Kind]]:
        """The keys that name a parameter, with that, and of which kind it must be."""
        scratch = self.scratch
        return [
            ("requires.lock", self.requires.lock, Kind.SIZE),
            ("requires.memory", self.requires.memory, Kind.SIZE),
            ("time.takes", self.time.takes, Kind.DURATION),
            ("scratch.folder", scratch.folder if scratch else None, Kind.FOLDER),
            ("scratch.room", scratch.room if scratch else None, Kind.SIZE),
        ]

    def info(self, means: Means) -> RecipeInfo:
        """What to say of it on a machine with *means*."""
        return RecipeInfo(
            name=self.name,
            summary=self.summary,
            params={name: param.parameter() for name, param in self.params.items()},
            missing=self.missing(means),
            takes=self.time.takes or "",
            class_=self.class_,
            destructive=self.destructive,
        )

    def missing(self, means: Means) -> str:
        """Why a machine with *means* cannot run it; empty if it can."""
        for lack in self.requires.lacking(means):
            return lack
        for param in self.params.values():
            if param.kind in _DEVICES and not _DEVICES[param.kind][0](means):
                return f"it has no {_DEVICES[param.kind][1]}"
        if self.kernel is not None and self.kernel.required and means.kernel_log:
            return f"the agent may not read the kernel's log ({means.kernel_log})"
        if self.requires.lock is not None:
            least = self.params[self.requires.lock].min or "1"
            if means.lockable < count(Parameter(kind=Kind.SIZE, default="").check("min", least)):
                return f"the agent may lock only {int(means.lockable) >> 10}K of memory"
        return ""

    def deaf(self, means: Means) -> str:
        """Why it runs without the kernel's say on a machine with *means*; empty if it does not."""
        if self.kernel is None or self.kernel.required or not means.kernel_log:
            return ""
        return f"the kernel's log cannot be read ({means.kernel_log})"

    def resolve(self, given: Mapping[str, str], means: Means) -> dict[str, Any]:
        """
        A step as the supervisor runs it, with *given* parameters, as plain JSON.

        Raises a Refusal for what the recipe or a machine with *means* does not allow.
        """
        info = self.info(means)
        values = info.check(given)
        if info.missing:
            raise Refusal(f"{self.name} cannot run here: {info.missing}")
        self._check_memory(values, means)
        for name, param in self.params.items():
            param.check_multiple(name, values[name])
            if param.kind in _DEVICES:
                values[name] = _device(param.kind, name, values[name], means)
        for device in self._alone(values):
            if used := means.in_use(device):
                raise Busy(f"{self.name} destroys what is there, and {used}", hint="Unmount it.")
        takes = int(values[self.time.takes]) if self.time.takes else 0
        return {
            "name": self._title(given, values),
            "recipe": self.name,
            "argv": probes.command([filled(arg, values) for arg in self.argv]),
            "wall": takes + self.time.wall,
            "takes": takes,
            "grace": self.time.grace,
            "start": self.time.start or 0,
            "stall": self.time.stall or 0,
            "most": self.output.most,
            "on_crash": [self.on.crash, self.on.repeats],
            "rules": self._rules(values, means),
            **self._extras(values),
        }

    def _extras(self, values: Mapping[str, str]) -> dict[str, Any]:
        """The parts of a step that only some recipes have."""
        step: dict[str, Any] = {}
        if alone := self._alone(values):
            step["alone"] = alone
        if self.scratch is not None:
            room = count(values[self.scratch.room]) if self.scratch.room else 0
            step["scratch"] = {"in": values[self.scratch.folder], "room": room}
        if self.kernel is not None:
            step["kernel"] = self.kernel.model_dump()
        if self.artifacts is not None:
            step["artifacts"] = self.artifacts.plain()
        if self.on.bad:
            step["on_bad"] = [[filled(arg, values) for arg in argv] for argv in self.on.bad]
        if self.results is not None:
            step["results"] = self.results.plain()
        return step

    def _alone(self, values: Mapping[str, str]) -> list[str]:
        """The disks that nobody else may use while it runs."""
        disks = (name for name, param in self.params.items() if param.kind is Kind.DISK)
        return [values[name] for name in disks] if self.destructive else []

    def _rules(self, values: Mapping[str, str], means: Means) -> dict[str, Any]:
        """What :class:`agent.judge.Judge` goes by."""
        metrics = {name: metric.plain() for name, metric in self.metrics.items()}
        known = [each.plain() for each in self.known if each.counts(values, means.today)]
        return self.verdict.plain(self.output) | {"metrics": metrics, "known": known}

    def _title(self, given: Mapping[str, str], values: Mapping[str, str]) -> str:
        """The step in the words it was ordered in, its values as they are written shortest."""
        said = {}
        for key in given:
            name = self.time.takes or key if key == FOR else key
            is_span = self.params[name].kind is Kind.DURATION
            said[key] = spelled(int(values[name])) if is_span else values[name]
        return str(Step(self.name, said))[:200]

    def _check_memory(self, values: Mapping[str, str], means: Means) -> None:
        for name in {self.requires.lock, self.requires.memory} - {None}:
            if name is not None and count(values[name]) > means.memory:
                text = f"{name}={values[name]} is more memory than there is"
                raise BadValue(text, hint=f"It has {means.memory >> 20}M.")
        lock = self.requires.lock
        if lock is not None and count(values[lock]) > means.lockable:
            raise Busy(
                f"{lock}={values[lock]} is more memory than the agent may lock",
                hint=f"At most {int(means.lockable) >> 10}K, unless it runs as root.",
            )


_DEVICES: dict[Kind, tuple[Callable[[Means], tuple[str, ...]], str, str]] = {
    Kind.DISK: (lambda means: means.disks, "disk", "/dev/"),
    Kind.NIC: (lambda means: means.nics, "network card", ""),
}
"""Kinds of which a machine has some: which, what they are called, and what goes before a name."""


def _device(kind: Kind, name: str, text: str, means: Means) -> str:
    """The device that was asked for, as programs name it; BadValue if it is not there."""
    devices, called, before = _DEVICES[kind]
    known = devices(means)
    device = known[0] if text == "first" else text
    if device not in known:
        raise BadValue(
            f"{name}={text}: no such {called} here", hint=f"There is {', '.join(known)}."
        )
    return before + device


def load(path: Path) -> Recipe:
    """Read one recipe file; BadRecipe if it cannot be used."""
    if NAME.fullmatch(path.stem) is None:
        raise BadRecipe(
            f"{path}: {path.stem!r} cannot be a recipe's name",
            hint="Rename the file: letters, digits and _ . -, a letter first.",
        )
    if path.stem == STEP.name:
        raise BadRecipe(f"{path}: {STEP.name} is a step already", hint="Rename the file.")
    try:
        text = path.read_text("utf-8")
        table = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise BadRecipe(f"{path} cannot be read: {why}", hint="Check the file.") from error
    except tomllib.TOMLDecodeError as error:
        raise not_toml(path, error) from error
    if "name" in table:
        raise BadRecipe(f"{path}: name: the file's name is the name", hint="Remove the line.")
    try:
        return Recipe.model_validate(table | {"name": path.stem})
    except ValidationError as error:
        raise explained(path, text, error, Recipe) from error
