"""To and from the targets: orders, journals and questions as stanzas."""

import time
from collections.abc import Callable

from slixmpp.stanza import Iq, Message

from agent.wire import query, stanza
from agent.wire.errors import Away, NoAnswer
from agent.wire.exchange import Exchange
from agent.wire.fields import bounded
from agent.wire.machine import Machine, read_machine
from agent.wire.parameter import RecipeInfo
from agent.wire.stanza import Ack, JournalId
from agent.wire.vocabulary import Order, RunId
from bot.arrival import Arrival

ANSWER = 5.0
"""Seconds a target has to answer a question."""


class TargetWire:
    """:class:`bot.ports.Wire` on slixmpp."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def offer(self, jid: str, order: Order) -> bool:
        """Send *order*; the server keeps it while the target is away."""
        message = self._exchange.message(jid)
        stanza.write_order(message, order)
        return self._exchange.send(message)

    def cancel(self, jid: str, run: RunId, who: str) -> bool:
        """Ask for *run* to be stopped."""
        message = self._exchange.message(jid)
        stanza.write_cancel(message, run, who)
        return self._exchange.send(message)

    def ack(self, full: str, ack: Ack) -> bool:
        """Acknowledge a journal."""
        message = self._exchange.message(full, "headline")
        stanza.write_ack(message, ack)
        return self._exchange.send(message)

    async def sync(self, full: str, meeting: query.Meeting) -> query.Standing:
        """Meet the target."""
        iq = self._exchange.iq(full, "set")
        query.write_meeting(iq, meeting)
        return query.read_standing(await self._exchange.ask(iq, timeout=ANSWER))

    async def catalogue(self, full: str) -> tuple[tuple[RecipeInfo, ...], Machine]:
        """What it can run, and what it is."""
        iq = self._exchange.iq(full, "get")
        iq.enable("lab_catalogue")
        answer = await self._exchange.ask(iq, timeout=ANSWER)
        return query.read_catalogue(answer), read_machine(answer)

    async def reboot(self, full: str, who: str, *, force: bool) -> str:
        """Ask for a ticket and spend it; the boot id before."""
        ask = self._reboot(full, "get", query.RebootAsk(who=who, force=force))
        try:
            asked = await self._exchange.ask(ask, timeout=ANSWER)
        except NoAnswer as error:
            raise Away(error.what, hint="Nothing was ordered.") from error
        spend = query.RebootAsk(who=who, force=force, ticket=query.read_reboot(asked).ticket)
        await self._exchange.ask(self._reboot(full, "set", spend), timeout=ANSWER)
        return bounded(asked["lab_reboot"]["boot"])

    async def ping(self, full: str) -> float:
        """Seconds until the target's agent answered (XEP-0199, section 4.5)."""
        iq = self._exchange.iq(full, "get")
        iq.enable("ping")
        began = time.monotonic()
        await self._exchange.ask(iq, timeout=ANSWER)
        return time.monotonic() - began

    def _reboot(self, full: str, kind: str, ask: query.RebootAsk) -> Iq:
        iq = self._exchange.iq(full, "set" if kind == "set" else "get")
        query.write_reboot(iq, ask)
        return iq


def listen(exchange: Exchange, put: Callable[[str, Arrival], None]) -> None:
    """Hand every journal stanza to *put*, with the sender's bare JID, in order of arrival."""

    def accepted(message: Message) -> None:
        of = stanza.read_accepted(message)
        put(*_from(message, of, of.run))

    def refused(message: Message) -> None:
        run, reason = stanza.read_refused(message)
        full = str(message["from"])
        put(message["from"].bare, Arrival(full, None, run, refused=reason))

    def chunk(message: Message) -> None:
        of, data = stanza.read_chunk(message)
        put(message["from"].bare, Arrival(str(message["from"]), of, of.run, chunk=data))

    def _from(message: Message, of: JournalId, run: RunId) -> tuple[str, Arrival]:
        return message["from"].bare, Arrival(str(message["from"]), of, run)

    exchange.on("message@type=headline/lab_accepted", accepted)
    exchange.on("message@type=headline/lab_refused", refused)
    exchange.on("message@type=headline/lab_chunk", chunk)
