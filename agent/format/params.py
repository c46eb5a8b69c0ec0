"""``[params]`` and ``argv``: what people may say, and where that goes in the command."""

import re
from collections.abc import Mapping

from agent.format.types import Bytes, count
from agent.wire.errors import BadValue
from agent.wire.parameter import FOR, Kind, Parameter, format_size, nearest
from agent.wire.settings import Strict
from agent.wire.vocabulary import NAME


class Param(Strict):
    """One value that may be given in a command; see :class:`Parameter` for its fields."""

    kind: Kind
    default: str
    min: str | None = None
    max: str | None = None
    multiple: Bytes | None = None
    """Of what a size must be a multiple: what a program would else cut off, or refuse."""
    choices: tuple[str, ...] = ()
    help: str = ""

    def parameter(self) -> Parameter:
        """The same for others to see."""
        return Parameter(**self.model_dump(exclude={"multiple"}))

    def check_multiple(self, name: str, value: str) -> None:
        """BadValue if *value*, as it goes to the program, is no :attr:`multiple`."""
        if self.multiple is not None and count(value) % self.multiple:
            step = format_size(self.multiple)
            raise BadValue(f"{name}={value} is no multiple of {step}", hint=f"In steps of {step}.")


_PARAM = re.compile(r"(?P<option>--[A-Za-z][\w-]*=)?\{(?P<name>[^{}]*)\}")
"""An argument that a parameter fills, all of it or all after ``--option=``."""


def filled(arg: str, values: Mapping[str, str]) -> str:
    """*arg* with the value of the parameter that it names, if it names one."""
    match = _PARAM.fullmatch(arg)
    return arg if match is None else (match["option"] or "") + values[match["name"]]


def check_params(params: Mapping[str, Param]) -> None:
    """ValueError if one of *params* has no proper name, or a default that it would refuse."""
    for name, param in params.items():
        if NAME.fullmatch(name) is None:
            raise ValueError(f"params.{name}: a name is letters, digits and _ . -")
        if name == FOR:
            raise ValueError(f"params.{name}: people say it for what time.takes names")
        if param.multiple is not None and param.kind != Kind.SIZE:
            raise ValueError(f"params.{name}.multiple: only a size has one")
        if param.kind == Kind.CHOICE and not param.choices:
            raise ValueError(f"params.{name}: choices are missing")
        try:
            param.check_multiple(name, param.parameter().check(name, param.default))
        except BadValue as error:
            raise ValueError(f"params.{name}.default: {error}") from error


def check_argv(argv: tuple[str, ...], params: Mapping[str, Param], where: str = "argv") -> None:
    """ValueError if *argv* names a parameter that is not there, or only within an argument."""
    for arg in argv:
        whole = _PARAM.fullmatch(arg)
        for name in re.findall(r"\{(.*?)\}", arg):
            if whole is None and name in params:
                must = "must be the whole argument, or all after --option="
                raise ValueError(f"{where}: {arg!r}: {{{name}}} {must}")
            if whole is not None and name not in params:
                near = nearest(name, params)
                hint = f"did you mean {{{near}}}?" if near else "there is none of that name"
                raise ValueError(f"{where}: {arg!r} is no parameter: {hint}")
    if _PARAM.fullmatch(argv[0]):
        raise ValueError(f"{where}: the program itself cannot be a parameter")
