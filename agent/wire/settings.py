"""
Reading a settings file strictly: a typo is an error, never a silent default.

A wrong setting is refused with its key, its value, the reason and the cure.
"""

import tomllib
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from slixmpp.jid import JID, InvalidJID

from agent.wire.errors import Refusal
from agent.wire.parameter import nearest


class Strict(BaseModel):
    """Unknown keys are errors, and nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class BadSettings(Refusal):
    """A settings file that cannot be used: exit status 2."""


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
    """Exactly one of the two."""

    password: Annotated[SecretStr, Field(min_length=1)] | None = None
    password_file: Path | None = None

    def read(self) -> str:
        """The password; BadSettings if there is none."""
        if self.password is not None and self.password_file is None:
            return self.password.get_secret_value()
        if self.password_file is None or self.password is not None:
            raise BadSettings(
                "password: give either password or password_file",
                hint="A file is better: chmod 600 it.",
            )
        cure = "Make it, with the password as its only line."
        try:
            password = self.password_file.read_text("utf-8").rstrip("\n")
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", "it is not text")
            raise BadSettings(
                f"password_file: cannot read {self.password_file} ({why})", hint=cure
            ) from error
        if not password:
            raise BadSettings(f"password_file: {self.password_file} is empty", hint=cure)
        return password


class Login(Strict):
    """What bot and agent alike must know to be on their server."""

    jid: BareJid
    """Our own account."""
    register_account: Annotated[bool, Field(alias="register")] = False
    """Make the account in band when it is missing (XEP-0077)."""
    server: Server = Server()
    credentials: Credentials


M = TypeVar("M", bound=BaseModel)


def load(path: Path, model: type[M]) -> M:
    """The settings in the TOML file *path*; BadSettings names the place, the reason, the cure."""
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise BadSettings(
            f"cannot read {path} ({error.strerror})", hint="Name the file with --config."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSettings(
            f"{path} is not TOML: {error}", hint="docs/configuration.md has a whole example."
        ) from error
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise _explain(path, model, data, error.errors(include_url=False)[0]) from error


def _explain(
    path: Path, model: type[BaseModel], data: dict[str, Any], first: ErrorDetails
) -> BadSettings:
    loc = first["loc"]
    place = ".".join(part if part.isprintable() else repr(part) for part in map(str, loc))
    value = _at(data, loc)
    said = "" if value is None or _secret(first) else f" = {str(value)[:80]!r}"
    reason = first["msg"].removeprefix("Value error, ")
    hint = f"Correct it in {path}; docs/configuration.md has every setting."
    if first["type"] == "extra_forbidden":
        reason = "there is no such setting"
        hint = _instead(model, loc) or f"Remove it from {path}."
    if first["type"] == "missing":
        reason = "it is missing"
    return BadSettings(f"{path}: {place}{said}: {reason}", hint=hint)


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
        inner = inner and _tables(inner).get(str(part))
    if inner is not None and (near := nearest(key, _keys(inner))):
        return f"Did you mean {near}?"
    for table, of in _tables(model).items():
        if key in _keys(of):
            return f"It belongs below [{table}]."
    return ""


def _keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _tables(model: type[BaseModel]) -> dict[str, type[BaseModel]]:
    return {
        field.alias or name: field.annotation
        for name, field in model.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    }
