"""
Recipes as others see them: what can be asked for, and with which parameters.

The target's recipe file decides; the bot asks for the catalogue so that a wrong line is
answered at once. Both check with the code below, and the target's answer is the one
that counts. Pure.
"""

import difflib
import enum
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from agent.wire.errors import BadValue, UnknownName

_SIZE = re.compile(r"([0-9]{1,18})\s*([kmgt]?)(i?b)?", re.IGNORECASE)
_SIZE_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_DURATION = re.compile(r"(?:([0-9]{1,6})d)?(?:([0-9]{1,6})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,9})s?)?")
_TEXT = re.compile(r"[A-Za-z0-9_./:@%+-][A-Za-z0-9_./:@%+ -]{0,199}")


class Kind(enum.StrEnum):
    """The type of a parameter."""

    INT = "int"
    SIZE = "size"  # bytes: 64M, 2GiB; always powers of 1024
    DURATION = "duration"  # seconds: 90, 30s, 2h30m
    CHOICE = "choice"
    STRING = "string"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One value that may be given in a command: ``size=64M``."""

    kind: Kind
    default: str
    min: str | None = None
    """Smallest value, for int, size and duration."""
    max: str | None = None
    choices: tuple[str, ...] = ()
    """For choice."""
    help: str = ""

    def check(self, name: str, text: str) -> str:
        """
        The value of *text* as it goes to the program, as one whole argument.

        A size becomes a number with the largest unit that keeps it exact (``2048M`` is
        ``2G``), a duration seconds. BadValue says what is wrong with it and what would do.
        """
        match self.kind:
            case Kind.CHOICE:
                if text not in self.choices:
                    near = nearest(text, self.choices)
                    hint = f"Did you mean {near}?" if near else ""
                    raise BadValue(
                        f"{name}={_short(text)} is none of {', '.join(self.choices)}", hint=hint
                    )
                return text
            case Kind.STRING:
                if _TEXT.fullmatch(text) is None or text.startswith("-"):
                    raise BadValue(
                        f"{name}={_short(text)} has a character that may not be in it",
                        hint="Letters, digits and _./:@%+- may.",
                    )
                return text
            case _:
                return self._bounded(name, text)

    def _bounded(self, name: str, text: str) -> str:
        value = self._value(name, text)
        if self.min is not None and value < self._value("min", self.min):
            raise BadValue(f"{name}={text} is too small", hint=f"At least {self.min}.")
        if self.max is not None and value > self._value("max", self.max):
            raise BadValue(f"{name}={text} is too large", hint=f"At most {self.max}.")
        return format_size(value) if self.kind is Kind.SIZE else str(value)

    def _value(self, name: str, text: str) -> int:
        """The number behind *text*: bytes, seconds or just that."""
        if self.kind is Kind.SIZE and (match := _SIZE.fullmatch(text)):
            return int(match[1]) * _SIZE_UNITS[match[2].lower()]
        if self.kind is Kind.DURATION and text and (match := _DURATION.fullmatch(text)):
            parts = [int(part or 0) for part in match.groups()]
            return sum(n * unit for n, unit in zip(parts, (86400, 3600, 60, 1), strict=True))
        if self.kind is Kind.INT and re.fullmatch(r"-?[0-9]{1,18}", text):
            return int(text)
        example = {Kind.SIZE: "64M", Kind.DURATION: "2h30m", Kind.INT: "3"}[self.kind]
        kind = {Kind.INT: "number"}.get(self.kind, str(self.kind))
        raise BadValue(
            f"{name}={_short(text)} is no {kind}", hint=f"Write it like {name}={example}."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeInfo:
    """What a target says of one of its recipes."""

    name: str
    summary: str
    params: Mapping[str, Parameter] = field(default_factory=lambda: MappingProxyType({}))
    missing: str = ""
    """Why this machine cannot run it: ``memtester is not installed``; empty if it can."""

    def check(self, given: Mapping[str, str]) -> dict[str, str]:
        """
        Every parameter's value as it goes to the program, defaults filled in.

        Raises UnknownName for a parameter the recipe does not have, BadValue for a wrong value.
        """
        for name in given:
            if name not in self.params:
                near = nearest(name, self.params)
                hint = f"Did you mean {near}?" if near else f"It takes {_listed(self.params)}."
                raise UnknownName(f"{self.name} has no parameter called {_short(name)}", hint=hint)
        return {
            name: parameter.check(name, given.get(name, parameter.default))
            for name, parameter in self.params.items()
        }


def format_size(count: int) -> str:
    """*count* bytes in the largest unit that keeps it exact: 67108864 is ``64M``."""
    for unit in ("T", "G", "M", "K"):
        size = _SIZE_UNITS[unit.lower()]
        if count and count % size == 0:
            return f"{count // size}{unit}"
    return str(count)


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The one of *names* that *name* was probably meant to be, or None."""
    folded = {known.casefold(): known for known in names}
    near = difflib.get_close_matches(name.casefold(), folded, n=1)
    return folded[near[0]] if near else None


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
