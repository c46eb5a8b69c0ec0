"""
People who want this machine on their contact list (RFC 6121, section 3.1).

Accepted when their domain is one of ours, refused otherwise. Paced, because ejabberd's
flood guard (mod_pres_counter) silences who sends more than five such stanzas a minute.
"""

import asyncio
from collections.abc import Callable, Collection

import structlog
from slixmpp import JID

log = structlog.get_logger()

BURST, PAUSE = 3, 16.0
"""So many at once, then one every so many seconds."""


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
                left += 1
                continue
            accept = by.domain in self._domains
            log.info("subscription.answered", by=by.bare, accepted=accept)
            self._answer(by.bare, accept)
            left -= 1
            if left == 0:
                await asyncio.sleep(PAUSE)
                left = 1
