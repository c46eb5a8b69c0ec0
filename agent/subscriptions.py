"""
People who want this machine on their contact list (RFC 6121, section 3.1).

Accepted when their domain is one of ours, refused otherwise. Paced, because ejabberd's
flood guard (mod_pres_counter) swallows what comes after five such stanzas, and forgets them
only when a whole minute passes without one: a slow stream is no better than a fast one.
"""

import asyncio
from collections.abc import Callable, Collection

import structlog
from slixmpp import JID

log = structlog.get_logger()

BURST, PAUSE = 4, 61.0
"""So many, then none for so many seconds."""


class Subscriptions:
    """
    Answers requests.

    Args:
        domains: Whose people may subscribe.
        answer: Sends the answer: bare JID, and whether they may.
    """

    def __init__(self, domains: Collection[str], answer: Callable[[str, bool], object]) -> None:
        self._domains, self._answer = domains, answer
        self._queue: asyncio.Queue[JID] = asyncio.Queue()

    def asked(self, by: JID) -> None:
        """*by* wants to subscribe."""
        self._queue.put_nowait(by)

    async def run(self) -> None:
        """Answer, for ever."""
        left = BURST
        while True:
            try:
                async with asyncio.timeout(PAUSE if left < BURST else None):
                    by = await self._queue.get()
            except TimeoutError:
                left = BURST
                continue
            accept = by.domain in self._domains
            log.info("subscription.answered", by=by.bare, accepted=accept)
            self._answer(by.bare, accept)
            left -= 1
            if left == 0:
                await asyncio.sleep(PAUSE)
                left = BURST
