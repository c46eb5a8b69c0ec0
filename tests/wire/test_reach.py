"""Where DNS says the server is: a real name server on loopback, with records of ours."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiodns
import pytest

from agent.wire.reach import reach
from agent.wire.report import Report
from agent.wire.settings import Credentials, Login, Server
from bot.demo.ports import claim_port

SRV, NAME_ERROR = 33, 3
Records = Mapping[str, tuple[str, int]]
"""Host and port by the name of the SRV record; the first is to be tried first."""


def name(text: str) -> bytes:
    parts = text.split(".")
    return b"".join(bytes([len(part)]) + part.encode() for part in parts) + b"\0"


class Names(asyncio.DatagramProtocol):
    """Answers questions for SRV records (RFC 1035, RFC 2782); knows nothing else."""

    def __init__(self, records: Records) -> None:
        self.records = records

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        end = data.index(b"\0", 12)
        asked, at = [], 12
        while at < end:
            asked.append(data[at + 1 : at + 1 + data[at]].decode())
            at += 1 + data[at]
        question = data[12 : end + 5]
        found = self.records.get(".".join(asked).lower())
        answer = b""
        if found is not None:
            priority = list(self.records.values()).index(found)
            record = struct.pack("!HHH", priority, 5, found[1]) + name(found[0])
            answer = b"\xc0\x0c" + struct.pack("!HHIH", SRV, 1, 60, len(record)) + record
        flags = 0x8180 | (0 if found else NAME_ERROR)
        header = data[:2] + struct.pack("!HHHHH", flags, 1, bool(found), 0, 0)
        self.transport.sendto(header + question + answer, addr)


@asynccontextmanager
async def names(**records: tuple[str, int]) -> AsyncIterator[aiodns.DNSResolver]:
    """A resolver of a DNS that has these, below lab.example."""
    below = {f"_{key.replace('_', '-')}._tcp.lab.example": at for key, at in records.items()}
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Names(below), local_addr=("127.0.0.1", 0)
    )
    port = transport.get_extra_info("sockname")[1]
    resolver = aiodns.DNSResolver(nameservers=["127.0.0.1"], udp_port=port, tries=1, timeout=2)
    try:
        yield resolver
    finally:
        await resolver.close()
        transport.close()


async def told(resolver: aiodns.DNSResolver, domain: str = "lab.example") -> list[str]:
    lines: list[str] = []
    login = Login(jid=f"bob@{domain}", server=Server(), credentials=Credentials())
    offer = await reach(login, Report(lines.append), resolver=resolver)
    assert offer is None
    return lines


@pytest.fixture
async def silent() -> AsyncIterator[int]:
    """The port of somebody who hangs up at once."""
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_dns_says_where_the_server_is(silent: int) -> None:
    async with names(xmpp_client=("127.0.0.1", silent)) as resolver:
        lines = await told(resolver)
    assert lines[0] == f"ok   DNS says where lab.example is: 127.0.0.1, port {silent}"
    assert lines[1] == f"ok   there is a server at 127.0.0.1, port {silent}"
    assert lines[2].startswith("BAD  it does not do TLS with us: it hangs up")


async def test_a_record_that_leads_nowhere_is_bad(silent: int) -> None:
    closed = claim_port()
    async with names(xmpp_client=("127.0.0.1", closed)) as resolver:
        lines = await told(resolver)
    assert lines[-1].startswith(f"BAD  nothing answers at 127.0.0.1, port {closed} (")


async def test_one_of_two_records_that_leads_nowhere_is_a_warning(silent: int) -> None:
    closed = claim_port()
    where = {"xmpps_client": ("127.0.0.1", closed), "xmpp_client": ("127.0.0.1", silent)}
    async with names(**where) as resolver:
        lines = await told(resolver)
    assert lines[1].startswith(f"warn no answer at 127.0.0.1, port {closed} (")
    assert lines[2] == f"ok   there is a server at 127.0.0.1, port {silent}"


async def test_a_domain_without_records_is_tried_itself() -> None:
    async with names() as resolver:
        lines = await told(resolver, "localhost")
    assert lines[0] == (
        "warn DNS has no SRV record of localhost: its own address is tried: "
        "add _xmpp-client._tcp.localhost to DNS, or set server.host"
    )


async def test_a_domain_that_is_nowhere() -> None:
    with pytest.raises(socket.gaierror):
        await asyncio.get_running_loop().getaddrinfo("lab.invalid", 5222)
    async with names() as resolver:
        lines = await told(resolver, "lab.invalid")
    assert lines == [
        "BAD  DNS knows no server of lab.invalid, and no such machine: "
        "add _xmpp-client._tcp.lab.invalid to DNS, or set server.host"
    ]
