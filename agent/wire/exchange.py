"""
What goes out and what comes in on one stream, with slixmpp's surprises taken out.

Rule 1: what is sent while there is no session is dropped, never queued: a reboot must not
leave later, and a journal sends again by itself.

Rule 2: nothing escapes a handler: slixmpp would answer with an error stanza, and ejabberd
throws a sender of error messages out of a room.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any, Literal

import structlog
from slixmpp import JID, ClientXMPP
from slixmpp.exceptions import IqError, IqTimeout
from slixmpp.stanza import Iq, Message, Presence
from slixmpp.xmlstream import StanzaBase, register_stanza_plugin
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import StanzaPath

from agent.wire import controller, query, stanza, target
from agent.wire.errors import Away, NoAnswer, Refusal
from agent.wire.fields import MalformedError

log = structlog.get_logger()

MessageType = Literal["normal", "chat", "groupchat", "headline"]

for parent, elements in (
    (Message, (*stanza.MESSAGES, target.HelloElement, target.AdmittedElement)),
    (Presence, (target.TargetElement, target.LeavingElement, controller.ControllerElement)),
    (Iq, query.IQS),
):
    for element in elements:
        register_stanza_plugin(parent, element)


class Exchange:
    """Sends, asks, hears and answers. See the rules above."""

    def __init__(self, client: ClientXMPP) -> None:
        self.client = client
        self.online = False
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def jid(self) -> JID:
        """Our full JID."""
        return self.client.boundjid

    def call_itself(self, kind: str) -> None:
        """What we say that we are (XEP-0030): ``console``; slixmpp says ``bot``."""

        def bound(_: object) -> None:
            disco = self.client.plugin["xep_0030"]
            disco.add_identity(category="client", itype=kind, name="labroom")

        self.client.add_event_handler("session_bind", bound)

    @property
    def address(self) -> str:
        """The IP address of our end of the connection; empty without one."""
        transport = self.client.transport
        name = transport.get_extra_info("sockname") if transport is not None else None
        return target.read_address(str(name[0])) if isinstance(name, tuple) else ""

    def send(self, what: StanzaBase) -> bool:
        """Send now, or drop it and return False: there is no queue (rule 1)."""
        if self.online:
            what.send()
        return self.online

    def send_text(self, stanza: str) -> bool:
        """Like :meth:`send`, with a whole stanza that is text already: it goes as it is."""
        if self.online:
            self.client.send(stanza)
        return self.online

    async def ask(self, iq: Iq, *, timeout: float) -> Iq:  # noqa: ASYNC109  (slixmpp's own)
        """
        Send *iq* and return the answer.

        Raises Away if it cannot be delivered, NoAnswer if nobody answers within *timeout*
        seconds, and Refusal, with the peer's words, if the peer refuses.
        """
        if not self.online:
            raise Away("I am not connected to the server", hint="Try again in a minute.")
        try:
            answer: Iq = await iq.send(timeout=timeout)
        except IqTimeout as error:
            raise NoAnswer(f"no answer within {timeout:g} s") from error
        except IqError as error:
            raise _refusal(error) from error
        return answer

    def message(self, to: str | JID, kind: MessageType = "normal") -> Message:
        """An empty message to *to*."""
        return self.client.make_message(to, mtype=kind)

    def iq(self, to: str | JID, kind: Literal["get", "set"]) -> Iq:
        """An empty IQ to *to*; *kind* is get or set."""
        return self.client.make_iq(ito=to, itype=kind)

    def on(self, path: str, handler: Callable[[Any], None]) -> None:
        """Call *handler*, in order of arrival, with every stanza that matches *path*."""

        def guarded(what: StanzaBase) -> None:
            with self._guard(path, what):
                handler(what)

        self.client.register_handler(Callback(path, StanzaPath(path), guarded))

    def answer(self, path: str, handler: Callable[[Iq, Iq], Awaitable[None]]) -> None:
        """
        Answer every IQ that matches *path*: *handler* gets it and the reply to fill.

        A Refusal it raises becomes the IQ's error, in its own words.
        """

        async def answered(iq: Iq) -> None:
            reply: Iq = iq.reply(clear=True)
            try:
                await handler(iq, reply)
            except MalformedError as error:
                reply = _error(iq, "bad-request", str(error))
            except Refusal as refusal:
                reply = _error(iq, refusal.condition, str(refusal))
            except Exception:
                log.exception("link.handler_failed", path=path, peer=str(iq["from"]))
                reply = _error(iq, "internal-server-error", "I failed; my log says why")
            self.send(reply)

        self.on(path, lambda iq: self.spawn(answered(iq)))

    def spawn(self, work: Coroutine[Any, Any, object]) -> None:
        """Run *work* beside everything else; its failure is logged."""

        async def guarded() -> None:
            with self._guard("task"):
                await work

        task = asyncio.get_running_loop().create_task(guarded())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @contextlib.contextmanager
    def _guard(self, where: str, what: StanzaBase | None = None) -> Iterator[None]:
        peer = "" if what is None else str(what["from"])
        try:
            yield
        except MalformedError as error:
            log.warning("link.malformed", where=where, peer=peer, reason=str(error))
        except Exception:
            log.exception("link.handler_failed", where=where, peer=peer)


def _error(iq: Iq, condition: str, text: str) -> Iq:
    reply: Iq = iq.reply(clear=True)
    reply.error()
    reply["error"]["type"] = "cancel"
    reply["error"]["condition"] = condition
    reply["error"]["text"] = text
    return reply


def _refusal(error: IqError) -> Refusal:
    """The peer's refusal in its own words; Away if it was the server that answered."""
    text = error.text or ""
    away = ("service-unavailable", "recipient-unavailable", "remote-server-not-found", "gone")
    if error.condition in away:
        return Away(text or "nobody is there to answer")
    refusal = Refusal(text.rstrip(".") or f"it refused: {error.condition}")
    refusal.condition = error.condition
    return refusal
