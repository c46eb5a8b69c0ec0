"""What people's clients call themselves (XEP-0030): a phone, a pc, a bot."""

import asyncio

from slixmpp import JID
from slixmpp.exceptions import IqError, IqTimeout

from agent.wire.link import Link

PATIENCE = 2.0
"""Seconds for a client to say it. Who has left cannot; the server says so at once."""

MOST = 500
"""Clients remembered."""


class Clients:
    """Asks each client once, when it first says something."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._asked: dict[str, asyncio.Future[str]] = {}

    async def kind(self, full: str) -> str:
        """``bot``, ``phone``, ``pc``, ``console``, ``web``, ...; empty if *full* does not say."""
        if not full:
            return ""
        if (asked := self._asked.get(full)) is None:
            asked = self._asked[full] = asyncio.ensure_future(self._ask(full))
            if len(self._asked) > MOST:
                del self._asked[next(iter(self._asked))]
        return await asyncio.shield(asked)

    def forget(self, full: str) -> None:
        """It has left; what comes with that address next is another one perhaps."""
        self._asked.pop(full, None)

    async def _ask(self, full: str) -> str:
        try:
            answer = await self._link.client.plugin["xep_0030"].get_info(
                jid=JID(full), timeout=PATIENCE
            )
        except (IqError, IqTimeout):
            return ""
        kinds = {kind for category, kind, *_ in answer["disco_info"]["identities"]
                 if category == "client"}  # fmt: skip
        return "bot" if "bot" in kinds else min(kinds, default="")
