"""
Reading settings strictly: a typo is an error, never a silent default.

A wrong setting is refused with the place where it was said, its key, its value, the reason and
the cure. A password is never repeated. Where settings come from is in :mod:`agent.wire.layers`.
"""

import os
import stat
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

import structlog
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from slixmpp.jid import JID, InvalidJID

from agent.wire.layers import PREFIX, BadSettings, Layers, settings, tables
from agent.wire.parameter import nearest

__all__ = [
    "BadSettings",
    "BareJid",
    "Credentials",
    "Login",
    "Port",
    "Seconds",
    "Server",
    "Strict",
    "load",
]

log = structlog.get_logger()


class Strict(BaseModel):
    """Unknown keys are errors, as is what is no number; and nothing changes after reading."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, allow_inf_nan=False
    )


def _bare_jid(text: str) -> str:
    try:
        jid = JID(text)
    except InvalidJID as error:
        raise ValueError("this is no address; write it like bob@lab.example") from error
    if not jid.user or jid.resource:
        raise ValueError("write it like bob@lab.example, without anything after it")
    return jid.bare


BareJid = Annotated[str, AfterValidator(_bare_jid)]
Seconds = Annotated[float, Field(gt=0)]
Port = Annotated[int, Field(ge=1, le=65535)]


class Server(Strict):
    """How to reach the XMPP server; empty asks DNS."""

    host: str | None = None
    port: Port = 5222
    ca: Path | None = None
    """Certificates to trust instead of the system's (PEM)."""


class Credentials(Strict):
    """At most one of the two, else systemd's credential."""

    RIVALS: ClassVar[frozenset[str]] = frozenset({"password", "password_file"})
    """Of these a later layer's takes the place of an earlier one's."""

    password: Annotated[SecretStr, Field(min_length=1)] | None = None
    password_file: Path | None = None
    credential: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9_.-]*$")] = (
        "labroom-password"
    )
    """Without the two above: the name of a systemd credential (``LoadCredential=``)."""

    def read(self) -> str:
        """The password; BadSettings if there is none."""
        if self.password is not None and self.password_file is not None:
            raise BadSettings(
                "password: give either password or password_file",
                hint="A file is better: chmod 600 it.",
            )
        if self.password is not None:
            return self.password.get_secret_value()
        if self.password_file is not None:
            return _read_password("password_file", self.password_file)
        folder = os.environ.get("CREDENTIALS_DIRECTORY")
        if folder is None:
            raise BadSettings(
                "credentials: there is no password",
                hint="Give password_file, and chmod 600 it; or have systemd give it: "
                f"LoadCredential={self.credential}:PATH.",
            )
        return _read_password("credential", Path(folder) / self.credential)

    @property
    def exposed(self) -> Path | None:
        """The password file, if everybody on this machine can read or change it."""
        return self.password_file if self.password_file and _is_open(self.password_file) else None


def _read_password(key: str, path: Path) -> str:
    cure = "Make it, with the password as its only line."
    try:
        password = path.read_text("utf-8").rstrip("\n")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", "it is not text")
        raise BadSettings(f"{key}: cannot read {path} ({why})", hint=cure) from error
    if not password:
        raise BadSettings(f"{key}: {path} is empty", hint=cure)
    return password


def _is_open(path: Path) -> bool:
    """Whether everybody may read or write it; a group of its own is the operator's choice."""
    try:
        return bool(path.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH))
    except OSError:
        return False


class Login(Strict):
    """What bot and agent alike must know to be on their server."""

    jid: BareJid
    """Our own account."""
    register_account: Annotated[bool, Field(alias="register")] = False
    """Make the account in band when it is missing (XEP-0077)."""
    server: Server = Server()
    credentials: Credentials = Credentials()


M = TypeVar("M", bound=BaseModel)
Warn = Callable[[str, str], None]
"""Told what is odd but not wrong, and what to do about it."""


def _log(what: str, cure: str) -> None:
    log.warning("settings.odd", what=what, cure=cure)


def load(
    path: Path,
    model: type[M],
    *,
    environ: Mapping[str, str] | None = None,
    flags: Iterable[str] = (),
    optional: bool = False,
    warn: Warn | None = None,
) -> M:
    """
    The settings in the TOML file *path*, then in variables, then in flags: the later wins.

    Raises BadSettings, which names the place, the key, the value, the reason and the cure.

    Args:
        environ: Where ``LABROOM_*`` variables are looked for; none by default.
        flags: Each a ``key=value``.
        optional: Whether the file may be absent, if the others say all that must be said.
        warn: Told what is odd; by default the log is.
    """
    layers = Layers(model, path)
    there = _read(path, layers, optional=optional)
    layers.hear(environ or {})
    for flag in flags:
        layers.flag(flag)
    try:
        config = model.model_validate(layers.data)
    except ValidationError as error:
        errors = error.errors(include_url=False)
        # A misspelt key explains the one that is missing, and not the other way round.
        first = min(errors, key=lambda each: each["type"] == "missing")
        if first["type"] == "missing" and not there:
            raise _absent(path, first) from error
        raise _explain(layers, model, first) from error
    warn = warn or _log
    for name, meant in layers.unknown.items():
        cure = f"did you mean {meant}?" if meant else "unset it, or correct its name"
        warn(f"the variable {name} is no setting", cure)
    if isinstance(config, Login):
        _look(config, layers, path, warn)
    return config


def _read(path: Path, layers: Layers, *, optional: bool) -> bool:
    """Whether there is a file."""
    try:
        layers.read(path.read_text("utf-8"))
    except FileNotFoundError as error:
        if not optional:
            raise _unreadable(path, error) from error
        return False
    except OSError as error:
        raise _unreadable(path, error) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSettings(
            f"{path} is not TOML: {error}", hint="docs/configuration.md has a whole example."
        ) from error
    return True


def _unreadable(path: Path, error: OSError) -> BadSettings:
    return BadSettings(
        f"cannot read {path} ({error.strerror})", hint="Name the file with --config."
    )


def _absent(path: Path, first: ErrorDetails) -> BadSettings:
    key = ".".join(map(str, first["loc"]))
    variable = PREFIX + "__".join(map(str, first["loc"])).upper()
    return BadSettings(
        f"{key} is missing, and there is no {path}",
        hint=f"Write that file, name another with --config, or set {variable}.",
    )


def _look(config: Login, layers: Layers, path: Path, warn: Warn) -> None:
    """Warn of a password that everybody can read."""
    inline = config.credentials.password is not None
    in_file = inline and layers.place(("credentials", "password")).layer == 0
    exposed = path if in_file and _is_open(path) else config.credentials.exposed
    if exposed is not None:
        warn(
            f"everybody on this machine can read the password in {exposed}", f"chmod 600 {exposed}"
        )


REASONS = {
    "missing": "it is missing",
    "model_type": "it is a table: write [{key}], and its settings below",
    "too_short": "it must name at least one",
}
"""What pydantic says of Python's types, as whoever writes TOML knows it."""


def _explain(layers: Layers, model: type[BaseModel], first: ErrorDetails) -> BadSettings:
    loc, place = first["loc"], layers.place(first["loc"])
    key = ".".join(part if part.isprintable() else repr(part) for part in map(str, loc))
    value = _at(layers.data, loc)
    said = "" if value is None or not loc or _secret(first) else f" = {str(value)[:80]!r}"
    reason = first["msg"].removeprefix("Value error, ")
    hint = f"{place.cure}; docs/configuration.md has every setting."
    if first["type"] == "extra_forbidden":
        reason = "there is no such setting"
        hint = _instead(model, loc) or place.cure.replace("Correct it in", "Remove it from") + "."
    reason = REASONS.get(first["type"], reason).format(key=key)
    if not loc:  # about the whole: the reason says where
        return BadSettings(f"{place.name}: {reason}", hint=hint)
    return BadSettings(f"{place.name}: {key}{said}: {reason}", hint=hint)


def _at(data: Any, place: tuple[int | str, ...]) -> Any:
    for part in place:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def _secret(first: ErrorDetails) -> bool:
    """Whether the value may be a password: also under a misspelt key, or in the wrong place."""
    return first["type"] == "extra_forbidden" or first["loc"][:1] in (
        ("credentials",),
        ("database",),
    )


def _instead(model: type[BaseModel], place: tuple[int | str, ...]) -> str:
    """What was probably meant by a key that does not exist; empty if nobody knows."""
    key = str(place[-1])
    inner: type[BaseModel] | None = model
    for part in place[:-1]:
        inner = inner and tables(inner).get(str(part))
    if inner is not None and (near := nearest(key, settings(inner))):
        return f"Did you mean {near}?"
    for table, of in tables(model).items():
        if key in settings(of):
            return f"It belongs below [{table}]."
    return ""
