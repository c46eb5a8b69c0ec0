"""
Which machine a state folder belongs to: a copied disk must not go on with another's runs.

Rule 1: told by what is not copied with a disk: the addresses of the network cards.
/etc/machine-id is copied, and boot ids differ after each start anyway.

Rule 2: one card in common is the same machine; where nothing is known, nothing is judged.

Rule 3: what is another machine's is set aside, never removed and never gone on with.
"""

import contextlib
from collections.abc import Iterable
from pathlib import Path

import structlog

from agent import durable

log = structlog.get_logger()

NOBODY = {"", "00:00:00:00:00:00"}


def marks(patterns: Iterable[str]) -> frozenset[str]:
    """What this machine is known by: the contents of the files that *patterns* match."""
    found = set()
    for pattern in patterns:
        for path in Path("/").glob(pattern.lstrip("/")):
            with contextlib.suppress(OSError, UnicodeDecodeError):
                found.add(path.read_text("utf-8").strip())
    return frozenset(found - NOBODY)


def claim(state: Path, ours: frozenset[str]) -> bool:
    """
    Make the folder *state* ours; whether it was another machine's.

    Of that one's, runs and epoch are set aside, below ``copied``: we begin anew.
    """
    path = state / "machine"
    try:
        theirs = frozenset(path.read_text("utf-8").split("\n")) - NOBODY
    except (OSError, UnicodeDecodeError):
        theirs = frozenset()
    copied = bool(ours and theirs) and not ours & theirs
    if copied:
        aside = _set_aside(state)
        log.error(
            "state.copied", folder=str(state), aside=str(aside), of=sorted(theirs),
            cure="the disk was copied: give each machine its own account and state folder",
        )  # fmt: skip
    if ours and ours != theirs:
        durable.replace(path, "\n".join(sorted(ours)).encode())
    return copied


def _set_aside(state: Path) -> Path:
    number = 1
    while (aside := state / "copied" / str(number)).exists():
        number += 1
    aside.mkdir(parents=True)
    for name in ("runs", "epoch"):
        with contextlib.suppress(FileNotFoundError):
            (state / name).rename(aside / name)
    return aside
