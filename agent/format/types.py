"""The kinds of values in recipe files: patterns, durations, sizes, paths and words."""

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from agent.format import cost
from agent.wire.errors import BadValue
from agent.wire.parameter import Kind, Parameter


def count(text: str) -> int:
    """The number of bytes in what :meth:`Parameter.check` made of a size."""
    unit = "KMGT".find(text[-1]) + 1
    return int(text[:-1] if unit else text) << (10 * unit)


def _compiles(pattern: str, *, anywhere: bool = True) -> str:
    try:
        re.compile(pattern)
        cost.check(pattern, anywhere=anywhere)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return pattern


def _compiles_whole(pattern: str) -> str:
    return _compiles(pattern, anywhere=False)


def _seconds(value: object) -> int:
    if not isinstance(value, str):
        raise ValueError('write it like "90s" or "2h30m"')  # noqa: TRY004  (pydantic wants it)
    try:
        return int(Parameter(kind=Kind.DURATION, default="", min="1").check("", value))
    except BadValue as error:
        raise ValueError(str(error)) from error


def _bytes(value: object) -> int:
    if not isinstance(value, str):
        raise ValueError('write it like "256M"')  # noqa: TRY004  (pydantic wants it)
    try:
        return count(Parameter(kind=Kind.SIZE, default="", min="1").check("", value))
    except BadValue as error:
        raise ValueError(str(error)) from error


Pattern = Annotated[str, AfterValidator(_compiles)]
"""Looked for anywhere in a line; one that a line can make take for ever is refused."""
Whole = Annotated[str, AfterValidator(_compiles_whole)]
"""Must match all of a line."""
Seconds = Annotated[int, BeforeValidator(_seconds)]
Bytes = Annotated[int, BeforeValidator(_bytes)]
Path = Annotated[str, Field(pattern=r"^[^/\s]+(/[^/\s]+)*$", max_length=200)]
Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]


def wrapped(value: object) -> object:
    """A pattern alone is short for a table with nothing else."""
    return {"line": value} if isinstance(value, str) else value


def at(value: object) -> object:
    """A path alone is short for a table with nothing else."""
    return {"path": value} if isinstance(value, str) else value
