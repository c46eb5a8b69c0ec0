"""
What a machine is: the facts that people choose machines by. In the answer to ``<catalogue/>``.

Same rules as :mod:`agent.wire.stanza`. A fact that the machine does not know is left out.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any
from xml.etree import ElementTree as ET

from slixmpp.stanza import Iq

from agent.wire.fields import NS, bounded, read_int

MOST_FACT = 80
"""Characters of a fact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """
    Facts of one machine; what is not known is 0 or empty.

        <machine memory='68719476736' cpus='16' arch='x86_64' kernel='6.1.0-21-amd64'
                 os='Debian GNU/Linux 12 (bookworm)' cpu='AMD EPYC 7302P 16-Core Processor'
                 vendor='Dell Inc.' model='PowerEdge R6515' firmware='2.18.1'
                 dimms='4' ecc='yes' disks='2' nics='4'/>
    """

    memory: int = 0
    """Bytes that are plugged in, or that the kernel has where it does not say."""
    cpus: int = 0
    """Logical processors."""
    arch: str = ""
    """As ``uname -m`` says it."""
    kernel: str = ""
    """As ``uname -r`` says it."""
    os: str = ""
    cpu: str = ""
    """The processor's model."""
    vendor: str = ""
    """Who made the machine, as its firmware (DMI) says."""
    model: str = ""
    firmware: str = ""
    """Which version of its own firmware (BIOS) it runs, likewise."""
    dimms: int = 0
    """Modules of memory, as the firmware says; only an agent that is root can ask it."""
    ecc: str = ""
    """Whether the memory corrects errors, likewise: ``yes`` or ``no``."""
    disks: int = 0
    """Whole disks that are no memory and not made of others."""
    nics: int = 0
    """Network cards, not what is made of them."""

    @property
    def known(self) -> dict[str, int | str]:
        """The facts that are known, by name."""
        return {name: value for name, value in asdict(self).items() if value}


NOTHING = Machine()
"""Of which nothing is known."""


def write_machine(iq: Iq, machine: Machine) -> None:
    """Put *machine* into the answer *iq*."""
    told = {name: bounded(str(value))[:MOST_FACT] for name, value in machine.known.items()}
    ET.SubElement(iq["lab_catalogue"].xml, f"{{{NS}}}machine", told)


def read_machine(iq: Iq) -> Machine:
    """Take the machine out of the answer *iq*; an older agent says nothing of it."""
    child = iq["lab_catalogue"].xml.find(f"{{{NS}}}machine")
    return NOTHING if child is None else machine_of(dict(child.attrib))


def machine_of(told: Mapping[str, Any]) -> Machine:
    """Read back *told*, facts by name; a name that we do not know is left out."""
    facts: dict[str, Any] = {}
    for field in fields(Machine):
        if (value := told.get(field.name)) is not None:
            text = str(value)
            facts[field.name] = read_int(text) if field.type is int else bounded(text)[:MOST_FACT]
    return Machine(**facts)
