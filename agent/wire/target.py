"""
What a target says of itself: in presence, to everybody; and to its bot, to be let in.

Same rules as :mod:`agent.wire.stanza`.
"""

import ipaddress
from dataclasses import dataclass
from typing import ClassVar

from slixmpp.stanza import Message, Presence
from slixmpp.xmlstream import ElementBase

from agent.wire.fields import NS, MalformedError, bounded, read_int, read_run, read_token
from agent.wire.vocabulary import RunId

MOST_NAME = 60
"""Characters of a friendly name, a location or a nick."""

REASONS = frozenset({"shutdown", "rebooting", "restarting", "stopped", "failed"})
"""Why a target leaves: the machine shuts down, it reboots; its agent alone is started again, is
stopped, or gave up after an error of its own."""


class TargetElement(ElementBase):
    """
    Who and where a target is, and what it does; in presence.

        <target xmlns='urn:labroom:1' name='Bob&apos;s server' location='lab 2, rack 3'
                state='busy' boot='9f0c...' run='k3x9q2ab-17' step='memtest size=16M'
                progress='43' left='720' queue='1' version='0.1.0' epoch='e7d2m4kq01xz'
                session='b51kz07q' address='192.0.2.7'/>
    """

    name, namespace, plugin_attrib = "target", NS, "lab_target"
    interfaces: ClassVar[set[str]] = {
        "name", "location", "state", "boot", "run", "step", "progress", "queue", "version",
        "epoch", "controller", "session", "clash", "left", "address",
    }  # fmt: skip


class LeavingElement(ElementBase):
    """
    Why a target leaves; in its last presence, of type unavailable.

        <leaving xmlns='urn:labroom:1' reason='rebooting' by='ann'/>
    """

    name, namespace, plugin_attrib = "leaving", NS, "lab_leaving"
    interfaces: ClassVar[set[str]] = {"reason", "by"}


class HelloElement(ElementBase):
    """
    A target that may not enter the room asks its bot, in a headline to the bare JID.

        <hello xmlns='urn:labroom:1' room='lab@rooms.lab.example'/>
    """

    name, namespace, plugin_attrib = "hello", NS, "lab_hello"
    interfaces: ClassVar[set[str]] = {"room"}


class AdmittedElement(ElementBase):
    """
    The bot's answer, in a headline to the full JID: try again now.

        <admitted xmlns='urn:labroom:1' room='lab@rooms.lab.example'/>
    """

    name, namespace, plugin_attrib = "admitted", NS, "lab_admitted"
    interfaces: ClassVar[set[str]] = {"room"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetState:
    """What a target says of itself."""

    name: str = ""
    """What its owner calls it: ``Bob's server``."""
    location: str = ""
    state: str = "idle"
    """``idle``, ``busy`` or ``rebooting``."""
    boot: str = ""
    epoch: str = ""
    version: str = ""
    session: str = ""
    """A random id of this connection: a new one wants to be met (``<sync>``)."""
    controller: str = ""
    """Whose run it works on: a bare JID."""
    run: RunId | None = None
    step: str = ""
    """As people write it: ``memtest size=16M``."""
    progress: int | None = None
    """Of this step, in percent."""
    queue: int = 0
    """Runs that wait."""
    clash: str = ""
    """Where another process is that uses the same account."""
    left: int | None = None
    """Seconds until its run is probably over; None if that cannot be told."""
    address: str = ""
    """The IP address that it has on its connection to the server: a target's word."""


@dataclass(frozen=True, slots=True)
class Leaving:
    """Why a target leaves, in its own words."""

    reason: str
    """One of :data:`REASONS`."""
    by: str = ""
    """The nick of who ordered it; empty if nobody did, or it is not known."""


def write_target(presence: Presence, state: TargetState) -> None:
    """Put *state* into *presence*."""
    element = presence["lab_target"]
    told = {
        "name": state.name,
        "location": state.location,
        "state": state.state,
        "boot": state.boot,
        "epoch": state.epoch,
        "version": state.version,
        "session": state.session,
        "controller": state.controller,
        "run": str(state.run or ""),
        "step": state.step,
        "progress": "" if state.progress is None else str(state.progress),
        "queue": str(state.queue or ""),
        "clash": state.clash,
        "left": "" if state.left is None else str(state.left),
        "address": state.address,
    }
    for name, value in told.items():
        if value:
            element[name] = bounded(value)


def read_target(presence: Presence) -> TargetState:
    """Take the state out of *presence*."""
    element = presence["lab_target"]
    run, progress, queue = element["run"], element["progress"], element["queue"]
    left = element["left"]
    if element["state"] not in ("idle", "busy", "rebooting"):
        raise MalformedError(f"not a state: {element['state'][:40]!r}")
    return TargetState(
        name=element["name"][:MOST_NAME],
        location=element["location"][:MOST_NAME],
        state=element["state"],
        boot=bounded(element["boot"]),
        epoch=read_token(element["epoch"]) if element["epoch"] else "",
        version=bounded(element["version"]),
        session=bounded(element["session"]),
        controller=bounded(element["controller"]),
        run=read_run(run) if run else None,
        step=bounded(element["step"]),
        progress=min(100, read_int(progress)) if progress else None,
        queue=read_int(queue) if queue else 0,
        clash=bounded(element["clash"]),
        left=read_int(left) if left else None,
        address=read_address(element["address"]),
    )


def read_address(text: str) -> str:
    """
    An address of one machine in its shortest form; empty for anything else.

    Somebody may be about to send packets there: so no group, no broadcast, no name, and no
    interface of ours (``fe80::1%eth0``). What is odd is dropped: the target is there all the same.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            return ""
        address = address.ipv4_mapped or address
    if address.is_loopback:  # which counts as reserved, too
        return str(address)
    odd = address.is_multicast or address.is_unspecified or address.is_reserved
    return "" if odd else str(address)


def write_leaving(presence: Presence, leaving: Leaving) -> None:
    """Say in *presence*, which is of type unavailable, why it is the last."""
    presence["lab_leaving"]["reason"] = leaving.reason
    if leaving.by:
        presence["lab_leaving"]["by"] = bounded(leaving.by)[:MOST_NAME]


def read_leaving(presence: Presence) -> Leaving | None:
    """Why a target leaves with *presence*; None if it does not leave, or does not say."""
    if presence["type"] != "unavailable" or not presence.get_plugin("lab_leaving", check=True):
        return None
    element = presence["lab_leaving"]
    if element["reason"] not in REASONS:  # a later version's
        return None
    return Leaving(element["reason"], element["by"][:MOST_NAME])


def write_hello(message: Message, room: str) -> None:
    """Ask to be let into *room*."""
    message["lab_hello"]["room"] = room


def write_admitted(message: Message, room: str) -> None:
    """Say that the door of *room* is open."""
    message["lab_admitted"]["room"] = room
