"""
Recipes: what can be run on a target. One TOML file, one recipe.

The file's name is the recipe's name. Nothing else has to know it exists.

Rule 1: a typo is an error that names file and key, never a silent default.

Rule 2: a program gets an argv, never a shell. A parameter replaces one whole argument.

Rule 3: what a run needs is resolved once, when it is accepted, to plain JSON: the
supervisor reads no recipe, and a changed file does not change a run that waits.
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from agent.rules import Output, Rules, Seconds, count
from agent.wire.errors import BadValue, Busy, Refusal
from agent.wire.parameter import Kind, Parameter, RecipeInfo, nearest
from agent.wire.settings import Strict
from agent.wire.vocabulary import NAME, Step


class BadRecipe(Refusal):
    """A recipe file that cannot be used: says which, where in it, why, and what would do."""


class Param(Strict):
    """One value that may be given in a command; see :class:`Parameter` for its fields."""

    kind: Kind
    default: str
    min: str | None = None
    max: str | None = None
    choices: tuple[str, ...] = ()
    help: str = ""

    def parameter(self) -> Parameter:
        """The same for others to see."""
        return Parameter(**self.model_dump())


class Requires(Strict):
    """What a machine must have, else the recipe is not offered."""

    programs: tuple[str, ...] = ()
    root: bool = False
    lock: str | None = None
    """The size parameter that says how much memory will be locked."""


class Time(Strict):
    """How long a step may take."""

    wall: Seconds = 3600
    """Then it is stopped, and the verdict is timeout."""
    grace: Seconds = 10
    """From asking it to end (SIGTERM) to killing it."""


@dataclass(frozen=True, slots=True)
class Means:
    """What a machine can give to a recipe."""

    root: bool
    lockable: float
    """Bytes that a process may lock; infinite without a limit."""
    memory: int
    """Bytes of memory that there are."""
    finds: Callable[[str], bool]
    """Whether a program is installed."""


class Recipe(Strict):
    """One diagnostic."""

    name: str = Field(pattern=f"^{NAME.pattern}$")
    schema_: Literal[1] = Field(alias="schema")
    summary: str = Field(min_length=1, max_length=200)
    argv: tuple[str, ...] = Field(min_length=1)
    params: Mapping[str, Param] = {}
    requires: Requires = Requires()
    time: Time = Time()
    output: Output = Output()
    verdict: Rules = Rules()

    @model_validator(mode="after")
    def _whole(self) -> Self:
        _check_params(self.params)
        _check_argv(self.argv, self.params)
        lock = self.requires.lock
        if lock is not None and (lock not in self.params or self.params[lock].kind != Kind.SIZE):
            raise ValueError(f"requires.lock: no parameter of kind size is called {lock}")
        return self

    def info(self, means: Means) -> RecipeInfo:
        """What to say of it on a machine with *means*."""
        params = {name: param.parameter() for name, param in self.params.items()}
        return RecipeInfo(
            name=self.name, summary=self.summary, params=params, missing=self.missing(means)
        )

    def missing(self, means: Means) -> str:
        """Why a machine with *means* cannot run it; empty if it can."""
        for program in self.requires.programs:
            if not means.finds(program):
                return f"{program} is not installed"
        if self.requires.root and not means.root:
            return "the agent does not run as root"
        if self.requires.lock is not None:
            least = self.params[self.requires.lock].min or "1"
            if means.lockable < count(Parameter(kind=Kind.SIZE, default="").check("min", least)):
                return f"the agent may lock only {int(means.lockable) >> 10}K of memory"
        return ""

    def resolve(self, given: Mapping[str, str], means: Means) -> dict[str, Any]:
        """
        A step as the supervisor runs it, with *given* parameters, as plain JSON.

        Raises a Refusal for what the recipe or a machine with *means* does not allow.
        """
        info = self.info(means)
        values = info.check(given)
        if info.missing:
            raise Refusal(f"{self.name} cannot run here: {info.missing}")
        if (lock := self.requires.lock) is not None:
            _check_memory(lock, values[lock], means)
        return {
            "name": str(Step(self.name, {name: values[name] for name in given}))[:200],
            "recipe": self.name,
            "argv": [values[arg[1:-1]] if _is_param(arg) else arg for arg in self.argv],
            "wall": self.time.wall,
            "grace": self.time.grace,
            "most": self.output.most,
            "rules": {
                "exit": dict(self.verdict.exit),
                "fail": list(self.verdict.fail),
                "error": [[rule.line, rule.why] for rule in self.verdict.error],
                "must": list(self.verdict.must),
                "same": [[rule.this, rule.that, rule.why] for rule in self.verdict.same],
                "counts": dict(self.output.counts),
                "progress": [[level.line, level.total] for level in self.output.progress],
            },
        }


def _is_param(arg: str) -> bool:
    return arg.startswith("{") and arg.endswith("}")


def _check_params(params: Mapping[str, Param]) -> None:
    for name, param in params.items():
        if NAME.fullmatch(name) is None:
            raise ValueError(f"params.{name}: a name is letters, digits and _ . -")
        if param.kind == Kind.CHOICE and not param.choices:
            raise ValueError(f"params.{name}: choices are missing")
        try:
            param.parameter().check(name, param.default)
        except BadValue as error:
            raise ValueError(f"params.{name}.default: {error}") from error


def _check_argv(argv: tuple[str, ...], params: Mapping[str, Param]) -> None:
    for arg in argv:
        for name in re.findall(r"\{(.*?)\}", arg):
            if not _is_param(arg) and name in params:
                raise ValueError(f"argv: {arg!r}: {{{name}}} must be the whole argument")
            if _is_param(arg) and name not in params:
                near = nearest(name, params)
                hint = f"did you mean {{{near}}}?" if near else "there is none of that name"
                raise ValueError(f"argv: {arg!r} is no parameter: {hint}")
    if _is_param(argv[0]):
        raise ValueError("argv: the program itself cannot be a parameter")


def _check_memory(name: str, text: str, means: Means) -> None:
    if count(text) > means.memory:
        raise BadValue(
            f"{name}={text} is more memory than there is", hint=f"It has {means.memory >> 20}M."
        )
    if count(text) > means.lockable:
        raise Busy(
            f"{name}={text} is more memory than the agent may lock",
            hint=f"At most {int(means.lockable) >> 10}K, unless it runs as root.",
        )


def load(path: Path) -> Recipe:
    """Read one recipe file; BadRecipe if it cannot be used."""
    if NAME.fullmatch(path.stem) is None:
        raise BadRecipe(
            f"{path}: {path.stem!r} cannot be a recipe's name",
            hint="Rename the file: letters, digits and _ . -, a letter first.",
        )
    try:
        table = tomllib.loads(path.read_text("utf-8"))
        if "name" in table:
            raise BadRecipe(f"{path}: name: the file's name is the name", hint="Remove the line.")
        return Recipe.model_validate(table | {"name": path.stem})
    except (OSError, UnicodeDecodeError) as error:
        raise BadRecipe(f"{path} cannot be read: {error}", hint="Check the file.") from error
    except tomllib.TOMLDecodeError as error:
        raise BadRecipe(f"{path} is not TOML: {error}", hint="Check that line.") from error
    except ValidationError as error:
        raise _explained(path, error) from error


def _explained(path: Path, error: ValidationError) -> BadRecipe:
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    why = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        why = "there is no such key"
    text = f"{path}: {where}: {why}" if where else f"{path}: {why}"
    return BadRecipe(text, hint="The recipe is not offered until the file is right.")
