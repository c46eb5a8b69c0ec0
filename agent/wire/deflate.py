"""
Chunks made smaller (zlib streams, RFC 1950), and made whole again.

Rule: what comes from a target may be broken, or a bomb: never more is inflated than is needed
to see that it is too much.
"""

import zlib

LEVEL = 4
"""Of effort: text takes a tenth less than at 1, for half the time of 6."""

SAMPLE = 256
"""Bytes of beginning, middle and end that tell noise from text: to deflate noise costs most."""

GAIN = 0.95
"""What is deflated must be smaller than this part of it for a sample to count as text."""


class DamagedError(Exception):
    """This is no zlib stream, not all of one, or one of too much."""


def deflated(data: bytes) -> bytes | None:
    """*data* deflated; None if that does not make it smaller, or a sample of it says so."""
    middle = len(data) // 2
    sample = data[:SAMPLE] + data[middle : middle + SAMPLE] + data[-SAMPLE:]
    if len(sample) < len(data) and len(zlib.compress(sample, 1)) > GAIN * len(sample):
        return None
    smaller = zlib.compress(data, LEVEL)
    return smaller if len(smaller) < len(data) else None


def inflated(data: bytes, most: int) -> bytes:
    """*data* inflated; DamagedError if that is more than *most* bytes."""
    inflate = zlib.decompressobj()
    try:
        whole = inflate.decompress(data, most + 1)
    except zlib.error as error:
        raise DamagedError(str(error)) from error
    if not inflate.eof or inflate.unused_data:
        raise DamagedError("it inflates to too much, is cut, or goes on after its end")
    return whole
