"""
What every bot of the room notices, and the room is to hear once: who knocks, who clashes.

Rule: the bot that acts says it at once. The others wait whether it does, and say it if it
does not: it may be dying, or may not have been told. So it is said at least once, and
twice only by a bot that is slower than the others are patient.
"""

import asyncio
from collections.abc import Callable

from bot.reply import Reply

WAIT = 5.0
"""Seconds that a bot which does not act gives the one that does."""

MOST = 200
"""Notices remembered; the oldest goes first."""


class Notices:
    """
    Says what others may say, too.

    Args:
        say: Says it in the room.
        acts: Whether we are the one who acts.
    """

    def __init__(self, say: Callable[[Reply], None], *, acts: Callable[[], bool]) -> None:
        self._say, self._acts = say, acts
        self._waiting: dict[tuple[str, str], asyncio.TimerHandle] = {}
        self._said: dict[tuple[str, str], None] = {}

    def tell(self, what: str, whom: str, text: str) -> None:
        """Say *text*, about which two bots agree by *what* and *whom*; once."""
        key, reply = (what, whom), Reply(text, data={what: whom}, kind="notice")
        if key in self._said or key in self._waiting:
            return
        if self._acts():
            self._note(key)
            self._say(reply)
        else:
            loop = asyncio.get_running_loop()
            self._waiting[key] = loop.call_later(WAIT, self._say_after_all, key, reply)

    def forget(self, what: str, whom: str) -> None:
        """It is over: should it be so again, it is news."""
        self._said.pop((what, whom), None)
        if (waiting := self._waiting.pop((what, whom), None)) is not None:
            waiting.cancel()

    def overheard(self, facts: dict[str, object]) -> None:
        """Another bot said in the room what *facts* are about."""
        if facts.get("kind") != "notice":
            return
        for what, whom in facts.items():
            if isinstance(whom, str) and what in SHARED:
                if (waiting := self._waiting.pop((what, whom), None)) is not None:
                    waiting.cancel()
                self._note((what, whom))

    def _say_after_all(self, key: tuple[str, str], reply: Reply) -> None:
        del self._waiting[key]
        self._note(key)
        self._say(reply)

    def _note(self, key: tuple[str, str]) -> None:
        self._said[key] = None
        if len(self._said) > MOST:
            del self._said[next(iter(self._said))]


SHARED = frozenset({"knocks", "clash", "alike"})
"""What a notice of all bots may be about."""
