"""
A file to the place that the server has named: HTTP PUT (XEP-0363, section 6).

Rule 1: nothing but HTTPS is spoken, a redirection is not followed, and of the answer nothing
but its status is read.
Rule 2: what goes wrong is a Refusal with what to do about it.
Rule 3: who waits no longer cuts the connection, so that the thread that sends ends, too.
"""

import asyncio
import contextlib
import http.client
import socket
import ssl
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from agent.wire.errors import Refusal
from bot.report.text import safe
from bot.xmpp.parcel import BLOCK, Parcel

PATIENCE = 20.0
"""Seconds for connecting, and for any bytes to go or come."""

LONGEST = 2000
"""Characters of an address."""

TAKEN = (http.client.OK, http.client.CREATED, http.client.NO_CONTENT)


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a file may be put, and where it is then."""

    put: str
    get: str
    headers: dict[str, str]
    """What the service may have us send along."""

    def __post_init__(self) -> None:
        """Refuse what is no address, or not one that is safe."""
        for url in (self.put, self.get):
            _place(url)


async def send(slot: Slot, parcel: Parcel, trust: ssl.SSLContext) -> None:
    """Put *parcel* there; a Refusal if that cannot be."""
    place = _place(slot.put)
    connection = http.client.HTTPSConnection(
        place.hostname or "", place.port, timeout=PATIENCE, context=trust, blocksize=BLOCK
    )
    try:
        status = await asyncio.to_thread(_put, connection, place, slot.headers, parcel)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _broken(place, error) from error
    finally:
        _cut(connection)
    if status not in TAKEN:
        raise _not_taken(place, status)


def _place(url: str) -> SplitResult:
    """The parts of *url*; a Refusal if it is no address that we use, or hand on."""
    hint = "Its admin must have it name https addresses."
    plain = url.isascii() and url.isprintable() and " " not in url and len(url) <= LONGEST
    with contextlib.suppress(ValueError):  # of a port or an address that is none
        place = urlsplit(url)
        if plain and place.scheme == "https" and place.hostname and place.port != 0:
            return place
    raise Refusal(f"the server names {safe(url, 60) or 'nothing'} as the place for it", hint=hint)


def _put(
    connection: http.client.HTTPSConnection,
    place: SplitResult,
    headers: dict[str, str],
    parcel: Parcel,
) -> int:
    """Blocking. The standard library's: slixmpp's own upload knows no CA but the system's."""
    path = f"{place.path or '/'}?{place.query}" if place.query else place.path or "/"
    own = {"Content-Type": parcel.kind, "Content-Length": str(parcel.size)}
    try:
        connection.request("PUT", path, body=parcel.stream, headers=headers | own)
        with connection.getresponse() as answer:
            return answer.status
    finally:
        connection.close()


def _cut(connection: http.client.HTTPSConnection) -> None:
    """Wake the thread that is at it, if one is."""
    if (sock := connection.sock) is not None:
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)


def _broken(place: SplitResult, error: Exception) -> Refusal:
    """Why *place* could not be reached, or broke off."""
    host = safe(place.hostname or "", 60)
    if isinstance(error, ssl.SSLCertVerificationError):
        return Refusal(
            f"I do not trust the certificate of {host} ({error.verify_message})",
            hint="Whoever runs the bot can name its authority: server.ca.",
        )
    if isinstance(error, TimeoutError):
        return Refusal(f"{host} said nothing for {PATIENCE:g} s", hint="Say it again in a while.")
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return Refusal(
        f"the connection to {host} failed ({safe(reason, 80)})",
        hint="Say it again in a minute; if it stays so, tell the server's admin.",
    )


def _not_taken(place: SplitResult, status: int) -> Refusal:
    """Why *place* did not take it: what the status means, in our words and not in its own."""
    meaning = http.client.responses.get(status, "")
    if status == http.client.REQUEST_ENTITY_TOO_LARGE:
        hint = "It takes less than it says: ask for a part of it, or tell the server's admin."
    elif status == http.client.INSUFFICIENT_STORAGE:
        hint = "Its disk is full: tell the server's admin."
    elif status >= http.client.INTERNAL_SERVER_ERROR:
        hint = "Say it again in a minute; if it stays so, tell the server's admin."
    else:
        hint = "Tell the server's admin."
    host = safe(place.hostname or "", 60)
    return Refusal(f"{host} answers {status} {meaning}".rstrip(), hint=hint)
