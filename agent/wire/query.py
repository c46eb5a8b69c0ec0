"""
What is asked and answered at once (IQ), and so is never queued: sync, reboot, catalogue.

Same rules as :mod:`agent.wire.stanza`.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from xml.etree import ElementTree as ET

from slixmpp.stanza import Iq
from slixmpp.xmlstream import ElementBase

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
from agent.wire.parameter import Kind, Parameter, RecipeInfo
from agent.wire.stanza import MOST_PARAMS, JournalId
from agent.wire.vocabulary import Held

MOST_RUNS = 256
"""Runs in one sync; the rest follows at the next."""
MOST_RECIPES = 200
MOST_CHOICES = 100


class SyncElement(ElementBase):
    """
    The reconciliation: IQ set, controller to target, and its result.

        <sync xmlns='urn:labroom:1' store='k3x9q2ab' clock='2026-11-22T19:00:00.000Z'>
          <have run='k3x9q2ab-17' journal='p0q4c1xw8e2z' offset='8192'/>
        </sync>

        <sync xmlns='urn:labroom:1' epoch='e7d2m4kq01xz' boot='9f0c...' version='0.1.0'
              catalogue='4be1d2' clock='2026-11-22T18:59:58.112Z'>
          <held run='k3x9q2ab-17' journal='p0q4c1xw8e2z' size='40960' phase='running'/>
          <held run='z8w2m4q1-9' journal='t4x0b6n2h8sk' size='302' phase='queued' title='disk'/>
        </sync>
    """

    name, namespace, plugin_attrib = "sync", NS, "lab_sync"
    interfaces: ClassVar[set[str]] = {"store", "epoch", "boot", "version", "catalogue", "clock"}


class RebootElement(ElementBase):
    """
    IQ get asks for a ticket, IQ set spends it.

        <reboot xmlns='urn:labroom:1' who='ann' force='true'/>
        <reboot xmlns='urn:labroom:1' ticket='s8w1hf4mz0aq' boot='9f0c...'/>
    """

    name, namespace, plugin_attrib = "reboot", NS, "lab_reboot"
    interfaces: ClassVar[set[str]] = {"who", "force", "ticket", "boot"}


class CatalogueElement(ElementBase):
    """
    What can be run here: IQ get, and its result.

        <catalogue xmlns='urn:labroom:1'>
          <recipe name='stress' summary='Work.' missing='stress-ng is not installed' takes='time'
                  class='load'>
            <param name='time' kind='duration' default='60s' min='1s' max='30d' help='how long'/>
          </recipe>
        </catalogue>
    """

    name, namespace, plugin_attrib = "catalogue", NS, "lab_catalogue"
    interfaces: ClassVar[set[str]] = set()


IQS = (SyncElement, RebootElement, CatalogueElement)


@dataclass(frozen=True, slots=True)
class Have:
    """How much of a journal the controller durably holds."""

    of: JournalId
    offset: int


@dataclass(frozen=True, slots=True)
class HeldRun:
    """A run that the target holds for this controller, not finished or not delivered."""

    of: JournalId
    size: int
    """Synced bytes of its journal."""
    phase: Held
    title: str = ""
    """What it runs, as people write it; told of a run that another store ordered."""


@dataclass(frozen=True, slots=True)
class Meeting:
    """The controller's half of a sync."""

    store: str
    clock: datetime
    have: tuple[Have, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """The target's half of a sync."""

    epoch: str
    """The random id of the target's state folder: a new one means that it forgot everything."""
    boot: str
    clock: datetime
    version: str
    catalogue: str
    """A digest of the catalogue: ask for it again when this changes."""
    held: tuple[HeldRun, ...]


@dataclass(frozen=True, slots=True)
class RebootAsk:
    """A request for a ticket, or (with *ticket*) the order itself."""

    who: str = ""
    force: bool = False
    ticket: str = ""


def write_meeting(iq: Iq, meeting: Meeting) -> None:
    """Put the controller's half into *iq*."""
    element = iq["lab_sync"]
    element["store"] = meeting.store
    element["clock"] = format_time(meeting.clock)
    for have in meeting.have:
        ET.SubElement(
            element.xml, f"{{{NS}}}have", _journal(have.of) | {"offset": str(have.offset)}
        )


def read_meeting(iq: Iq) -> Meeting:
    """Take the controller's half out of *iq*."""
    element = iq["lab_sync"]
    have = [
        Have(_read_journal(child), read_int(child.get("offset", "")))
        for child in element.xml.findall(f"{{{NS}}}have")[:MOST_RUNS]
    ]
    return Meeting(read_token(element["store"]), read_time(element["clock"]), tuple(have))


def write_standing(iq: Iq, standing: Standing) -> None:
    """Put the target's half into *iq*."""
    element = iq["lab_sync"]
    element["epoch"], element["boot"] = standing.epoch, standing.boot
    element["version"], element["catalogue"] = standing.version, standing.catalogue
    element["clock"] = format_time(standing.clock)
    for held in standing.held[:MOST_RUNS]:
        attributes = _journal(held.of) | {"size": str(held.size), "phase": str(held.phase)}
        attributes |= _told({"title": held.title})
        ET.SubElement(element.xml, f"{{{NS}}}held", attributes)


def read_standing(iq: Iq) -> Standing:
    """Take the target's half out of *iq*."""
    element = iq["lab_sync"]
    held = [
        HeldRun(
            _read_journal(child),
            read_int(child.get("size", "")),
            _read_held(child.get("phase")),
            bounded(child.get("title", "")),
        )
        for child in element.xml.findall(f"{{{NS}}}held")[:MOST_RUNS]
    ]
    return Standing(
        epoch=read_token(element["epoch"]),
        boot=bounded(element["boot"]),
        clock=read_time(element["clock"]),
        version=bounded(element["version"]),
        catalogue=bounded(element["catalogue"]),
        held=tuple(held),
    )


def write_reboot(iq: Iq, ask: RebootAsk) -> None:
    """Put *ask* into *iq*: a get without ticket, a set with one."""
    element = iq["lab_reboot"]
    element["who"] = bounded(ask.who)
    if ask.force:
        element["force"] = "true"
    if ask.ticket:
        element["ticket"] = ask.ticket


def read_reboot(iq: Iq) -> RebootAsk:
    """Take the request out of *iq*."""
    element = iq["lab_reboot"]
    ticket = element["ticket"]
    return RebootAsk(
        bounded(element["who"]), read_flag(element["force"]), read_token(ticket) if ticket else ""
    )


def write_catalogue(iq: Iq, recipes: tuple[RecipeInfo, ...]) -> None:
    """Put *recipes* into *iq*."""
    element = iq["lab_catalogue"]
    for recipe in recipes:
        attributes = {
            "name": recipe.name,
            "summary": recipe.summary,
            "missing": recipe.missing,
            "takes": recipe.takes,
            "class": recipe.class_,
            "destructive": "true" if recipe.destructive else "",
        }
        child = ET.SubElement(element.xml, f"{{{NS}}}recipe", _told(attributes))
        for name, parameter in recipe.params.items():
            told = {
                "name": name,
                "kind": str(parameter.kind),
                "default": parameter.default,
                "min": parameter.min or "",
                "max": parameter.max or "",
                "help": parameter.help,
            }
            param = ET.SubElement(child, f"{{{NS}}}param", _told(told))
            for choice in parameter.choices:
                ET.SubElement(param, f"{{{NS}}}choice").text = choice


def read_catalogue(iq: Iq) -> tuple[RecipeInfo, ...]:
    """Take the recipes out of *iq*."""
    children = iq["lab_catalogue"].xml.findall(f"{{{NS}}}recipe")[:MOST_RECIPES]
    return tuple(
        RecipeInfo(
            name=read_name(child.get("name", "")),
            summary=bounded(child.get("summary", "")),
            missing=bounded(child.get("missing", "")),
            takes=bounded(child.get("takes", "")),
            class_=bounded(child.get("class", "")),
            destructive=read_flag(child.get("destructive", "")),
            params={
                read_name(param.get("name", "")): _read_parameter(param)
                for param in child.findall(f"{{{NS}}}param")[:MOST_PARAMS]
            },
        )
        for child in children
    )


def _read_parameter(param: ET.Element) -> Parameter:
    try:
        kind = Kind(param.get("kind", ""))
    except ValueError:
        kind = Kind.STRING  # a newer agent's type: the target itself checks it
    return Parameter(
        kind=kind,
        default=bounded(param.get("default", "")),
        min=_limit(param.get("min")),
        max=_limit(param.get("max")),
        choices=tuple(
            bounded(c.text or "") for c in param.findall(f"{{{NS}}}choice")[:MOST_CHOICES]
        ),
        help=bounded(param.get("help", "")),
    )


def _limit(text: str | None) -> str | None:
    return None if text is None else bounded(text)


def _told(attributes: dict[str, str]) -> dict[str, str]:
    return {name: bounded(value) for name, value in attributes.items() if value}


def _journal(of: JournalId) -> dict[str, str]:
    return {"run": str(of.run), "journal": of.journal}


def _read_journal(child: ET.Element) -> JournalId:
    return JournalId(read_run(child.get("run", "")), read_token(child.get("journal", "")))


def _read_held(text: str | None) -> Held:
    try:
        return Held(text or "")
    except ValueError as error:
        raise MalformedError(f"not a phase: {str(text)[:40]!r}") from error
