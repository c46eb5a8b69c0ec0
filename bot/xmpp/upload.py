"""
Files on the server, for what is too long to be said (XEP-0363).

Rule 1: a file is a help, never a condition: without a place for it the answer is said as it is;
and why, if it was the file that was asked for.
Rule 2: what the server names is trusted as the server is: the same certificates hold, nothing
but HTTPS is spoken, and a redirection is not followed.
Rule 3: a file costs no memory, whatever its size (:mod:`bot.xmpp.parcel`).
"""

import asyncio
import contextlib
import http.client
import ssl
from collections.abc import AsyncGenerator
from typing import IO
from urllib.parse import urlsplit

import structlog
from slixmpp import JID
from slixmpp.exceptions import IqError, IqTimeout
from slixmpp.stanza import Iq
from slixmpp.xmlstream import ElementBase, register_stanza_plugin

from agent.wire.errors import Refusal
from agent.wire.link import Link, trust
from bot.reply import File, Reply
from bot.report.text import safe
from bot.xmpp.parcel import BLOCK, Parcel, packed, spool

log = structlog.get_logger()

NS = "urn:xmpp:http:upload:0"
PATIENCE = 20.0
"""Seconds for each of: finding the service, its slot, and any bytes to go."""
SLOWEST = 64 * 1024
"""Bytes per second that reading, packing and sending together may come down to."""
HEADERS = ("authorization", "cookie", "expires")
"""What the service may have us send along (XEP-0363, section 5); others it may not."""


class RequestElement(ElementBase):
    """``<request filename='' size='' content-type=''/>``."""

    name, namespace, plugin_attrib = "request", NS, "lab_upload"
    interfaces = {"filename", "size", "content-type"}  # noqa: RUF012  (slixmpp's own)


register_stanza_plugin(Iq, RequestElement)


class NoPlaceError(Exception):
    """The server keeps no files, or not this one."""


class Uploads:
    """Puts files where the server keeps them."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._service: str | None = None
        self._most: int | None = None  # bytes that it takes, if it says
        self._trust: ssl.SSLContext | None = None

    async def linked(self, reply: Reply) -> Reply:
        """*reply* with where its file can be read; or, if that was asked for, why it cannot."""
        if reply.file is None:
            return reply
        url, note = await self._kept(reply.file)
        if url:
            return reply.with_link(url, note)
        return reply.without_link(note) if reply.file.wanted else reply

    async def shown(self, reply: Reply) -> tuple[Reply, Reply | None]:
        """*reply* and, if it has a picture that could be put somewhere, what shows that."""
        if reply.picture is None:
            return reply, None
        url, note = await self._kept(reply.picture)
        return reply.with_picture(url) if url else (reply.without_picture(note), None)

    async def _kept(self, file: File) -> tuple[str, str]:
        """Where *file* is, and what is to be known of it; or nowhere, and why."""
        try:
            return await self._put(file)
        except (NoPlaceError, IqError, IqTimeout, Refusal, OSError, TimeoutError) as error:
            reason = str(error) or type(error).__name__
        except http.client.HTTPException as error:
            reason = repr(error)
        self._service = None  # where it is, and what it takes, may be otherwise by now
        log.warning(
            "upload.failed", file=file.name, reason=reason,
            cure="look at the server's log, and at mod_http_upload or http_file_share there",
        )  # fmt: skip
        return "", safe(reason)

    async def _put(self, file: File) -> tuple[str, str]:
        """Where *file* is, and what is to be known of it."""
        with spool() as whole:
            size = await _filled(whole, file)
            async with asyncio.timeout(3 * PATIENCE + size / SLOWEST):
                if self._service is None:
                    self._service = await self._find()
                try:
                    return await self._sent(whole, file)
                except Refusal as refusal:
                    if (most := _too_large(refusal)) is None:
                        raise
                    self._most = most
                return await self._sent(whole, file)

    async def _sent(self, whole: IO[bytes], file: File) -> tuple[str, str]:
        parcel = await asyncio.to_thread(packed, whole, file.name, file.kind, self._most)
        try:
            slot = await self._slot(parcel)
            return await self._send(slot, parcel), parcel.note
        finally:
            if parcel.stream is not whole:
                parcel.stream.close()

    async def _slot(self, parcel: Parcel) -> Iq:
        assert self._service is not None  # noqa: S101  (found just before)
        iq = self._link.iq(self._service, "get")
        iq["lab_upload"]["filename"] = parcel.name
        iq["lab_upload"]["size"] = str(parcel.size)
        iq["lab_upload"]["content-type"] = parcel.kind
        return await self._link.ask(iq, timeout=PATIENCE)

    async def _find(self) -> str:
        """Which service of our server takes files, and how large (XEP-0363, section 4)."""
        disco = self._link.client.plugin["xep_0030"]
        domain = JID(self._link.jid.domain)
        items = await disco.get_items(jid=domain, timeout=PATIENCE)
        for jid in (domain, *(JID(item[0]) for item in items["disco_items"]["items"])):
            try:
                info = await disco.get_info(jid=jid, timeout=PATIENCE)
            except (IqError, IqTimeout):
                continue
            if NS in info["disco_info"]["features"]:
                field = "{jabber:x:data}field[@var='max-file-size']/{jabber:x:data}value"
                self._most = _number(info.xml.findtext(f".//{field}"))
                return str(jid)
        raise NoPlaceError("the server keeps no files (XEP-0363)")

    async def _send(self, slot: Iq, parcel: Parcel) -> str:
        put, get = (slot.xml.find(f"{{{NS}}}slot/{{{NS}}}{name}") for name in ("put", "get"))
        if put is None or get is None:
            raise NoPlaceError("the server's answer names no place")
        headers = {"Content-Type": parcel.kind, "Content-Length": str(parcel.size)}
        for header in put:
            if (header.get("name") or "").lower() in HEADERS and "\n" not in (header.text or ""):
                headers[header.get("name", "")] = header.text or ""
        if self._trust is None:
            self._trust = await asyncio.to_thread(trust, self._link.account.ca)
        url = put.get("url", "")
        await asyncio.to_thread(_put, url, parcel.stream, headers, self._trust)
        return get.get("url", "")


async def _pieces(file: File) -> AsyncGenerator[bytes, None]:
    if file.pieces is None:
        yield file.content
        return
    async with contextlib.aclosing(file.pieces()) as pieces:  # others wait for their turn to read
        async for piece in pieces:
            yield piece


async def _filled(whole: IO[bytes], file: File) -> int:
    """Write all of *file* into *whole*: how many bytes that is."""
    size = 0
    async with contextlib.aclosing(_pieces(file)) as pieces:
        async for piece in pieces:
            size += len(piece)
            await asyncio.to_thread(whole.write, piece)
    return size


def _too_large(refusal: Refusal) -> int | None:
    """How much the service takes, if that is why it refused (XEP-0363, section 5)."""
    cause = refusal.__cause__
    if not isinstance(cause, IqError):
        return None
    found: str | None = cause.iq.xml.findtext(f".//{{{NS}}}max-file-size")
    return _number(found)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None


def _put(url: str, content: IO[bytes], headers: dict[str, str], context: ssl.SSLContext) -> None:
    """Blocking. The standard library's: slixmpp's own upload knows no CA but the system's."""
    place = urlsplit(url)
    if place.scheme != "https" or place.hostname is None:
        raise NoPlaceError(f"{url[:100]} is no https address")
    path = f"{place.path}?{place.query}" if place.query else place.path
    connection = http.client.HTTPSConnection(
        place.hostname, place.port, timeout=PATIENCE, context=context, blocksize=BLOCK
    )
    try:
        connection.request("PUT", path, body=content, headers=headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status not in (200, 201, 204):
            raise NoPlaceError(f"{place.hostname} answers {answer.status} {answer.reason}")
    finally:
        connection.close()
