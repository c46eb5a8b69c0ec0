"""The short version of the matrix: each fault once or twice. ``make faults`` is the long one."""

import asyncio
from contextlib import suppress

import pytest

from bot.demo import SERVERS
from tests.faults.diagnostic import bursts
from tests.faults.line import Line
from tests.faults.matrix import FAULTS, matrix, table
from tests.faults.stanzas import Splitter
from tests.faults.truth import Difference, compare

SEED = 7


@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", list(SERVERS))
async def test_nothing_is_lost_doubled_executed_twice_or_stuck(kind: str) -> None:
    rows = await matrix([], [kind], seed=SEED, quick=True, at_once=3)
    told = [complaint for row in rows for complaint in row.complaints()]
    assert not told, "\n".join([table(rows), *told])
    assert len(rows) == sum(fault.quick > 0 for fault in FAULTS)


def test_what_was_printed_and_captured_is_compared() -> None:
    printed = b"".join(bursts(1, 5000))
    first = printed[: printed.index(b"\n") + 1]
    assert compare(printed, printed, len(printed)) == Difference()
    assert compare(printed, printed[:999], 500) == Difference()  # it was killed, and nobody knows
    assert compare(printed, printed[:-9], len(printed)).lost > 9
    assert compare(printed, printed[len(first) :], len(printed)).lost == len(first)
    assert compare(printed, first + printed, len(printed)).doubled == len(first)
    assert compare(printed, printed[:-1] + b"!", len(printed) - 9).wrong


def test_a_stream_is_split_into_stanzas_wherever_it_is_cut() -> None:
    parts = [
        b"<?xml version='1.0'?>",
        b"<stream:stream to='a' xmlns:stream='b'>",
        b"<stream:features><a/><b>x</b></stream:features>",
        b"<message to='a>b'><body>1 &lt; 2</body></message>",
        b"<presence/>",
        b"</stream:stream>",
    ]
    stream = b"".join(parts)
    for cut in range(len(stream)):
        splitter = Splitter()
        assert splitter.feed(stream[:cut]) + splitter.feed(stream[cut:]) == parts


async def test_a_line_that_is_dark_swallows_and_one_that_is_held_keeps() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server, Line(server.sockets[0].getsockname()[1]) as line:
        reader, writer = await asyncio.open_connection(line.host, line.port)
        writer.write(b"passes")
        assert await reader.read(100) == b"passes"
        line.hold()
        writer.write(b"kept")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(100), 0.1)
        line.release()
        assert await reader.read(100) == b"kept"
        line.darken()
        line.lighten()
        writer.write(b"swallowed")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(100), 0.1)
        line.cut()
        with pytest.raises(ConnectionError):
            await reader.read(100)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
