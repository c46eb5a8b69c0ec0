"""
The XML of orders and journals: one class per element, and nothing but XML in it.

slixmpp hands out ``Any``; it stops here. Everything past this file is a frozen value
from :mod:`agent.wire.vocabulary` or :mod:`agent.wire.delivery`. What asks and answers
(IQ) is in :mod:`agent.wire.query`, what a target says of itself in :mod:`agent.wire.target`.

Rule 1: ``plugin_attrib`` shares one namespace with the parent stanza's own fields
(``presence['status']``), hence the ``lab_`` prefix.

Rule 2: unknown attributes and children are ignored; what is there must be right, else
:class:`MalformedError`. The sender may be broken or hostile.

Rule 3: the controller of a run is the bare JID a stanza comes from, which the server
vouches for; it is never written in a stanza.

Rule 4: what a target says is a headline, which no server keeps for a controller that is away
(RFC 6121, section 8.5.2.2): the target's disk is the queue, and has no quota.
"""

import base64
import binascii
from dataclasses import dataclass
from typing import ClassVar
from xml.etree import ElementTree as ET
from xml.sax.saxutils import quoteattr

from slixmpp.stanza import Message
from slixmpp.xmlstream import ElementBase

from agent.wire.deflate import DamagedError, deflated, inflated
from agent.wire.delivery import LARGEST, Chunk
from agent.wire.fields import (
    NS,
    MalformedError,
    bounded,
    format_time,
    read_flag,
    read_int,
    read_name,
    read_run,
    read_time,
    read_token,
)
from agent.wire.vocabulary import Order, RunId, Step

HINTS = "urn:xmpp:hints"

MOST_STEPS = 50
MOST_PARAMS = 50


class RunElement(ElementBase):
    """
    An order, controller to target, in a message of type normal to the bare JID.

        <run xmlns='urn:labroom:1' id='k3x9q2ab-17' ttl='86400' by='2026-11-23T19:00:00Z'>
          <step recipe='memtest' usual='3120'><param name='size' value='64M'/></step>
        </run>
    """

    name, namespace, plugin_attrib = "run", NS, "lab_run"
    interfaces: ClassVar[set[str]] = {"id", "ttl", "by"}


class CancelElement(ElementBase):
    """
    Stop a run, or never start it; message of type normal to the bare JID.

        <cancel xmlns='urn:labroom:1' run='k3x9q2ab-17' who='ann'/>
    """

    name, namespace, plugin_attrib = "cancel", NS, "lab_cancel"
    interfaces: ClassVar[set[str]] = {"run", "who"}


class AcceptedElement(ElementBase):
    """
    The run is on the target's disk, and will be worked on; headline to the bare JID.

        <accepted xmlns='urn:labroom:1' run='k3x9q2ab-17' journal='p0q4c1xw8e2z'/>
    """

    name, namespace, plugin_attrib = "accepted", NS, "lab_accepted"
    interfaces: ClassVar[set[str]] = {"run", "journal"}


class RefusedElement(ElementBase):
    """
    The run will never start, and why; headline to the bare JID.

        <refused xmlns='urn:labroom:1' run='k3x9q2ab-17'>no recipe called memtst</refused>
    """

    name, namespace, plugin_attrib = "refused", NS, "lab_refused"
    interfaces: ClassVar[set[str]] = {"run"}


class ChunkElement(ElementBase):
    """
    Consecutive bytes of a journal in base64, target to controller's bare JID, a headline.

        <chunk xmlns='urn:labroom:1' run='k3x9q2ab-17' journal='p0q4c1xw8e2z' offset='4096'
               deflate='true'>eJyr...</chunk>
    """

    name, namespace, plugin_attrib = "chunk", NS, "lab_chunk"
    interfaces: ClassVar[set[str]] = {"run", "journal", "offset", "deflate"}


class AckElement(ElementBase):
    """
    The controller durably holds everything before *offset*; headline to the full JID.

        <ack xmlns='urn:labroom:1' run='k3x9q2ab-17' journal='p0q4c1xw8e2z' offset='8192'/>

    With ``gap='true'`` something beyond *offset* arrived: the target goes back there.
    """

    name, namespace, plugin_attrib = "ack", NS, "lab_ack"
    interfaces: ClassVar[set[str]] = {"run", "journal", "offset", "gap"}


MESSAGES = (
    RunElement,
    CancelElement,
    AcceptedElement,
    RefusedElement,
    ChunkElement,
    AckElement,
)


@dataclass(frozen=True, slots=True)
class JournalId:
    """Which journal: of which run, and which of all the journals it ever had."""

    run: RunId
    journal: str


@dataclass(frozen=True, slots=True)
class Ack:
    """The controller durably holds *of* before *offset*; *gap* if it saw something later."""

    of: JournalId
    offset: int
    gap: bool = False


def write_order(message: Message, order: Order) -> None:
    """Put *order* into *message*."""
    element = RunElement()
    element["id"] = str(order.run)
    element["ttl"] = str(max(0, round(order.ttl)))
    element["by"] = format_time(order.by)
    for index, step in enumerate(order.steps):
        child = ET.SubElement(element.xml, f"{{{NS}}}step", recipe=step.recipe)
        if any(order.usual[index : index + 1]):
            child.set("usual", str(order.usual[index]))
        for name, value in step.params.items():
            ET.SubElement(child, f"{{{NS}}}param", name=name, value=value)
    message.append(element)
    never_archive(message)


def read_order(message: Message) -> Order:
    """Take the order out of *message*."""
    element = message["lab_run"]
    children = element.xml.findall(f"{{{NS}}}step")
    steps = tuple(map(_read_step, children))
    if not 0 < len(steps) <= MOST_STEPS:
        raise MalformedError(f"an order has 1 to {MOST_STEPS} steps, not {len(steps)}")
    usual = tuple(read_int(child.get("usual", "0")) for child in children)
    return Order(
        run=read_run(element["id"]),
        steps=steps,
        ttl=float(read_int(element["ttl"])),
        by=read_time(element["by"]),
        usual=usual if any(usual) else (),
    )


def _read_step(step: ET.Element) -> Step:
    params = {
        read_name(param.get("name", "")): bounded(param.get("value", ""))
        for param in step.findall(f"{{{NS}}}param")
    }
    if len(params) > MOST_PARAMS:
        raise MalformedError(f"a step has at most {MOST_PARAMS} parameters")
    return Step(read_name(step.get("recipe", "")), params)


def write_cancel(message: Message, run: RunId, who: str) -> None:
    """Ask for *run* to be stopped; *who* asked, for the journal."""
    message["lab_cancel"]["run"] = str(run)
    message["lab_cancel"]["who"] = bounded(who)
    never_archive(message)


def read_cancel(message: Message) -> tuple[RunId, str]:
    """Which run to stop, and who asked."""
    element = message["lab_cancel"]
    return read_run(element["run"]), bounded(element["who"])


def write_accepted(message: Message, of: JournalId) -> None:
    """Say that the run has a journal; *message* must be a headline."""
    _write_journal(message["lab_accepted"], of)


def read_accepted(message: Message) -> JournalId:
    """Which run was accepted, and its journal."""
    return _read_journal(message["lab_accepted"])


def write_refused(message: Message, run: RunId, reason: str) -> None:
    """Say that *run* will never start; *message* must be a headline."""
    message["lab_refused"]["run"] = str(run)
    message["lab_refused"].xml.text = bounded(reason)


def read_refused(message: Message) -> tuple[RunId, str]:
    """Which run was refused, and why."""
    element = message["lab_refused"]
    return read_run(element["run"]), bounded(element.xml.text or "")


def write_chunk(to: str, of: JournalId, chunk: Chunk) -> str:
    """
    A whole message to *to* with *chunk*, deflated where that makes it smaller.

    Text, not elements: base64 needs no escaping, and slixmpp would look for what does at every
    character of it; that took a third of an agent's CPU.
    """
    data = deflated(chunk.data)
    deflate = "" if data is None else " deflate='true'"
    text = base64.b64encode(chunk.data if data is None else data).decode("ascii")
    return (
        f"<message to={quoteattr(to)} type='headline'><chunk xmlns='{NS}' run='{of.run}'"
        f" journal='{of.journal}' offset='{chunk.offset}'{deflate}>{text}</chunk></message>"
    )


def read_chunk(message: Message) -> tuple[JournalId, Chunk]:
    """Take the chunk out of *message*; it inflates to at most LARGEST bytes."""
    element = message["lab_chunk"]
    text = element.xml.text or ""
    if len(text) > 2 * LARGEST:
        raise MalformedError("chunk too long")
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
        if read_flag(element["deflate"]):
            data = inflated(data, LARGEST)
    except (UnicodeEncodeError, binascii.Error, DamagedError) as error:
        raise MalformedError(f"chunk is damaged: {error}") from error
    if not 0 < len(data) <= LARGEST:
        raise MalformedError(f"chunk of {len(data)} bytes")
    return _read_journal(element), Chunk(read_int(element["offset"]), data)


def write_ack(message: Message, ack: Ack) -> None:
    """Put *ack* into *message*, which must be a headline: it is worthless later."""
    element = message["lab_ack"]
    _write_journal(element, ack.of)
    element["offset"] = str(ack.offset)
    if ack.gap:
        element["gap"] = "true"


def read_ack(message: Message) -> Ack:
    """Take the acknowledgement out of *message*."""
    element = message["lab_ack"]
    return Ack(_read_journal(element), read_int(element["offset"]), read_flag(element["gap"]))


def never_archive(message: Message) -> None:
    """Queued while the receiver is away, but kept in no archive (XEP-0334, section 4.1)."""
    message.xml.append(ET.Element(f"{{{HINTS}}}no-permanent-store"))


def _write_journal(element: ElementBase, of: JournalId) -> None:
    element["run"] = str(of.run)
    element["journal"] = of.journal


def _read_journal(element: ElementBase) -> JournalId:
    return JournalId(read_run(element["run"]), read_token(element["journal"]))
