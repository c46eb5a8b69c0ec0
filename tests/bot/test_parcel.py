"""Files as a server with a limit takes them: nothing is left out without a word."""

import gzip
import random
from collections.abc import Iterator
from contextlib import contextmanager

from bot.xmpp.parcel import Parcel, packed, spool

NOISE = random.Random(5).randbytes(200_000)
ROWS = "".join(f"line {n}\n" for n in range(20_000)).encode()


@contextmanager
def pack(data: bytes, most: int | None, kind: str = "text/plain") -> Iterator[tuple[Parcel, bytes]]:
    """The parcel, and what is sent."""
    with spool() as file:
        file.write(data)
        parcel = packed(file, "a.txt", kind, most)
        sent = parcel.stream.read()
        assert len(sent) == parcel.size
        yield parcel, sent
        parcel.stream.close()


def test_what_fits_is_sent_as_it_is() -> None:
    for most in (None, len(ROWS), 10**9):
        with pack(ROWS, most) as (parcel, sent):
            assert sent == ROWS
            assert (parcel.name, parcel.note) == ("a.txt", "")


def test_what_is_too_large_is_compressed() -> None:
    with pack(ROWS, len(ROWS) - 1) as (parcel, sent):
        assert gzip.decompress(sent) == ROWS
        assert (parcel.name, parcel.kind) == ("a.txt.gz", "application/gzip")
        assert parcel.note == "compressed from 204 KiB, as the server takes 204 KiB at most"


def test_of_what_is_still_too_large_beginning_and_end_are_sent() -> None:
    with pack(NOISE, 50_000) as (parcel, sent):
        assert 49_900 < len(sent) <= 50_000
        beginning, _, rest = sent.partition(b"\n\n[147 KiB are missing here]\n\n")
        assert NOISE.startswith(beginning)
        assert NOISE.endswith(rest)
        assert min(len(beginning), len(rest)) > 24_000
        assert parcel.name == "a.txt"
        assert parcel.note == (
            "only its first 24.4 KiB and its last 24.4 KiB of 195 KiB, "
            "as the server takes 48.8 KiB at most"
        )


def test_of_what_is_no_text_only_the_beginning_is_sent() -> None:
    with pack(NOISE, 50_000, "application/octet-stream") as (parcel, sent):
        assert NOISE.startswith(sent)
        assert 49_900 < len(sent) <= 50_000
        assert parcel.note.startswith("only its first 48.8 KiB of 195 KiB")
