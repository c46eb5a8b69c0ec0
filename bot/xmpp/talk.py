"""Lines to answers, and what was missed to a list: people, on one stream."""

from collections.abc import Awaitable, Callable, Sequence

import structlog

from agent.wire.errors import Refusal
from bot.missed import Missed, Past
from bot.occupant import Line
from bot.reply import Reply
from bot.xmpp.room import Room

log = structlog.get_logger()


class Talk:
    """
    Answers people.

    Args:
        answer: What to say to a line, or None.
        missed: What was said while we were away.
        news: Says something in the room.
    """

    def __init__(
        self,
        room: Room,
        answer: Callable[[Line], Awaitable[Reply | None]],
        missed: Missed,
        news: Callable[[Reply], None],
    ) -> None:
        self._room, self._answer, self._missed, self._news = room, answer, missed, news

    async def converse(self, line: Line) -> None:
        """Somebody said *line*."""
        reply = await self._answer(line)
        if reply is None:
            return
        try:
            await self._room.speech.answer(line, reply)
        except Refusal as refusal:
            log.warning("reply.lost", to=line.by.jid, line=line.id, reason=str(refusal))

    async def enter(self, past: Sequence[Past]) -> None:
        """We have entered, and the room has told what was said before."""
        if self._room.acts:
            listing = await self._missed.listing(past, self._room.membership.nick)
            if listing is not None:
                self._news(listing)
