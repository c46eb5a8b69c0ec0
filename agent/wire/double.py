"""
Another process with our account and resource: a copied disk, a bot started on two hosts.

A server lets only one session have a full JID, and the newer one puts out the older. Two
that each come back would do so for ever. So:

Rule 1: who starts, or was put out, first asks our full JID from another resource whether
anybody is there, and stays away while somebody answers. A dead session does not answer.

Rule 2: who is asked says so to people: it is in, and the other one cannot be.

Rule 3: who only lost its connection does not ask, and takes its place back at once. That
puts out at most one session for each lost connection, so it comes to rest.
"""

import asyncio
import random
import socket
from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

import structlog
from slixmpp.exceptions import IqError, IqTimeout
from slixmpp.stanza import Iq
from slixmpp.xmlstream import ElementBase, register_stanza_plugin

from agent.wire.errors import Forbidden
from agent.wire.fields import NS, bounded
from agent.wire.link import Link
from agent.wire.vocabulary import token

log = structlog.get_logger()

ANSWER = 4.0
"""Seconds that who holds our full JID has to answer."""
PAUSE = 20.0
"""Seconds between two questions, at most; at least half of it."""
QUIET = 120.0
"""Seconds after the last question until the other process counts as gone."""
EMPTY = ("service-unavailable", "recipient-unavailable", "item-not-found", "gone")
"""What a server answers for a full JID that nobody has."""


class DoubleElement(ElementBase):
    """
    Is anybody there with my account? In an IQ of type get, to our own full JID.

        <double xmlns='urn:labroom:1' where='pc7 (10.0.0.7)'/>
    """

    name, namespace, plugin_attrib = "double", NS, "lab_double"
    interfaces: ClassVar[set[str]] = {"where"}


register_stanza_plugin(Iq, DoubleElement)


def write_double(iq: Iq, where: str) -> None:
    """Say where we run."""
    iq["lab_double"]["where"] = bounded(where)


def read_double(iq: Iq) -> str:
    """Where the other one runs."""
    return bounded(iq["lab_double"]["where"])


class Doubles:
    """
    Keeps us from fighting for our full JID.

    Args:
        noticed: Told where another process of our account runs, when it first asks; and
            told the empty text when it has not asked for long.
    """

    def __init__(self, link: Link, noticed: Callable[[str], None]) -> None:
        self._link, self._noticed = link, noticed
        self._known = ""
        self._quiet: asyncio.TimerHandle | None = None
        link.answer("iq@type=get/lab_double", self._asked)

    async def until_alone(self) -> None:
        """Return when nobody else has our full JID, as far as we can see."""
        while (where := await self._ask()) is not None:
            log.error(
                "link.double", jid=self._link.account.jid, other=where or "unknown",
                cure="another process uses this account: stop one, or give it its own account",
            )  # fmt: skip
            await asyncio.sleep(random.uniform(PAUSE / 2, PAUSE))  # noqa: S311  (jitter)

    async def _ask(self) -> str | None:
        """Where who has our full JID runs, if it says so; None if nobody answers."""
        full = self._link.account.jid
        bare = full.partition("/")[0]
        # No registration: an account that is not there has no second process.
        asker = Link(replace(self._link.account, jid=f"{bare}/double-{token(8)}", register=False))
        answers: list[str] = []

        async def ask() -> None:
            iq = asker.iq(full, "get")
            write_double(iq, whereabouts(asker))
            try:
                answers.append(read_double(await iq.send(timeout=ANSWER)))
            except IqTimeout:
                pass
            except IqError as error:
                if error.condition not in EMPTY:
                    answers.append("")  # somebody who does not know the question

        await asker.once(ask)
        return answers[0] if answers else None

    async def _asked(self, iq: Iq, reply: Iq) -> None:
        if iq["from"].bare != self._link.jid.bare:
            raise Forbidden("only my own account may ask that")
        where = read_double(iq) or "unknown"
        write_double(reply, whereabouts(self._link))
        if self._quiet is not None:
            self._quiet.cancel()
        self._quiet = asyncio.get_running_loop().call_later(QUIET, self._gone)
        if not self._known:
            log.error(
                "link.double", jid=str(self._link.jid), other=where,
                cure="another process uses this account: stop it, or give it its own account",
            )  # fmt: skip
            self._known = where
            self._noticed(where)

    def _gone(self) -> None:
        log.info("link.double_gone", jid=str(self._link.jid), other=self._known)
        self._known = ""
        self._noticed("")


def whereabouts(link: Link) -> str:
    """The name and the address of this machine; a copied disk may have the same name."""
    return f"{socket.gethostname()} ({link.address or 'no address'})"
