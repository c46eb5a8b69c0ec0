"""
Is it alive? One session of a target (or of another bot), as far as we can tell.

A machine that loses power says nothing, and its server believes for minutes or hours that it
is there (2f in no XEP: TCP's own time-outs). So we ask (XEP-0199), and believe only answers.

Rule 1: no I/O and no clock here. Times are seconds of any monotonic clock.

Rule 2: life is what the session itself has sent just now: no history, no ``unavailable``, no
error, nothing that a server said in its name. That it entered the room is none: rooms tell of
ghosts, too. So whoever enters is asked at once.

Rule 3: the time to answer runs from when our server has taken the question (:meth:`taken`): if
our own line is slow, nobody else is to blame.

Rule 4: after a pause of our own (:meth:`paused`) we ask again before we judge.

Everything that can happen is in ``NEXT``; what is not there changes nothing.
"""

import enum
import math
from collections.abc import Mapping


class Life(enum.StrEnum):
    """How sure we are."""

    AWAY = "away"  # not in the room
    ALIVE = "alive"  # it spoke, not long ago
    ASKED = "asked"  # it was silent for long, or is new: it was asked once
    DOUBTED = "doubted"  # the first question had no answer: it was asked again
    DOWN = "down"  # neither had the second; what the room shows is a ghost


class Sign(enum.StrEnum):
    """What can happen to it."""

    ENTERS = "enters"  # the room shows a new session
    SPEAKS = "speaks"  # it has sent something just now
    LEAVES = "leaves"  # the room says that it is gone
    SILENCE = "silence"  # it has said nothing for too long


class Event(enum.StrEnum):
    """What is to be done."""

    NONE = "nothing"
    ASK = "ask"  # send it a ping
    PROVEN = "proven"  # the first sign of life of this session
    LOST = "lost"  # it is dead to us: remove the ghost, tell people


NEXT: Mapping[Life, Mapping[Sign, tuple[Life, Event]]] = {
    Life.AWAY: {
        Sign.ENTERS: (Life.ASKED, Event.ASK),
    },
    Life.ALIVE: {
        Sign.ENTERS: (Life.ASKED, Event.ASK),
        Sign.SPEAKS: (Life.ALIVE, Event.NONE),
        Sign.LEAVES: (Life.AWAY, Event.NONE),
        Sign.SILENCE: (Life.ASKED, Event.ASK),
    },
    Life.ASKED: {
        Sign.ENTERS: (Life.ASKED, Event.ASK),
        Sign.SPEAKS: (Life.ALIVE, Event.NONE),
        Sign.LEAVES: (Life.AWAY, Event.NONE),
        Sign.SILENCE: (Life.DOUBTED, Event.ASK),
    },
    Life.DOUBTED: {
        Sign.ENTERS: (Life.ASKED, Event.ASK),
        Sign.SPEAKS: (Life.ALIVE, Event.NONE),
        Sign.LEAVES: (Life.AWAY, Event.NONE),
        Sign.SILENCE: (Life.DOWN, Event.LOST),
    },
    Life.DOWN: {  # it may speak again where its ghost could not be removed
        Sign.ENTERS: (Life.ASKED, Event.ASK),
        Sign.SPEAKS: (Life.ALIVE, Event.NONE),
        Sign.LEAVES: (Life.AWAY, Event.NONE),
    },
}


class Liveness:
    """
    One session.

    >>> bob = Liveness(silence=2, answer=2)
    >>> bob.enters(0), bob.taken(0)
    (<Event.ASK: 'ask'>, None)
    >>> bob.speaks(0.1)
    <Event.PROVEN: 'proven'>
    >>> bob.tick(2.1), bob.taken(2.1), bob.tick(4.1), bob.taken(4.1), bob.tick(6.1)
    (<Event.ASK: 'ask'>, None, <Event.ASK: 'ask'>, None, <Event.LOST: 'lost'>)

    Args:
        silence: Seconds without a word until it is asked.
        answer: Seconds that it has to answer, each time.
    """

    def __init__(self, *, silence: float, answer: float) -> None:
        self.silence, self._answer = silence, answer
        self.life = Life.AWAY
        self.heard = -math.inf
        """When it spoke last; when it entered, before that."""
        self.deadline = math.inf
        """When :meth:`tick` is due."""
        self.proven = False
        """Whether this session has ever spoken, since it entered or was given up."""

    def enters(self, now: float) -> Event:
        """The room shows a new session of it."""
        self.proven, self.heard = False, now
        return self._happens(Sign.ENTERS, now)

    def leaves(self, now: float) -> Event:
        """The room says that it is gone."""
        return self._happens(Sign.LEAVES, now)

    def speaks(self, now: float) -> Event:
        """It has sent something."""
        event = self._happens(Sign.SPEAKS, now)
        if self.life is not Life.ALIVE:
            return event
        self.heard = now
        first, self.proven = not self.proven, True
        return Event.PROVEN if first else event

    def taken(self, now: float) -> None:
        """Our server has passed on what we asked it: from now on it is its turn."""
        if self.life in (Life.ASKED, Life.DOUBTED) and self.deadline == math.inf:
            # Who has just come in has much to do, and no silence behind it yet.
            grace = 0.0 if self.proven else self.silence
            self.deadline = now + self._answer + grace

    def tick(self, now: float) -> Event:
        """Time has passed."""
        return self._happens(Sign.SILENCE, now) if now >= self.deadline else Event.NONE

    def look(self) -> Event:
        """Somebody near it is dead: ask it now, if it is not asked already."""
        return self._ask() if self.life is Life.ALIVE else Event.NONE

    def paused(self) -> Event:
        """We were not listening for a while: what it may have said is lost."""
        return self._ask() if self.life not in (Life.AWAY, Life.DOWN) else Event.NONE

    def _ask(self) -> Event:
        self.life, self.deadline = Life.ASKED, math.inf
        return Event.ASK

    def _happens(self, sign: Sign, now: float) -> Event:
        step = NEXT[self.life].get(sign)
        if step is None:
            return Event.NONE
        self.life, event = step
        self.deadline = now + self.silence if self.life is Life.ALIVE else math.inf
        if event is Event.LOST:
            self.proven = False
        return event
