"""A lab on a real server, and machines of its own to install an agent on."""

import asyncio
import os
import secrets
import shutil
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from bot.demo.prosody import Prosody
from tests.end_to_end.conftest import enter
from tests.end_to_end.lab import Gate, Lab
from tests.end_to_end.person import Person
from tests.install.machine import SHARED, Machine, furnish, memory

WAIT = f"""\
schema = 1
summary = "Says how nice it is, and that it has begun; waits."
argv = ["sh", "{SHARED}/wait.sh"]
[time]
wall = "5m"
grace = "2s"
"""
SCRIPT = f"""\
nice; cat /proc/self/oom_score_adj
for folder in /root /home /srv /tmp /var/tmp /opt; do touch $folder/scratch; done; env
echo >{SHARED}/wait.begun
read go <{SHARED}/wait.go
"""


@pytest.fixture(scope="session")
def debian(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Debian with labroom on it, shared by all machines."""
    if os.geteuid() != 0 and "CI" not in os.environ:
        pytest.skip("only root can boot a container: sudo make test ONLY=tests/install")
    with memory(tmp_path_factory.mktemp("debian") / "memory") as folder:
        yield furnish(folder)


@pytest.fixture
def machine(debian: Path, tmp_path: Path) -> Iterator[Machine]:
    """A machine that is off."""
    with memory(tmp_path / "machine") as folder:
        machine = Machine(debian, folder)
        yield machine
        machine.remove()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prosody]:
    with Prosody(tmp_path_factory.mktemp("prosody")) as running:
        yield running


@pytest.fixture
async def lab(server: Prosody, tmp_path: Path, machine: Machine) -> AsyncIterator[Lab]:
    """A bot in its room; it lets in who is called ``lab.name(...)``, and nobody else unasked."""
    async with AsyncExitStack() as stack:
        lab = Lab(tmp_path / "lab", server, secrets.token_hex(3), stack)
        await lab.start_bot()
        shutil.copy(server.ca, machine.shared / "ca.crt")
        yield lab


@pytest.fixture
async def ann(lab: Lab) -> AsyncIterator[Person]:
    """Who owns the room, and is in it."""
    account = lab.name("ann")
    await asyncio.to_thread(lab.server.add_account, account, account)
    trust = ssl.create_default_context(cafile=str(lab.server.ca))
    person = Person(
        f"{account}@{lab.server.domain}", account,
        host=lab.server.host, port=lab.server.port, trust=trust,
    )  # fmt: skip
    await person.connect()
    await enter(lab, person, "ann")
    yield person
    await person.leave()


@pytest.fixture
def bob(machine: Machine) -> Machine:
    """A machine that is on."""
    machine.boot()
    return machine


class Waiting(Gate):
    """A recipe ``wait`` of the machine's own: it begins, waits, ends; see :class:`Gate`."""

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine.shared / "wait")
        recipes = machine.path("/etc/labroom/recipes")
        recipes.mkdir(parents=True)
        (recipes / "wait.toml").write_text(WAIT)
        (machine.shared / "wait.sh").write_text(SCRIPT)


@pytest.fixture
def waiting(machine: Machine) -> Iterator[Waiting]:
    waiting = Waiting(machine)
    yield waiting
    waiting.close()


def options(lab: Lab, name: str) -> list[str]:
    """What an operator says to ``install`` on the machine of that *name*."""
    domain = lab.server.domain
    return [
        *("--jid", f"{name}@{domain}", "--bot", f"{lab.site.bot_name}@{domain}"),
        *("--room", lab.room, "--location", "lab 2, rack 3", "--name", "Bob's server"),
        *("--server", f"{lab.server.host}:{lab.server.port}", "--ca", str(SHARED / "ca.crt")),
    ]
