"""Orders and journals as XML: golden, round trip, and whatever a broken or hostile sender makes."""

import base64
import contextlib
import random
import tracemalloc
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slixmpp.stanza import Message
from slixmpp.xmlstream.matcher import StanzaPath

from agent.wire import exchange as exchange  # registers the elements
from agent.wire import stanza
from agent.wire.deflate import SAMPLE
from agent.wire.delivery import LARGEST, Chunk
from agent.wire.fields import NS, MalformedError
from agent.wire.stanza import Ack, JournalId
from agent.wire.vocabulary import Order, RunId, Step

HINT = "<no-permanent-store xmlns='urn:xmpp:hints'/>"
RUN = RunId("k3x9q2ab", 17)
OF = JournalId(RUN, "p0q4c1xw8e2z")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BY = datetime(2025, 11, 23, 19, 0, 0, 250_000, tzinfo=UTC)


def parse(payload: str, kind: str = "") -> Message:
    """A message with *payload*, as a stream delivers it."""
    text = f"<s xmlns='jabber:client'><message from='a@b/c'{kind}>{payload}</message></s>"
    return Message(xml=ET.fromstring(text)[0], recv=True)


def sent(message: Message) -> Message:
    """*message*, after it went over a stream."""
    text = str(message).replace('xmlns="jabber:client"', "", 1)
    return Message(xml=ET.fromstring(f"<s xmlns='jabber:client'>{text}</s>")[0], recv=True)


def payload(message: Message) -> str:
    """The inside of *message*, canonical."""
    return "".join(ET.canonicalize(ET.tostring(child, "unicode")) for child in message.xml)


def canonical(text: str) -> str:
    return "".join(
        ET.canonicalize(ET.tostring(child, "unicode")) for child in ET.fromstring(f"<x>{text}</x>")
    )


def chunk_message(of: JournalId, chunk: Chunk, to: str = "bot@lab") -> Message:
    """What :func:`stanza.write_chunk` makes, after it went over a stream."""
    text = f"<s xmlns='jabber:client'>{stanza.write_chunk(to, of, chunk)}</s>"
    return Message(xml=ET.fromstring(text)[0], recv=True)


# Golden

WRITTEN: dict[str, tuple[Callable[[Message], None], str]] = {
    "run": (
        lambda m: stanza.write_order(
            m, Order(RUN, (Step("memtest", {"size": "64M"}), Step("disk")), 86399.6, BY)
        ),
        f"<run xmlns='{NS}' id='k3x9q2ab-17' ttl='86400' by='2025-11-23T19:00:00.250Z'>"
        "<step recipe='memtest'><param name='size' value='64M'/></step><step recipe='disk'/>"
        f"</run>{HINT}",
    ),
    "run, with what is usual": (
        lambda m: stanza.write_order(
            m, Order(RUN, (Step("disk"), Step("disk")), 5.0, BY, usual=(0, 3120))
        ),
        f"<run xmlns='{NS}' id='k3x9q2ab-17' ttl='5' by='2025-11-23T19:00:00.250Z'>"
        f"<step recipe='disk'/><step recipe='disk' usual='3120'/></run>{HINT}",
    ),
    "run, too late": (
        lambda m: stanza.write_order(m, Order(RUN, (Step("disk"),), -3.0, BY)),
        f"<run xmlns='{NS}' id='k3x9q2ab-17' ttl='0' by='2025-11-23T19:00:00.250Z'>"
        f"<step recipe='disk'/></run>{HINT}",
    ),
    "cancel": (
        lambda m: stanza.write_cancel(m, RUN, "ann"),
        f"<cancel xmlns='{NS}' run='k3x9q2ab-17' who='ann'/>{HINT}",
    ),
    "accepted": (
        lambda m: stanza.write_accepted(m, OF),
        f"<accepted xmlns='{NS}' run='k3x9q2ab-17' journal='p0q4c1xw8e2z'/>",
    ),
    "refused": (
        lambda m: stanza.write_refused(m, RUN, "no recipe called <x> & y"),
        f"<refused xmlns='{NS}' run='k3x9q2ab-17'>no recipe called &lt;x&gt; &amp; y</refused>",
    ),
    "chunk": (
        lambda m: m.xml.extend(chunk_message(OF, Chunk(4096, b"\x00\xff\x1b")).xml),
        f"<chunk xmlns='{NS}' run='k3x9q2ab-17' journal='p0q4c1xw8e2z' offset='4096'>AP8b</chunk>",
    ),
    "ack": (
        lambda m: stanza.write_ack(m, Ack(OF, 8192)),
        f"<ack xmlns='{NS}' run='k3x9q2ab-17' journal='p0q4c1xw8e2z' offset='8192'/>",
    ),
    "ack with a gap": (
        lambda m: stanza.write_ack(m, Ack(OF, 0, gap=True)),
        f"<ack xmlns='{NS}' run='k3x9q2ab-17' journal='p0q4c1xw8e2z' offset='0' gap='true'/>",
    ),
}


@pytest.mark.parametrize("what", WRITTEN)
def test_it_is_written_like_this(what: str) -> None:
    write, golden = WRITTEN[what]
    message = Message()
    write(message)
    assert payload(message) == canonical(golden)


READ: dict[str, tuple[Callable[[Message], Any], Any]] = {
    "run": (
        stanza.read_order,
        Order(RUN, (Step("memtest", {"size": "64M"}), Step("disk")), 86400.0, BY),
    ),
    "run, with what is usual": (
        stanza.read_order,
        Order(RUN, (Step("disk"), Step("disk")), 5.0, BY, usual=(0, 3120)),
    ),
    "cancel": (stanza.read_cancel, (RUN, "ann")),
    "accepted": (stanza.read_accepted, OF),
    "refused": (stanza.read_refused, (RUN, "no recipe called <x> & y")),
    "chunk": (stanza.read_chunk, (OF, Chunk(4096, b"\x00\xff\x1b"))),
    "ack": (stanza.read_ack, Ack(OF, 8192)),
    "ack with a gap": (stanza.read_ack, Ack(OF, 0, gap=True)),
}


@pytest.mark.parametrize("what", READ)
def test_it_is_read_like_this(what: str) -> None:
    read, value = READ[what]
    assert read(parse(WRITTEN[what][1])) == value


PATHS = {
    "run": "message@type=normal/lab_run",
    "cancel": "message@type=normal/lab_cancel",
    "accepted": "message@type=headline/lab_accepted",
    "refused": "message@type=headline/lab_refused",
    "chunk": "message@type=headline/lab_chunk",
    "ack": "message@type=headline/lab_ack",
}


@pytest.mark.parametrize("what", PATHS)
def test_a_message_without_a_body_is_heard_by_its_handler_and_no_other(what: str) -> None:
    kind = " type='headline'" if "type=headline" in PATHS[what] else ""
    for wanted, path in PATHS.items():
        assert StanzaPath(path).match(parse(WRITTEN[what][1], kind)) == (wanted == what)


@pytest.mark.parametrize("kind", ["error", "chat", "groupchat"])
def test_an_order_that_bounced_or_was_said_is_none(kind: str) -> None:
    message = parse(WRITTEN["run"][1], f" type='{kind}'")
    assert not StanzaPath(PATHS["run"]).match(message)


def test_no_element_takes_a_name_that_messages_have() -> None:
    for element in stanza.MESSAGES:
        assert element.plugin_attrib.startswith("lab_")
        assert element.plugin_attrib not in Message.interfaces


# Round trip

tokens = st.from_regex(r"[a-z0-9]{8,32}", fullmatch=True)
runs = st.builds(RunId, tokens, st.integers(1, 999_999_999))
journals = st.builds(JournalId, runs, tokens)
offsets = st.integers(0, 10**15 - 1)
names = st.from_regex(r"[A-Za-z][A-Za-z0-9_.-]{0,63}", fullmatch=True)
# What a stream carries: XML without controls; attributes lose the kinds of line ends.
xml_text = st.text(
    st.characters(min_codepoint=0x20, exclude_categories=["Cs"], exclude_characters="\ufffe\uffff"),
    max_size=200,
)
times = st.integers(0, 32_000_000_000_000).map(lambda ms: EPOCH + timedelta(milliseconds=ms))
steps = st.builds(Step, names, st.dictionaries(names, xml_text, max_size=5))
orders = st.builds(
    Order,
    runs,
    st.lists(steps, min_size=1, max_size=5).map(tuple),
    st.integers(0, 10**9).map(float),
    times,
)


@given(orders)
def test_an_order_arrives_as_it_was_sent(order: Order) -> None:
    message = Message()
    stanza.write_order(message, order)
    assert stanza.read_order(sent(message)) == order


@given(journals, offsets, st.binary(min_size=1, max_size=LARGEST))
@settings(max_examples=50)
def test_a_chunk_arrives_as_it_was_sent(of: JournalId, offset: int, data: bytes) -> None:
    assert stanza.read_chunk(chunk_message(of, Chunk(offset, data))) == (of, Chunk(offset, data))


@pytest.mark.parametrize("data", [b"a" * LARGEST, bytes(range(256)) * (LARGEST // 256)])
def test_the_largest_chunk_fits(data: bytes) -> None:
    assert len(stanza.write_chunk("bot@lab", OF, Chunk(0, data))) < 192 * 1024
    assert stanza.read_chunk(chunk_message(OF, Chunk(0, data))) == (OF, Chunk(0, data))


@given(xml_text, st.binary(min_size=1, max_size=100))
def test_what_is_written_as_text_is_what_slixmpp_would_write(to: str, data: bytes) -> None:
    written = chunk_message(OF, Chunk(7, data), to)
    message = Message()
    message.xml.attrib.update(to=to, type="headline")
    element = message["lab_chunk"]
    element["run"], element["journal"], element["offset"] = str(OF.run), OF.journal, "7"
    element["deflate"] = written["lab_chunk"]["deflate"]
    element.xml.text = written["lab_chunk"].xml.text
    assert ET.canonicalize(str(sent(message))) == ET.canonicalize(str(written))


def test_text_that_gains_nothing_is_not_deflated() -> None:
    assert chunk_message(OF, Chunk(0, b"short"))["lab_chunk"]["deflate"] == ""
    noise = random.Random(7).randbytes(LARGEST)
    assert chunk_message(OF, Chunk(0, noise))["lab_chunk"]["deflate"] == ""


@pytest.mark.parametrize("where", [0, LARGEST // 2, LARGEST - SAMPLE])
def test_text_beside_noise_is_deflated(where: int) -> None:
    data = bytearray(random.Random(7).randbytes(LARGEST))
    data[where : where + LARGEST // 4] = b"loop 1: ok\n" * (LARGEST // 44)
    message = chunk_message(OF, Chunk(0, bytes(data[:LARGEST])))
    assert message["lab_chunk"]["deflate"] == "true"
    assert stanza.read_chunk(message)[1].data == data[:LARGEST]


@given(journals, offsets, st.booleans())
def test_an_ack_arrives_as_it_was_sent(of: JournalId, offset: int, gap: bool) -> None:
    message = Message()
    stanza.write_ack(message, Ack(of, offset, gap))
    assert stanza.read_ack(sent(message)) == Ack(of, offset, gap)


@given(runs, st.text())
def test_a_reason_never_breaks_the_stream(run: RunId, reason: str) -> None:
    for write, read in (
        (stanza.write_refused, stanza.read_refused),
        (stanza.write_cancel, stanza.read_cancel),
    ):
        message = Message()
        write(message, run, reason)
        arrived = read(sent(message))
        assert arrived[0] == run
        assert len(arrived[1]) <= 500


# Strictness

READERS = {what: (read, WRITTEN[what][1].replace("'", '"')) for what, (read, _) in READ.items()}
ZONES = st.sampled_from([timezone(timedelta(hours=hours)) for hours in (-23, 0, 14)])
odd = st.one_of(
    st.text(max_size=40),
    st.text("0123456789-+:.TZW", max_size=30),
    st.from_regex(r"[a-z0-9]{6,10}-[0-9]{1,12}", fullmatch=True),
    st.datetimes(timezones=ZONES).map(datetime.isoformat),
    st.sampled_from(
        ["", "0", "-1", "1e3", "\u0663", "1" * 16, "true", "yes", "../../etc", "a/b", "k3x9q2ab-0",
         "k3x9q2ab-17\n", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "NaN"]
    ),
)  # fmt: skip


@pytest.mark.parametrize("what", READERS)
@given(data=st.data())
def test_whatever_an_element_says_it_is_read_or_malformed(what: str, data: st.DataObject) -> None:
    read, golden = READERS[what]
    message = parse(golden)
    elements = [e for e in message.xml.iter() if e.tag.startswith(f"{{{NS}}}")]
    places = [(e, name) for e in elements for name in (*e.attrib, None)]
    for element, name in data.draw(st.lists(st.sampled_from(places), min_size=1, max_size=3)):
        text = data.draw(odd)
        if name is None:
            element.text = text
        elif data.draw(st.booleans()):
            element.set(name, text)
        else:
            element.attrib.pop(name, None)
    with contextlib.suppress(MalformedError):
        read(message)


@given(st.text())
def test_whatever_the_text_of_a_chunk_is_it_is_read_or_malformed(text: str) -> None:
    for deflate in ("", "true"):
        message = parse(WRITTEN["chunk"][1])
        message["lab_chunk"]["deflate"] = deflate
        message["lab_chunk"].xml.text = text
        with contextlib.suppress(MalformedError):
            stanza.read_chunk(message)


@given(st.binary(max_size=300))
def test_whatever_is_said_to_be_deflated_is_read_or_malformed(data: bytes) -> None:
    with pytest.raises(MalformedError):
        stanza.read_chunk(chunk(data[:-1] + b"x", deflate="true"))


BAD_RUNS = [
    "", "17", "k3x9q2ab", "k3x9q2ab-", "k3x9q2ab-0", "k3x9q2ab-017", "K3X9Q2AB-17", "short-1",
    "k3x9q2ab-17 ", "k3x9q2ab-17\n", "../k3x9q2ab-17", "k3x9q2ab/-17", "k3x9q2ab-1234567890",
    "k3x9q2äb-17", "k3x9q2ab-\u0661", "a" * 33 + "-1", "k3x9q2ab-17\x00",
]  # fmt: skip


@pytest.mark.parametrize("text", BAD_RUNS)
@pytest.mark.parametrize("what", READ)
def test_a_bad_run_id_is_malformed(what: str, text: str) -> None:
    read, golden = READERS[what]
    message = parse(golden)
    message.xml[0].set("id" if what.startswith("run") else "run", text)
    with pytest.raises(MalformedError):
        read(message)


@pytest.mark.parametrize(
    "text",
    ["", "short", "p0q4c1xw8e2Z", "../../../..", "p0q4c1xw/8e2z", "a" * 33, "p0q4c1xw8e2z\n"],
)
@pytest.mark.parametrize("what", ["accepted", "chunk", "ack"])
def test_a_bad_journal_id_is_malformed(what: str, text: str) -> None:
    read, golden = READERS[what]
    message = parse(golden)
    message.xml[0].set("journal", text)
    with pytest.raises(MalformedError):
        read(message)


@pytest.mark.parametrize("text", ["", "-1", "+1", "1.0", " 1", "1\n", "0x10", "\u0663", "1" * 16])
@pytest.mark.parametrize("what", ["chunk", "ack"])
def test_a_bad_offset_is_malformed(what: str, text: str) -> None:
    read, golden = READERS[what]
    message = parse(golden)
    message.xml[0].set("offset", text)
    with pytest.raises(MalformedError):
        read(message)


@pytest.mark.parametrize(
    "text",
    ["", "../memtest", "mem/test", "-memtest", ".memtest", "mem test", "9", "a" * 65, "me\n"],
)
def test_a_bad_name_of_a_recipe_or_parameter_is_malformed(text: str) -> None:
    for place in ("step", "param"):
        message = parse(WRITTEN["run"][1])
        element = next(message.xml.iter(f"{{{NS}}}{place}"))
        element.set("recipe" if place == "step" else "name", text)
        with pytest.raises(MalformedError):
            stanza.read_order(message)


@pytest.mark.parametrize(
    "text",
    ["", "now", "2025-11-23T19:00:00", "2025-11-23", "0001-01-01T00:00:00+14:00",
     "9999-12-31T23:59:59-14:00"],
)  # fmt: skip
def test_a_bad_time_is_malformed(text: str) -> None:
    message = parse(WRITTEN["run"][1])
    message["lab_run"]["by"] = text
    with pytest.raises(MalformedError):
        stanza.read_order(message)


def test_a_time_of_another_zone_is_the_same_moment() -> None:
    message = parse(WRITTEN["run"][1])
    message["lab_run"]["by"] = "2025-11-23T21:00:00.25+02:00"
    assert stanza.read_order(message).by == BY


@pytest.mark.parametrize(("count", "good"), [(0, False), (1, True), (50, True), (51, False)])
def test_how_many_steps_an_order_may_have(count: int, good: bool) -> None:
    message = parse(f"<run xmlns='{NS}' id='{RUN}' ttl='1' by='{BY.isoformat()}'/>")
    for _ in range(count):
        ET.SubElement(message["lab_run"].xml, f"{{{NS}}}step", recipe="disk")
    if good:
        assert len(stanza.read_order(message).steps) == count
    else:
        with pytest.raises(MalformedError, match="1 to 50 steps"):
            stanza.read_order(message)


@pytest.mark.parametrize(("count", "good"), [(50, True), (51, False)])
def test_how_many_parameters_a_step_may_have(count: int, good: bool) -> None:
    message = parse(WRITTEN["run, too late"][1])
    step = next(message.xml.iter(f"{{{NS}}}step"))
    for number in range(count):
        ET.SubElement(step, f"{{{NS}}}param", name=f"p{number}", value="1")
    if good:
        assert len(stanza.read_order(message).steps[0].params) == count
    else:
        with pytest.raises(MalformedError, match="50 parameters"):
            stanza.read_order(message)


@pytest.mark.parametrize(
    ("text", "gap"), [("true", True), ("1", True), ("false", False), ("0", False), ("", False)]
)
def test_a_flag_is_read_as_xml_schema_writes_it(text: str, gap: bool) -> None:
    message = parse(WRITTEN["ack"][1])
    message["lab_ack"].xml.set("gap", text)
    assert stanza.read_ack(message).gap is gap


@pytest.mark.parametrize("text", ["yes", "TRUE", "2", " true"])
def test_a_flag_that_is_none_is_malformed(text: str) -> None:
    message = parse(WRITTEN["ack"][1])
    message["lab_ack"].xml.set("gap", text)
    with pytest.raises(MalformedError):
        stanza.read_ack(message)


# Chunks that lie


def chunk(data: bytes, deflate: str = "") -> Message:
    message = parse(WRITTEN["chunk"][1])
    message["lab_chunk"].xml.text = base64.b64encode(data).decode()
    if deflate:
        message["lab_chunk"]["deflate"] = deflate
    return message


def test_a_bomb_is_refused_before_it_goes_off() -> None:
    bomb = chunk(zlib.compress(bytes(40_000_000), 9), "true")
    tracemalloc.start()
    try:
        with pytest.raises(MalformedError, match="too much"):
            stanza.read_chunk(bomb)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000


@pytest.mark.parametrize("size", [LARGEST + 1, 2 * LARGEST])
def test_a_chunk_that_inflates_to_too_much_is_malformed(size: int) -> None:
    with pytest.raises(MalformedError):
        stanza.read_chunk(chunk(zlib.compress(bytes(size)), "true"))


@pytest.mark.parametrize(
    "text",
    ["", "=", "A", "A===", "AP8b\n", "AP 8b", "AP8b!", "Ärger", "A" * (2 * LARGEST + 4),
     base64.b64encode(bytes(LARGEST + 1)).decode()],
    ids=lambda text: text[:8],
)  # fmt: skip
def test_a_chunk_that_is_no_base64_of_a_chunk_is_malformed(text: str) -> None:
    message = parse(WRITTEN["chunk"][1])
    message["lab_chunk"].xml.text = text
    with pytest.raises(MalformedError):
        stanza.read_chunk(message)


def test_a_deflated_chunk_must_be_whole_and_all_there_is() -> None:
    whole = zlib.compress(b"hello world" * 9)
    assert stanza.read_chunk(chunk(whole, "1"))[1].data == b"hello world" * 9
    for bad in (whole[:-1], whole[:-5], whole + b"x", whole + whole, b"", zlib.compress(b"")):
        with pytest.raises(MalformedError):
            stanza.read_chunk(chunk(bad, "true"))


def test_what_is_wrong_is_told_without_repeating_it_all() -> None:
    message = parse(WRITTEN["ack"][1])
    message["lab_ack"]["offset"] = "9" * 100_000
    with pytest.raises(MalformedError) as told:
        stanza.read_ack(message)
    assert len(str(told.value)) < 100


# What a later version may add


@pytest.mark.parametrize("what", READ)
def test_what_is_unknown_is_ignored(what: str) -> None:
    read, value = READ[what]
    message = parse(WRITTEN[what][1] + "<other xmlns='urn:labroom:2'/>")
    for element in [e for e in message.xml.iter() if e.tag.startswith(f"{{{NS}}}")]:
        element.set("later", "1")
        element.set("{urn:labroom:2}later", "1")
        ET.SubElement(element, f"{{{NS}}}later")
        ET.SubElement(element, "{urn:labroom:2}param", name="..", value="x")
    assert read(message) == value


def test_a_step_of_another_namespace_is_no_step() -> None:
    message = parse(WRITTEN["run, too late"][1])
    ET.SubElement(message["lab_run"].xml, "{urn:labroom:2}step", recipe="rm")
    assert [str(step) for step in stanza.read_order(message).steps] == ["disk"]
