"""
Files on the server, for what is too long to be said (XEP-0363).

Rule 1: a file is a help, never a condition: without a place for it the answer is said as it is.
Rule 2: what the server names is trusted as the server is: the same certificates hold, nothing
but HTTPS is spoken, and a redirection is not followed.
"""

import asyncio
import http.client
import ssl
from urllib.parse import urlsplit

import structlog
from slixmpp import JID
from slixmpp.exceptions import IqError, IqTimeout
from slixmpp.stanza import Iq
from slixmpp.xmlstream import ElementBase, register_stanza_plugin

from agent.wire.errors import Refusal
from agent.wire.link import Link, trust
from bot.reply import File

log = structlog.get_logger()

NS = "urn:xmpp:http:upload:0"
PATIENCE = 20.0
"""Seconds for each of: finding the service, its slot, and the bytes to go."""
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
        self._trust: ssl.SSLContext | None = None

    async def put(self, file: File) -> str | None:
        """Where *file* can be read; None if it cannot be kept."""
        try:
            async with asyncio.timeout(3 * PATIENCE):
                slot = await self._slot(file)
                return await self._send(slot, file)
        except (NoPlaceError, IqError, IqTimeout, Refusal, OSError, TimeoutError) as error:
            reason = str(error) or type(error).__name__
        except http.client.HTTPException as error:
            reason = repr(error)
        log.warning("upload.failed", file=file.name, size=len(file.content), reason=reason)
        return None

    async def _slot(self, file: File) -> Iq:
        if self._service is None:
            self._service = await self._find()
        iq = self._link.iq(self._service, "get")
        iq["lab_upload"]["filename"] = file.name
        iq["lab_upload"]["size"] = str(len(file.content))
        iq["lab_upload"]["content-type"] = file.kind
        return await self._link.ask(iq, timeout=PATIENCE)

    async def _find(self) -> str:
        """Which service of our server takes files (XEP-0363, section 4)."""
        disco = self._link.client.plugin["xep_0030"]
        domain = JID(self._link.jid.domain)
        items = await disco.get_items(jid=domain, timeout=PATIENCE)
        for jid in (domain, *(JID(item[0]) for item in items["disco_items"]["items"])):
            try:
                info = await disco.get_info(jid=jid, timeout=PATIENCE)
            except (IqError, IqTimeout):
                continue
            if NS in info["disco_info"]["features"]:
                return str(jid)
        raise NoPlaceError("the server keeps no files (XEP-0363)")

    async def _send(self, slot: Iq, file: File) -> str:
        put, get = (slot.xml.find(f"{{{NS}}}slot/{{{NS}}}{name}") for name in ("put", "get"))
        if put is None or get is None:
            raise NoPlaceError("the server's answer names no place")
        headers = {"Content-Type": file.kind}
        for header in put:
            if (header.get("name") or "").lower() in HEADERS and "\n" not in (header.text or ""):
                headers[header.get("name", "")] = header.text or ""
        if self._trust is None:
            self._trust = await asyncio.to_thread(trust, self._link.account.ca)
        url = put.get("url", "")
        await asyncio.to_thread(_put, url, file.content, headers, self._trust)
        return get.get("url", "")


def _put(url: str, content: bytes, headers: dict[str, str], context: ssl.SSLContext) -> None:
    """Blocking. The standard library's: slixmpp's own upload knows no CA but the system's."""
    place = urlsplit(url)
    if place.scheme != "https" or place.hostname is None:
        raise NoPlaceError(f"{url[:100]} is no https address")
    path = f"{place.path}?{place.query}" if place.query else place.path
    connection = http.client.HTTPSConnection(
        place.hostname, place.port, timeout=PATIENCE, context=context
    )
    try:
        connection.request("PUT", path, body=content, headers=headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status not in (200, 201, 204):
            raise NoPlaceError(f"{place.hostname} answers {answer.status} {answer.reason}")
    finally:
        connection.close()
