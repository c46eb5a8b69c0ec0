"""
Keeps asking who is alive: the clock and the pings around :mod:`bot.liveness`.

Rule 1: pings go to full JIDs. For a bare one the server itself answers, even if nobody is there.

Rule 2: behind each round of questions goes one to our own server. It takes what we send in
order, so its answer shows that it has passed the questions on; only then their time runs.

Rule 3: if that answer takes long, our line is throttled, and the pings are a part of the reason:
we ask less often, down to once a minute, and say so in the log.
"""

import asyncio
import contextlib
import math
from collections.abc import Callable, Iterable
from typing import Protocol

import structlog

from bot.config import Alertness
from bot.liveness import Event, Life, Liveness

log = structlog.get_logger()

LATE = 1.0
"""Seconds that we may oversleep before we count as having been away ourselves."""
SLOW, QUICK = 1.0, 0.3
"""Seconds for our server's answer: above we ask less often, below more often again."""
MOST = 60.0
"""Seconds of silence, at most, until a target is asked, however slow our line is."""
NEAR = 50
"""Targets asked at once because one near them is dead."""


class Pings(Protocol):
    """To those who are watched, and to our own server."""

    def ping(self, full: str) -> bool:
        """Ask *full*; its answer is a sign of life like any other. False if we are offline."""
        ...

    async def echo(self) -> bool:
        """Return when our server has taken all that was sent; False if it did not say so."""
        ...


class Watch:
    """
    Watches sessions, by full JID.

    Args:
        doubted: Told of a session that has not answered once, and is asked again.
        lost: Told of a session that is dead to us, once.
        proven: Told of a session's first sign of life.
    """

    def __init__(
        self,
        pings: Pings,
        alertness: Alertness,
        *,
        doubted: Callable[[str], None],
        lost: Callable[[str], None],
        proven: Callable[[str], None],
    ) -> None:
        self._pings, self._alertness = pings, alertness
        self._doubted, self._lost, self._proven = doubted, lost, proven
        self._sessions: dict[str, Liveness] = {}
        self._stretch = 1.0
        self._asking: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()

    # What happens

    def entered(self, full: str) -> None:
        """The room shows a new session."""
        session = self._sessions.get(full)
        if session is None:
            session = self._sessions[full] = Liveness(
                silence=self._alertness.silence, answer=self._alertness.answer
            )
        self._ask([full] if session.enters(_now()) is Event.ASK else [])

    def left(self, full: str) -> None:
        """The room says that it is gone."""
        self._sessions.pop(full, None)

    def heard(self, full: str) -> None:
        """It has sent something just now."""
        session = self._sessions.get(full)
        # The loop sleeps on: a deadline has only moved away.
        if session is not None and session.speaks(_now()) is Event.PROVEN:
            self._proven(full)

    def nobody(self) -> None:
        """We are out of the room: nothing is known of anybody."""
        self._sessions.clear()

    def silent(self, full: str) -> float:
        """Seconds since it spoke, or entered."""
        return _now() - self._sessions[full].heard

    def look_at(self, fulls: Iterable[str]) -> None:
        """One near them is dead: ask them now."""
        near = [full for full in fulls if full in self._sessions][:NEAR]
        self._ask([full for full in near if self._sessions[full].look() is Event.ASK])

    def doubtful(self, fulls: Iterable[str]) -> bool:
        """Whether one of them was asked, and has not answered yet."""
        asked = (Life.ASKED, Life.DOUBTED)
        return any(full in self._sessions and self._sessions[full].life in asked for full in fulls)

    # The clock

    async def run(self) -> None:
        """Watch, for ever."""
        while True:
            self._wake.clear()
            due = min((each.deadline for each in self._sessions.values()), default=math.inf)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(None if due == math.inf else due):
                    await self._wake.wait()
            self._turn(late=_now() - due)

    def _turn(self, *, late: float) -> None:
        """Everything that is due."""
        if late > LATE:
            log.info("watch.overslept", seconds=round(late, 1))
            self._ask([f for f, each in self._sessions.items() if each.paused() is Event.ASK])
            return
        now, asked = _now(), []
        for full, session in list(self._sessions.items()):
            match session.tick(now):
                case Event.ASK:
                    asked.append(full)
                    if session.life is Life.DOUBTED:
                        self._doubted(full)
                case Event.LOST:
                    self._lost(full)
        self._ask(asked)

    # Questions

    def _ask(self, fulls: list[str]) -> None:
        sent = [full for full in fulls if self._pings.ping(full)]
        if sent:
            task = asyncio.get_running_loop().create_task(self._taken(sent))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)

    async def _taken(self, fulls: list[str]) -> None:
        began = _now()
        if not await self._pings.echo():
            return  # our link is about to be cut, and all starts anew
        now = _now()
        self._adapt(now - began)
        for full in fulls:
            if (session := self._sessions.get(full)) is not None:
                session.taken(now)
        self._wake.set()

    def _adapt(self, took: float) -> None:
        before, most = self._stretch, max(1.0, MOST / self._alertness.silence)
        if took > SLOW:
            self._stretch = min(2 * before, most)
        elif took < QUICK:
            self._stretch = max(before / 2, 1.0)
        if before == 1.0 < self._stretch:
            log.warning(
                "watch.slow", seconds=round(took, 1),
                cure="the server throttles the bot: exempt it from the limit (docs/servers.md)",
            )  # fmt: skip
        for session in self._sessions.values():
            session.silence = self._alertness.silence * self._stretch


def _now() -> float:
    return asyncio.get_running_loop().time()
