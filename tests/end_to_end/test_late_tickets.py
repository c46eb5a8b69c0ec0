"""
A reboot that a server, or the network, keeps back: it comes, and does nothing.

An agent runs without stream management, so that no server keeps anything for it. Here one runs
with it, on a stock client: what stands behind is the agent's own code, and its ticket.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from slixmpp import JID, Iq
from slixmpp.xmlstream import StanzaBase

from agent.catalogue import Catalogue
from agent.config import Config
from agent.controllers import Controllers
from agent.executor import Executor
from agent.wire.exchange import Exchange
from agent.wire.target import TargetState, write_hello, write_target
from tests.end_to_end.conftest import Furnish, trust
from tests.end_to_end.lab import WITHIN, Gate, Lab, answer, facts, gone, idle
from tests.end_to_end.person import Person
from tests.faults.stage import through
from tests.faults.stanzas import Severed, Warden

TICKET = 4.0
"""Seconds that a ticket is good: the bot gives an order up after 5."""


def is_order(stanza: bytes) -> bool:
    """Whether it spends a ticket."""
    return b"<reboot" in stanza and b"ticket=" in stanza and b"who=" in stanza


def is_ticket(stanza: bytes) -> bool:
    """Whether it is an answer with a ticket."""
    return b"<reboot" in stanza and b"ticket=" in stanza and b"who=" not in stanza


def is_refusal(stanza: bytes) -> bool:
    """Whether it is the refusal of an order that came late."""
    return b"<not-allowed" in stanza and b"on its way for" in stanza


class StandIn:
    """
    The target's account on a stock client with stream management (XEP-0198, section 5).

    What it is asked is answered by the agent's code; ``reboots`` is reached by its command.
    """

    def __init__(self, lab: Lab, line: Severed, folder: Path, reboots: Gate) -> None:
        self._lab, self._line = lab, line
        self.nick = lab.name("bob")
        jid = f"{self.nick}@{lab.server.domain}"
        self._bot = f"{lab.site.bot_name}@{lab.server.domain}"
        self.client = Person(
            f"{jid}/agent", self.nick, host=line.host, port=line.port, trust=trust(lab.server)
        )
        self.client.xmpp.register_plugin("xep_0198")
        self.client.xmpp.register_plugin("xep_0199")  # it answers pings, like all stock clients
        self._exchange = Exchange(self.client.xmpp)
        config = Config.model_validate(
            {
                "jid": jid,
                "controllers": [self._bot],
                "room": lab.room,
                "state": folder,
                "reboot": {
                    "command": ["sh", "-c", f"echo >{reboots.begun}"],
                    "ticket": TICKET,
                    "within": 0.1,
                },
            }
        )
        executor = Executor(
            folder, Catalogue(), lambda: "boot1", lambda _: None, restart=self._never
        )  # fmt: skip
        us = TargetState(boot="boot1", epoch="e7d2m4kq01xz", session="s1")
        self._us = us
        self.controllers = Controllers(config, self._exchange, executor, us, lambda: None)

    async def _never(self, _within: float) -> str:
        raise AssertionError("there is no run with a reboot among its steps")

    async def enter(self) -> None:
        """Log in with stream management, ask to be let in, and be a target of the room."""
        managed, admitted = self.event("sm_enabled"), asyncio.Event()
        await self.client.connect()
        await asyncio.wait_for(managed, WITHIN)
        self._exchange.online = True
        self._exchange.on("message@type=headline/lab_admitted", lambda _: admitted.set())
        hello = self._exchange.message(self._bot, "headline")
        write_hello(hello, self._lab.room)
        self._exchange.send(hello)
        await asyncio.wait_for(admitted.wait(), WITHIN)
        await self.client.join(self._lab.room, self.nick)
        presence = self.client.xmpp.make_presence(pto=JID(f"{self._lab.room}/{self.nick}"))
        presence["status"] = "idle"
        write_target(presence, self._us)
        self._exchange.send(presence)

    async def resume(self) -> None:
        """The connection is there again: the server sends what it has kept."""
        lost, resumed = self.event("disconnected"), self.event("session_resumed")
        self._line.mend()
        await asyncio.wait_for(lost, WITHIN)
        self.client.xmpp.connect(self._line.host, self._line.port)
        await asyncio.wait_for(resumed, WITHIN)

    def event(self, name: str) -> "asyncio.Future[object]":
        """The next *name* of the client."""
        future: asyncio.Future[object] = asyncio.get_running_loop().create_future()

        def settle(detail: object) -> None:
            if not future.done():
                future.set_result(detail)

        self.client.xmpp.add_event_handler(name, settle, disposable=True)
        return future

    def refusal(self) -> "asyncio.Future[Iq]":
        """The next order to reboot that it refuses."""
        future: asyncio.Future[Iq] = asyncio.get_running_loop().create_future()

        def note(stanza: StanzaBase) -> StanzaBase:
            if isinstance(stanza, Iq) and stanza["type"] == "error":
                reboots = stanza["error"]["condition"] == "not-allowed"
                if reboots and not future.done():
                    future.set_result(stanza)
            return stanza

        self.client.xmpp.add_filter("out", note)
        return future

    async def leave(self) -> None:
        """Nothing of it stays."""
        tasks = list(self._exchange._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.client.leave()


@asynccontextmanager
async def standing_in(
    lab: Lab, folder: Path, reboots: Gate
) -> AsyncIterator[tuple[StandIn, Severed]]:
    """Bob's account on a stock client, behind a line that is severed once it gave a ticket."""
    bob = lab.name("bob")
    await asyncio.to_thread(lab.server.add_account, bob, bob)
    async with Severed(lab.server, is_ticket) as line:
        stand_in = StandIn(lab, line, folder, reboots)
        try:
            await stand_in.enter()
            yield stand_in, line
        finally:
            await stand_in.leave()


async def patient(lab: Lab, ann: Person, settings: str) -> None:
    """Start the bot again with *settings* added."""
    assert lab.bot is not None
    lab.bot.end(grace=10)
    await gone(ann, "labbot")
    with lab.site.bot_settings.open("a") as file:
        file.write(f"\n{settings}\n")
    await lab.start_bot()
    await ann.sees(lambda seen: seen.type == "available", nick="labbot", within=WITHIN)


async def test_an_order_that_the_server_kept_for_a_ghost_reboots_nothing(
    furnish: Furnish, tmp_path: Path
) -> None:
    lab, ann = await furnish()
    bob, reboots = lab.name("bob"), Gate(tmp_path / "reboots")
    # The bot would put the ghost out of the room, and not think of asking it again.
    await patient(lab, ann, "[liveness]\nsilence = 600")
    try:
        async with standing_in(lab, tmp_path / "state", reboots) as (stand_in, line):
            await idle(ann, bob)
            refused = stand_in.refusal()
            told = await answer(ann, f"reboot {bob}")  # the order is in a dead connection
            assert line.dark.is_set()
            assert facts(told)["kind"] == "refusal"
            assert told.body.startswith(f"{bob} has not said whether it reboots: no answer within")
            assert not refused.done()

            await stand_in.resume()
            late = await asyncio.wait_for(refused, WITHIN)
            assert late["error"]["condition"] == "not-allowed"
            assert "on its way for" in late["error"]["text"]
            assert not stand_in.controllers.rebooting
            with pytest.raises(BlockingIOError):  # its command was never run
                os.read(reboots._begun, 1)

            again = await answer(ann, f"reboot {bob}")  # and one that is in time is obeyed
            assert again.body.startswith(f"{bob} reboots")
            await reboots.reached()
    finally:
        reboots.close()


async def test_an_order_that_the_line_kept_back_reboots_nothing_and_the_room_is_told_so(
    furnish: Furnish,
) -> None:
    lab, ann = await furnish("bob", machines=True)
    bob, boot = lab.name("bob"), lab.folder / lab.name("bob") / "boot_id"
    before = boot.read_text()
    async with Warden(lab.server, is_order, answer=is_refusal) as line:
        through(lab.site.bot_settings, line)
        await patient(lab, ann, "[patience]\nreboot = 8")
        await ann.sees(lambda seen: seen.status == "1 idle", nick="labbot", within=WITHIN)

        told = await answer(ann, f"reboot {bob}")
        assert line.holds.is_set()
        assert facts(told)["kind"] == "refusal"
        assert told.body == (
            f"{bob} has not said whether it reboots: no answer within 5 s. "
            "An order that comes late it refuses. If it reboots, I say when it is back."
        )
        line.let_go()
        await asyncio.wait_for(line.answered.wait(), WITHIN)
        ended = await ann.heard("has not rebooted", nick="labbot", within=WITHIN)
        assert ended.body == (
            f"ann: {bob} has not rebooted: it is there, and shows no new boot id, "
            "and it never agreed. Order it again"
        )
        assert boot.read_text() == before
        assert "reboot.ordered" not in lab.agent_log("bob")

        again = await answer(ann, f"reboot {bob}")
        assert again.body.startswith(f"{bob} reboots")
        await ann.heard("is back after", nick="labbot", within=WITHIN)
        assert boot.read_text() != before
        assert lab.agent_log("bob").count("reboot.ordered") == 1
        assert lab.bot is not None
        lab.bot.end(grace=10)  # before its line is gone
