"""systemd, as far as a service has to be started, watched and stopped. No shell, no D-Bus."""

import os
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from agent.install.places import SERVICE
from agent.notify import INSIDE
from agent.wire.errors import Refusal

EVERY = 0.25
"""Seconds between two looks at the service."""
ENDED = 2
"""So many restarts of its own, and the service does not work."""


class NotRunning(Refusal):
    """The service does not start, or does not stay."""


def booted() -> bool:
    """Whether this system was started by systemd (sd_booted(3)); a chroot was not."""
    return Path("/run/systemd/system").is_dir()


def order(*arguments: str) -> str:
    """Run ``systemctl`` with *arguments*; what it said. A Refusal if it fails."""
    try:
        done = subprocess.run(
            ["systemctl", "--no-ask-password", "--no-pager", *arguments],
            capture_output=True,
            text=True,
            env={**os.environ, "SYSTEMD_COLORS": "0", "LC_ALL": "C.UTF-8"},
        )
    except OSError as error:
        raise Refusal(
            f"systemctl: {error.strerror}", hint="Install systemd, or say --no-start."
        ) from error
    if done.returncode:
        said = done.stderr.strip() or f"it ended with {done.returncode}"
        raise Refusal(f"systemctl {' '.join(arguments)}: {said}", hint="See systemctl status.")
    return done.stdout


def show() -> Mapping[str, str]:
    """What systemd knows of the service."""
    wanted = "InvocationID,ActiveState,SubState,NRestarts,StatusText"
    pairs = (line.partition("=") for line in order("show", SERVICE, "-p", wanted).splitlines())
    return {key: value for key, _, value in pairs}


def restart() -> str:
    """Start the service anew; the invocation that it must no longer be."""
    order("daemon-reload")
    before = show()["InvocationID"]
    order("restart", "--no-block", SERVICE)
    return before


def follow(before: str, within: float, tell: Callable[[str], None]) -> bool:
    """
    Wait until the target is in its room, and *tell* meanwhile how it stands. Whether it is.

    Args:
        before: The invocation that :func:`restart` ended.
        within: Seconds to wait.

    Raises:
        NotRunning: the agent ends again and again.
    """
    deadline, said = time.monotonic() + within, ""
    while True:
        now = show()
        if int(now["NRestarts"] or 0) >= ENDED or now["ActiveState"] == "failed":
            raise NotRunning(
                f"{SERVICE} does not stay:\n{_last_words()}\n",
                hint=f"journalctl -u {SERVICE} has more.",
            )
        status = now["StatusText"] if now["InvocationID"] not in ("", before) else ""
        if status.startswith(INSIDE):
            tell(status)
            return True
        if status not in ("", said):
            said = status
            tell(status)
        if time.monotonic() > deadline:
            return False
        time.sleep(EVERY)


def _last_words() -> str:
    argv = ["journalctl", "--no-pager", "-u", SERVICE, "-n", "8", "-o", "cat"]
    try:
        return subprocess.run(argv, capture_output=True, text=True).stdout.rstrip()
    except OSError:
        return ""
