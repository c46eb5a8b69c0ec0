"""A person with a client that Debian has sees a target leave, return, and what it does."""

import asyncio
from pathlib import Path

import pytest

from tests.end_to_end.clients import CLIENTS
from tests.end_to_end.conftest import Furnish
from tests.end_to_end.lab import answer, facts, idle, order
from tests.end_to_end.test_presence import TEN_MINUTES


@pytest.mark.parametrize("name", CLIENTS)
async def test_a_person_in_a_terminal_sees_all_of_a_target(
    furnish: Furnish, tmp_path: Path, name: str
) -> None:
    lab, ann = await furnish()
    gate = lab.add_waiting("work")
    (lab.recipes / "work.toml").write_text(TEN_MINUTES.format(begun=gate.begun, go=gate.go))
    await lab.start("bob", machine=True)
    bob, ben = lab.name("bob"), lab.name("ben")
    await idle(ann, bob)
    jid = f"{bob}@{lab.server.domain}"
    await asyncio.to_thread(lab.server.add_account, ben, ben)
    terminal = tmp_path / "terminal"
    terminal.mkdir()
    async with CLIENTS[name](lab, ben).opened(terminal) as client:
        await client.befriend(jid)
        await client.contact_is_there(jid)
        await client.look_at_room()
        await order(ann, f"run work on {bob}")
        await gate.reached()
        await client.busy(bob, "work 0 %, about 10 min left")

        asked = await answer(ann, f"reboot {bob} now")
        ann.say(f"yes {facts(asked)['confirm']}")
        await client.left(bob, "rebooting, ordered by ann")
        await client.returned(bob)
        await client.look_at_contacts()
        await client.contact_left(jid, "rebooting, ordered by ann")
        await client.contact_is_there(jid)

        await asyncio.to_thread(lab.machines["bob"].end, grace=20)
        await client.contact_left(jid, "agent stopped")
