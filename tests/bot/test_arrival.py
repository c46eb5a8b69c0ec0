"""Chunks that follow each other become one, and nothing else changes."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from agent.wire.delivery import Chunk
from agent.wire.stanza import JournalId
from agent.wire.vocabulary import RunId
from bot.arrival import PIECE, Arrival, joined

RUNS = [RunId("k3x9q2ab", number) for number in (1, 2, 3)]
BOB, ALICE = "bob@lab.example/agent", "alice@lab.example/agent"


def chunk(
    offset: int, data: bytes, *, run: RunId = RUNS[0], full: str = BOB, journal: str = "p0q4c1xw"
) -> Arrival:
    return Arrival(full, JournalId(run, journal), run, chunk=Chunk(offset, data))


chunks = st.builds(
    chunk,
    st.integers(0, 12),
    st.binary(min_size=1, max_size=4),
    run=st.sampled_from(RUNS),
    full=st.sampled_from([BOB, ALICE]),
    journal=st.sampled_from(["p0q4c1xw", "zzzzzzzz"]),
)
words = st.builds(
    lambda run, full, accepted: (
        Arrival(full, JournalId(run, "p0q4c1xw"), run)
        if accepted
        else Arrival(full, None, run, refused="no")
    ),
    st.sampled_from(RUNS),
    st.sampled_from([BOB, ALICE]),
    st.booleans(),
)


def said(arrivals: list[Arrival], full: str, run: RunId) -> list[object]:
    """What was said of a run, in order: byte by byte, each with its place."""
    found: list[object] = []
    for arrival in arrivals:
        if (arrival.full, arrival.run) != (full, run):
            continue
        if arrival.chunk is None:
            found.append(arrival)
        else:
            start = arrival.chunk.offset
            found += [(arrival.of, start + at, byte) for at, byte in enumerate(arrival.chunk.data)]
    return found


@given(st.lists(st.one_of(chunks, words), max_size=20))
def test_each_run_hears_the_same_bytes_in_the_same_order(arrivals: list[Arrival]) -> None:
    for full in (BOB, ALICE):
        for run in RUNS:
            assert said(joined(arrivals), full, run) == said(arrivals, full, run)


@given(st.lists(st.sampled_from(RUNS), max_size=20))
def test_a_stream_is_one_however_many_there_are(turns: list[RunId]) -> None:
    arrivals = [chunk(2 * turns[:at].count(run), b"ab", run=run) for at, run in enumerate(turns)]
    assert len(joined(arrivals)) == len(set(turns))


def test_what_does_not_follow_stays_apart() -> None:
    for other in (
        chunk(3, b"cd"),  # a hole
        chunk(1, b"cd"),  # partly a repeat
        chunk(2, b"cd", journal="zzzzzzzz"),
        chunk(2, b"cd", full=BOB.replace("agent", "later")),
        Arrival(BOB, JournalId(RUNS[0], "p0q4c1xw"), RUNS[0], Chunk(2, b"cd"), "", timedelta(1)),
    ):
        assert joined([chunk(0, b"ab"), other]) == [chunk(0, b"ab"), other]


def test_a_word_between_two_chunks_stays_between_them() -> None:
    word = Arrival(BOB, JournalId(RUNS[0], "p0q4c1xw"), RUNS[0])
    assert joined([chunk(0, b"ab"), word, chunk(2, b"cd")]) == [
        chunk(0, b"ab"), word, chunk(2, b"cd"),
    ]  # fmt: skip


def test_one_piece_has_its_bounds() -> None:
    part = PIECE // 8
    sizes = [
        len(arrival.chunk.data)
        for arrival in joined([chunk(part * number, bytes(part)) for number in range(20)])
        if arrival.chunk
    ]
    assert sizes == [PIECE, PIECE, 4 * part]
