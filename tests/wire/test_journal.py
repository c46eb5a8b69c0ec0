"""The journal: what is written is read, wherever it is cut, whoever wrote it."""

import contextlib
import itertools
import json
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.wire.journal import HEADER, PAYLOAD, JournalError, Reader, encode

_FIELDS = st.dictionaries(
    st.text(st.characters(codec="ascii", categories=["Ll"]), min_size=1, max_size=8).filter(
        lambda key: key not in {"kind", "at", "bytes", "crc", "payload"}
    ),
    st.one_of(st.text(max_size=40), st.integers(-(10**9), 10**9), st.none(), st.booleans()),
    max_size=4,
)
_RECORDS = st.lists(
    st.tuples(st.text(min_size=1, max_size=10), _FIELDS, st.none() | st.binary(max_size=300)),
    min_size=1,
    max_size=6,
)


@given(records=_RECORDS, cuts=st.lists(st.integers(0, 4000), max_size=8))
def test_what_is_written_is_read_in_whatever_pieces_it_comes(
    records: list[tuple[str, dict[str, Any], bytes | None]], cuts: list[int]
) -> None:
    data = b"".join(encode(kind, 1.5, payload, **fields) for kind, fields, payload in records)
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    reader = Reader()
    found = [
        record
        for start, end in itertools.pairwise(edges)
        for record in reader.feed(data[start:end])
    ]
    assert [(r.kind, r.fields, r.payload) for r in found] == [
        (kind, fields, payload or b"") for kind, fields, payload in records
    ]
    assert reader.parsed == found[-1].end == len(data)
    assert reader.pending == 0


@given(records=_RECORDS, cut=st.integers(0))
def test_records_before_a_cut_are_intact(
    records: list[tuple[str, dict[str, Any], bytes | None]], cut: int
) -> None:
    parts = [encode(kind, 1.5, payload, **fields) for kind, fields, payload in records]
    data = b"".join(parts)
    cut %= len(data) + 1
    reader = Reader()
    found = list(reader.feed(data[:cut]))
    whole, end = 0, 0
    while whole < len(parts) and end + len(parts[whole]) <= cut:
        end += len(parts[whole])
        whole += 1
    assert (len(found), reader.parsed, reader.pending) == (whole, end, cut - end)
    rest = Reader(reader.parsed)
    assert len(list(rest.feed(data[reader.parsed :]))) == len(parts) - whole
    assert rest.parsed == len(data)


@given(data=st.binary(max_size=500))
def test_noise_is_no_journal_and_breaks_nothing(data: bytes) -> None:
    good = encode("begin", 1.0)
    reader = Reader()
    found = []
    with contextlib.suppress(JournalError):
        for record in reader.feed(good + data):
            found.append(record)
    assert found[0].kind == "begin"
    assert reader.parsed == found[-1].end >= len(good)


@given(payload=st.binary(min_size=1, max_size=100), where=st.integers(0), bit=st.integers(0, 7))
def test_a_damaged_payload_is_noticed(payload: bytes, where: int, bit: int) -> None:
    record = bytearray(encode("out", 1.0, payload))
    start = record.index(b"\n") + 1
    record[start + where % len(payload)] ^= 1 << bit
    with pytest.raises(JournalError):
        list(Reader().feed(bytes(record)))


@pytest.mark.parametrize(
    "header",
    [
        "not json", "[]", "{}", '{"kind":1,"at":1}', '{"kind":"x","at":"1"}',
        '{"kind":"x","at":true}', '{"kind":"x","at":1,"bytes":-1}',
        '{"kind":"x","at":1,"bytes":"1"}', f'{{"kind":"x","at":1,"bytes":{PAYLOAD + 1}}}',
        "[" * 5000, '{"kind":"x\xe9","at":1}',
    ],
)  # fmt: skip
def test_a_wrong_header_is_refused(header: str) -> None:
    with pytest.raises(JournalError):
        list(Reader().feed(header.encode("latin-1") + b"\n" + b"x" * 10))


def test_a_header_without_an_end_is_refused() -> None:
    reader = Reader()
    assert list(reader.feed(b"x" * (HEADER - 1))) == []
    with pytest.raises(JournalError, match="too long"):
        list(reader.feed(b"x"))


def test_a_writer_keeps_the_limits_of_a_reader() -> None:
    encode("out", 1.0, bytes(PAYLOAD))
    with pytest.raises(ValueError, match="payload"):
        encode("out", 1.0, bytes(PAYLOAD + 1))
    with pytest.raises(ValueError, match="header"):
        encode("begin", 1.0, name="x" * HEADER)
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode("progress", 1.0, fraction=float("nan"))


def test_a_payload_is_there_byte_for_byte_and_readable() -> None:
    record = encode("out", 1763841000.5, b"hello world")
    header, payload, rest = record.split(b"\n")
    crc = zlib.crc32(b"hello world")
    assert json.loads(header) == {"kind": "out", "at": 1763841000.5, "bytes": 11, "crc": crc}
    assert (payload, rest) == (b"hello world", b"")


def test_fields_of_a_hostile_writer_are_bounded_and_typed() -> None:
    (record,) = Reader().feed(encode("end", 1.0, name="x" * 9000, seconds=True, count=3, what=[1]))
    assert record.text("name") == "x" * 500
    assert (record.text("count"), record.text("gone"), record.text("what")) == ("", "", "")
    assert (record.number("seconds"), record.number("count"), record.number("name")) == (
        None,
        3,
        None,
    )


@pytest.mark.parametrize("at", ["NaN", "Infinity", "-1", "1e300", "1" * 400, "true", '"1"'])
def test_a_time_that_cannot_be_is_damage(at: str) -> None:
    with pytest.raises(JournalError):
        list(Reader().feed(b'{"kind":"out","at":%s}\n' % at.encode()))
