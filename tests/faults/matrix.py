"""The rows, and how they are worked through."""

import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tabulate import tabulate

from bot.demo import SERVERS
from tests.faults import clocks, disks, kills, links, network
from tests.faults.namespace import Namespace
from tests.faults.stage import Setting, Stage, stage
from tests.faults.stanzas import Mischief
from tests.faults.truth import HEADINGS, Outcome, Row
from tests.liveness.passage import fault
from tests.liveness.ways import WAYS

ROUNDS = 10
"""Trials of a row, if it does not say otherwise."""


@dataclass(frozen=True, slots=True)
class Fault:
    """
    A row's making.

    Attributes:
        name: For ``--only``.
        what: For the table.
        quick: Trials in the short version; 0 leaves the row out.
        possible: Why it cannot be tried here; empty if it can.
    """

    name: str
    what: str
    trial: Callable[[Stage], Awaitable[Outcome]]
    trials: int = ROUNDS
    quick: int = 1
    setting: Setting = field(default_factory=Setting)
    possible: Callable[[], str] = lambda: ""


FAULTS: tuple[Fault, ...] = (
    Fault("bot", "SIGKILL of the bot", kills.bot_killed),
    Fault("bot-busy", "SIGKILL of the bot, its database locked",
          kills.bot_killed_before_its_commit, trials=5),
    Fault("agent", "SIGKILL of the agent", kills.agent_killed),
    Fault("agent-early", "SIGKILL of the agent as the order comes", kills.agent_killed_at_once),
    Fault("supervisor", "SIGKILL of the supervisor", kills.supervisor_killed),
    Fault("server", "SIGKILL of the server", kills.server_killed),
    Fault("server-wiped", "SIGKILL of the server, its data wiped", kills.server_wiped, quick=1),
    Fault("restarts", "20 restarts of the server", kills.server_restarts, trials=1, quick=0),
    Fault("power", "power cut at the target, journal torn", kills.power_lost),
    Fault("power-ext4", "power cut at the target, its ext4 shut down", disks.power_lost,
          setting=Setting(around=disks.pluggable), possible=disks.possible),
    *(
        fault
        for who, of in (("bot", links.bots), ("agent", links.agents))
        for fault in (
            Fault(f"cut-{who}", f"the {who}'s connection is reset", links.cut(of)),
            Fault(f"dark-{who}", f"the {who}'s connection is a black hole for 5 s",
                  links.dark(of, 5), trials=5),
            Fault(f"dark-{who}-long", f"the {who}'s connection is a black hole for 2 min",
                  links.dark(of, 120), trials=1, quick=0),
            Fault(f"held-{who}", f"the {who}'s bytes are held up for 6 s",
                  links.held(of, 6), trials=5, quick=0),
        )
    ),
    Fault("dark-order", "an order into a black hole", links.ordered_into_the_dark, trials=5),
    Fault("repeated", "stanzas repeated, 1 in 2", links.meddled, trials=5, quick=0,
          setting=Setting(line=links.meddling(Mischief(repeat=0.5)))),
    Fault("disordered", "stanzas delayed and reordered, 1 in 2", links.meddled, trials=5, quick=0,
          setting=Setting(line=links.meddling(Mischief(delay=0.5)))),
    Fault("disk", "disk full at the target", disks.targets_disk, trials=5,
          setting=Setting(around=disks.of_target), possible=disks.possible),
    Fault("disk-at-first", "disk full at the target as the order comes",
          disks.targets_disk_at_first, trials=5, quick=1,
          setting=Setting(around=disks.of_target), possible=disks.possible),
    Fault("disk-bot", "disk full at the bot", disks.bots_disk, trials=5,
          setting=Setting(around=disks.of_bot), possible=disks.possible),
    *(
        Fault(f"clock-{who}-{how}", f"the {who}'s clock a day {how}, order from the queue",
              wrong(by), trials=6, quick=quick, possible=clocks.possible,
              setting=Setting(start=clocks.START, certify=clocks.certify))
        for who, wrong in (("target", clocks.target), ("bot", clocks.bot))
        for how, by, quick in (("ahead", "+1d", 2), ("behind", "-1d", 1))
    ),
    Fault("dropped", "10 % of the packets dropped", network.dropped, trials=5,
          setting=Setting(around=network.behind(network.loses)),
          possible=network.possible),
    Fault("paced", "3 kB/s", network.paced, trials=3,
          setting=Setting(around=network.behind(Namespace.pace)),
          possible=network.possible),
    Fault("mischief", "stanzas lost, repeated, reordered, 1 in 10 each", links.meddled, trials=5,
          setting=Setting(line=links.meddling(Mischief(lose=0.1, repeat=0.1, delay=0.1)))),
    *(
        Fault(f"gone-{way.name}", f"the target goes, the room is told: {way.what}", fault(way),
              trials=1, quick=int(way.quick), setting=way.setting, possible=way.possible)
        for way in WAYS
    ),
)  # fmt: skip


async def work(fault: Fault, kind: str, *, seed: int, trials: int) -> Row:
    """One row on one server."""
    row = Row(fault.what, kind, skipped=fault.possible())
    if row.skipped:
        return row
    folder = Path(tempfile.mkdtemp(prefix=f"faults-{fault.name}-{kind}-"))
    name = f"{seed} {fault.name} {kind}"
    try:
        async with stage(folder, kind, name, fault.setting) as on:
            for number in range(trials):
                on.random.seed(f"{name} {number}")  # the same, whatever came before
                row.outcomes.append(await fault.trial(on))
                if row.outcomes[-1].stuck:
                    break  # what comes after would only tell the same again
    except (AssertionError, TimeoutError, OSError) as error:
        row.outcomes.append(Outcome("none", wrong=(f"{type(error).__name__}: {error}",)))
    if row.good:
        shutil.rmtree(folder)
    else:
        row.remains = str(folder)
    return row


async def matrix(
    names: Sequence[str], kinds: Sequence[str], *, seed: int, quick: bool, at_once: int
) -> list[Row]:
    """Those rows on those servers, *at_once* at the same time; told on standard error."""
    turns = asyncio.Semaphore(at_once)

    async def turn(fault: Fault, kind: str) -> Row:
        async with turns:
            began = time.monotonic()
            row = await work(fault, kind, seed=seed, trials=fault.quick if quick else fault.trials)
            took = time.monotonic() - began
            sys.stderr.write(f"{' | '.join(row.cells())}  ({took:.0f} s)\n")
            sys.stderr.writelines(f"  {line}\n" for line in row.complaints())
            return row

    chosen = [f for f in FAULTS if f.name in names or (not names and not (quick and not f.quick))]
    return await asyncio.gather(*(turn(f, kind) for f in chosen for kind in kinds or SERVERS))


def table(rows: Sequence[Row]) -> str:
    """In Markdown."""
    return tabulate([row.cells() for row in rows], HEADINGS, tablefmt="pipe")
