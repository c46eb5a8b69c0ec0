"""
What is kept of a step's output: its beginning and its end. No I/O, standard library only.

A diagnostic may print for days, and every byte that is kept goes to its controller and
stays there. What it says first and last is what people look for.
"""

TAIL = 128 * 1024
"""Most bytes of the end, which wait in memory until there is no more."""


class Kept:
    """
    Decides what to write down of the output as it comes.

    Args:
        most: Bytes that may be written down in all.
    """

    def __init__(self, most: int) -> None:
        self._tail_most = min(TAIL, most // 2)
        self._room = most - self._tail_most  # of the beginning
        self._tail = bytearray()
        self.cut = 0
        """Bytes between beginning and end that are not kept."""

    def take(self, data: bytes) -> bytes:
        """The part of *data*, the next output, that is to be written down at once."""
        now, later = data[: self._room], data[self._room :]
        self._room -= len(now)
        if later:
            self._tail += later
            over = max(0, len(self._tail) - self._tail_most)
            self.cut += over
            del self._tail[:over]
        return now

    def rest(self) -> bytes:
        """The end of the output, once there is no more."""
        rest = bytes(self._tail)
        self._tail.clear()
        return rest

    @property
    def note(self) -> str:
        """What is missing, in words; empty if nothing is."""
        if not self.cut:
            return ""
        unit, name = (1_000_000, "MB") if self.cut >= 1_000_000 else (1000, "kB")
        size = f"{self.cut / unit:.1f} {name}" if self.cut >= 1000 else f"{self.cut} bytes"
        return f"{size} of its output were cut out of the middle"
