"""The systemd unit, and the program that it starts: the very one that is running now."""

import re
import stat
import sys
from pathlib import Path
from string import Template

from agent.install.places import SERVICE, SETTINGS
from agent.wire.errors import Refusal

PROGRAM = "labroom-agent"

_TEMPLATE = Template(Path(__file__).with_name(SERVICE).read_text("utf-8"))
_PLAIN = re.compile(r"/[A-Za-z0-9/._+@~,-]+")
"""Paths that systemd reads as they stand: nothing to quote, no specifier, no variable."""


def unit(program: Path) -> str:
    """The unit that runs *program*."""
    if _PLAIN.fullmatch(str(program)) is None:
        raise Refusal(
            f"{program} cannot stand in a unit", hint="Install labroom below /opt/labroom."
        )
    return _TEMPLATE.substitute(program=program, settings=SETTINGS)


def program() -> Path:
    """The command that was called; a Refusal if we run without one."""
    called = Path(sys.argv[0]).absolute()
    if called.name != PROGRAM:  # python -m agent
        called = Path(sys.executable).absolute().with_name(PROGRAM)
    if not called.is_file():
        raise Refusal(
            f"there is no {called} that a service could start",
            hint="Install labroom as a package, and call its labroom-agent.",
        )
    return called


def exposed(program: Path) -> Path | None:
    """What of the way to *program* others than root may change: they would be root, too."""
    for path in (program, *program.parents, *program.resolve().parents):
        found = path.stat()
        shared = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if found.st_uid != 0 or (shared and not found.st_mode & stat.S_ISVTX):
            return path
    return None
