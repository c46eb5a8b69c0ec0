"""`labroom check` and `labroom-agent check`: what is wrong is named, and nobody is disturbed."""

import asyncio
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest
from slixmpp import JID

from bot.demo import Server
from bot.demo.ports import claim_port
from bot.demo.site import Site
from tests.end_to_end.conftest import Furnish, Join, OwnServer, unique
from tests.end_to_end.lab import answer


async def run(*argv: str, **variables: str) -> tuple[int | None, str]:
    """Run a command to its end: exit status, and what it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *argv, env={"PATH": "/usr/bin", **variables},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    return process.returncode, said.decode()


WRONG = r"level=(warning|error)|link\.|room\.(lost|left|closed)"
"""What a log says of somebody who was disturbed."""


class Certified(Protocol):
    """Start a server with such a certificate."""

    def __call__(self, names: str, *, days: int) -> Server: ...


class Newcomer(Protocol):
    """A bot's settings on a server, with its account."""

    def __call__(self, server: Server, room: str = "") -> Site: ...


@pytest.fixture
def newcomer(tmp_path: Path) -> Newcomer:
    def come(server: Server, room: str = "") -> Site:
        name = unique("labbot")
        server.add_account(name, name)
        room = room or f"{unique('lab')}@{server.rooms}"
        return Site(tmp_path / name, server, room=room, bot=name)

    return come


async def check_bot(site: Site, *more: str) -> tuple[int | None, list[str]]:
    status, said = await run("bot", "check", "--config", str(site.bot_settings), *more)
    return status, said.splitlines()


async def check_agent(site: Site, *more: str) -> tuple[int | None, list[str]]:
    settings = str(site.folder / "bob" / "agent.toml")
    status, said = await run("agent", "check", "--config", settings, *more)
    return status, said.splitlines()


def add_bob(site: Site) -> None:
    """A target with an account, on a machine that is on."""
    (site.add_target("bob") / "boot_id").write_text("a boot\n")
    site.server.add_account("bob", "bob")


def bad(lines: list[str]) -> list[str]:
    return [line.removeprefix("BAD  ") for line in lines if line.startswith("BAD")]


def warned(lines: list[str]) -> list[str]:
    return [line.removeprefix("warn ") for line in lines if line.startswith("warn")]


# All is well


async def test_a_bot_that_has_all_it_needs(server: Server, newcomer: Newcomer, join: Join) -> None:
    site = newcomer(server)
    began = time.monotonic()
    status, lines = await check_bot(site)
    took = time.monotonic() - began
    assert (status, bad(lines), warned(lines)) == (0, [], []), lines
    assert took < 10  # 1 s on an idle machine
    for part in ("DNS is not asked", "TLSv1.3", "logged in", "may", "kB/s through"):
        assert any(part in line for line in lines), part
    eve = await join("eve", enter=False)
    items = await eve.xmpp.plugin["xep_0030"].get_items(jid=JID(server.rooms))
    assert not [room for room, _, _ in items["disco_items"]["items"] if "check-" in room]


async def test_a_running_lab_is_not_disturbed(furnish: Furnish) -> None:
    lab, ann = await furnish("bob")
    bob = f"{lab.name('bob')}@{lab.server.domain}"
    ann.xmpp.send_presence_subscription(bob)
    await ann.sees(lambda seen: seen.type == "available", nick=bob)  # as a contact, too
    people = {bob, *ann.muc.get_roster(JID(lab.room))}
    since, mark = len(ann.presences.entries), ann.mark()
    logs = (lab.site.bot_log, lab.folder / lab.name("bob") / "agent.log")
    before = {log: len(log.read_text()) for log in logs}
    status, said = await run("bot", "check", "--config", str(lab.site.bot_settings))
    assert (status, bad(said.splitlines())) == (0, []), said
    assert "the nick labbot is ours: it runs" in said
    assert f"the room {lab.room} is ours, and as it has to be" in said
    settings = lab.folder / lab.name("bob") / "agent.toml"
    status, said = await run("agent", "check", "--config", str(settings))
    assert (status, bad(said.splitlines())) == (0, []), said
    assert f"the nick {lab.name('bob')} is ours: it runs" in said
    assert f"the controller {lab.site.bot_name}@localhost is there" in said
    assert "memtest is offered" in said
    # Everybody else is where they were, and has nothing to say to it.
    assert (await answer(ann, "status")).body.startswith("1 target: 1 idle")
    seen = ann.presences.entries[since:]
    assert {one.nick[:6] for one in seen if one.type == "unavailable"} == {"check-"}
    assert {one.nick[:6] for one in seen if one.nick not in people} == {"check-"}
    assert not [one for one in seen if one.nick == bob]
    assert [one.body for one in ann.messages.entries[mark:-1]] == []
    assert {bob, *ann.muc.get_roster(JID(lab.room))} == people
    for log in logs:
        assert not re.search(WRONG, log.read_text()[before[log] :])


async def test_the_steps_of_init_lead_to_a_good_check(server: Server, tmp_path: Path) -> None:
    name, path = unique("labbot"), tmp_path / "bot.toml"
    owner = f"ann@{server.domain}"
    status, said = await run(
        "bot", "init", str(path), "--jid", f"{name}@{server.domain}", "--owner", owner
    )
    assert (status, "Correct room in" in said) == (0, True)
    server.add_account(name, path.with_suffix(".password").read_text().strip())
    status, said = await run(
        "bot", "check", "--config", str(path), "--quick", LABROOM_SERVER__HOST=server.host,
        LABROOM_SERVER__PORT=str(server.port), LABROOM_SERVER__CA=str(server.ca),
    )  # fmt: skip
    assert (status, said.count("warn"), said.count("BAD")) == (0, 0, 0), said


async def test_a_health_check_is_not_even_seen(furnish: Furnish) -> None:
    lab, ann = await furnish("bob")
    since, mark = len(ann.presences.entries), ann.mark()
    settings = lab.folder / lab.name("bob") / "agent.toml"
    for program, file in (("bot", lab.site.bot_settings), ("agent", settings)):
        status, said = await run(program, "check", "--config", str(file), "--quick", "--running")
        assert (status, bad(said.splitlines())) == (0, []), said
        assert "runs, and answers" in said
    assert f"there is a room {lab.room}" in said
    assert (await answer(ann, "status")).body.startswith("1 target: 1 idle")
    assert {seen.nick for seen in ann.presences.entries[since:]} <= {"labbot"}  # its own status
    assert len(ann.messages.entries) == mark + 1
    assert lab.bot is not None
    lab.bot.kill()
    status, lines = await check_bot(lab.site, "--quick", "--running")
    assert status == 1
    assert "does not answer (" in bad(lines)[0]


# The way to the server


async def test_a_closed_port(newcomer: Newcomer, server: Server) -> None:
    site = newcomer(server)
    status, lines = await check_bot(site, "--set", f"server.port={claim_port()}")
    assert status == 1
    (said,) = bad(lines)
    assert "nothing answers at 127.0.0.1" in said
    assert "is there a firewall?" in said


async def test_a_port_where_no_xmpp_is_spoken(newcomer: Newcomer, server: Server) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"SSH-2.0-OpenSSH_9.2p1\r\n")
        writer.close()

    other = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with other:
        port = other.sockets[0].getsockname()[1]
        status, lines = await check_bot(newcomer(server), "--set", f"server.port={port}")
    assert status == 1
    assert "it does not speak XMPP" in bad(lines)[0]


async def test_a_domain_that_the_server_does_not_know(newcomer: Newcomer, server: Server) -> None:
    status, lines = await check_bot(newcomer(server), "--set", "jid=labbot@lab.example")
    assert status == 1
    assert "it refuses lab.example (host-unknown)" in bad(lines)[0]


async def test_an_authority_that_we_do_not_know(newcomer: Newcomer, server: Server) -> None:
    site = newcomer(server)
    settings = site.bot_settings
    settings.write_text(settings.read_text().replace(f'ca = "{server.ca}"', ""))
    status, lines = await check_bot(site)
    assert status == 1
    (said,) = bad(lines)
    assert said.startswith("its certificate is not trusted: ")
    assert said.endswith("name its certificate in server.ca")


def certify(server: Server, names: str, *, days: int) -> None:
    """Give *server*, which is not started yet, another certificate by the same authority."""
    folder = server.ca.parent
    (folder / "server.ext").write_text(f"subjectAltName={names}\n")
    subprocess.run(
        ["openssl", "x509", "-req", "-in", "server.csr", "-out", "server.crt", "-CA", "ca.crt",
         "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "server.ext", "-days", str(days)],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    made = server.certificates
    parts = [made.certificate.read_text(), made.ca.read_text(), made.key.read_text()]
    made.bundle.write_text("".join(parts))


@pytest.fixture
def certified(kind: type[Server], tmp_path: Path) -> Iterator[Certified]:
    with ExitStack() as stack:

        def start(names: str, *, days: int) -> Server:
            server = kind(tmp_path / "server")
            certify(server, names, days=days)
            return stack.enter_context(server)

        yield start


async def test_a_certificate_for_somebody_else(certified: Certified, newcomer: Newcomer) -> None:
    status, lines = await check_bot(newcomer(certified("DNS:xmpp.lab.example", days=90)))
    assert status == 1
    (said,) = bad(lines)
    assert "ostname mismatch" in said
    assert "give the server a certificate for localhost" in said


async def test_a_certificate_that_ends_soon(certified: Certified, newcomer: Newcomer) -> None:
    status, lines = await check_bot(newcomer(certified("DNS:localhost", days=5)), "--quick")
    assert (status, bad(lines)) == (0, [])
    assert warned(lines) == ["its certificate ends in 5 days: renew it on the server"]


async def test_a_certificate_that_has_ended(certified: Certified, newcomer: Newcomer) -> None:
    status, lines = await check_bot(newcomer(certified("DNS:localhost", days=-1)))
    assert status == 1
    assert "certificate has expired: renew it" in bad(lines)[0]


# The account


async def test_a_wrong_password_is_not_shown(newcomer: Newcomer, server: Server) -> None:
    secret = server.folder / "wrong"
    secret.write_text("s3cr3t-x\n")
    secret.chmod(0o600)
    site = newcomer(server)
    status, lines = await check_bot(site, "--set", f"credentials.password_file={secret}")
    assert status == 1
    (said,) = bad(lines)
    assert "does not accept" in said
    assert "not-authorized" in said
    assert "s3cr3t-x" not in "".join(lines)


async def test_no_account(newcomer: Newcomer, server: Server) -> None:
    status, lines = await check_bot(newcomer(server), "--set", "jid=nobody@localhost")
    assert status == 1
    assert "does not accept nobody@localhost" in bad(lines)[0]


async def test_an_account_that_is_made_later_is_not_made_by_the_check(
    newcomer: Newcomer, server: Server
) -> None:
    site = newcomer(server)
    who = ("--set", f"jid={unique('new')}@localhost", "--set", "register=true")
    for _ in range(2):
        status, lines = await check_bot(site, *who)
        assert (status, bad(lines)) == (0, []), lines
        assert "it is made at the start" in warned(lines)[0]


async def test_settings_that_cannot_be_used(newcomer: Newcomer, server: Server) -> None:
    site = newcomer(server)
    for wrong in ("rom=x", "credentials.password_file=/none"):
        status, lines = await check_bot(site, "--set", wrong)
        assert status == 2, lines


# What is kept


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("database=sqlite:///{folder}/bot.toml/x", "bot.toml/x cannot be written"),
        ("database=nosql://x", "database: cannot use nosql://x: "),
        ("database=sqlite:///{folder}/bot.toml", "file is not a database"),
        ("lock={folder}/bot.toml/x", "bot.toml/x cannot be written"),
    ],
)
async def test_what_cannot_be_kept(
    newcomer: Newcomer, server: Server, setting: str, said: str
) -> None:
    site = newcomer(server)
    setting = setting.format(folder=site.folder)
    status, lines = await check_bot(site, "--quick", "--set", setting)
    assert status == 1
    assert said in bad(lines)[0]
    assert "logged in" in "".join(lines)


# The room


async def test_no_rooms_at_that_address(newcomer: Newcomer, server: Server) -> None:
    for service in (server.domain, "nowhere.localhost"):
        status, lines = await check_bot(newcomer(server, f"lab@{service}"))
        assert status == 1
        assert f"there are no rooms at {service}" in bad(lines)[0]


async def test_a_room_that_is_somebody_elses(
    newcomer: Newcomer, server: Server, join: Join, room: str
) -> None:
    eve = await join("eve")
    await eve.accept_defaults()
    status, lines = await check_bot(newcomer(server, room))
    assert status == 1
    (said,) = bad(lines)
    assert f"the room {room} is not ours" in said
    assert "must make" in said
    status, lines = await check_bot(newcomer(server, room), "--quick")
    assert status == 1
    assert f"the room {room} is not ours" in bad(lines)[0]


async def test_a_room_that_does_not_let_us_in(furnish: Furnish, newcomer: Newcomer) -> None:
    lab, _ = await furnish()
    stranger = newcomer(lab.server, lab.room)
    status, lines = await check_bot(stranger)
    assert status == 1
    assert "registration-required" in bad(lines)[0]
    # For an agent that is no fault yet: the bot lets it in.
    add_bob(stranger)
    status, lines = await check_agent(stranger)
    assert (status, bad(lines)) == (0, []), lines
    assert any("say admit bob" in line for line in warned(lines))
    assert any("the controller" in line and "is not there" in line for line in warned(lines))


async def test_an_agent_whose_room_is_not_made_yet(newcomer: Newcomer, server: Server) -> None:
    site = newcomer(server)
    add_bob(site)
    status, lines = await check_agent(site)
    assert (status, bad(lines)) == (0, []), lines
    assert any("start the bot: it makes the room" in line for line in warned(lines))


async def test_a_nick_that_is_taken(
    newcomer: Newcomer, server: Server, join: Join, room: str
) -> None:
    eve = await join("labbot")
    await eve.accept_defaults()
    _, lines = await check_bot(newcomer(server, room))
    assert any(line.startswith("the nick labbot is") for line in warned(lines)), lines


# What the server lets through


async def test_a_server_that_throttles(own_server: OwnServer, newcomer: Newcomer) -> None:
    site = newcomer(own_server(tuned=False))
    status, lines = await check_bot(site)
    assert (status, bad(lines)) == (0, [])
    (said,) = warned(lines)
    assert "the server throttles us to" in said
    assert "docs/servers.md" in said
    status, lines = await check_bot(site, "--quick")
    assert (status, warned(lines)) == (0, [])
