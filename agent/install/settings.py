"""
agent.toml as ``install`` writes it: what was said now, over what stood there before.

Rule: what an operator wrote is never lost. A setting that was not named keeps its value, and
the file itself stays beside the new one, with its comments.
"""

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from agent.config import Config
from agent.wire.settings import BadSettings

HEADER = """\
# The settings of this target, written by `labroom-agent install`. Change them here, then:
#     systemctl restart labroom-agent
# or install again with what is new: all else is kept, and this file as agent.toml.old.

"""

_OPTIONS = {
    "jid": "--jid",
    "controllers": "--bot",
    "room": "--room",
    "name": "--name",
    "location": "--location",
    "server": "--server",
}
_EXAMPLE = "--jid bob@lab.example --bot labbot@lab.example --room lab@rooms.lab.example"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the command line says; None: as before."""

    jid: str | None = None
    bots: Sequence[str] = ()
    room: str | None = None
    name: str | None = None
    location: str | None = None
    server: str | None = None
    """``HOST`` or ``HOST:PORT``; an IPv6 address in brackets."""


def before(path: Path) -> dict[str, Any]:
    """What the file at *path* says; nothing if there is none."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadSettings(
            f"cannot read {path}: {error}", hint="Correct it, or move it away."
        ) from error


def merge(old: Mapping[str, Any], wanted: Wanted) -> dict[str, Any]:
    """*old* with what is *wanted*."""
    said = {
        "jid": wanted.jid,
        "controllers": list(wanted.bots) or None,
        "room": wanted.room,
        "name": wanted.name,
        "location": wanted.location,
    }
    new = {**old, **{key: value for key, value in said.items() if value is not None}}
    if wanted.server is not None:
        kept = {key: old["server"][key] for key in ("ca",) if key in old.get("server", {})}
        new["server"] = {**_server(wanted.server), **kept}
    return new


def valid(settings: Mapping[str, Any], path: Path) -> Config:
    """*settings*, understood; BadSettings in the words of the command line."""
    try:
        return Config.model_validate(settings)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
    place, reason = first["loc"], first["msg"].removeprefix("Value error, ")
    option = _OPTIONS.get(str(place[0]))
    if option is None:
        where = ".".join(map(str, place))
        raise BadSettings(f"{path}: {where}: {reason}", hint="Correct it there.")
    if first["type"] == "missing":
        raise BadSettings(f"{option} is missing", hint=f"Say it like: {_EXAMPLE}")
    raise BadSettings(f"{option}: {reason}", hint=f"An example: {_EXAMPLE}")


def toml(settings: Mapping[str, Any]) -> str:
    """*settings* as TOML."""
    return HEADER + "\n".join(_table(settings, ())) + "\n"


def _table(table: Mapping[str, Any], above: tuple[str, ...]) -> list[str]:
    inner = {key: value for key, value in table.items() if isinstance(value, Mapping)}
    lines = [f"{_text(key)} = {_value(value)}" for key, value in table.items() if key not in inner]
    for key, below in inner.items():
        name = (*above, key)
        lines += ["", f"[{'.'.join(map(_text, name))}]", *_table(below, name)]
    return lines


def _text(key: str) -> str:
    bare = key.isascii() and key.replace("_", "").replace("-", "").isalnum()
    return key if bare else _value(key)


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():  # JSON's strings are TOML's, except that TOML wants this one escaped as well
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case int() | float():
            return repr(value)
        case list():
            return f"[{', '.join(map(_value, value))}]"
    raise BadSettings(f"{value!r} is no setting", hint="Remove it from agent.toml.")


def _server(text: str) -> dict[str, Any]:
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, port = text, ""
    if host != text and not port.isdecimal():
        raise BadSettings(f"--server: {port!r} is no port", hint="Write it like xmpp.lab:5222.")
    if not (host := host.removeprefix("[").removesuffix("]")):
        raise BadSettings("--server: there is no host", hint="Write it like xmpp.lab:5222.")
    return {"host": host, "port": int(port)} if port else {"host": host}
