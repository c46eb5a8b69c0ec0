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
from fractions import Fraction
from types import MappingProxyType

from agent.wire.duration import seconds, spelled
from agent.wire.errors import BadValue, UnknownName

FOR = "for"
"""In place of a parameter's name: the one that says how long it works, whatever its name."""

_SIZE = re.compile(r"([0-9]{1,18}(?:[.,][0-9]{1,6})?)\s*([kmgt]?)(?:i?b|bytes?)?", re.IGNORECASE)
_SIZE_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_DISK = re.compile(r"(?:/dev/)?([a-z][a-z0-9]{1,30})")
_NIC = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,14}")
_FLOAT = re.compile(r"-?[0-9]{1,12}(?:[.,][0-9]{1,9})?")
_TRUTH = {
    "1": "1",
    "yes": "1",
    "on": "1",
    "true": "1",
    "0": "0",
    "no": "0",
    "off": "0",
    "false": "0",
}
_FOLDER = re.compile(r"(?:/(?!\.\.?(?:/|$))[A-Za-z0-9_.:@%+-]+)+/?")
_TEXT = re.compile(r"[A-Za-z0-9_./:@%+-][A-Za-z0-9_./:@%+ -]{0,199}")


class Kind(enum.StrEnum):
    """The type of a parameter."""

    INT = "int"
    SIZE = "size"  # bytes: 64M, 2GiB, 1.5 gb; always powers of 1024
    DURATION = "duration"  # seconds: 90, 30s, 2h30m, 5 min, 1.5h
    CHOICE = "choice"
    STRING = "string"
    DISK = "disk"  # a whole disk of the target: sda, nvme0n1; "first" is the first it has
    FOLDER = "folder"  # an absolute path on the target
    FLOAT = "float"  # 0.5, 1,25; the program gets it with a point
    PERCENT = "percent"  # 80, 80%, 12.5 %: 0 to 100; the program gets the number
    BOOL = "bool"  # yes, no, on, off, true, false, 1, 0; the program gets 1 or 0
    NIC = "nic"  # a network card of the target: eth0; "first" is the first it has


_EXAMPLES = {
    Kind.SIZE: "64M", Kind.DURATION: "2h30m", Kind.INT: "3", Kind.FLOAT: "0.5", Kind.PERCENT: "80%",
}  # fmt: skip

_WRITTEN = {
    Kind.DISK: (_DISK, "sda"),
    Kind.NIC: (_NIC, "eth0"),
    Kind.FOLDER: (_FOLDER, "/var/tmp"),  # noqa: S108  (an example)
}
"""How names of things on the target are written, with an example."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One value that may be given in a command: ``size=64M``."""

    kind: Kind
    default: str
    min: str | None = None
    """Smallest value, for int, float, percent, size and duration."""
    max: str | None = None
    choices: tuple[str, ...] = ()
    """For choice."""
    help: str = ""

    def check(self, name: str, text: str) -> str:
        """
        The value of *text* as it goes to the program, as one whole argument.

        A size becomes a number with the largest unit that keeps it exact (``2048M`` is
        ``2G``), a duration seconds, a disk its name in ``/dev``. BadValue says what is
        wrong with it and what would do; whether there is such a disk, only the target knows.
        A number may have no *name*: a recipe's own times and sizes, which their place tells.
        """
        match self.kind:
            case Kind.CHOICE:
                return self._chosen(name, text)
            case Kind.STRING:
                if _TEXT.fullmatch(text) is None or text.startswith("-"):
                    raise BadValue(
                        f"{name}={_short(text)} has a character that may not be in it",
                        hint="Letters, digits and _./:@%+- may.",
                    )
                return text
            case Kind.BOOL:
                if (truth := _TRUTH.get(text.casefold())) is None:
                    hint = f"Write it like {name}=yes or {name}=no."
                    raise BadValue(f"{name}={_short(text)} is neither yes nor no", hint=hint)
                return truth
            case Kind.DISK | Kind.FOLDER | Kind.NIC:
                return self._matched(name, text, *_WRITTEN[self.kind])
            case _:
                return self._bounded(name, text)

    def _chosen(self, name: str, text: str) -> str:
        if text not in self.choices:
            near = nearest(text, self.choices)
            hint = f"Did you mean {near}?" if near else ""
            raise BadValue(f"{name}={_short(text)} is none of {', '.join(self.choices)}", hint=hint)
        return text

    def spelled(self, text: str) -> str:
        """The value of *text*, which passes :meth:`check`, as answers show it: with its unit."""
        if self.kind is Kind.SIZE:
            return format_size(int(self._value("", text)))
        if self.kind is Kind.DURATION:
            return spelled(int(self._value("", text)))
        if self.kind is Kind.PERCENT:
            return f"{_plain(self._value('', text))}%"
        if self.kind is Kind.BOOL:
            return "yes" if _TRUTH[text.casefold()] == "1" else "no"
        return text

    def _matched(self, name: str, text: str, pattern: re.Pattern[str], example: str) -> str:
        match = pattern.fullmatch(text)
        if match is None or len(text) > 200:
            raise BadValue(
                f"{name}={_short(text)} is no {self.kind}", hint=f"Write it like {name}={example}."
            )
        return match[match.lastindex or 0]

    def _bounded(self, name: str, text: str) -> str:
        value = self._value(name, text)
        if self.min is not None and value < self._value("min", self.min):
            raise BadValue(f"{_said(name, text)} is too small", hint=f"At least {self.min}.")
        if self.max is not None and value > self._value("max", self.max):
            raise BadValue(f"{_said(name, text)} is too large", hint=f"At most {self.max}.")
        return format_size(int(value)) if self.kind is Kind.SIZE else _plain(value)

    def _value(self, name: str, text: str) -> Fraction | int:
        """The number behind *text*: bytes, seconds or just that."""
        number = text.rstrip("%").rstrip() if self.kind is Kind.PERCENT else text
        if self.kind in (Kind.FLOAT, Kind.PERCENT) and _FLOAT.fullmatch(number):
            exact = Fraction(number.replace(",", "."))
            if self.kind is Kind.FLOAT or 0 <= exact <= 100:
                return exact
        if self.kind is Kind.SIZE and (size := read_size(text)) is not None:
            return size
        if self.kind is Kind.DURATION and (span := seconds(text)) is not None:
            return span
        if self.kind is Kind.INT and re.fullmatch(r"-?[0-9]{1,18}", text):
            return int(text)
        example = _EXAMPLES[self.kind]
        kind = {Kind.INT: "number", Kind.FLOAT: "number"}.get(self.kind, str(self.kind))
        raise BadValue(
            f"{_said(name, _short(text))} is no {kind}",
            hint=f"Write it like {_said(name, example)}.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeInfo:
    """What a target says of one of its recipes."""

    name: str
    summary: str
    params: Mapping[str, Parameter] = field(default_factory=lambda: MappingProxyType({}))
    missing: str = ""
    """Why this machine cannot run it: ``memtester is not installed``; empty if it can."""
    takes: str = ""
    """The parameter that says how long it works, which ``for 30s`` fills; empty if none does."""
    class_: str = ""
    """What it is about, in one word: ``memory``. Rights may be about a whole class."""
    destructive: bool = False
    """Whether it destroys what is on the machine: it is asked back first."""

    def check(self, given: Mapping[str, str]) -> dict[str, str]:
        """
        Every parameter's value as it goes to the program, defaults filled in.

        Raises UnknownName for a parameter the recipe does not have, BadValue for a wrong value.
        """
        given = self._with_duration(given)
        for name in given:
            if name not in self.params:
                near = nearest(name, self.params)
                hint = f"Did you mean {near}?" if near else f"It takes {_listed(self.params)}."
                raise UnknownName(f"{self.name} has no parameter called {_short(name)}", hint=hint)
        return {
            name: parameter.check(name, given.get(name, parameter.default))
            for name, parameter in self.params.items()
        }

    def _with_duration(self, given: Mapping[str, str]) -> Mapping[str, str]:
        """*given*, with FOR under the name that it has here."""
        if FOR not in given:
            return given
        if not self.takes:
            hint = f"It takes {_listed(self.params)}."
            raise BadValue(f"{self.name} cannot be told how long to run", hint=hint)
        if self.takes in given:
            twice = f"for {given[FOR]} and {self.takes}={_short(given[self.takes])}"
            raise BadValue(f"{self.name} is told twice how long to run: {twice}", hint="Say one.")
        rest = {name: text for name, text in given.items() if name != FOR}
        return {**rest, self.takes: given[FOR]}


def read_size(text: str) -> int | None:
    """
    The bytes that *text* says, or None: ``64M``, ``64 MiB``, ``64mb``, ``1.5G``.

    Of a fraction, what is no whole KiB is dropped.
    """
    match = _SIZE.fullmatch(text)
    if match is None:
        return None
    exact = Fraction(match[1].replace(",", ".")) * _SIZE_UNITS[match[2].lower()]
    return int(exact) if exact.denominator == 1 else int(exact / 1024) * 1024


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


def _plain(number: Fraction | int) -> str:
    """*number* with a point and no more digits than it has: at most nine after the point."""
    whole, point, rest = f"{float(number):.9f}".partition(".")
    if isinstance(number, int) or number.denominator == 1:
        return str(int(number))
    return whole + point + rest.rstrip("0")


def _said(name: str, text: str) -> str:
    """A value as somebody would write it."""
    return f"{name}={text}" if name else text


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
