"""What leaves a machine as it was: an installation that fails, and the removal of one."""

import asyncio

import pytest

from tests.end_to_end.lab import Lab, gone, idle, order
from tests.end_to_end.person import Person
from tests.install.conftest import Waiting, options
from tests.install.machine import AGENT, SERVICE, SHARED, UNIT, Machine

pytestmark = pytest.mark.timeout(600)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (["--server", "127.0.0.1:1"], "no session for"),
        (["--ca", "/etc/ssl/openssl.cnf"], "--ca: cannot use /etc/ssl/openssl.cnf"),
        (["--room", "lab"], "--room: write it like bob@lab.example"),
        (["--name", "x" * 61], "--name: "),
        (["--server", "host:http"], "--server: 'http' is no port"),
        (["--password-file", "/nowhere"], "--password-file: cannot read /nowhere"),
    ],
    ids=["server", "ca", "room", "name", "port", "password-file"],
)
async def test_what_fails_leaves_nothing(
    lab: Lab, machine: Machine, change: list[str], reason: str
) -> None:
    argv = [*options(lab, lab.name("bob")), *change]
    assert reason in await machine.run_off(AGENT, "install", *argv, ok=False)
    assert untouched(machine)


async def test_a_password_that_is_wrong_and_one_that_is_right(lab: Lab, machine: Machine) -> None:
    name = lab.name("bob")
    await asyncio.to_thread(lab.server.add_account, name, "correct horse")
    said = await machine.run_off(AGENT, "install", *options(lab, name), ok=False)
    assert f"{name}@localhost exists, with another password" in said
    file = machine.shared / "password"
    file.write_text("wrong horse\n")
    argv = [*options(lab, name), "--password-file", f"{SHARED}/password"]
    said = await machine.run_off(AGENT, "install", *argv, ok=False)
    assert f"does not accept {name}@localhost with this password" in said
    assert "horse" not in said
    assert untouched(machine)
    file.write_text("correct horse\n")
    await machine.run_off(AGENT, "install", *argv)
    assert machine.path("/etc/labroom/agent.password").read_text() == "correct horse\n"
    assert "register = false" in machine.path("/etc/labroom/agent.toml").read_text()


async def test_an_account_that_was_made_by_an_installation_that_died_is_found_again(
    lab: Lab, machine: Machine
) -> None:
    name = lab.name("bob")
    await asyncio.to_thread(lab.server.add_account, name, "made up before")
    left = machine.path("/etc/labroom/.agent.password.new")
    left.parent.mkdir()
    left.write_text("made up before\n")
    said = await machine.run_off(AGENT, "install", *options(lab, name))
    assert f"{name}@localhost: logged in" in said
    assert machine.path("/etc/labroom/agent.password").read_text() == "made up before\n"
    assert not left.exists()


async def test_an_image_is_written_without_a_server(lab: Lab, machine: Machine) -> None:
    image = machine.shared / "image"
    image.mkdir()
    argv = ["install", "--root", f"{SHARED}/image", *options(lab, lab.name("bob"))]
    said = await machine.run_off(AGENT, *argv, "--server", "127.0.0.1:1")
    assert f"NOTE there is no {AGENT} in {SHARED}/image yet" in said
    assert "register = true" in (image / "etc/labroom/agent.toml").read_text()
    assert (image / UNIT[1:]).exists()
    assert untouched(machine)
    await machine.run_off(AGENT, "uninstall", "--root", f"{SHARED}/image", "--purge")
    assert [path for path in image.rglob("*") if not path.is_dir()] == []


async def test_a_server_that_is_not_trusted(lab: Lab, machine: Machine) -> None:
    *argv, _, _ = options(lab, lab.name("bob"))
    said = await machine.run_off(AGENT, "install", *argv, ok=False)
    assert "--ca FILE names the authority to trust" in said
    assert untouched(machine)


async def test_only_root_installs(lab: Lab, machine: Machine) -> None:
    argv = ["setpriv", "--reuid=nobody", "--clear-groups", AGENT, "install"]
    said = await machine.run_off(*argv, *options(lab, lab.name("bob")), ok=False)
    assert f"install is for root. Say: sudo {AGENT} install" in said
    assert untouched(machine)


def untouched(machine: Machine) -> bool:
    return not any(machine.path(path).exists() for path in ("/etc/labroom", UNIT))


async def test_uninstall_keeps_what_runs_and_what_was_found(
    lab: Lab, ann: Person, bob: Machine, waiting: Waiting
) -> None:
    name = lab.name("bob")
    await bob.run(AGENT, "install", *options(lab, name))
    await idle(ann, name)
    job = await order(ann, f"run wait on {name}")
    await waiting.reached()
    said = await bob.run(AGENT, "uninstall", "--purge", ok=False)
    assert f"-{job}: still running, and --purge would take its folder away" in said
    assert bob.path(UNIT).exists()

    said = await bob.run(AGENT, "uninstall")
    await gone(ann, name)
    assert f"-{job} goes on until its end" in said
    (line,) = [line for line in said.splitlines() if "To end it: kill " in line]
    assert not bob.path(UNIT).exists()
    assert (await bob.run("systemctl", "show", SERVICE, "--value", "-p", "LoadState")) != "loaded\n"
    assert bob.path("/etc/labroom/agent.toml").exists()

    waiter = asyncio.ensure_future(bob.run("tail", f"--pid={line.split()[-1]}", "-f", "/dev/null"))
    waiting.open()
    await waiter
    said = await bob.run(AGENT, "uninstall", "--purge")
    assert "left in /etc/labroom, since it is not ours: recipes" in said
    assert not bob.path("/var/lib/labroom-agent").exists()
    assert [path.name for path in bob.path("/etc/labroom").iterdir()] == ["recipes"]
