"""
``labroom-agent uninstall``: no unit, no agent; settings and journals stay, unless purged.

Rule: a diagnostic that runs is not ended: it is told of. Its folder is not taken from under it.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from agent.config import Config
from agent.install import places, systemd
from agent.install.installation import only_root
from agent.install.places import inside
from agent.install.settings import before, valid
from agent.rundir import RunDir, scan
from agent.wire.errors import Busy


def uninstall(root: Path, say: Callable[[str], None], *, purge: bool) -> None:
    """Do it, and *say* what was done."""
    only_root("uninstall")
    state = _state(root)
    running = list(_running(state))
    if purge and running:
        raise Busy(
            f"{_names(running)}: still running, and --purge would take its folder away",
            hint="Have it stopped in the room first, or leave --purge out.",
        )
    if _remove_unit(root):
        say(f"ok   {places.UNIT}: stopped and removed")
    else:
        say("     there is no unit: nothing to stop")
    for run in running:
        say(
            f"NOTE {run.run} goes on until its end, and nobody hears of it; an agent that is "
            f"installed again tells. To end it: kill {run.pid()}"
        )
    if purge:
        _purge(root, state, say)
    else:
        say(f"     {places.FOLDER} and {state} are left: --purge removes what is ours there")


def _state(root: Path) -> Path:
    """Where runs are kept, by the settings if there are any."""
    settings = before(inside(root, places.SETTINGS))
    default: Path = Config.model_fields["state"].default
    return inside(root, valid(settings, places.SETTINGS).state if settings else default)


def _running(state: Path) -> Iterator[RunDir]:
    for run in scan(state):
        with suppress(OSError):  # its agent is just removing it
            if run.alive():
                yield run


def _names(runs: list[RunDir]) -> str:
    return ", ".join(str(run.run) for run in runs)


def _remove_unit(root: Path) -> bool:
    """Whether there was one."""
    unit, wanted = inside(root, places.UNIT), inside(root, places.WANTED)
    there = unit.exists()
    ours = root.resolve() == Path("/") and systemd.booted()
    if there and ours:
        systemd.order("stop", places.SERVICE)
    for path in (wanted, unit):
        path.unlink(missing_ok=True)
    if there and ours:
        systemd.order("daemon-reload")
    return there


def _purge(root: Path, state: Path, say: Callable[[str], None]) -> None:
    """
    Remove what install and the agent have written, and nothing else.

    The state folder is the operator's to name: it goes only if what is left in it is nothing.
    """
    for name in (places.SETTINGS, places.old(places.SETTINGS), places.PASSWORD, places.AUTHORITY):
        inside(root, name).unlink(missing_ok=True)
        places.staged(inside(root, name)).unlink(missing_ok=True)
    for folder in (inside(root, places.DROP_INS), state / "runs", state / "copied"):
        shutil.rmtree(folder, ignore_errors=True)
    for file in (state / "epoch", state / "lock", state / "machine"):
        file.unlink(missing_ok=True)
    for folder in (inside(root, places.RECIPES), inside(root, places.FOLDER), state):
        with suppress(OSError):  # not empty, or not there
            folder.rmdir()
    say(f"ok   settings, password and {state} removed")
    for left in (inside(root, places.FOLDER), state):
        if left.exists():
            names = ", ".join(sorted(path.name for path in left.iterdir()))
            say(f"     left in {left}, since it is not ours: {names}")
    say("     the account is still on the server: its administrator can remove it")
