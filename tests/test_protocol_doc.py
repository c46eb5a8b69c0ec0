"""
docs/protocol.md cannot rot: its examples are what the code reads, and what it writes.

Each example is parsed as bytes from a stream, read by the real ``read_*``, and written again by
the real ``write_*`` into an envelope (addresses, type, what others put in) of the same stanza.
"""

import base64
import json
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from slixmpp import ClientXMPP
from slixmpp.exceptions import IqError
from slixmpp.plugins.xep_0335 import JSON_Container
from slixmpp.stanza import Iq, Message, Presence
from slixmpp.xmlstream import register_stanza_plugin
from slixmpp.xmlstream.matcher import StanzaPath

from agent.wire import controller, double, exchange, query, stanza, target
from agent.wire.delivery import Chunk
from agent.wire.fields import NS
from agent.wire.journal import HEADER, PAYLOAD, Reader
from agent.wire.machine import Machine, read_machine, write_machine
from agent.wire.parameter import RecipeInfo
from agent.wire.vocabulary import Verdict
from bot.reply import VERSION, Reply

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "protocol.md").read_text()
ELEMENTS = (
    *stanza.MESSAGES,
    *query.IQS,
    target.TargetElement,
    target.LeavingElement,
    target.HelloElement,
    target.AdmittedElement,
    controller.ControllerElement,
    double.DoubleElement,
)
ROOTS: dict[str, type[Any]] = {"message": Message, "presence": Presence, "iq": Iq}

register_stanza_plugin(Message, JSON_Container)


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def read_stanza(text: str) -> Any:
    """*text* as a stream delivers it; white space between elements is the page's."""
    root = ET.fromstring(f"<stream xmlns='jabber:client'>{text}</stream>")[0]
    for element in root.iter():
        element.tail = None
        if len(element):
            element.text = None
    return ROOTS[root.tag.partition("}")[2]](xml=root, recv=True)


@dataclass(frozen=True)
class Example:
    text: str

    @property
    def stanza(self) -> Any:
        return read_stanza(self.text)

    @property
    def ours(self) -> ET.Element | None:
        """The element of ours in it."""
        return next((e for e in self.stanza.xml if e.tag.startswith(f"{{{NS}}}")), None)

    @property
    def kind(self) -> str:
        """``message/chunk``, ``iq-set/sync``."""
        what = self.stanza
        name = self.ours.tag.partition("}")[2] if self.ours is not None else ""
        kind = f"-{what['type']}" if isinstance(what, Iq) else ""
        return f"{what.name}{kind}/{name}"

    def envelope(self) -> Any:
        """The same stanza without what we wrote: for the real code to write it again."""
        what = self.stanza
        for child in list(what.xml):
            if child.tag.startswith((f"{{{NS}}}", f"{{{stanza.HINTS}}}")):
                what.xml.remove(child)
        return type(what)(xml=what.xml)


EXAMPLES = [Example(text) for text in blocks("xml")]
OURS = [example for example in EXAMPLES if example.ours is not None]


def identify(example: Example) -> str:
    return example.kind


Reads = Callable[[Any], Any]
Writes = Callable[[Any, Any], None]


def write_ticket(iq: Iq, answer: tuple[str, str]) -> None:
    """As agent/controllers.py does."""
    for name, value in zip(("ticket", "boot"), answer, strict=True):
        if value:
            iq["lab_reboot"][name] = value


def write_chunk(message: Message, of: tuple[stanza.JournalId, Chunk]) -> None:
    """It is written whole, as text; what is in it comes into *message*."""
    text = stanza.write_chunk(str(message["to"]), *of)
    written = ET.fromstring(f"<stream xmlns='jabber:client'>{text}</stream>")[0]
    assert written.attrib.items() <= message.xml.attrib.items()
    message.xml.extend(written)


def enable_catalogue(iq: Iq, _: None) -> None:
    iq.enable("lab_catalogue")


def read_offer(iq: Iq) -> tuple[tuple[RecipeInfo, ...], Machine]:
    """As bot/xmpp/wire.py does."""
    return query.read_catalogue(iq), read_machine(iq)


def write_offer(iq: Iq, offer: tuple[tuple[RecipeInfo, ...], Machine]) -> None:
    """As agent/controllers.py does."""
    query.write_catalogue(iq, offer[0])
    write_machine(iq, offer[1])


CODE: dict[str, tuple[Reads, Writes]] = {
    "message/run": (stanza.read_order, stanza.write_order),
    "message/cancel": (stanza.read_cancel, lambda m, of: stanza.write_cancel(m, *of)),
    "message/accepted": (stanza.read_accepted, stanza.write_accepted),
    "message/refused": (stanza.read_refused, lambda m, of: stanza.write_refused(m, *of)),
    "message/chunk": (stanza.read_chunk, write_chunk),
    "message/ack": (stanza.read_ack, stanza.write_ack),
    "message/hello": (lambda m: m["lab_hello"]["room"], target.write_hello),
    "message/admitted": (lambda m: m["lab_admitted"]["room"], target.write_admitted),
    "presence/controller": (controller.read_controller, controller.write_controller),
    "presence/target": (target.read_target, target.write_target),
    "presence/leaving": (target.read_leaving, target.write_leaving),
    "iq-set/sync": (query.read_meeting, query.write_meeting),
    "iq-result/sync": (query.read_standing, query.write_standing),
    "iq-get/reboot": (query.read_reboot, query.write_reboot),
    "iq-set/reboot": (query.read_reboot, query.write_reboot),
    "iq-result/reboot": (
        lambda iq: (iq["lab_reboot"]["ticket"], iq["lab_reboot"]["boot"]),
        write_ticket,
    ),
    "iq-get/double": (double.read_double, double.write_double),
    "iq-result/double": (double.read_double, double.write_double),
    "iq-get/catalogue": (lambda _: None, enable_catalogue),
    "iq-result/catalogue": (read_offer, write_offer),
}


def canonical(xml: ET.Element) -> tuple[Any, ...]:
    """*xml* for comparing: order of attributes and of the stanza's children do not count."""
    text = (xml.text or "").strip()
    if xml.get("deflate") == "true":  # zlib's versions differ in what they make of the same bytes
        text = zlib.decompress(base64.b64decode(text)).hex()
    children = [canonical(child) for child in xml]
    if xml.tag.startswith("{jabber:client}"):
        children.sort()
    return xml.tag, tuple(sorted(xml.attrib.items())), text, tuple(children)


def journal_example() -> bytes:
    (text,) = blocks("journal")
    return text.encode()


def handlers() -> Iterator[str]:
    """The paths that our two sides listen on."""
    for name in (
        "agent/controllers.py",
        "agent/client.py",
        "bot/xmpp/wire.py",
        "bot/xmpp/client.py",
        "agent/wire/double.py",
    ):
        yield from re.findall(r'\.(?:on|answer)\("([^"]+/lab_\w+)"', (ROOT / name).read_text())


def test_there_are_examples() -> None:
    assert len(OURS) >= 16


@pytest.mark.parametrize("example", OURS, ids=identify)
def test_the_code_writes_what_it_reads_in_the_example(example: Example) -> None:
    read, write = CODE[example.kind]
    value = read(example.stanza)
    written = example.envelope()
    write(written, value)
    assert canonical(written.xml) == canonical(example.stanza.xml)
    assert read(type(written)(xml=written.xml)) == value


@pytest.mark.parametrize("example", OURS, ids=identify)
def test_an_example_reads_the_same_with_what_a_later_version_adds(example: Example) -> None:
    read, _ = CODE[example.kind]
    later = example.stanza
    for element in [e for e in later.xml.iter() if e.tag.startswith(f"{{{NS}}}")]:
        element.set("later", "1")
        ET.SubElement(element, f"{{{NS}}}later", name="x")
    ET.SubElement(later.xml, "{urn:labroom:2}later")
    assert read(later) == read(example.stanza)


@pytest.mark.parametrize("element", ELEMENTS, ids=lambda element: element.name)
def test_every_element_has_an_example(element: type[Any]) -> None:
    tags = {example.ours.tag for example in OURS if example.ours is not None}
    assert element.tag_name() in tags


def test_every_registered_element_is_known_here() -> None:
    ours = {
        plugin
        for root in ROOTS.values()
        for plugin in root.plugin_attrib_map.values()
        if plugin.namespace == NS
    }
    assert ours == set(ELEMENTS)


def test_every_attribute_of_ours_is_in_an_example() -> None:
    for element in ELEMENTS:
        shown = {
            name
            for example in OURS
            if example.ours is not None and example.ours.tag == element.tag_name()
            for name in example.ours.attrib
        }
        assert shown == element.interfaces, element.name


@pytest.mark.parametrize(
    "example",
    [e for e in OURS if e.kind.startswith(("message", "iq-get", "iq-set"))],
    ids=identify,
)
def test_somebody_listens_for_the_example(example: Example) -> None:
    heard = [path for path in handlers() if StanzaPath(path).match(example.stanza)]
    assert len(heard) == 1


def test_every_handler_has_an_example() -> None:
    unheard = [
        path for path in handlers() if not any(StanzaPath(path).match(e.stanza) for e in OURS)
    ]
    assert unheard == []


@pytest.mark.parametrize("example", [e for e in OURS if "message" in e.kind], ids=identify)
def test_what_is_queued_goes_to_a_bare_jid_and_into_no_archive(example: Example) -> None:
    what = example.stanza
    hinted = what.xml.find(f"{{{stanza.HINTS}}}no-permanent-store") is not None
    assert hinted == (what["type"] == "normal")
    if what["type"] == "normal":
        assert what["to"].resource == ""


def test_who_may_be_asked_is_a_full_jid() -> None:
    for example in OURS:
        if example.kind.startswith("iq"):
            assert example.stanza["to"].resource != ""


async def test_the_error_example_is_what_the_code_answers() -> None:
    (example,) = [e for e in EXAMPLES if e.kind == "iq-error/"]
    (asked,) = [e for e in OURS if e.kind == "iq-get/reboot"]
    error = example.stanza["error"]
    asked_stanza = asked.stanza
    asked_stanza.stream = ClientXMPP("bob@lab.example/agent", "")  # in a loop that gets closed
    answer = exchange._error(asked_stanza, error["condition"], error["text"])
    answer["from"] = asked.stanza["to"]  # the server stamps it
    assert canonical(answer.xml) == canonical(example.stanza.xml)
    refusal = exchange._refusal(IqError(example.stanza))
    assert str(refusal) == error["text"]
    assert refusal.condition == "resource-constraint"


def test_the_ping_example_is_a_ping() -> None:
    (example,) = [e for e in EXAMPLES if e.kind == "iq-get/"]
    assert [child.tag for child in example.stanza.xml] == ["{urn:xmpp:ping}ping"]
    assert example.stanza["to"].resource != ""


def test_the_facts_example_is_what_a_reply_says() -> None:
    (example,) = [e for e in EXAMPLES if e.kind == "message/"]
    facts = example.stanza["json"]["value"]
    assert facts.pop("re")
    reply = Reply(
        example.stanza["body"],
        data={name: value for name, value in facts.items() if name not in ("labroom", "kind")},
        kind=facts["kind"],
    )
    assert json.loads(reply.json) == facts
    assert facts["labroom"] == VERSION


def test_nothing_on_the_page_is_left_unread() -> None:
    plain = {"iq-error/", "iq-get/", "message/"}
    assert {example.kind for example in EXAMPLES} == set(CODE) | plain
    fences = re.findall(r"^```(\w+)$", PAGE, re.MULTILINE)
    assert set(fences) == {"xml", "journal"}


# The journal


def test_the_journal_example_is_a_whole_journal() -> None:
    reader = Reader()
    records = list(reader.feed(journal_example()))
    assert [record.kind for record in records] == [
        "accepted", "begin", "out", "progress", "end", "verdict",
    ]  # fmt: skip
    assert reader.pending == 0
    assert records[2].payload == b"Loop 1/1:\n  Stuck Address       : ok"
    assert f"{len(journal_example())} bytes" in PAGE


def test_the_chunks_are_of_that_journal() -> None:
    chunks = [stanza.read_chunk(e.stanza)[1] for e in OURS if e.kind == "message/chunk"]
    assert len(chunks) == 2
    for chunk in chunks:
        assert journal_example()[chunk.offset : chunk.end] == chunk.data
    assert chunks[-1].end == len(journal_example())


@pytest.mark.parametrize("kind", ["accepted", "begin", "out", "progress", "end", "verdict"])
def test_every_field_of_a_record_is_explained(kind: str) -> None:
    section = PAGE.partition("\n## The journal\n")[2].partition("\n## ")[0]
    (row,) = re.findall(rf"^\| `{kind}` \|(.*)$", section, re.MULTILINE)
    (record,) = [r for r in Reader().feed(journal_example()) if r.kind == kind]
    assert all(f"`{name}`" in row for name in record.fields)


def test_the_verdicts_stand_there_mildest_first() -> None:
    listed = re.search(r"Verdicts, mildest first: (.*?)\. A reader", PAGE, re.DOTALL)
    assert listed
    assert re.findall(r"`(\w+)`", listed[1]) == [str(verdict) for verdict in Verdict]


def test_the_limits_on_the_page_are_those_of_the_code() -> None:
    from agent.executor import QUEUE, STEPS
    from agent.presence import PROGRESS_EVERY
    from agent.wire import delivery
    from agent.wire.fields import MOST_TEXT

    said = [
        f"A header is at most {HEADER:,} bytes, its newline included",
        f"a payload at most {PAYLOAD:,}.",
        f"1 to {delivery.LARGEST:,} bytes of journal (ours sends at most {delivery.CHUNK:,})",
        f"at most {2 * delivery.LARGEST:,} characters of text",
        f"at most {delivery.WINDOW:,} bytes beyond",
        f"1 to {stanza.MOST_STEPS} steps, each with at most {stanza.MOST_PARAMS} parameters",
        f"{QUEUE} runs waiting, more than {STEPS} steps",
        f"At most {query.MOST_RECIPES} recipes, {stanza.MOST_PARAMS} parameters of each, "
        f"{query.MOST_CHOICES} choices",
        f"oldest first, at most {query.MOST_RUNS}",
        f"cut to {MOST_TEXT} characters, a friendly name and a location to {target.MOST_NAME}",
        f"at least {PROGRESS_EVERY:g} s apart",
        f"within {delivery.PATIENCE:g} s, go back",
        f"from then on {delivery.PATIENCE_MOST:g} s",
    ]
    page = " ".join(PAGE.split())
    assert [words for words in said if words not in page] == []
