"""What is wrong with a recipe file: each mistake in a line, with its place and what would do."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from agent.format.place import Place, line_of, lines
from agent.wire.errors import Refusal
from agent.wire.parameter import nearest
from agent.wire.settings import Strict

_HINT = "The recipe is not offered until the file is right."

_SAID = {
    "missing": "is missing",
    "string_type": "must be text, in quotes",
    "tuple_type": "must be a list, in [ ]",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "mapping_type": "must be a table",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
}
_WORD = "^[a-z][a-z0-9_]{0,31}$"


class BadRecipe(Refusal):
    """A recipe file that cannot be used: says which, where in it, why, and what would do."""

    def __str__(self) -> str:
        end = "" if self.what.endswith("?") else "."
        return f"{self.what}{end} {self.hint}"


def not_toml(path: Path, error: tomllib.TOMLDecodeError) -> BadRecipe:
    """The refusal of a file that is no TOML at all."""
    what, _, where = str(error).partition(" (at line ")
    line = where.partition(",")[0]
    at = f"{path}:{line}" if line.isdecimal() else str(path)
    return BadRecipe(f"{at}: is not TOML: {what}", hint=_HINT)


def explained(path: Path, text: str, error: ValidationError, model: type[Strict]) -> BadRecipe:
    """The refusal of a file with *text* that is no *model*: all that is wrong with it."""
    places = lines(text)
    found: dict[tuple[int, str], None] = {}
    for place, why in _mistakes(error, model):
        line = line_of(places, place) or 1
        where = _named(place)
        found[line, f"{path}:{line}: {where}: {why}" if where else f"{path}:{line}: {why}"] = None
    return BadRecipe("\n".join(said for _, said in sorted(found)), hint=_HINT)


def _mistakes(error: ValidationError, model: type[Strict]) -> Iterator[tuple[Place, str]]:
    for details in error.errors(include_url=False):
        place: Place = tuple(part for part in details["loc"] if part != "[key]")
        why = details["msg"].removeprefix("Value error, ").rstrip(".")
        if not place and (match := re.match(r"([a-z_]+(?:\.[\w-]+)*): ", why)):
            place, why = tuple(match[1].split(".")), why[match.end() :]
        yield place, _said(details, place, why, model)


def _said(details: ErrorDetails, place: Place, why: str, model: type[Strict]) -> str:
    kind, given = details["type"], details["input"]
    if kind == "extra_forbidden":
        near = nearest(str(place[-1]), _keys(model, place[:-1]))
        return "no such key" + (f"; did you mean {near}?" if near else "")
    context: Mapping[str, Any] = details.get("ctx", {})
    if kind in ("enum", "literal_error"):
        known = re.findall(r"'([^']+)'", str(context.get("expected", "")))
        near = nearest(str(given), known) if known else None
        one_of = f"must be one of {context.get('expected')}"
        return one_of + (f"; did you mean {near!r}?" if near else "")
    if kind == "string_pattern_mismatch" and context.get("pattern") == _WORD:
        return f"{given!r} must be a name: a-z, 0-9 and _, at most 32, a letter first"
    if kind == "too_short":
        return "must not be empty"
    return _SAID.get(kind, why)


def _named(place: Place) -> str:
    """*place* as people find it: ``[verdict] fail, entry 2``."""
    until = next((at for at, part in enumerate(place) if isinstance(part, int)), len(place))
    *table, key = map(str, place[:until] or ("",))
    named = f"[{'.'.join(table)}] {key}" if table else key
    if until == len(place):
        return named
    rest = ".".join(map(str, place[until + 1 :]))
    return f"{named}, entry {int(place[until]) + 1}" + (f": {rest}" if rest else "")


def _keys(model: type[Strict], place: Place) -> list[str]:
    """The keys that may be at *place* in a *model*."""
    for part in place:
        for name, field in model.model_fields.items():
            if part == (field.alias or name):
                model = next(_models(field.annotation), model)
    return [field.alias or name for name, field in model.model_fields.items()]


def _models(annotation: Any) -> Iterator[type[Strict]]:
    """The models in a type, however deep."""
    if isinstance(annotation, type) and issubclass(annotation, Strict):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)
