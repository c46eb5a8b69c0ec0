"""
Settings in layers: a file, then ``LABROOM_*`` variables, then flags; the later one wins.

Rule 1: every value knows where it was said, so that an error names the place to correct.

Rule 2: a variable that is nearly a setting is an error, one that is nothing like it only a
warning: it may belong to the other program, or to somebody else.
"""

import difflib
import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from agent.wire.errors import Refusal

PREFIX = "LABROOM_"
OTHERS = frozenset({"LABROOM_SAY", "LABROOM_CONVERSE", "LABROOM_RUN"})
"""No settings: two of the demo, and the mark on everything that a supervisor starts."""

Key = tuple[str, ...]


class BadSettings(Refusal):
    """Settings that cannot be used: exit status 2."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value was said."""

    layer: int
    name: str
    """As people know it: a path, a variable, a flag."""
    cure: str
    """How to correct what was said here."""


class Layers:
    """What was said of *model*, all layers in one."""

    def __init__(self, model: type[BaseModel], file: Path) -> None:
        self.data: dict[str, Any] = {}
        self.unknown: dict[str, str] = {}
        """Variables that are no settings, and which one may be meant, or empty."""
        self._model = model
        self._file = Place(0, str(file), f"Correct it in {file}")
        self._places: dict[Key, Place] = {}

    def place(self, key: tuple[str | int, ...]) -> Place:
        """Where the value at *key* was said; what nobody said is missing in the file."""
        parts = tuple(map(str, key))
        for length in range(len(parts), 0, -1):
            if (place := self._places.get(parts[:length])) is not None:
                return place
        return self._file

    def read(self, text: str) -> None:
        """The lowest layer: a TOML file. Raises tomllib.TOMLDecodeError."""
        self.data = tomllib.loads(text)

    def hear(self, environ: Mapping[str, str]) -> None:
        """The middle layer: variables. An empty one says nothing."""
        known = {PREFIX + "__".join(key).upper(): key for key in _keys(self._model)}
        for name in sorted(environ):
            if not name.startswith(PREFIX) or name in OTHERS or not environ[name]:
                continue
            if name in known:
                cure = f"Correct the variable {name}"
                self._say(known[name], environ[name], Place(1, name, cure))
            elif meant := _meant(name, known):
                raise BadSettings(
                    f"{name}: there is no such setting", hint=f"Did you mean {meant}?"
                )
            else:
                below = (each for each, key in known.items() if name == PREFIX + key[-1].upper())
                self.unknown[name] = next(below, "")

    def flag(self, said: str) -> None:
        """The highest layer: ``key=value``, with dots between a table and what is below it."""
        name, equals, value = said.partition("=")
        if not equals or not name:
            raise BadSettings(
                f"--set {name}: there is no value", hint="Write it like --set nick=labbot."
            )
        key = _resolve(self._model, name)
        if key == ("credentials", "password"):
            raise BadSettings(
                "--set credentials.password: everybody on this machine sees the flags of a program",
                hint="Put it into a file, and say --set credentials.password_file=PATH.",
            )
        flag = f"--set {name}"
        self._say(key, value, Place(2, flag, f"Correct {flag}"))

    def _say(self, key: Key, text: str, place: Place) -> None:
        """Set *key*, and forget what earlier layers said instead of it."""
        table: Any = self.data
        model: type[BaseModel] | None = self._model
        for part in key[:-1]:
            if not isinstance(table.get(part), dict):
                table[part] = {}
            table, model = table[part], tables(model).get(part) if model else None
        for rival in getattr(model, "RIVALS", frozenset()) - {key[-1]}:
            if self.place((*key[:-1], rival)).layer < place.layer:
                table.pop(rival, None)
        table[key[-1]] = _value(_field(self._model, key), text, place)
        self._places[key] = place


def settings(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The settings of one table, as people write them."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def tables(model: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """The tables directly below *model*."""
    return {
        name: field.annotation
        for name, field in settings(model).items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    }


def _keys(model: type[BaseModel], above: Key = ()) -> Iterator[Key]:
    for name in settings(model):
        yield (*above, name)
    for name, table in tables(model).items():
        yield from _keys(table, (*above, name))


def _resolve(model: type[BaseModel], name: str) -> Key:
    """The key that *name* stands for; in ``grants.ann@lab.example`` only the first dot parts."""
    first, dot, rest = name.partition(".")
    if not dot:
        return (first,)
    table = tables(model).get(first)
    return (first, rest) if table is None else (first, *_resolve(table, rest))


def _field(model: type[BaseModel], key: Key) -> FieldInfo | None:
    for part in key[:-1]:
        table = tables(model).get(part)
        if table is None:
            return None
        model = table
    return settings(model).get(key[-1])


def _value(field: FieldInfo | None, text: str, place: Place) -> Any:
    """Text as it stands, unless a list or a table is wanted: then TOML, or JSON."""
    if field is None or not _holds_many(field.annotation):
        return text
    try:
        return tomllib.loads(f"it = {text}")["it"]
    except tomllib.TOMLDecodeError:
        pass
    try:
        return json.loads(text)
    except ValueError as error:
        raise BadSettings(
            f"{place.name}: this is no list and no table",
            hint='Write it like ["ann@lab.example"] or {"ann@lab.example" = "run"}.',
        ) from error


def _holds_many(kind: Any) -> bool:
    if get_origin(kind) in (tuple, list, dict):
        return True
    if isinstance(kind, type):
        return issubclass(kind, BaseModel)
    return any(_holds_many(part) for part in get_args(kind))


def _meant(name: str, known: Iterable[str]) -> str:
    """The variable that *name* was surely meant to be, else empty."""
    names = [each.removeprefix(PREFIX) for each in known]
    near = difflib.get_close_matches(name.removeprefix(PREFIX), names, n=1, cutoff=0.8)
    return PREFIX + near[0] if near else ""
