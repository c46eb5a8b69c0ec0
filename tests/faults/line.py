"""A proxy between one process and its server: bytes pass, until the line is cut or goes dark."""

import asyncio
import contextlib
import struct
from dataclasses import dataclass
from socket import SO_LINGER, SOL_SOCKET
from typing import Self

from bot.demo.ports import claim_port

BLOCK = 65536


@dataclass(eq=False, slots=True)
class Pair:
    """One connection: a process's half and the server's."""

    near: asyncio.StreamWriter
    far: asyncio.StreamWriter
    dark: bool = False
    """Whether what is said on it reaches nobody any more, not even that it was closed."""


class Line:
    """
    Listens in place of the server at *port*. STARTTLS passes through untouched.

    Args:
        host: Where to listen.
    """

    def __init__(self, port: int, *, host: str = "127.0.0.1") -> None:
        self._server_port = port
        self.host, self.port = host, claim_port()
        self._pairs: set[Pair] = set()
        self._dark = False
        self._flows = asyncio.Event()
        self._flows.set()
        self._listener: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._listener = await asyncio.start_server(self._come, self.host, self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._listener is not None:
            self._listener.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.cut()
        await asyncio.sleep(0.01)  # transports close in the loop's next turn

    def cut(self) -> None:
        """Every connection is reset, on both ends."""
        for pair in list(self._pairs):
            self._pairs.discard(pair)
            _reset(pair.near)
            _reset(pair.far)

    def darken(self) -> None:
        """
        What is sent from now on is swallowed, and nobody is told; new connections, too.

        After :meth:`lighten` new ones work. Those there were stay dark: bytes are missing.
        """
        self._dark = True
        for pair in self._pairs:
            pair.dark = True

    def lighten(self) -> None:
        """New connections work."""
        self._dark = False

    def hold(self) -> None:
        """What is sent is kept back, as TCP does while packets are lost."""
        self._flows.clear()

    def release(self) -> None:
        """What was kept back arrives now."""
        self._flows.set()

    async def _come(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._serve(reader, writer)
        except (OSError, EOFError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            self._tasks.discard(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far = await asyncio.open_connection("127.0.0.1", self._server_port)
        except OSError:  # the server is down
            writer.transport.abort()
            return
        pair = Pair(writer, far, self._dark)
        self._pairs.add(pair)
        try:
            await self._relay(pair, reader, far_reader)
        finally:
            if not pair.dark:
                self._pairs.discard(pair)
                writer.transport.abort()
                far.transport.abort()

    async def _relay(
        self, pair: Pair, near: asyncio.StreamReader, far: asyncio.StreamReader
    ) -> None:
        """Both directions, until either ends."""
        pumps = [
            asyncio.create_task(self._pump(pair, near, pair.far)),
            asyncio.create_task(self._pump(pair, far, pair.near)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.sleep(0.05)  # what the other half still has to say
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _pump(
        self, pair: Pair, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(BLOCK):
                await self._flows.wait()
                if not pair.dark:
                    self._pass(data, writer)
                    await writer.drain()
        await self._flows.wait()

    def _pass(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(data)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST instead of FIN (socket(7), SO_LINGER)."""
    socket = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):  # it is closed already
        socket.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
