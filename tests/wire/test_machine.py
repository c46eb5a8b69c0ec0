"""A machine's facts come from the machine: bounded, and a wrong one refuses all of it."""

from xml.etree import ElementTree as ET

import pytest
from slixmpp.stanza import Iq
from slixmpp.xmlstream import register_stanza_plugin

from agent.wire import query
from agent.wire.fields import NS, MalformedError
from agent.wire.machine import (
    MOST_FACT,
    NOTHING,
    Machine,
    machine_of,
    read_machine,
    write_machine,
)

FULL = Machine(
    memory=64 << 30, cpus=16, arch="x86_64", kernel="6.1.0", os="Debian 12", cpu="EPYC",
    vendor="Dell Inc.", model="R6515", firmware="2.18.1", dimms=4, ecc="yes", disks=2, nics=4,
)  # fmt: skip


register_stanza_plugin(Iq, query.CatalogueElement)


def told(**attributes: str) -> Iq:
    iq = catalogue()
    ET.SubElement(iq["lab_catalogue"].xml, f"{{{NS}}}machine", attributes)
    return sent(iq)


def catalogue() -> Iq:
    iq = Iq()
    query.write_catalogue(iq, ())
    return iq


def sent(iq: Iq) -> Iq:
    """*iq*, after it went over a stream."""
    return Iq(xml=ET.fromstring(ET.tostring(iq.xml, "unicode")), recv=True)


@pytest.mark.parametrize("machine", [FULL, NOTHING, Machine(cpus=1)])
def test_a_machine_is_read_as_it_was_written(machine: Machine) -> None:
    iq = catalogue()
    write_machine(iq, machine)
    assert read_machine(sent(iq)) == machine
    assert machine_of(machine.known) == machine


def test_an_older_agent_says_nothing() -> None:
    assert read_machine(sent(catalogue())) == NOTHING


def test_what_we_do_not_know_is_left_out_and_text_is_cut() -> None:
    assert read_machine(told(colour="red", model="x" * 9999)) == Machine(model="x" * MOST_FACT)


@pytest.mark.parametrize("count", ["-1", "1e9", "lots", "9" * 40, "\u0663", " 5"])
def test_a_count_that_is_none_is_refused(count: str) -> None:
    with pytest.raises(MalformedError):
        read_machine(told(memory=count))
