"""
Reboots: one that is ordered, one that is a step of a run, and the command for both.

A server may keep an order back for minutes (a hibernating session) and deliver it then.
So it takes two: a ticket is asked for, and spent within seconds by our own clock: proof that
an order is fresh, without comparing clocks. A step needs none: its run has a time to live.
"""

import asyncio
import time
from collections.abc import Sequence

import structlog

from agent.wire.errors import Refusal
from agent.wire.parameter import RecipeInfo
from agent.wire.vocabulary import token

log = structlog.get_logger()

STEP = RecipeInfo(
    name="reboot", summary="Restart the machine, and go on with the next step.", params={}
)
"""What is offered among the recipes, although no file describes it."""


class BadTicket(Refusal):
    """The order comes too late, or was never asked for."""

    condition = "not-allowed"


class Tickets:
    """At most one ticket is good at a time; each is good once, for *lifetime* seconds."""

    def __init__(self, lifetime: float) -> None:
        self._lifetime = lifetime
        self._ticket = ""
        self._holder = ""
        self._issued = 0.0

    def issue(self, holder: str, now: float) -> str:
        """A ticket for the bare JID *holder*; the one before is void."""
        self._ticket, self._holder, self._issued = token(16), holder, now
        return self._ticket

    def spend(self, ticket: str, holder: str, now: float) -> None:
        """Raises BadTicket unless *ticket* is *holder*'s, unspent and fresh."""
        good = ticket == self._ticket != "" and holder == self._holder
        fresh = now - self._issued <= self._lifetime
        self._ticket = ""
        if not good:
            raise BadTicket("that reboot has no valid ticket", hint="Order it again.")
        if not fresh:
            age = now - self._issued
            raise BadTicket(
                f"that order was on its way for {age:.0f} s, and may be for {self._lifetime:g} s",
                hint="Order it again.",
            )


def uptime() -> float:
    """Seconds since the machine's boot, sleep included: no clock that anybody sets."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


async def restart(command: Sequence[str], *, patience: float) -> str:
    """
    Run the reboot command. The machine goes down under us: this returns only if it does not.

    Args:
        patience: Seconds that it may take to stop its services; then nothing has happened.

    Returns:
        Why it is still up, for people.
    """
    cure = "correct reboot.command in agent.toml"
    said = b""
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        _, said = await process.communicate()
        failed = process.returncode != 0
    except OSError as error:
        said, failed = str(error).encode(), True
    name = " ".join(command)
    if failed:
        words = said.decode("utf-8", "replace").strip()[:500]
        log.error("reboot.failed", command=name, said=words, cure=cure)
        return f"{name} failed: {words}"
    await asyncio.sleep(patience)
    log.error("reboot.stayed_up", command=name, seconds=patience, cure=cure)
    return f"{name} has done nothing for {patience:.0f} s"
