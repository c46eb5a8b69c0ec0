"""
Whether a step hangs: it says nothing, and its processes do nothing. No I/O, no clock.

Rule 1: output and processor time are signs of life. A test of memory may be silent for
hours, and busy: that is no hang.

Rule 2: somebody is warned before it is stopped, and told when it moves after all.

Rule 3: who was not looking cannot judge: after a pause of our own (a suspended machine, a
supervisor that got no processor) the silence counts from its end.
"""

SHARE = 0.001
"""Of one processor: whatever uses less only waits, and looks at its clock now and then."""

WARN = 5 / 6
"""The part of the patience after which it is warned of."""

_LOOKS = 12  # at its processor time, until it is stopped


class Stall:
    """
    The silence of one step.

    Args:
        patience: Seconds of silence and idleness after which it hangs; 0 to never say so.
        now: When the step starts.
        start: Seconds within which it has to speak for the first time; 0 for no such limit.
    """

    def __init__(self, patience: float, now: float, start: float = 0) -> None:
        self._patience = patience
        self._alive = self._looked = now
        self.speaks_by = now + start if start else float("inf")
        """When it must have spoken; infinite once it has."""
        self._spoken = False
        self._used = 0.0
        self.warned = False
        """Whether it is silent for so long that somebody should know."""
        self.hangs = False
        """Whether it is to be stopped."""

    @property
    def due(self) -> float:
        """When to look at its processor time next; infinite if never."""
        return self._looked + self._patience / _LOOKS if self._patience else float("inf")

    @property
    def left(self) -> float:
        """Seconds from the warning to the end."""
        return self._patience * (1 - WARN)

    def spoke(self) -> None:
        """It has written something."""
        self._spoken = True
        self.speaks_by = float("inf")

    def silent(self, now: float) -> float:
        """For how many seconds it has given no sign of life."""
        return now - self._alive

    def look(self, now: float, used: float) -> None:
        """
        Its processes have *used* so many seconds of processor time until *now*.

        Fewer than before means that one of them has ended: a sign of life, too.
        """
        since, before = now - self._looked, self._used
        self._looked, self._used = now, used
        moved = used < before or (used > before and used - before >= SHARE * since)
        paused = since > self._patience / 2
        if self._spoken or moved or paused:
            self._alive = now
        self._spoken = False
        self.warned = self.silent(now) >= WARN * self._patience
        self.hangs = self.silent(now) >= self._patience
