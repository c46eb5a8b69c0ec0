"""``--xml`` shows the stream, and nothing that proves who we are."""

import asyncio
import base64
import contextlib
import logging
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from agent.wire import debugger
from agent.wire.account import Account
from agent.wire.link import Link
from bot.demo import SERVERS, Server

PASSWORD = "correct horse & battery"
ENCODED = base64.b64encode(PASSWORD.encode()).decode()
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with SERVERS["prosody"](tmp_path_factory.mktemp("prosody")) as running:
        yield running


@pytest.fixture
def stream() -> Iterator[logging.Logger]:
    """slixmpp's stream logger; as it was afterwards."""
    logger = logging.getLogger("slixmpp.xmlstream.xmlstream")
    before = logger.level, logger.propagate, logger.handlers[:]
    yield logger
    level, logger.propagate, logger.handlers[:] = before
    logger.setLevel(level)


class Raw(logging.Handler):
    """The stream as it was, secrets included."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())

    def payloads(self) -> set[str]:
        """What stands in SASL's elements and in passwords."""
        found = set()
        for message in self.messages:
            with contextlib.suppress(ET.ParseError):
                for element in ET.fromstring(message[6:]).iter():
                    if element.tag.startswith(f"{{{SASL}}}") or element.tag.endswith("}password"):
                        found.add((element.text or "").strip())
        return found - {"", "PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS"}


async def test_a_real_log_in_with_registration_shows_none_of_its_secrets(
    server: Server, stream: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = Raw()
    debugger.show_stream()
    stream.addHandler(raw)
    told = Account(
        jid=f"new@{server.domain}/agent", password=PASSWORD, host=server.host, port=server.port,
        ca=server.ca, register=True,
    )  # fmt: skip
    link, up = Link(told), asyncio.Event()

    async def session() -> None:
        up.set()
        await asyncio.Event().wait()

    task = asyncio.ensure_future(link.run(session))
    async with asyncio.timeout(30):
        await up.wait()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    shown = capsys.readouterr().err
    payloads = raw.payloads()
    assert PASSWORD in payloads  # it was registered with
    assert len(payloads) >= 6  # and: auth, challenge, response, twice; success
    for secret in payloads | {ENCODED}:
        assert secret not in shown
    for decoded in (base64.b64decode(p) for p in payloads if re.fullmatch(r"[\w+/]+=*", p)):
        assert decoded.decode() not in shown
    assert "<auth" in shown
    assert ">***</auth>" in shown
    assert ">***</challenge>" in shown
    assert ">***</response>" in shown
    assert "<password>***</password>" in shown
    assert "<username>new</username>" in shown
    assert "urn:ietf:params:xml:ns:xmpp-bind" in shown  # what is no secret is shown


def tags(xml: str) -> list[str]:
    return [element.tag for element in ET.fromstring(f"<x>{xml}</x>").iter()]


@pytest.mark.parametrize("program", ["bot", "agent"])
def test_the_programs_show_the_stream_and_none_of_its_secrets(
    server: Server, tmp_path: Path, program: str
) -> None:
    server.add_account(f"{program}-x", PASSWORD)
    path = tmp_path / f"{program}.toml"
    path.write_text(
        f'jid = "{program}-x@{server.domain}"\nroom = "lab@{server.rooms}"\n'
        + (f'controllers = ["bot@{server.domain}"]\n' if program == "agent" else "")
        + f'[server]\nhost = "{server.host}"\nport = {server.port}\nca = "{server.ca}"\n'
        + f'[credentials]\npassword = "{PASSWORD}"\n'
    )
    done = subprocess.run(
        [sys.executable, "-m", program, "check", "--config", str(path), "--xml"],
        capture_output=True,
        text=True,
    )
    assert "logged in as" in done.stdout
    assert ">> <auth" in done.stderr
    hidden = re.findall(
        r"<(auth|challenge|response|success|password)\b[^>]*(?<!/)>([^<]*)<", done.stderr
    )
    assert {text for _, text in hidden} == {"***"}
    assert {name for name, _ in hidden} >= {"auth", "challenge", "response"}
    for secret in (PASSWORD, "correct horse", ENCODED, base64.b64encode(b"n,,n=").decode()[:6]):
        assert secret not in done.stderr + done.stdout


@pytest.mark.parametrize(
    "xml",
    [
        f"<auth xmlns='{SASL}' mechanism='PLAIN'>SECRET</auth>",
        f"<auth xmlns='{SASL}' mechanism='PLAIN'>\nSEC\nSECRET\n</auth>",
        f'<challenge xmlns="{SASL}">SECRET</challenge>',
        f'<response xmlns="{SASL}">SECRET</response>',
        f'<success xmlns="{SASL}">SECRET</success>',
        f"<sasl:auth xmlns:sasl='{SASL}'>SECRET</sasl:auth>",
        "<authenticate xmlns='urn:xmpp:sasl:2'><initial-response>SECRET</initial-response>"
        "</authenticate>",
        "<iq><query xmlns='jabber:iq:register'><username>bob</username><password>SECRET</password>"
        "</query></iq>",
        "<presence><x xmlns='http://jabber.org/protocol/muc'><password>SECRET</password></x></presence>",
        f"<success xmlns='{SASL}'/><iq><password>SECRET</password></iq>",
        "<a><password>SECRET</password><b/><password>SECRET</password></a>",
        "<a><password/><username>bob</username><password>SECRET</password></a>",
    ],
)
def test_a_secret_is_hidden(xml: str) -> None:
    shown = debugger.redacted(xml)
    assert "SECRET" not in shown
    assert "***" in shown
    assert tags(shown) == tags(xml)  # and nothing else is


@pytest.mark.parametrize(
    "xml",
    [
        f"<success xmlns='{SASL}'/>",
        f"<auth xmlns='{SASL}' mechanism='EXTERNAL'/><message><body>hello</body></message>",
        "<message><body>the password is &lt;password&gt;</body></message>",
        "<authority>x</authority>",
        f"<failure xmlns='{SASL}'><not-authorized/></failure>",
        "<chunk xmlns='urn:labroom:1'>eJyr</chunk>",
    ],
)
def test_what_is_no_secret_is_shown(xml: str) -> None:
    assert debugger.redacted(xml) == xml


def test_only_the_stream_is_shown(
    stream: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    debugger.show_stream()
    for message in ("SEND: <a/>", "RECV: <b/>", "SEND:  ", "Event triggered: x", "NOT SENT: <c/>"):
        stream.debug(message)
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(" ")[2] for line in lines] == [">> <a/>", "<< <b/>"]
