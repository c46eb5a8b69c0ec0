"""docs/servers/ is not an example: both files run a lab, and do what docs/servers.md says."""

import asyncio
import http.client
import re
import secrets
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from slixmpp import JID

from bot.demo.server import Server
from tests.end_to_end.conftest import Furnish, Join, enter, unique
from tests.end_to_end.lab import WITHIN, Lab, answer, facts, idle, result
from tests.end_to_end.person import JoinRefusedError
from tests.end_to_end.plain import Stream, web, websocket_features
from tests.end_to_end.shipped import SERVERS, Shipped, ShippedProsody
from tests.end_to_end.test_command_line import agent_settings, run

UPLOAD = "urn:xmpp:http:upload:0"


@pytest.fixture(scope="session")
def shipped(kind: type[Server], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shipped]:
    """A server with the shipped configuration, for all tests of this file."""
    with SERVERS[kind.name](tmp_path_factory.mktemp(f"shipped-{kind.name}")) as running:
        yield running


def test_it_is_started_as_it_is_shipped(shipped: Shipped) -> None:
    forced = re.compile(r'\d{4}|/(etc|run|var)/[\w./-]+|ip: "::"')
    assert all(forced.fullmatch(what) for what in shipped.changes)
    before = shipped.file.read_text()
    for what, instead in shipped.changes.items():
        assert what in before, "a change that is none"
        before = before.replace(what, instead)
    assert shipped.started.read_text() == before


def test_beside_the_shipped_file_there_are_only_the_user_and_loopback(tmp_path: Path) -> None:
    server = ShippedProsody(tmp_path)
    *settings, include = server._configured().splitlines()[1:]
    names = {line.split(" = ")[0] for line in settings}
    assert names == {"daemonize", "run_as_root", "prosody_user", "interfaces"}
    assert include == f'Include "{server.started}"'


async def test_a_lab_lives_on_it(furnish: Furnish, shipped: Shipped) -> None:
    lab, ann = await furnish("bob", machines=True, on=shipped)
    bob = lab.name("bob")
    for who, settings in (("bot", lab.site.bot_settings), ("agent", agent_settings(lab, "bob"))):
        status, said = await run(who, "check", "--config", str(settings))
        assert (status, said.count("BAD")) == (0, 0), said

    assert (await answer(ann, f"run memtest size=2M on {bob}")).body.startswith("job 1")
    assert facts(await result(ann, 1))["verdict"] == "pass"
    await answer(ann, f"reboot {bob}")
    back = await ann.heard("is back after", nick="labbot", within=WITHIN)
    assert facts(back)["back"] is True


async def test_an_agent_that_comes_before_the_bot_does_not_keep_the_room(
    shipped: Shipped, join: Join, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        lab = Lab(tmp_path / "lab", shipped, secrets.token_hex(3), stack)
        await lab.start("bob")
        await _says(lab.folder / lab.name("bob") / "agent.log", "room")
        await lab.start_bot()
        # Until then the agent makes the room and leaves it: who comes just then keeps it.
        await _says(lab.site.bot_log, "room.entered")
        ann = await join("ann", account=lab.name("ann"), enter=False, on=shipped)
        await enter(lab, ann, "ann")
        await idle(ann, lab.name("bob"))


async def _says(log: Path, what: str) -> None:
    """Wait until *what* stands in *log*."""
    async with asyncio.timeout(WITHIN):
        while what not in log.read_text():  # noqa: ASYNC110, ASYNC240  (a file)
            await asyncio.sleep(0.05)


async def test_a_new_room_is_closed_before_anybody_has_set_it_up(
    shipped: Shipped, join: Join
) -> None:
    room = f"{unique('lab')}@{shipped.rooms}"
    ann = await join("ann", room=room, on=shipped)
    await ann.accept_defaults()
    with pytest.raises(JoinRefusedError, match="registration-required"):
        await join("ben", room=room, on=shipped)
    info = await ann.xmpp.plugin["xep_0030"].get_info(jid=JID(room), timeout=15)
    assert {"muc_membersonly", "muc_nonanonymous", "muc_hidden"} <= set(
        info["disco_info"]["features"]
    )


def test_nothing_is_offered_before_tls(shipped: Shipped) -> None:
    with Stream(shipped) as stream:
        assert "<required" in stream.features
        assert "<mechanism>" not in stream.features
        assert "SCRAM" in stream.secure()
    with Stream(shipped, direct_tls=shipped.direct_tls_port) as stream:
        assert "SCRAM" in stream.features
        assert "PLAIN" in stream.features


def test_a_rack_registers_at_once(shipped: Shipped) -> None:
    for number in range(20):
        with Stream(shipped) as stream:
            stream.secure()
            answered = stream.register(unique(f"rack-{number}"))
            assert "type='result'" in answered.replace('"', "'"), answered


def test_who_is_not_in_the_lab_gets_no_account(shipped: Shipped) -> None:
    with Stream(shipped, source="127.0.0.2") as stream:
        stream.secure()
        answered = stream.register(unique("stranger"))
    assert "forbidden" in answered or "not-allowed" in answered, answered


async def test_an_upload_comes_down_again(shipped: Shipped, join: Join) -> None:
    ann = await join("ann", enter=False, on=shipped)
    journal = secrets.token_bytes(300_000)
    request = ann.xmpp.make_iq_get(ito=f"upload.{shipped.domain}")
    wanted = {"filename": "job-17.log", "size": str(len(journal)), "content-type": "text/plain"}
    request.append(ET.Element(f"{{{UPLOAD}}}request", wanted))
    slot = (await request.send(timeout=15)).xml.find(f"{{{UPLOAD}}}slot")
    assert slot is not None
    put, get = (slot.find(f"{{{UPLOAD}}}{verb}") for verb in ("put", "get"))
    assert put is not None
    assert get is not None
    headers = {header.get("name", ""): header.text or "" for header in put}
    headers["Content-Type"] = "text/plain"
    stored = await asyncio.to_thread(fetch, shipped, "PUT", put.get("url", ""), journal, headers)
    assert stored[0] == http.HTTPStatus.CREATED
    assert await asyncio.to_thread(fetch, shipped, "GET", get.get("url", "")) == (200, journal)


def test_a_browser_gets_in_and_finds_a_page(shipped: Shipped) -> None:
    assert "SCRAM-SHA-1" in websocket_features(shipped)
    (shipped.pages / "room.html").write_text("<p>hello")
    address = f"https://{shipped.domain}:{shipped.web_port}/room.html"
    assert fetch(shipped, "GET", address) == (200, b"<p>hello")


async def test_what_the_bot_missed_waits_for_it(shipped: Shipped, join: Join) -> None:
    """A lab's targets go on talking while the bot is down; ejabberd's default keeps 100 words."""
    away = unique("labbot")
    shipped.add_account(away, away)
    ann = await join("ann", enter=False, on=shipped)
    for number in range(300):
        ann.tell(f"{away}@{shipped.domain}", f"chunk {number}")
    # The server has them once it answers what we asked afterwards.
    await ann.xmpp.plugin["xep_0030"].get_info(jid=JID(shipped.domain), timeout=15)
    bot = await join("labbot", account=away, enter=False, on=shipped)
    assert (await bot.heard("chunk 299")).delayed
    assert len([heard for heard in bot.messages.entries if heard.delayed]) == 300


def fetch(
    server: Shipped, method: str, url: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> tuple[int, bytes]:
    """Status and body; the address must be of this server."""
    host, _, path = url.removeprefix("https://").partition("/")
    assert host == f"{server.domain}:{server.web_port}"
    connection = http.client.HTTPConnection(host)
    connection.sock = web(server)
    try:
        connection.request(method, f"/{path}", body or None, headers or {})
        answered = connection.getresponse()
        return answered.status, answered.read()
    finally:
        connection.close()
