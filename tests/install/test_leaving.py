"""Why a target leaves, by what its own systemd does with it."""

import asyncio
import contextlib

import pytest
from slixmpp.stanza import Presence

from agent.wire import exchange as exchange  # registers the elements
from agent.wire.target import Leaving, read_leaving
from tests.end_to_end.lab import WITHIN, Lab, idle
from tests.end_to_end.person import Person
from tests.install.conftest import options
from tests.install.machine import AGENT, SERVICE, Machine

pytestmark = pytest.mark.timeout(600)  # the first one waits for Debian


async def leaves(ann: Person, name: str) -> tuple[str, Leaving | None]:
    """Its last words in the room: for people, and for programs."""
    seen = await ann.sees(lambda seen: seen.type == "unavailable", nick=name, within=WITHIN)
    assert isinstance(seen.presence, Presence)
    return seen.status, read_leaving(seen.presence)


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("poweroff", ("shutting down", Leaving("shutdown"))),
        ("halt", ("shutting down", Leaving("shutdown"))),
        ("reboot", ("rebooting", Leaving("rebooting"))),
        (f"restart {SERVICE}", ("agent restarts", Leaving("restarting"))),
        (f"stop {SERVICE}", ("agent stopped", Leaving("stopped"))),
    ],
)
async def test_it_says_what_is_done_to_it(
    lab: Lab, ann: Person, bob: Machine, command: str, says: tuple[str, Leaving]
) -> None:
    name = lab.name("bob")
    await bob.run(AGENT, "install", *options(lab, name))
    await idle(ann, name)
    # It may go down before it has answered.
    doing = asyncio.ensure_future(bob.run("systemctl", *command.split()))
    try:
        assert await leaves(ann, name) == says
    finally:
        with contextlib.suppress(AssertionError):
            await doing
    if says[1].reason == "restarting":
        await idle(ann, name)


async def test_a_systemd_that_does_not_answer_keeps_nobody_from_saying_goodbye(
    lab: Lab, ann: Person, bob: Machine
) -> None:
    name = lab.name("bob")
    await bob.run(AGENT, "install", *options(lab, name))
    await idle(ann, name)
    hung = bob.path("/usr/local/bin/systemctl")
    hung.write_text("#!/bin/sh\nexec sleep 600\n")
    hung.chmod(0o755)
    await bob.run("/bin/systemctl", "reboot", "--no-block")
    assert await leaves(ann, name) == ("agent stopped", Leaving("stopped"))
