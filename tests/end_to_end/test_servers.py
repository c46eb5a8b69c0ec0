"""The rig itself: what the other end-to-end tests take for granted."""

import asyncio
import os
import select
import signal
import ssl
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from slixmpp import JID, ClientXMPP
from slixmpp.plugins.xep_0004 import Form

from bot.demo.certificates import make_certificates
from bot.demo.programs import Leashed, MissingProgramError, require
from bot.demo.server import Server, ServerStartError
from tests.end_to_end.conftest import Join, OwnServer, unique
from tests.end_to_end.person import JoinRefusedError, NotConnectedError, Person


def family(folder: Path) -> list[psutil.Process]:
    """All processes whose home is *folder* or below it; a zombie is gone already."""
    found = []
    for process in psutil.process_iter(["environ", "status"]):
        told = (process.info["environ"] or {}).get("HOME", "")
        if process.info["status"] != psutil.STATUS_ZOMBIE and told.startswith(str(folder)):
            found.append(process)
    return found


def stock(server: Server, account: str, password: str = "", *, ca: Path | None = None) -> Person:
    """A person who has yet to connect."""
    return Person(
        f"{account}@{server.domain}",
        password or account,
        host=server.host,
        port=server.port,
        trust=ssl.create_default_context(cafile=str(ca or server.ca)),
    )


def answers(server: Server) -> bool:
    return server._greets()


async def test_two_people_hear_each_other(join: Join) -> None:
    ann = await join("ann")
    await ann.accept_defaults()
    ben = await join("ben")
    await ann.sees(lambda seen: seen.type == "available", nick="ben")
    said = ann.say("anyone at the bench?")
    heard = await ben.heard("bench")
    assert (heard.nick, heard.id, heard.private, heard.delayed) == ("ann", said, False, False)
    ben.whisper("ann", "psst")
    whispered = await ann.heard("psst")
    assert (whispered.nick, whispered.private) == ("ben", True)
    ben.say("yes")
    assert (await ann.heard(lambda heard: heard.nick == "ben")).body == "yes"
    await ben.leave()
    await ann.sees(lambda seen: seen.type == "unavailable", nick="ben")


async def test_a_taken_nick_is_refused(join: Join) -> None:
    ann = await join("ann")
    await ann.accept_defaults()
    with pytest.raises(JoinRefusedError, match="conflict"):
        await join("ann")


async def test_a_closed_room_refuses_at_once(join: Join, room: str) -> None:
    ann = await join("ann")
    form = Form()
    form["type"] = "submit"
    form.add_field("FORM_TYPE", ftype="hidden", value="http://jabber.org/protocol/muc#roomconfig")
    form.add_field("muc#roomconfig_membersonly", ftype="boolean", value=True)
    await ann.muc.set_room_config(JID(room), form, timeout=15)
    with pytest.raises(JoinRefusedError, match="registration-required"):
        await join("ben")


async def test_what_does_not_come_fails_with_the_transcript(join: Join) -> None:
    ann = await join("ann")
    ann.say("hello?")
    with pytest.raises(AssertionError, match=r"did not hear 'world'(?s:.*)<ann> hello\?"):
        await ann.heard("world", within=0.1)


async def test_a_wrong_authority_is_refused(server: Server, tmp_path: Path) -> None:
    stranger = make_certificates(tmp_path)
    account = unique("ann")
    server.add_account(account, account)
    ann = stock(server, account, ca=stranger.ca)
    with pytest.raises(NotConnectedError, match="CERTIFICATE_VERIFY_FAILED"):
        await ann.connect()


async def test_a_wrong_password_is_refused(server: Server, join: Join) -> None:
    account = unique("ann")
    server.add_account(account, account)
    ann = stock(server, account, "guess")
    with pytest.raises(NotConnectedError, match="failed_all_auth"):
        await ann.connect()


async def test_an_account_added_twice_has_the_new_password(server: Server) -> None:
    account = unique("ann")
    server.add_account(account, "old")
    server.add_account(account, "new")
    ann = stock(server, account, "new")
    await ann.connect()
    await ann.leave()


async def test_the_administrator_may_administer(server: Server, join: Join) -> None:
    for name, expected in (("admin", True), (unique("ann"), False)):
        who = await join(name, account=name, enter=False)
        who.xmpp.register_plugin("xep_0050")
        listed = await who.xmpp.plugin["xep_0050"].get_commands(JID(server.domain), timeout=15)
        nodes = {node for _, node, _ in listed["disco_items"]["items"]}
        assert ("http://jabber.org/protocol/admin#add-user" in nodes) is expected


async def test_anyone_may_register_and_another_at_once(server: Server) -> None:
    for name in (unique("ann"), unique("ben")):
        newcomer = stock(server, name)
        newcomer.xmpp.register_plugin("xep_0077")

        async def register(_form: object, xmpp: ClientXMPP = newcomer.xmpp) -> None:
            request = xmpp.make_iq_set()
            request["register"]["username"] = xmpp.boundjid.user
            request["register"]["password"] = xmpp.password
            await request.send(timeout=15)

        newcomer.xmpp.add_event_handler("register", register)
        await newcomer.connect()
        await newcomer.leave()


async def test_a_message_waits_for_who_is_away(join: Join, server: Server) -> None:
    away = unique("ben")
    server.add_account(away, away)
    ann = await join("ann", enter=False)
    ann.tell(f"{away}@{server.domain}", "call me")
    # The server has it once it answers what we asked afterwards.
    await ann.muc.xmpp.plugin["xep_0030"].get_info(jid=JID(server.domain), timeout=15)
    ben = await join("ben", account=away, enter=False)
    heard = await ben.heard("call me")
    assert (heard.nick, heard.delayed) == (ann.jid.bare, True)


async def test_a_restart_keeps_accounts_and_the_address(own_server: OwnServer, join: Join) -> None:
    server = own_server()
    server.add_account("ann", "ann")
    before = server.port, server.pid
    await asyncio.to_thread(server.restart)
    assert server.port == before[0]
    assert server.pid != before[1]
    ann = stock(server, "ann")
    await ann.connect()
    await ann.leave()


async def test_untuned_has_the_rate_limits_of_debian(own_server: OwnServer, join: Join) -> None:
    ann = await join("ann", on=own_server(tuned=False), enter=False)
    begun = time.monotonic()
    ann.tell(ann.jid.bare, "x" * 30_000)
    await ann.heard("xxx", within=60)
    ann.tell(ann.jid.bare, "and this?")
    await ann.heard("and this?", within=60)
    # Prosody: 10 kB/s. ejabberd: 3 kB/s, but what it has read goes through, and the next waits.
    assert time.monotonic() - begun > 1


def test_stop_leaves_no_process(own_server: OwnServer) -> None:
    server = own_server()
    assert family(server.folder)
    server.stop()
    assert family(server.folder) == []
    assert not answers(server)


async def test_kill_leaves_no_process_but_the_accounts(own_server: OwnServer) -> None:
    server = own_server()
    server.add_account("ann", "ann")
    server.kill()
    assert family(server.folder) == []
    assert not answers(server)
    assert server._process is not None
    assert server._process.code == -signal.SIGKILL
    await asyncio.to_thread(server.start)
    ann = stock(server, "ann")
    await ann.connect()
    await ann.leave()


PARENT = """
import asyncio, sys, pathlib
from {module} import {name}

async def start():
    server = {name}(pathlib.Path(sys.argv[1]))
    await asyncio.to_thread(server.start)
    return server

server = asyncio.run(start())  # ends the thread that started it
server.add_account("ann", "ann")
print("up", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def survivors(tmp_path: Path) -> Iterator[Callable[[], list[psutil.Process]]]:
    """Who still lives in the test's folder; nobody does after the test."""
    yield lambda: family(tmp_path)
    for process in family(tmp_path):
        process.kill()


def test_a_server_lives_as_long_as_its_parent(
    kind: type[Server], tmp_path: Path, survivors: Callable[[], list[psutil.Process]]
) -> None:
    source = PARENT.format(module=kind.__module__, name=kind.__name__)
    argv = [sys.executable, "-c", source, str(tmp_path)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"up\n"
        graves = [os.pidfd_open(process.pid) for process in survivors()]
        assert graves
        parent.kill()
    within(5, graves)
    assert survivors() == []


def within(seconds: float, graves: list[int]) -> None:
    """Wait for the ends of processes, by their pidfds; not for ever."""
    deadline = time.monotonic() + seconds
    for grave in graves:
        select.select([grave], [], [], max(0, deadline - time.monotonic()))
        os.close(grave)


class Broken(Server):
    name = "broken"

    def add_account(self, name: str, password: str) -> None:
        raise NotImplementedError

    def _launch(self) -> Leashed:
        argv = [require("sh"), "-c", "echo no disk left; exit 3"]
        return Leashed(argv, log=self.log, folder=self.folder, environment=os.environ)


def test_a_server_that_dies_at_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(ServerStartError, match=r"broken ended with 3\nno disk left"):
        Broken(tmp_path).start()


def test_a_folder_that_no_configuration_can_name_is_refused(
    kind: type[Server], tmp_path: Path
) -> None:
    with pytest.raises(ServerStartError, match="cannot be written"):
        kind(tmp_path / 'a"b')


def test_a_port_of_somebody_else_is_not_ours(server: Server, tmp_path: Path) -> None:
    with pytest.raises(ServerStartError, match=f"port {server.port} .* is taken"):
        type(server)(tmp_path, port=server.port).start()


def test_ports_are_never_given_twice(own_server: OwnServer) -> None:
    servers = [own_server() for _ in range(3)]
    assert len({server.port for server in servers}) == 3
    assert all(answers(server) for server in servers)


def test_keys_are_for_their_owner_only(tmp_path: Path) -> None:
    made = make_certificates(tmp_path)
    for secret in (made.key, made.bundle, tmp_path / "ca.key"):
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    before = made.bundle.read_text()
    assert make_certificates(tmp_path).bundle.read_text() == before


def test_a_missing_program_is_named_with_its_package() -> None:
    with pytest.raises(MissingProgramError, match="frobnicate is not installed: apt-get install"):
        require("frobnicate")
