"""``labroom-agent install`` and what follows, on a machine of its own with its own systemd."""

import psutil
import pytest

from tests.end_to_end.lab import Gate, Lab, answer, gone, idle, order, result
from tests.end_to_end.person import Person
from tests.install.conftest import options
from tests.install.machine import AGENT, SHARED, Machine

UNIT = "/etc/systemd/system/labroom-agent.service"
SERVICE = "labroom-agent.service"

WAITING = """\
schema = 1
summary = "Says that it has begun, waits, says how nice it is."
argv = ["sh", "{shared}/wait.sh"]
[time]
wall = "5m"
grace = "2s"
"""
SCRIPT = """\
nice; cat /proc/self/oom_score_adj; env
echo >{shared}/wait.begun
read go <{shared}/wait.go
echo ended
"""


@pytest.fixture
def bob(machine: Machine) -> Machine:
    """A machine that is on."""
    machine.boot()
    return machine


@pytest.fixture
def gate(machine: Machine) -> Gate:
    """A recipe ``wait`` of the machine's own, and its gate."""
    recipes = machine.root / "etc/labroom/recipes"
    recipes.mkdir(parents=True)
    (recipes / "wait.toml").write_text(WAITING.format(shared=SHARED))
    (machine.shared / "wait.sh").write_text(SCRIPT.format(shared=SHARED))
    return Gate(machine.shared / "wait")


async def property_of(machine: Machine, name: str) -> str:
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
    assert f"ExecStart={AGENT} serve" in (bob.root / UNIT[1:]).read_text()
    assert await property_of(bob, "StatusText") == f"in the room {lab.room} as {name}"
    for secret in ("agent.toml", "agent.password"):
        found = (bob.root / "etc/labroom" / secret).stat()
        assert (found.st_mode & 0o777, found.st_uid) == (0o600, 0)
    password = (bob.root / "etc/labroom/agent.password").read_text().strip()
    assert len(password) >= 32
    assert password not in said

    assert "rack 3" in (await answer(ann, f"status {name}")).body
    ended = await result(ann, await order(ann, f"run memtest size=4M on {name}"))
    assert "pass" in ended.body


async def test_a_diagnostic_outlives_its_agent_and_not_inherits_its_rank(
    lab: Lab, ann: Person, bob: Machine, gate: Gate
) -> None:
    name = lab.name("bob")
    await bob.run(AGENT, "install", *options(lab, name))
    await idle(ann, name)
    job = await order(ann, f"run wait on {name}")
    await gate.reached()
    agent = psutil.Process(int(await property_of(bob, "MainPID")) and _outside(bob))
    assert agent.nice() == -10

    since = len(ann.presences.entries)
    await bob.run("systemctl", "restart", SERVICE)  # as after an upgrade
    await gone(ann, name)
    assert since
    gate.open()
    assert "pass" in (await result(ann, job)).body
    nice, score, *environment = lab.printed(job, "bob").decode().splitlines()
    assert (nice, score) == ("5", "500")
    assert not [line for line in environment if line.startswith("NOTIFY_SOCKET")]


def _outside(machine: Machine) -> int:
    """The agent's pid, as we see it."""
    mine = [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if (process.info["cmdline"] or [])[1:3] == [AGENT, "serve"]
    ]
    (pid,) = mine
    return pid
