"""Logs out of a real store: page by page, in bounded memory, while others want it, too."""

import asyncio
import contextlib
import random
import tracemalloc
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import delete

from agent.wire.delivery import Chunk
from agent.wire.errors import Busy, Refusal
from agent.wire.journal import PAYLOAD, Reader, encode
from bot.artifacts import Artifact, Listing
from bot.jobs import Run
from bot.logs import AT_ONCE, WAITING, Logs
from bot.scan import Span, having
from bot.store import growth, journals, schema
from bot.store.writer import Writer

BOB = "bob@lab.example"
MIB = 1 << 20


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Writer]:
    store = Writer(f"sqlite:///{tmp_path}/labroom.db")
    await store.do(growth.prepare)
    yield store
    await store.close()


async def keep(store: Writer, pieces: Iterator[bytes], number: int = 1) -> Run:
    """A run whose journal is *pieces*, wherever they are cut."""
    offset = 0
    for data in pieces:
        chunk = Chunk(offset, data)
        await store.do(partial(journals.append, number=number, jid=BOB, chunk=chunk, parsed=0))
        offset += len(data)
    return Run(job=number, target="bob", jid=BOB, size=offset)


def cut(journal: bytes, size: int) -> Iterator[bytes]:
    return (journal[start : start + size] for start in range(0, len(journal), size))


def out(data: bytes) -> bytes:
    return encode("out", 1.0, data)


def file(name: str, data: bytes, *, step: int = 0, size: int | None = None) -> bytes:
    whole = len(data) if size is None else size
    starts = range(0, len(data) or 1, PAYLOAD)
    return b"".join(
        encode("file", 1.0, data[at : at + PAYLOAD], step=step, name=name, offset=at, size=whole)
        for at in starts
    )


async def joined(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


@pytest.mark.parametrize("size", [7, 100_000, 1_000_000])
async def test_a_log_is_read_over_the_borders_of_its_pages(store: Writer, size: int) -> None:
    rows = [f"line {n} {'x' * (n % 90)}" for n in range(1, 30_001 if size > 7 else 61)]
    text = "\n".join(rows).encode()
    journal = b"".join(out(text[at : at + 5000]) for at in range(0, len(text), 5000))
    run, logs = await keep(store, cut(journal, size)), Logs(store)
    span = Span(50, 55)
    await logs.scan(run, span)
    assert span.lines == rows[49:55]
    last = Span(len(rows), len(rows) + 9)
    await logs.scan(run, last)
    assert last.lines == rows[-1:]
    assert last.seen == len(rows)
    assert await joined(logs.text(run)) == text


async def test_a_scan_that_has_enough_reads_no_further(store: Writer) -> None:
    bad = b"this is no journal at all\n"
    good = b"".join(out(b"one\ntwo\n" * 7000) for _ in range(20))
    run, span = await keep(store, iter([good, bad])), Span(1, 2)
    await Logs(store).scan(run, span)
    assert span.lines == ["one", "two"]


async def test_output_that_is_dropped_while_it_is_read_is_no_fault_of_ours(store: Writer) -> None:
    page = b"".join(out(b"x" * 50_000) for _ in range(8))
    run, logs = await keep(store, iter([page] * 20)), Logs(store)
    read = logs.text(run)
    await anext(read)
    early = schema.piece.c.offset < 5 * len(page)
    await store.do(lambda db: db.execute(delete(schema.piece).where(early)))
    with pytest.raises(Refusal, match="1@bob cannot be read any further"):
        await joined(read)
    with pytest.raises(Refusal):
        await joined(logs.text(run))


async def test_what_the_agent_left_out_is_said_where_it_is_missing(store: Writer) -> None:
    journal = out(b"begin") + encode("cut", 1.0, step=0, size=5 * MIB) + out(b"end\n")
    run = await keep(store, iter([journal]))
    told = b"begin\n[here 5 MiB were not kept by the agent]\nend\n"
    assert await joined(Logs(store).text(run)) == told


async def test_the_whole_log_is_nothing_that_a_terminal_obeys(store: Writer) -> None:
    run = await keep(
        store, iter([out(b"\x1b[31mred\x1b[0m 1%\r\x07red 2%\n" + "\u009b2J".encode())])
    )
    assert await joined(Logs(store).text(run)) == b"red 2%\n"


# Files


async def test_files_are_listed_and_come_out_as_they_went_in(store: Writer) -> None:
    noise = random.Random(1).randbytes(200_000)
    journal = (
        out(b"hello\n") + file("core.bin", noise) + file("a.txt", b"") + encode("end", 2.0, step=0)
        + out(b"more\n") + file("a.txt", b"second", step=1) + file("big", b"x" * 10, size=MIB)
    )  # fmt: skip
    run, logs = await keep(store, cut(journal, 3000)), Logs(store)
    files = await logs.files(run)
    assert [(each.name, each.size, each.kept) for each in files] == [
        ("core.bin", 200_000, 200_000), ("a.txt", 0, 0), ("2-a.txt", 6, 6), ("big", MIB, 10),
    ]  # fmt: skip
    assert [await joined(logs.file(run, each)) for each in files] == [
        noise, b"", b"second", b"x" * 10
    ]  # fmt: skip
    assert await joined(logs.text(run)) == b"hello\nmore\n"  # files are no output


def listed(*records: bytes) -> Sequence[Artifact]:
    listing = Listing()
    listing.feed(Reader().feed(b"".join(records)))
    return listing.files


def test_a_hostile_name_is_a_harmless_one() -> None:
    names = ["../../etc/passwd", "a\u202egnp.html", "", ".bashrc", "x" * 300, "a b", "a/b", "a_b"]
    files = listed(*(file(name, b"x") for name in names))
    assert [each.name for each in files] == [
        "etc_passwd", "a_gnp.html", "file", "bashrc", "x" * 80, "a_b", "2-a_b", "3-a_b",
    ]  # fmt: skip
    assert [each.called for each in files][:3] == names[:3]


@pytest.mark.parametrize("size", ["NaN", "Infinity", "-5", '"x"', "1e400", "true"])
def test_a_hostile_size_is_none(size: str) -> None:
    record = file("a.txt", b"abc").replace(b'"size":3', f'"size":{size}'.encode())
    [found] = listed(record)
    assert (found.size, found.kept) == (3, 3)


@pytest.mark.parametrize(
    ("name", "kind", "filename"),
    [("a.txt", "text/plain; charset=utf-8", "a.txt"),
     ("core", "application/octet-stream", "core.bin"),
     ("x.html", "application/octet-stream", "x.html.bin"),
     ("x.svg", "application/octet-stream", "x.svg.bin"),
     ("x.xml", "text/plain; charset=utf-8", "x.xml.bin"),
     ("x.xhtml.js", "application/octet-stream", "x.xhtml.js.bin")],
)  # fmt: skip
def test_nothing_is_a_page_for_a_browser(name: str, kind: str, filename: str) -> None:
    [found] = listed(file(name, b"<script>"))
    assert (found.kind, found.filename) == (kind, filename)


# Memory, and others


async def test_a_large_log_costs_no_memory(store: Writer) -> None:
    row = b"%07d the quick brown fox jumps over the lazy dog ok\n"
    at_once = PAYLOAD // len(row % 1)
    count = at_once * (16 * MIB // PAYLOAD)
    pieces = (
        out(b"".join(row % n for n in range(first, first + at_once)))
        for first in range(1, count + 1, at_once)
    )
    run, logs = await keep(store, pieces), Logs(store)
    search, span, files = having("0012345 ", 5), Span(count - 1, count), 0
    tracemalloc.start()
    try:
        await logs.scan(run, search)
        await logs.scan(run, span)
        size = 0
        async for piece in logs.text(run):
            size += len(piece)
        files = len(await logs.files(run))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert search.hits == [12345]
    assert span.lines[-1].startswith(f"{count:07}")
    assert size == count * len(row % 1)
    assert files == 0
    assert peak < 10 * MIB


async def test_others_have_the_store_while_a_log_is_read(store: Writer) -> None:
    page = b"".join(out(b"x" * 50_000) for _ in range(8))
    run, logs = await keep(store, iter([page] * 20)), Logs(store)
    reading = asyncio.ensure_future(logs.scan(run, having("y", 1)))
    turns = 0
    while not reading.done():
        await store.do(lambda _: None)
        turns += 1
    await reading
    assert turns > 5  # it was asked for one page at a time


async def test_who_stops_reading_leaves_the_turn_to_others(store: Writer) -> None:
    page = b"".join(out(b"x" * 50_000) for _ in range(12))
    run, logs = await keep(store, iter([page] * 3)), Logs(store)
    for _ in range(AT_ONCE + 1):
        async with contextlib.aclosing(logs.text(run)) as pieces:
            await anext(pieces)
    search = having("y", 1)
    await logs.scan(run, search)
    assert search.count == 0


async def test_too_many_readers_are_told_so_and_those_before_them_are_served(store: Writer) -> None:
    run, logs = await keep(store, iter([out(b"hello\n")])), Logs(store)
    spans = [Span(1, 1) for _ in range(AT_ONCE + WAITING + 3)]
    told = await asyncio.gather(*(logs.scan(run, span) for span in spans), return_exceptions=True)
    assert [type(each) for each in told if each is not None] == [Busy] * 3
    assert [span.lines for span in spans].count(["hello"]) == AT_ONCE + WAITING
    late = Span(1, 1)
    await logs.scan(replace(run), late)
    assert late.lines == ["hello"]
