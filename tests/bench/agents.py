"""
Many agents in one process: real ones, that have nothing to run, and are deaf for each other.

    python -m tests.bench.agents FILE...     each an agent.toml; SIGTERM stops them all

A room shows each of its occupants all the others. An agent does nothing with that, but it
costs 0.4 ms to read each, and here all share one processor: so it is dropped before it is read.
"""

import asyncio
import contextlib
import os
import sys
from pathlib import Path

from slixmpp.stanza import Presence
from slixmpp.xmlstream import StanzaBase

from agent import service
from agent.config import Config
from agent.wire.account import Account
from agent.wire.console import run_until_told
from agent.wire.link import Link
from agent.wire.logs import configure
from agent.wire.settings import load

APART = 0.05
"""Seconds between two starts: logging in costs 30 ms of processor, here and at the server."""
TARGET = "{urn:labroom:1}target"
PRIORITY = -10
"""They stand for as many machines, each with processors of its own."""


class Deaf(Link):
    """A link that does not hear what other targets are."""

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self.client.add_filter("in", self._ours)

    def _ours(self, stanza: StanzaBase) -> StanzaBase | None:
        other = (
            isinstance(stanza, Presence)
            and stanza.xml.find(TARGET) is not None
            and stanza["from"].resource != self.jid.user
        )
        return None if other else stanza


async def main(files: list[str]) -> None:
    """Be all of them."""
    async with asyncio.TaskGroup() as group:
        for file in files:
            group.create_task(service.serve(load(Path(file), Config)))
            await asyncio.sleep(APART)


if __name__ == "__main__":
    configure()
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)
    vars(service)["Link"] = Deaf  # it makes its own, where we cannot reach it
    run_until_told(main(sys.argv[1:]))
