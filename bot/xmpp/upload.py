"""
Files on the server, for what is too long to be said (XEP-0363).

Rule 1: a file is a help, never a condition: without a place for it the answer is said as it is;
and why, and what to do, if it was the file that was asked for.
Rule 2: what the server names is trusted as the server is: by the same certificates
(:mod:`bot.xmpp.put`).
Rule 3: a file costs no memory, whatever its size (:mod:`bot.xmpp.parcel`), and leaves nothing
behind, however it ends.
Rule 4: a server that is slow takes up two threads of ours, and no more.
"""

import asyncio
import contextlib
import ssl
import tempfile
from collections.abc import AsyncGenerator
from typing import IO

import structlog

from agent.wire.errors import Refusal
from agent.wire.link import Link, trust
from bot.reply import File, Reply
from bot.report.text import safe
from bot.turns import Turns
from bot.xmpp import put, slot
from bot.xmpp.parcel import packed, spool
from bot.xmpp.slot import TooLarge

log = structlog.get_logger()

SLOWEST = 64 * 1024
"""Bytes per second that packing and sending together may come down to."""


AT_ONCE, WAITING = 2, 8
"""Files that are sent at the same time, and most that wait for that."""


class Uploads:
    """Puts files where the server keeps them."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._service: str | None = None
        self._most: int | None = None  # bytes that it takes, if it says
        self._trust: ssl.SSLContext | None = None
        self._turns = Turns("the server to take files", at_once=AT_ONCE, waiting=WAITING)

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
        except Refusal as refusal:
            why = refusal
        except OSError as error:
            why = Refusal(
                f"I have no room to make it in {tempfile.gettempdir()} ({error.strerror or error})",
                hint="Whoever runs the bot can free some, or set TMPDIR.",
            )
        self._service = None  # where it is, and what it takes, may be otherwise by now
        log.warning("upload.failed", file=file.name, reason=why.what, cure=why.hint)
        return "", safe(str(why), 400)

    async def _put(self, file: File) -> tuple[str, str]:
        """Where *file* is, and what is to be known of it."""
        async with self._turns.taken():
            return await self._put_now(file)

    async def _put_now(self, file: File) -> tuple[str, str]:
        with spool() as whole:
            size = await _filled(whole, file)
            within = 3 * put.PATIENCE + size / SLOWEST
            try:
                async with asyncio.timeout(within):
                    return await self._sent_at_all(whole, file)
            except TimeoutError:
                raise Refusal(
                    f"the server did not take it within {within:.0f} s",
                    hint="Say it again in a while.",
                ) from None

    async def _sent_at_all(self, whole: IO[bytes], file: File) -> tuple[str, str]:
        """Whole or, once it is known to be too large, what of it is taken."""
        if self._service is None:
            self._service, self._most = await slot.find(self._link)
        try:
            return await self._sent(self._service, whole, file)
        except TooLarge as refusal:
            if refusal.most is None:
                raise
            self._most = refusal.most
        return await self._sent(self._service, whole, file)

    async def _sent(self, service: str, whole: IO[bytes], file: File) -> tuple[str, str]:
        parcel = await asyncio.to_thread(packed, whole, file.name, file.kind, self._most)
        try:
            place = await slot.ask(self._link, service, parcel)
            if self._trust is None:
                self._trust = await asyncio.to_thread(trust, self._link.account.ca)
            await put.send(place, parcel, self._trust)
            return place.get, parcel.note
        finally:
            if parcel.stream is not whole:
                parcel.stream.close()


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
