"""
The password of the target's account: never on a command line, never shown.

Rule: the one of an account that we make is on the disk before the account exists. If we die
in between, the next run finds it.
"""

import getpass
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.config import Config
from agent.install.places import PASSWORD, SETTINGS, Staging, inside, staged
from agent.install.settings import valid
from agent.wire.errors import Refusal

_STRENGTH = 24
"""Random bytes of a password."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What the command line says of the password."""

    file: Path | None = None
    """Its only line is the password; ``-``: standard input."""
    register: bool = False
    """Make a new account, even if there is a password already."""


def settle(said: Said, old: Mapping[str, Any], new: dict[str, Any], staging: Staging) -> str:
    """
    The account's password: the one that is given, or known, or a new one.

    *new* then says where the agent finds it; *old* are the settings that were there.
    """
    known = old.get("jid") == new["jid"] and "credentials" in old
    given = _given(said, new["jid"], known=known)
    if given is None and known and not said.register:
        return _known(valid(old, SETTINGS), staging.root)
    waiting = staged(inside(staging.root, PASSWORD))
    if given is None:
        left = waiting.read_text("ascii").strip() if waiting.exists() else ""
        password = left or secrets.token_urlsafe(_STRENGTH)
    else:
        password = given
    staging.put(PASSWORD, f"{password}\n".encode(), 0o600)
    new["register"] = given is None
    new["credentials"] = {"password_file": str(PASSWORD)}
    return password


def _known(config: Config, root: Path) -> str:
    """The password that the present settings name, in the system that they are for."""
    file = config.credentials.password_file
    if file is None:
        return config.credentials.read()
    there = config.credentials.model_copy(update={"password_file": inside(root, file)})
    return there.read()


def _given(said: Said, jid: str, *, known: bool) -> str | None:
    """The password that a person gives us; None if we have one, or make one up."""
    if said.file is not None:
        return _first_line(said.file)
    if known or said.register or not sys.stdin.isatty():
        return None
    return getpass.getpass(f"Password of {jid} (only Enter: make the account): ") or None


def _first_line(path: Path) -> str:
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Refusal(f"--password-file: cannot read {path}: {error}") from error
    password = text.rstrip("\n")
    if not password or "\n" in password:
        raise Refusal(
            f"--password-file: {path} is not one line", hint="The password is its only line."
        )
    return password
