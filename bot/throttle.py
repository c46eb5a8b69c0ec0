"""
How many answers one person may have at once. Pure: time comes in as seconds of any clock.

Talk costs nothing: a program that feeds the room with news is not ours to judge.

Two bots that misunderstand each other would talk for ever; a script in a loop would keep
everybody else waiting.
"""

from dataclasses import dataclass, field

LINES, LINE_EVERY = 60, 1.0
"""Lines that are answered at once, and seconds for one more: nobody types like that."""

MISREAD, MISREAD_EVERY = 20, 10.0
"""Likewise of lines that we refuse: who talks past us is no person, or is not helped by it."""

PEOPLE = 500
"""Remembered; who has been quiet for the longest is forgotten first."""


@dataclass(slots=True)
class _Bucket:
    most: int
    every: float
    left: float
    at: float

    def refill(self, now: float) -> None:
        self.left = min(self.most, self.left + max(0.0, now - self.at) / self.every)
        self.at = now


@dataclass(slots=True)
class _Speaker:
    lines: _Bucket
    misread: _Bucket
    told: bool = False


@dataclass(slots=True)
class Throttle:
    """Everybody's buckets."""

    _speakers: dict[str, _Speaker] = field(default_factory=dict)

    def takes(self, who: str, now: float) -> bool | None:
        """Whether a line of *who* is heard; None if not, and they are to be told so."""
        speaker = self._speaker(who, now)
        speaker.lines.refill(now)
        speaker.misread.refill(now)
        if speaker.told and min(speaker.lines.left, speaker.misread.left) < 5:
            return False  # not one line here and there: first a pause
        if speaker.lines.left < 1 or speaker.misread.left < 1:
            speaker.told = True
            return None
        speaker.told = False
        speaker.lines.left -= 1
        return True

    def silent(self, who: str, now: float) -> None:
        """A line of *who* that we took gets no answer."""
        lines = self._speaker(who, now).lines
        lines.left = min(lines.most, lines.left + 1)

    def refused(self, who: str, now: float) -> None:
        """A line of *who* was refused, or not understood."""
        misread = self._speaker(who, now).misread
        misread.refill(now)
        misread.left = max(0.0, misread.left - 1)

    def _speaker(self, who: str, now: float) -> _Speaker:
        speaker = self._speakers.pop(who, None) or _Speaker(
            _Bucket(LINES, LINE_EVERY, LINES, now), _Bucket(MISREAD, MISREAD_EVERY, MISREAD, now)
        )
        self._speakers[who] = speaker
        if len(self._speakers) > PEOPLE:
            del self._speakers[next(iter(self._speakers))]
        return speaker
