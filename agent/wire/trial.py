"""
Trying an account and a room without disturbing whoever uses them.

Rule 1: a random resource, and no presence but to the room: no session is replaced, no contact
sees us, and no queued message is delivered to us.

Rule 2: in the room we are somebody else, only look around, and say nothing.

Rule 3: no account is made, and no room but one of our own that we remove again.
"""

import contextlib
import os
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

from slixmpp import JID
from slixmpp.exceptions import IqError, IqTimeout
from slixmpp.stanza import Iq, Presence
from slixmpp.xmlstream import ElementBase, register_stanza_plugin

from agent.wire.account import Account
from agent.wire.errors import Refusal
from agent.wire.link import Link
from agent.wire.membership import JoinError, Membership
from agent.wire.reach import Offer, reach
from agent.wire.report import Report
from agent.wire.settings import Login
from agent.wire.vocabulary import token

ANSWER = 5.0
"""Seconds the server or the room has for each answer."""
LOAD = 45_000
"""Bytes that a server's pace is measured with: as 32 KiB of noise make."""
SLOW = 30_000
"""Bytes a second below which the server throttles us; unthrottled ones do a million."""
LATE = 40.0
"""Seconds after which we no longer wait for what a throttling server lets through."""


class LoadElement(ElementBase):
    """A weight. In an IQ: a message reaches only who has sent presence."""

    name, namespace, plugin_attrib = "load", "urn:labroom:check", "lab_load"
    interfaces: ClassVar[set[str]] = {"text"}

    def set_text(self, text: str) -> None:
        """Make it heavy."""
        self.xml.text = text


register_stanza_plugin(Iq, LoadElement)

MUC = "http://jabber.org/protocol/muc"
ABSENT = ("item-not-found", "service-unavailable", "gone", "remote-server-not-found")


async def trial(
    login: Login, report: Report, talk: Callable[[Link, Report], Awaitable[None]]
) -> None:
    """
    Everything on the way to a session, then *talk* in it, all told in *report*.

    Raises Refusal if settings cannot be used: a password that cannot be read.
    """
    account = replace(Account.of(login, f"check-{token(8)}"), register=False)
    offer = await reach(login, report)
    if offer is None:
        return
    link = Link(account, plugins=("xep_0045",))
    conditions: list[str] = []
    link.client.add_event_handler("failed_auth", lambda no: conditions.append(no["condition"]))
    talked = False

    async def session() -> None:
        nonlocal talked
        mechanism = link.client.plugin["feature_mechanisms"].mech
        report.ok(f"logged in as {login.jid}, by {getattr(mechanism, 'name', 'SASL')}")
        await talk(link, report)
        talked = True

    failure = await link.once(session)
    if conditions or "account" in failure:
        _tell_refusal(login, offer, conditions, report)
    elif not talked:
        report.bad(f"the session ended: {failure or 'no reason'}", "the server's log says why")


def _tell_refusal(login: Login, offer: Offer, conditions: list[str], report: Report) -> None:
    why = ", ".join(dict.fromkeys(conditions))
    if not why:
        report.bad(
            f"the server offers no way to log in that we know ({', '.join(offer.mechanisms)})",
            "have it offer SCRAM-SHA-1, SCRAM-SHA-256 or PLAIN",
        )
        return
    what = f"the server does not accept {login.jid} with this password ({why})"
    if not login.register_account:
        report.bad(what, "correct the password, or make the account on the server")
    elif offer.registers:
        report.warn(what, "if there is no such account, it is made at the start (register = true)")
    else:
        report.bad(what, "register = true, but the server makes no accounts: make it there")


# The room


@dataclass(slots=True)
class Visit:
    """What is seen of a room from the inside."""

    affiliation: str = "none"
    """Ours."""
    nicks: dict[str, str] = field(default_factory=dict)
    """Bare JID (or empty, where the room hides it) by nick."""


async def features(link: Link, jid: str) -> frozenset[str]:
    """What *jid* says of itself. Raises AbsentError if it is not there."""
    try:
        info = await link.client.plugin["xep_0030"].get_info(jid=JID(jid), timeout=ANSWER)
    except IqTimeout as error:
        raise AbsentError("no answer") from error
    except IqError as error:
        raise AbsentError(error.condition) from error
    return frozenset(info["disco_info"]["features"])


class AbsentError(Exception):
    """Nobody is there, or will not say; the message is the stanza error's condition."""


async def room_features(link: Link, room: str, report: Report) -> frozenset[str] | None:
    """What the room is like; empty if there is none; None if there cannot be any."""
    service = room.partition("@")[2]
    try:
        rooms = MUC in await features(link, service)
        why = "it is something else"
    except AbsentError as absent:
        rooms, why = False, str(absent)
    if not rooms:
        report.bad(
            f"there are no rooms at {service} ({why})",
            "correct room, or have the server offer rooms there (XEP-0045)",
        )
        return None
    try:
        return await features(link, room)
    except AbsentError as absent:
        if str(absent) in ABSENT:
            return frozenset()
        report.bad(f"the room {room} says nothing of itself ({absent})", "ask who owns it")
        return None


async def visit(link: Link, room: str) -> Visit:
    """Look into a room that is there. Raises JoinError or TimeoutError."""
    seen, nick = Visit(), f"check-{token(8)}"

    def see(presence: Presence) -> None:
        item = presence["muc"]
        if presence["from"].resource == nick:
            seen.affiliation = item["affiliation"] or "none"
        elif presence["type"] != "unavailable":
            seen.nicks[presence["from"].resource] = JID(item["jid"]).bare

    membership = Membership(link, JID(room), dress=lambda _: None, seen=see)
    await membership.join(nick, create=False)
    membership.leave()
    return seen


async def can_make_rooms(link: Link, service: str) -> str:
    """Make a room and remove it again; why that is refused, or empty."""
    room = f"check-{token(8)}@{service}"
    membership = Membership(link, JID(room), dress=lambda _: None, seen=lambda _: None)
    try:
        entered = await membership.join("check", create=True)
    except JoinError as error:
        return str(error)
    except TimeoutError:
        return "no answer"
    if entered.created:
        with contextlib.suppress(IqError, IqTimeout):
            await link.client.plugin["xep_0045"].destroy(JID(room), timeout=ANSWER)
    return ""


def can_write(path: Path) -> bool:
    """Whether we may write *path*, or make it."""
    there = path
    while not there.exists() and there != there.parent:
        there = there.parent
    return os.access(there, os.W_OK) and (there == path or there.is_dir())


def tell_nick(nick: str, us: str, seen: Visit, report: Report) -> None:
    """Whether *nick* is free for *us*, a bare JID."""
    holder = seen.nicks.get(nick)
    if holder is None:
        report.ok(f"the nick {nick} is free")
    elif holder == us:
        report.ok(f"the nick {nick} is ours: it runs")
    else:
        report.warn(f"the nick {nick} is {holder or 'somebody'}'s", "another will be taken")


# Who is there


async def answers(link: Link, full: str) -> str:
    """Why *full* does not answer; empty if it does. Of a bare JID the server would answer."""
    ping = link.iq(full, "get")
    ping.enable("ping")
    try:
        await ping.send(timeout=ANSWER)
    except IqTimeout:
        return "no answer"
    except IqError as error:
        return str(error.condition)
    return ""


async def tell_running(link: Link, resource: str, report: Report, *, must: bool) -> None:
    """Whether the program that we are the settings of runs, and answers."""
    why = await answers(link, f"{link.jid.bare}/{resource}")
    if not why:
        report.ok(f"{link.jid.bare} runs, and answers")
    elif must:
        report.bad(f"{link.jid.bare} does not answer ({why})", "its log says why; start it again")
    else:
        report.ok(f"{link.jid.bare} does not run now")


# What the server lets through


async def measure(link: Link, report: Report) -> None:
    """Send one of our largest stanzas to ourselves: does it pass, and how fast?"""
    limits = getattr(link.client, "limits", None)
    most = limits.max_bytes if limits is not None else None
    if most is not None and most < LOAD + 1000:
        report.bad(
            f"the server takes stanzas up to {most} bytes, ours have up to {LOAD + 1000}",
            "allow 262144: c2s_stanza_size_limit on Prosody, max_stanza_size on ejabberd",
        )
        return
    link.answer("iq@type=set/lab_load", _nothing)
    iq = link.iq(link.jid, "set")
    iq["lab_load"]["text"] = secrets.token_urlsafe(LOAD * 3 // 4)
    began = time.monotonic()
    try:
        await link.ask(iq, timeout=LATE)
    except Refusal as refusal:
        report.bad(
            f"{LOAD // 1000} kB to ourselves did not arrive ({refusal.what})",
            "raise the server's rate limit, see docs/servers.md",
        )
        return
    rate = LOAD / (time.monotonic() - began)
    largest = f", and takes stanzas up to {most} bytes" if most is not None else ""
    if rate < SLOW:
        report.warn(
            f"the server throttles us to {rate / 1000:.0f} kB/s",
            "output is late by hours: raise its rate limit for us, see docs/servers.md",
        )
    else:
        report.ok(f"the server lets {_rounded(rate)} kB/s through{largest}")


async def _nothing(_: Iq, __: Iq) -> None:
    """The answer is empty: only the way there is measured."""


def _rounded(rate: float) -> str:
    return f"{float(f'{rate / 1000:.1g}'):.0f}"
