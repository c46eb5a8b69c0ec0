"""
Why we leave, for the last presence: asked of systemd, when it ends us.

Rule 1: a goodbye never waits for long: who does not answer in time does not know.
Rule 2: without systemd (sd_booted(3)) an agent that is ended was stopped: nothing else is known.
"""

import asyncio
import contextlib
from pathlib import Path

import structlog

from agent.wire.target import Leaving

log = structlog.get_logger()

ANSWER = 1.5
"""Seconds that systemd has to tell what it is doing."""

_SYSTEMD = Path("/run/systemd/system")
_CGROUP = Path("/proc/self/cgroup")
_REBOOTS = {"reboot.target", "kexec.target", "soft-reboot.target"}
_ENDS = {"poweroff.target", "halt.target", "exit.target", "shutdown.target"}

_WORDS = {
    "shutdown": "shutting down",
    "rebooting": "rebooting",
    "restarting": "agent restarts",
    "stopped": "agent stopped",
    "failed": "agent failed: see its log",
}


def words(leaving: Leaving) -> str:
    """Why we leave, for people."""
    by = f", ordered by {leaving.by}" if leaving.by else ""
    return _WORDS[leaving.reason] + by


def reason(jobs: str, unit: str) -> str:
    """
    Why systemd ends the agent.

    Args:
        jobs: What ``systemctl list-jobs --plain --no-legend`` prints: number, unit, type, state.
        unit: The agent's own unit; empty if it has none.
    """
    fields = [line.split() for line in jobs.splitlines()]
    queued = {(job[1], job[2]) for job in fields if len(job) >= 3}
    starts = {name for name, kind in queued if kind == "start"}
    if starts & _REBOOTS:
        return "rebooting"
    if starts & _ENDS:
        return "shutdown"
    return "restarting" if (unit, "restart") in queued else "stopped"


def own_unit(cgroup: str) -> str:
    """The service that a process belongs to, by its ``/proc/self/cgroup``; empty if to none."""
    name = cgroup.strip().rpartition("/")[2]
    return name if name.endswith(".service") else ""


async def ask() -> str:
    """Why we are ended, as far as systemd says so in time."""
    if not _booted():
        return "stopped"
    # We are being cancelled: in Python 3.11.2 asyncio.timeout() would take that for its own.
    asking = asyncio.ensure_future(_jobs())
    if not (await asyncio.wait({asking}, timeout=ANSWER))[0]:
        asking.cancel()
        log.warning("systemd.silent", reason=f"no answer within {ANSWER} s")
        return "stopped"
    try:
        return reason(asking.result(), own_unit(_cgroup()))
    except OSError as error:
        log.warning("systemd.silent", reason=str(error))
        return "stopped"


def _booted() -> bool:
    return _SYSTEMD.is_dir()  # in memory, as /proc is: neither hangs with a disk


def _cgroup() -> str:
    return _CGROUP.read_text("utf-8", "replace")


async def _jobs() -> str:
    process = await asyncio.create_subprocess_exec(
        "systemctl", "list-jobs", "--plain", "--no-legend", "--no-pager",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        said, _ = await process.communicate()
    except asyncio.CancelledError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        raise
    return said.decode("utf-8", "replace")
