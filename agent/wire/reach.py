"""
Trying the way to a server: DNS, TCP, STARTTLS, certificate, what it offers. No account needed.

slixmpp does all this for a link, but tells only that it failed; here each part is tried by
itself, so that it can be said which one, and what to do.
"""

import asyncio
import socket
import ssl
import time
from dataclasses import dataclass
from typing import Any, cast
from xml.etree.ElementTree import Element, ParseError, XMLPullParser

from slixmpp.xmlstream.resolver import ResolverProtocol, default_resolver, get_SRV

from agent.wire.link import trust
from agent.wire.report import Report
from agent.wire.settings import Login

ANSWER = 5.0
"""Seconds for each part."""
SOON = 14 * 86400.0
"""Seconds before its end from which a certificate is worth a word."""

STREAMS = "{http://etherx.jabber.org/streams}"
TLS = "{urn:ietf:params:xml:ns:xmpp-tls}"
SASL = "{urn:ietf:params:xml:ns:xmpp-sasl}"
REGISTER = "{http://jabber.org/features/iq-register}register"
START_TLS = b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"


@dataclass(frozen=True, slots=True)
class Where:
    """One place where the server may be."""

    host: str
    port: int
    direct: bool = False
    """TLS from the first byte (XEP-0368)."""

    def __str__(self) -> str:
        return f"{self.host}, port {self.port}"


@dataclass(frozen=True, slots=True)
class Offer:
    """What the server offers to whom it does not know yet."""

    mechanisms: tuple[str, ...]
    registers: bool
    """Whether it makes accounts in band (XEP-0077)."""


class StreamError(Exception):
    """The server speaks, but not as it should; the message says how."""


async def reach(
    login: Login, report: Report, *, resolver: ResolverProtocol | None = None
) -> Offer | None:
    """What the server offers; None, and the reason in *report*, if there is no way to it."""
    domain = login.jid.partition("@")[2]
    failures = []
    for where in await _places(login, domain, report, resolver):
        try:
            reader, writer = await _connect(where)
        except (OSError, TimeoutError) as error:
            failures.append(f"{where} ({_why(error)})")
            continue
        for failure in failures:
            report.warn(f"no answer at {failure}", "correct the DNS record, or start that server")
        report.ok(f"there is a server at {where}")
        try:
            return await _secure(reader, writer, where, login, report)
        finally:
            writer.transport.abort()  # nothing was promised; ejabberd never answers a goodbye
    for failure in failures:
        report.bad(
            f"nothing answers at {failure}",
            "is the server running, are server.host and server.port right, is there a firewall?",
        )
    return None


# Where it is


async def _places(
    login: Login, domain: str, report: Report, resolver: ResolverProtocol | None
) -> list[Where]:
    if login.server.host is not None:
        report.ok("server.host is set, so DNS is not asked for the domain's server")
        return [Where(login.server.host, login.server.port)]
    loop = asyncio.get_running_loop()
    found = await get_SRV(
        domain, 5222, ["xmpps-client", "xmpp-client"], resolver=resolver or default_resolver(loop)
    )
    places = [Where(host, port, service == "xmpps-client") for service, host, port in found]
    if places:
        report.ok(f"DNS says where {domain} is: {'; '.join(map(str, places))}")
        return places
    cure = f"add _xmpp-client._tcp.{domain} to DNS, or set server.host"
    try:
        await loop.getaddrinfo(domain, 5222, type=socket.SOCK_STREAM)
    except OSError:
        report.bad(f"DNS knows no server of {domain}, and no such machine", cure)
        return []
    report.warn(f"DNS has no SRV record of {domain}: its own address is tried", cure)
    return [Where(domain, 5222)]


async def _connect(where: Where) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    async with asyncio.timeout(ANSWER):
        return await asyncio.open_connection(where.host, where.port)


def _why(error: OSError | TimeoutError) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {ANSWER:g} s"
    return error.strerror or str(error)


# TLS


async def _secure(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    where: Where,
    login: Login,
    report: Report,
) -> Offer | None:
    domain, context = login.jid.partition("@")[2], trust(login.server.ca)
    try:
        async with asyncio.timeout(ANSWER):
            if not where.direct:
                await _start_tls(reader, writer, domain)
            await writer.start_tls(context, server_hostname=domain)
            _tell_certificate(writer, domain, report)
            return _offer(await _features(reader, writer, domain))
    except ssl.SSLCertVerificationError as error:
        report.bad(f"its certificate is not trusted: {error.verify_message}", _cure(error, login))
    except TimeoutError:
        report.bad(
            f"it does not answer within {ANSWER:g} s",
            "is it an XMPP server, and is it overloaded?",
        )
    except (StreamError, OSError, EOFError) as error:
        report.bad(f"it does not do TLS with us: {error}", "require TLS of clients on the server")
    return None


async def _start_tls(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, domain: str
) -> None:
    if (await _features(reader, writer, domain)).find(f"{TLS}starttls") is None:
        raise StreamError("it does not offer STARTTLS")
    writer.write(START_TLS)
    answer = b""
    while b">" not in answer:
        answer += await _read(reader)
    if b"<proceed" not in answer:
        raise StreamError("it refuses STARTTLS")


def _tell_certificate(writer: asyncio.StreamWriter, domain: str, report: Report) -> None:
    certificate = writer.get_extra_info("peercert")
    ends = certificate["notAfter"]
    left = ssl.cert_time_to_seconds(ends) - time.time()
    issuer = dict(pair for part in certificate["issuer"] for pair in part)
    by = issuer.get("commonName") or issuer.get("organizationName") or "somebody unnamed"
    version = writer.get_extra_info("ssl_object").version()
    report.ok(f"{version}; its certificate is valid for {domain}, by {by}, until {ends}")
    if left < SOON:
        report.warn(f"its certificate ends in {left / 86400:.0f} days", "renew it on the server")


def _cure(error: ssl.SSLCertVerificationError, login: Login) -> str:
    domain = login.jid.partition("@")[2]
    if "ostname" in error.verify_message:
        return f"give the server a certificate for {domain}, the domain of jid, not of server.host"
    if "expired" in error.verify_message:
        return "renew it on the server, if this machine's clock is right"
    if "not yet valid" in error.verify_message:
        return "this machine's clock may be wrong"
    if login.server.ca is not None:
        return f"{login.server.ca} is not the authority that signed it: name the one that did"
    return "if the lab has an authority of its own, name its certificate in server.ca"


# What it says


async def _features(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, domain: str
) -> Element:
    """Open a stream; its features (RFC 6120, section 4.3.2)."""
    writer.write(
        f"<?xml version='1.0'?><stream:stream to='{domain}' version='1.0' xmlns='jabber:client'"
        " xmlns:stream='http://etherx.jabber.org/streams'>".encode()
    )
    parser: XMLPullParser[Any] = XMLPullParser()
    while True:
        try:
            parser.feed(await _read(reader))
            events = cast(list[tuple[str, Element]], list(parser.read_events()))
        except ParseError as error:
            raise StreamError("it does not speak XMPP") from error
        for _, element in events:
            if element.tag == f"{STREAMS}features":
                return element
            if element.tag == f"{STREAMS}error":
                names = [str(child.tag).partition("}")[2] for child in element]
                raise StreamError(f"it refuses {domain} ({names[0] if names else 'no reason'})")


async def _read(reader: asyncio.StreamReader) -> bytes:
    data = await reader.read(4096)
    if not data:
        raise StreamError("it hangs up")
    return data


def _offer(features: Element) -> Offer:
    names = tuple(each.text or "" for each in features.iter(f"{SASL}mechanism"))
    return Offer(names, features.find(REGISTER) is not None)
