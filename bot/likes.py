"""What people like, kept in the store (:class:`bot.lab.Likes`)."""

from functools import partial

from bot.occupant import Channel, Line
from bot.report.text import COLUMNS, WIDE
from bot.store import likes
from bot.store.writer import Writer

WIDE_CLIENTS = frozenset({"pc"})
"""Clients (XEP-0030) that show more than a phone does, unless their owner says otherwise."""


class Likes:
    """Remembers how wide each wants it."""

    def __init__(self, store: Writer) -> None:
        self._store = store
        self._known: dict[str, int | None] = {}

    async def columns(self, line: Line, client: str) -> int:
        """How wide the answer to *line*, said with a *client* of that kind, may be."""
        if line.channel is Channel.ROOM or not line.by.jid:
            return COLUMNS
        jid = line.by.jid
        if jid not in self._known:
            self._known[jid] = await self._store.do(partial(likes.columns, jid=jid))
        return self._known[jid] or (WIDE if client in WIDE_CLIENTS else COLUMNS)

    async def set_columns(self, jid: str, columns: int) -> None:
        """*jid* wants it so wide, until they say otherwise."""
        await self._store.do(lambda db: likes.set_columns(db, jid, columns))
        self._known[jid] = columns
