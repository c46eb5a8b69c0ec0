"""``labroom-agent install`` and what follows, on a machine of its own with its own systemd."""

import asyncio

import pytest

from tests.end_to_end.lab import WITHIN, Lab, answer, gone, idle, order, result
from tests.end_to_end.person import Person
from tests.install.conftest import Waiting, options
from tests.install.machine import AGENT, SERVICE, SHARED, UNIT, Machine

pytestmark = pytest.mark.timeout(600)  # the first one waits for Debian


async def systemd_says(machine: Machine, name: str) -> str:
    """A property of the service."""
    return (await machine.run("systemctl", "show", SERVICE, "--value", "-p", name)).strip()


async def test_a_machine_becomes_a_target(lab: Lab, ann: Person, bob: Machine) -> None:
    name = lab.name("bob")
    said = await bob.run(AGENT, "install", *options(lab, name))
    assert f"{name}@localhost: made, logged in, over TLS" in said
    assert "offered: " in said
    assert "memtest" in said
    assert said.splitlines()[-1] == f"ok   people see {name} in {lab.room}"
    await idle(ann, name)

    assert await bob.run("systemd-analyze", "verify", UNIT) == ""
    assert (await bob.run("systemctl", "is-enabled", SERVICE)).strip() == "enabled"
    assert f"ExecStart={AGENT} serve" in bob.path(UNIT).read_text()
    assert await systemd_says(bob, "ActiveState") == "active"
    assert await systemd_says(bob, "StatusText") == f"in the room {lab.room} as {name}"
    for secret in ("agent.toml", "agent.password"):
        found = bob.path(f"/etc/labroom/{secret}").stat()
        assert (found.st_mode & 0o777, found.st_uid) == (0o600, 0)
    password = bob.path("/etc/labroom/agent.password").read_text().strip()
    assert len(password) >= 32
    assert password not in said

    assert "rack 3" in (await answer(ann, f"status {name}")).body
    ended = await result(ann, await order(ann, f"run memtest size=4M on {name}"))
    assert "pass" in ended.body


async def test_a_machine_without_systemd_running_is_a_target_from_its_boot_on(
    lab: Lab, ann: Person, machine: Machine
) -> None:
    name = lab.name("bob")
    said = await machine.run_off(AGENT, "install", *options(lab, name))
    assert said.splitlines()[-1].strip() == (
        "systemd does not run here: the agent starts when that system boots"
    )
    machine.boot()
    await idle(ann, name)


async def test_a_diagnostic_outlives_its_agent_and_does_not_inherit_its_rank(
    lab: Lab, ann: Person, bob: Machine, waiting: Waiting
) -> None:
    name = lab.name("bob")
    await bob.run(AGENT, "install", *options(lab, name))
    await idle(ann, name)
    job = await order(ann, f"run wait on {name}")
    await waiting.reached()
    assert await niceness(bob) == -10

    await bob.run("systemctl", "restart", SERVICE)  # as after an upgrade
    await gone(ann, name)
    waiting.open()
    assert "pass" in (await result(ann, job)).body
    nice, score, *environment = lab.printed(job, "bob").decode().splitlines()
    assert (nice, score) == ("5", "500")
    assert not [line for line in environment if line.startswith("NOTIFY_SOCKET")]
    assert not [line for line in environment if line.startswith("touch: ")]


async def niceness(machine: Machine) -> int:
    """The agent's, by its own machine's word: other tests' machines have agents, too."""
    stat = await machine.run("cat", f"/proc/{await systemd_says(machine, 'MainPID')}/stat")
    return int(stat.rpartition(")")[2].split()[16])  # proc(5): field 19, the name being the second


async def test_a_reboot_that_is_ordered_in_the_room_happens(
    lab: Lab, ann: Person, bob: Machine
) -> None:
    name = lab.name("bob")
    bob.path("/etc/labroom").mkdir()
    bob.path("/etc/labroom/agent.toml").write_text(f'boot_id = "{SHARED}/boot_id"\n')
    await bob.run(AGENT, "install", *options(lab, name))
    await idle(ann, name)
    await answer(ann, f"reboot {name}")
    await bob.rebooted()
    back = await ann.heard(f"{name} is back", since=0, within=WITHIN)
    assert "new boot id" in back.body


async def test_install_again_changes_what_is_said_and_keeps_the_rest(
    lab: Lab, ann: Person, bob: Machine
) -> None:
    name = lab.name("bob")
    await bob.run(AGENT, "install", *options(lab, name))
    await idle(ann, name)
    settings = bob.path("/etc/labroom/agent.toml")
    mine = 'keep = 3600.0  # a small disk\nsubscribers = ["lab.example"]\n'
    settings.write_text(mine + settings.read_text())
    password = bob.path("/etc/labroom/agent.password").read_text()

    said = await bob.run(AGENT, "install", "--location", "rack 4")
    assert f"{name}@localhost: logged in" in said
    assert "as it was: agent.toml.old" in said
    assert said.splitlines()[-1] == f"ok   people see {name} in {lab.room}"
    assert "rack 4" in (await answer(ann, f"status {name}")).body
    assert "Bob's server" in settings.read_text()
    assert "keep = 3600.0" in settings.read_text()
    assert 'subscribers = ["lab.example"]' in settings.read_text()
    assert bob.path("/etc/labroom/agent.toml.old").read_text().startswith(mine)
    assert bob.path("/etc/labroom/agent.password").read_text() == password

    elsewhere = f"no-{lab.room}"  # what the agent said before it was restarted is not believed
    said = await bob.run(AGENT, "install", "--room", elsewhere, "--wait", "0")
    assert said.splitlines()[-1].endswith(f"let into {elsewhere}: say there: admit {name}")


async def test_who_is_not_expected_is_told_what_to_say_and_waits(
    lab: Lab, ann: Person, bob: Machine
) -> None:
    name = f"eve{lab.tag}"  # not one of the bot's targets
    said = await bob.run(AGENT, "install", *options(lab, name), "--wait", "0")
    assert said.splitlines()[-1].endswith(f"say there: admit {name}")
    again = asyncio.ensure_future(bob.run(AGENT, "install"))
    await ann.heard(f"say admit {name}", since=0, within=WITHIN)
    await answer(ann, f"admit {name}")
    assert (await again).splitlines()[-1] == f"ok   people see {name} in {lab.room}"
    await idle(ann, name)


async def test_an_agent_that_does_not_stay_is_told_with_its_last_words(
    lab: Lab, bob: Machine
) -> None:
    hasty = bob.path(f"{UNIT}.d/hasty.conf")
    hasty.parent.mkdir()
    hasty.write_text("[Service]\nRestartSec=100ms\n")
    bob.path("/etc/labroom").mkdir()
    bob.path("/etc/labroom/agent.toml").write_text('state = "/proc/labroom"\n')
    said = await bob.run(AGENT, "install", *options(lab, lab.name("bob")), ok=False)
    assert "does not stay" in said
    assert "state: cannot open /proc/labroom" in said
