"""
A bot and an agent, each from its image, in a room of the Prosody that docs/servers/ ships.

Its name keeps it out of `make test`: it makes a Debian and two images, which takes minutes.
"""

import asyncio
import base64
import io
import json
import os
import re
import shutil
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from PIL import Image
from slixmpp import JID
from slixmpp.exceptions import IqError

from bot.demo.ports import claim_port
from bot.demo.programs import Leashed, require
from tests.end_to_end.lab import WITHIN, facts, idle, order, result
from tests.end_to_end.person import JoinRefusedError, Person
from tests.end_to_end.shipped import DOMAIN, Shipped, ShippedEjabberd, ShippedProsody
from tests.image.builder import ROOT, Builder

pytestmark = pytest.mark.timeout(900)
BOT_UID = 10001
ETC = "/etc/labroom"
COMPOSE = ROOT / "docs" / "compose.yaml"
EJABBERD = ROOT / "docs" / "servers" / "ejabberd.Dockerfile"


@pytest.fixture(scope="session")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Builder]:
    """With a base image; the folder is large, so it does not wait for pytest to remove it."""
    made = Builder(tmp_path_factory.mktemp("images"))
    try:
        made.make_base()
        yield made
    finally:
        made.remove()


@pytest.fixture(scope="session")
def bot_image(builder: Builder) -> str:
    """The bot's."""
    return builder.build("bot")


@pytest.fixture(scope="session")
def agent_image(builder: Builder) -> str:
    """The agent's."""
    return builder.build("agent")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ShippedProsody]:
    """On loopback, which the containers share."""
    with ShippedProsody(tmp_path_factory.mktemp("prosody")) as running:
        for account in ("labbot", "ann"):
            running.add_account(account, account)
        yield running


@pytest.fixture
def etc(server: ShippedProsody, tmp_path: Path) -> Path:
    """What is mounted as /etc/labroom."""
    return furnish(tmp_path / "etc", server)


def furnish(folder: Path, server: Shipped) -> Path:
    """Settings of bot and agent, and the CA."""
    folder.mkdir()
    shutil.copy(server.ca, folder / "ca.crt")
    (folder / "ca.crt").chmod(0o644)
    where = (
        f'[server]\nhost = "{server.host}"\nport = {server.port}\nca = "/etc/labroom/ca.crt"\n'
        '[credentials]\npassword = "{account}"\n'
    )
    room = f'room = "lab@{server.rooms}"\n'
    targets = f'owners = ["ann@{server.domain}"]\ntargets = ["*@{server.domain}"]\n'
    bot, agent = folder / "bot.toml", folder / "agent.toml"
    bot.write_text(
        f'jid = "labbot@{server.domain}"\n{room}{targets}' + where.replace("{account}", "labbot")
    )
    agent.write_text(
        f'jid = "bob@{server.domain}"\n{room}controllers = ["labbot@{server.domain}"]\n'
        "register = true\n" + where.replace("{account}", "bob")
    )
    for settings in (bot, agent):
        settings.chmod(0o600)
    os.chown(bot, BOT_UID, BOT_UID)
    return folder


def test_the_bots_image_says_how_it_is_run(builder: Builder, bot_image: str) -> None:
    told = builder.settings(bot_image)
    assert told["User"] == f"{BOT_UID}:{BOT_UID}"
    assert list(told["Volumes"]) == ["/var/lib/labroom"]
    assert [*told["Entrypoint"], *told["Cmd"]] == ["labroom", "serve"]
    assert told["Healthcheck"]["Test"] == [*("CMD", "labroom", "check", "--quick", "--running")]
    container = builder.container(bot_image)
    assert builder.run(container, "id", "-u") == (0, f"{BOT_UID}\n")
    assert builder.run(container, "touch", "/var/lib/labroom/mine")[0] == 0
    assert builder.run(container, "touch", "/opt/labroom/mine")[0] != 0


@pytest.mark.parametrize("target", ["bot", "agent"])
def test_an_image_has_what_the_lock_names_and_no_more(
    builder: Builder, target: str, bot_image: str, agent_image: str
) -> None:
    container = builder.container({"bot": bot_image, "agent": agent_image}[target])
    look = (
        "import importlib.metadata as m, json;"
        "print(json.dumps({d.name: d.version for d in m.distributions()}))"
    )
    status, said = builder.run(container, "python", "-c", look)
    assert status == 0, said
    listed: dict[str, str] = json.loads(said)
    found = {name.lower().replace("_", "-"): version for name, version in listed.items()}
    assert found.pop("labroom")
    locked = (ROOT / "requirements.lock").read_text()
    assert [name for name, version in found.items() if f"\n{name}=={version} " not in locked] == []
    assert not {"pytest", "mypy", "uv", "hatchling", "pip"} & set(found)
    assert ("sqlalchemy" in found) is (target == "bot")
    # Neither how this machine reaches PyPI, nor the wheels.
    assert builder.run(container, "ls", "/run/secrets/pip.conf")[0] != 0
    assert builder.run(container, "ls", "/wheels")[0] != 0


def test_with_charts_the_image_draws(builder: Builder) -> None:
    container = builder.container(builder.build("bot", extras="bot,charts"))
    draw = (
        "import asyncio, base64; from bot.charts import Charts;"
        "from bot.insight.picture import Picture, Point, Series;"
        "one = Series('bob', (Point(1, 2, bad=False), Point(86400, 3, bad=True)));"
        "picture = Picture('disk on bob', 'read', 'MB/s', (one,), history=True);"
        "print(base64.b64encode(asyncio.run(Charts().draw(picture))).decode())"
    )
    status, said = builder.run(container, "python", "-c", draw)
    assert status == 0, said
    [png] = [line for line in said.splitlines() if line.startswith("iVBOR")]
    image = Image.open(io.BytesIO(base64.b64decode(png)))
    assert (image.format, image.size) == ("PNG", (780, 590))


def test_check_in_the_image(builder: Builder, bot_image: str, etc: Path) -> None:
    container = builder.container(bot_image)
    status, said = builder.run(container, "labroom", "check", mounts={ETC: etc})
    assert (status, said.count("BAD")) == (0, 0), said
    (etc / "ca.crt").write_text("")
    status, said = builder.run(container, "labroom", "check", "--quick", mounts={ETC: etc})
    assert status != 0, said


def test_settings_by_variables_alone(
    builder: Builder, bot_image: str, etc: Path, server: ShippedProsody
) -> None:
    (etc / "bot.toml").unlink()
    variables = {
        "JID": f"labbot@{server.domain}",
        "ROOM": f"lab@{server.rooms}",
        "SERVER__HOST": server.host,
        "SERVER__PORT": str(server.port),
        "SERVER__CA": "/etc/labroom/ca.crt",
        "CREDENTIALS__PASSWORD": "labbot",
    }
    status, said = builder.run(
        builder.container(bot_image),
        "labroom",
        "check",
        "--quick",
        mounts={ETC: etc},
        environ={f"LABROOM_{name}": value for name, value in variables.items()},
    )
    assert (status, said.count("BAD")) == (0, 0), said


def test_recipes_in_the_image(builder: Builder, agent_image: str, etc: Path) -> None:
    container = builder.container(agent_image)
    status, said = builder.run(container, "labroom-agent", "recipes", mounts={ETC: etc})
    assert status == 0, said
    assert "memtest size=64M" in said
    told = builder.settings(agent_image)
    assert [*told["Entrypoint"], *told["Cmd"]] == ["labroom-agent", "serve"]


@pytest.fixture
async def ann(server: ShippedProsody) -> AsyncIterator[Person]:
    """A person on the host."""
    trust = ssl.create_default_context(cafile=str(server.ca))
    person = Person(f"ann@{server.domain}", "ann", host=server.host, port=server.port, trust=trust)
    await person.connect()
    yield person
    await person.leave()


async def enter(person: Person, room: str) -> None:
    """Go in as soon as the bot has made it; there is no event for a room that is not there."""
    async with asyncio.timeout(WITHIN):
        while True:
            try:
                info = await person.xmpp.plugin["xep_0030"].get_info(jid=JID(room), timeout=15)
                if "muc_membersonly" in info["disco_info"]["features"]:
                    return await person.join(room, person.jid.user)
            except (IqError, JoinRefusedError):
                pass
            await asyncio.sleep(0.1)


async def test_a_run_from_one_container_in_the_other(
    builder: Builder,
    bot_image: str,
    agent_image: str,
    server: ShippedProsody,
    etc: Path,
    ann: Person,
    tmp_path: Path,
) -> None:
    started: list[Leashed] = []
    with ExitStack() as stack:
        for image in (bot_image, agent_image):
            told = builder.settings(image)
            container = builder.container(image)
            log = tmp_path / f"{told['Entrypoint'][0]}.log"
            started.append(
                builder.start(
                    container, *told["Entrypoint"], *told["Cmd"], mounts={ETC: etc}, log=log
                )
            )
            stack.callback(started[-1].kill)
        await enter(ann, f"lab@{server.rooms}")
        await idle(ann, "bob")
        job = await order(ann, "run memtest size=1M on bob")
        assert facts(await result(ann, job))["verdict"] == "pass"
        healthy = builder.settings(bot_image)["Healthcheck"]["Test"][1:]
        doctor = builder.container(bot_image)
        status, said = builder.run(doctor, *healthy, mounts={ETC: etc})
        assert status == 0, said
        started[0].kill()
        assert builder.run(doctor, *healthy, mounts={ETC: etc})[0] != 0


def test_the_ejabberd_of_the_compose_file_serves_a_bot(
    builder: Builder, bot_image: str, tmp_path: Path
) -> None:
    server = ShippedEjabberd(tmp_path / "ejabberd")
    # The container shares our network, so its ports are ours; the paths are its own.
    text = server.file.read_text()
    for old, new in server.changes.items():
        text = text if old.startswith("/") else text.replace(old, new)
    settings, certificate = tmp_path / "ejabberd.yml", tmp_path / "lab.example.pem"
    settings.write_text(text)
    certificate.write_text(server.certificates.bundle.read_text())
    image = builder.build_file(EJABBERD)
    container, environ = builder.container(image), {"ERL_DIST_PORT": str(claim_port())}
    running = builder.start(
        container,
        *builder.settings(image)["Cmd"],
        log=tmp_path / "ejabberd.log",
        mounts={"/etc/ejabberd/ejabberd.yml": settings, f"/etc/ejabberd/{DOMAIN}.pem": certificate},
        environ=environ,
    )
    try:
        wait_for(server, running)
        status, said = builder.run(
            container, "ejabberdctl", "register", "labbot", DOMAIN, "labbot", environ=environ
        )
        assert status == 0, said
        etc = furnish(tmp_path / "etc", server)
        status, said = builder.run(
            builder.container(bot_image), "labroom", "check", mounts={ETC: etc}
        )
        assert (status, said.count("BAD")) == (0, 0), said
        assert builder.run(container, "ejabberdctl", "stop", environ=environ)[0] == 0
        running.join(WITHIN)
        assert running.code == 0
    finally:
        running.kill()


def wait_for(server: Shipped, running: Leashed) -> None:
    """Until it greets, which is the only sign it gives."""
    deadline = time.monotonic() + WITHIN
    while not server._greets():
        assert running.running, "it ended"
        assert time.monotonic() < deadline, "it is silent"
        time.sleep(0.1)


def test_the_compose_file_is_one_and_names_what_there_is() -> None:
    def ask(what: str) -> set[str]:
        argv = [require("docker-compose"), "--file", str(COMPOSE), "config", what]
        done = subprocess.run(argv, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return set(done.stdout.split())

    assert ask("--services") == {"ejabberd", "bot"}
    assert ask("--volumes") == {"ejabberd-state", "bot-state"}
    text = COMPOSE.read_text()
    for path in re.findall(r"^      - (\./servers/\S+?):", text, re.MULTILINE):
        assert (COMPOSE.parent / path).is_file(), path
    dockerfile = re.search(r"dockerfile: (\S+)", text)
    assert dockerfile
    assert COMPOSE.parent / "servers" / dockerfile[1] == EJABBERD
    target = re.search(r"target: (\S+)", text)
    assert target
    assert f"\nFROM ${{BASE}} AS {target[1]}\n" in (ROOT / "Dockerfile").read_text()
