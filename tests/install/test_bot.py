"""docs/bot.md on a machine of its own: init, check, the unit, a job."""

import asyncio
from pathlib import Path

import pytest

from bot.demo.site import GRACE
from tests.end_to_end.lab import WITHIN, Lab, answer, gone, idle, order, result
from tests.end_to_end.person import Person
from tests.install.machine import HOME, Machine, copy, dependencies

ROOT = Path(__file__).parents[2]
LABROOM = f"{HOME}/bin/labroom"
UNIT = Path("/etc/systemd/system/labroom.service")
DYNAMIC = range(61184, 65520)
"""The users that systemd makes up (systemd.exec, DynamicUser=)."""

pytestmark = pytest.mark.timeout(600)  # the first one waits for Debian


def settle(machine: Machine, lab: Lab) -> None:
    """What the operator writes into bot.toml: where the server is, and who is who."""
    path = machine.path("/etc/labroom/bot.toml")
    server = f'[server]\nhost = "{lab.server.host}"\nport = {lab.server.port}\n'
    text = path.read_text().replace("[server]\n", f'{server}ca = "/etc/labroom/ca.crt"\n')
    path.write_text(text.replace("#targets = []", f'targets = ["*-{lab.tag}@localhost"]'))
    machine.path("/etc/labroom/ca.crt").write_bytes(lab.server.ca.read_bytes())


async def test_a_machine_runs_the_bot(lab: Lab, machine: Machine, ann: Person) -> None:
    (packages,) = machine.path(HOME).glob("lib/python3*/site-packages")
    for distribution in dependencies("labroom", extra="bot"):
        copy(distribution, packages)
    machine.boot()
    assert lab.bot is not None
    await asyncio.to_thread(lab.bot.end, grace=GRACE)  # the same bot lives on the machine now
    await gone(ann, "labbot")

    bot, owner = lab.site.bot_name, f"{lab.name('ann')}@localhost"
    said = await machine.run(
        LABROOM, "init", "--jid", f"{bot}@localhost", "--room", lab.room, "--owner", owner
    )
    assert f"prosodyctl register {bot} localhost" in said
    settle(machine, lab)
    lab.server.add_account(bot, machine.path("/etc/labroom/bot.password").read_text().strip())
    checked = await machine.run(LABROOM, "check")
    assert "is ours, and as it has to be" in checked

    machine.path(str(UNIT)).write_bytes((ROOT / "docs/examples/labroom.service").read_bytes())
    assert await machine.run("systemd-analyze", "verify", str(UNIT)) == ""
    await machine.run("systemctl", "enable", "--now", "labroom")
    await lab.start("bob")
    await idle(ann, lab.name("bob"))
    job = await order(ann, f"run memtest size=1M on {lab.name('bob')}")
    assert "pass" in (await result(ann, job)).body
    user = await machine.run("stat", "--format", "%u", "/var/lib/labroom/labroom.db")
    assert int(user) in DYNAMIC

    await machine.run("systemctl", "restart", "labroom")
    await ann.sees(lambda seen: seen.status == "1 away", nick="labbot", within=WITHIN)  # it is new
    assert "pass" in (await answer(ann, f"labbot: job {job}")).body
