"""
``labroom-agent install``: settings, account, unit, a look at the room.

Rule 1: try, then write. The account is tried with the new settings before anything of them is
in its place; a run that fails leaves the machine as it was.

Rule 2: it may be run again at any time: with other settings, after an upgrade, after a failure.
"""

import asyncio
import os
import ssl
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from agent.catalogue import Catalogue
from agent.config import Config
from agent.install import places, systemd
from agent.install.account import NoAccount, log_in
from agent.install.findings import findings
from agent.install.password import Said, settle
from agent.install.places import AUTHORITY, PASSWORD, SETTINGS, Staging, inside
from agent.install.settings import Wanted, before, merge, toml, valid
from agent.install.unit import exposed, program, unit
from agent.wire.account import Account
from agent.wire.errors import Refusal
from agent.wire.vocabulary import token


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What was asked for."""

    wanted: Wanted
    password: Said
    ca: Path | None = None
    root: Path = Path("/")
    start: bool = True
    wait: float = 60.0
    """Seconds until the room must have let it in."""

    @property
    def elsewhere(self) -> bool:
        """Another system than the one that runs: an image."""
        return self.root.resolve() != Path("/")


def install(order: Order, say: Callable[[str], None]) -> None:
    """Do it, and *say* what was done. A Refusal leaves everything as it was."""
    only_root("install")
    command = program()
    text = unit(command)
    staging = Staging(order.root)
    again = inside(order.root, SETTINGS).exists()
    try:
        config = _prepare(order, staging, say)
        staging.put(places.UNIT, text.encode(), 0o644)
        staging.link(places.WANTED, places.UNIT)
        staging.commit()
    except Refusal as refusal:
        maybe = isinstance(refusal, NoAccount) and refusal.maybe
        staging.discard(but=PASSWORD if maybe else None)
        raise
    except BaseException:  # Ctrl-C, just when the account is being made
        staging.discard(but=PASSWORD)
        raise
    kept = f"; as it was: {places.old(SETTINGS).name}" if again else ""
    say(f"ok   {SETTINGS}: written{kept}")
    say(f"ok   {places.UNIT}: starts {command}, also after a reboot")
    if order.elsewhere:
        if not inside(order.root, command).exists():
            say(f"NOTE there is no {command} in {order.root} yet")
    else:
        if writable := exposed(command):
            say(f"NOTE {writable} is not root's alone: whoever may change it is root here")
        if systemd.booted():  # what a chroot may do says nothing of the machine
            _tell_recipes(config, say)
    _start(order, config, say)


def only_root(what: str) -> None:
    """A Refusal for everybody else."""
    if os.geteuid() != 0:
        raise Refusal(f"{what} is for root", hint=f"Say: sudo {sys.argv[0]} {what} ...")


def _prepare(order: Order, staging: Staging, say: Callable[[str], None]) -> Config:
    """Settings, password and certificates, written and tried, and not in their places yet."""
    path = inside(order.root, SETTINGS)
    old = before(path)
    new = merge(old, order.wanted)
    if order.ca is not None:
        staging.put(AUTHORITY, _authority(order.ca), 0o644)
        new["server"] = {**new.get("server", {}), "ca": str(AUTHORITY)}
    valid(new, SETTINGS)  # before anybody is asked for a password
    password = settle(order.password, old, new, staging)
    config = valid(new, SETTINGS)
    if not order.elsewhere:
        _try(config, password, order.ca or config.server.ca, say)
    if path.exists():
        staging.put(places.old(SETTINGS), path.read_bytes(), 0o600)
    staging.put(SETTINGS, toml(new).encode(), 0o600)
    return config


def _try(config: Config, password: str, ca: Path | None, say: Callable[[str], None]) -> None:
    """Log in, with a resource of our own: an agent that runs is not disturbed."""
    account = Account(
        jid=f"{config.jid}/install-{token(8)}",
        password=password,
        host=config.server.host,
        port=config.server.port,
        ca=ca,
        register=config.register_account,
    )
    say(f"     {config.jid}: logging in at {account.host or 'the server that DNS names'}")
    made = asyncio.run(log_in(account))
    say(f"ok   {config.jid}: {'made, ' if made else ''}logged in, over TLS")


def _authority(path: Path) -> bytes:
    """The certificates in *path*, which are some."""
    try:
        ssl.create_default_context(cafile=path)
        return path.read_bytes()
    except OSError as error:
        raise Refusal(
            f"--ca: cannot use {path} ({error.strerror or error})",
            hint="Name a file with the certificates to trust, in PEM.",
        ) from error


def _tell_recipes(config: Config, say: Callable[[str], None]) -> None:
    found = Catalogue(config.recipes)
    for bad in found.bad:
        say(f"BAD  {bad}")
    for line in findings(found.infos(), found.recipes):
        say(f"     {line}")


def _start(order: Order, config: Config, say: Callable[[str], None]) -> None:
    target = config.jid.partition("@")[0]
    if order.elsewhere or not systemd.booted():
        say("     systemd does not run here: the agent starts when that system boots")
        return
    if not order.start:
        systemd.order("daemon-reload")
        say(f"     not started: systemctl start {places.SERVICE}")
        return
    ended = systemd.restart()
    try:
        if systemd.follow(ended, order.wait, lambda text: say(f"     {text}")):
            say(f"ok   people see {target} in {config.room}")
            return
    except KeyboardInterrupt:
        pass
    say(f"     it runs, and goes on asking to be let into {config.room}: say there: admit {target}")
