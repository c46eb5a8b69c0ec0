"""What a target says of itself as XML: golden, round trip, and whatever a hostile one makes."""

import contextlib
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slixmpp.stanza import Message, Presence
from slixmpp.xmlstream.matcher import StanzaPath

from agent.wire import exchange as exchange  # registers the elements
from agent.wire import target
from agent.wire.fields import NS, MalformedError
from agent.wire.target import Leaving, TargetElement, TargetState
from agent.wire.vocabulary import RunId

BUSY = TargetState(
    name="Bob's server",
    location="lab 2, rack 3",
    state="busy",
    boot="9f0c",
    epoch="e7d2m4kq01xz",
    version="0.1.0",
    session="b51kz07q",
    controller="labbot@lab.example",
    run=RunId("k3x9q2ab", 17),
    step="memtest size=16M",
    progress=43,
    queue=1,
    left=720,
    address="192.0.2.7",
)
GOLDEN = (
    f"<target xmlns='{NS}' name='Bob&apos;s server' location='lab 2, rack 3' state='busy' "
    "boot='9f0c' epoch='e7d2m4kq01xz' version='0.1.0' session='b51kz07q' "
    "controller='labbot@lab.example' run='k3x9q2ab-17' step='memtest size=16M' progress='43' "
    "queue='1' left='720' address='192.0.2.7'/>"
)


def parse(payload: str, stanza: type[Any] = Presence) -> Any:
    """A stanza with *payload*, from the very bytes that a stream delivers."""
    tag = stanza.name
    data = f"<s xmlns='jabber:client'><{tag} from='a@b/c'>{payload}</{tag}></s>".encode()
    return stanza(xml=ET.fromstring(data)[0], recv=True)


def sent(presence: Presence) -> Any:
    """*presence*, after it went over a stream."""
    return parse("".join(ET.tostring(child, "unicode") for child in presence.xml))


def canonical(xml: str) -> str:
    return ET.canonicalize(xml, rewrite_prefixes=True)


def test_it_is_written_like_this() -> None:
    presence = Presence()
    target.write_target(presence, BUSY)
    (element,) = presence.xml
    assert canonical(ET.tostring(element, "unicode")) == canonical(GOLDEN)


def test_what_is_not_known_is_not_said() -> None:
    presence = Presence()
    target.write_target(presence, TargetState())
    (element,) = presence.xml
    assert element.attrib == {"state": "idle"}


def test_it_is_read_like_this() -> None:
    assert target.read_target(parse(GOLDEN)) == BUSY
    assert target.read_target(parse(f"<target xmlns='{NS}' state='idle'/>")) == TargetState()


def test_no_progress_and_none_yet_are_not_the_same() -> None:
    for progress in (0, None):
        presence = Presence()
        target.write_target(presence, replace(BUSY, progress=progress))
        assert target.read_target(sent(presence)).progress == progress


def test_its_friendly_name_is_not_its_tag() -> None:
    """``name`` is what slixmpp calls an element's tag; here it is an attribute, too."""
    presence = parse(GOLDEN)
    assert presence["lab_target"]["name"] == "Bob's server"
    assert presence["lab_target"].name == "target"
    presence["lab_target"]["name"] = "Carol"
    assert presence["lab_target"].xml.get("name") == "Carol"
    assert target.read_target(sent(presence)).name == "Carol"
    del presence["lab_target"]["name"]
    assert target.read_target(presence).name == ""


def test_it_stands_beside_what_presences_have_and_hides_none_of_it() -> None:
    presence = parse("<show>dnd</show><status>memtest</status>" + GOLDEN)
    assert (presence["show"], presence["status"], presence["from"]) == ("dnd", "memtest", "a@b/c")
    assert TargetElement.plugin_attrib not in Presence.interfaces
    assert target.read_target(presence) == BUSY


def test_it_is_found_only_where_it_is() -> None:
    assert parse(GOLDEN).get_plugin("lab_target", check=True) is not None
    assert parse("<show>dnd</show>").get_plugin("lab_target", check=True) is None
    other = parse(GOLDEN.replace(NS, "urn:labroom:2"))
    assert other.get_plugin("lab_target", check=True) is None


def test_what_is_unknown_is_ignored() -> None:
    presence = parse(GOLDEN + "<target xmlns='urn:labroom:2' state='odd'/>")
    presence["lab_target"].xml.set("later", "1")
    ET.SubElement(presence["lab_target"].xml, f"{{{NS}}}later")
    assert target.read_target(presence) == BUSY


# Round trip

characters = st.characters(
    min_codepoint=0x20, exclude_categories=["Cs"], exclude_characters="\ufffe\uffff"
)
tokens = st.from_regex(r"[a-z0-9]{8,32}", fullmatch=True)
states = st.builds(
    TargetState,
    name=st.text(characters, max_size=60),
    location=st.text(characters, max_size=60),
    state=st.sampled_from(["idle", "busy", "rebooting"]),
    boot=st.text(characters),
    epoch=st.just("") | tokens,
    version=st.text(characters),
    session=st.text(characters),
    controller=st.text(characters),
    run=st.none() | st.builds(RunId, tokens, st.integers(1, 999_999_999)),
    step=st.text(characters),
    progress=st.none() | st.integers(0, 100),
    queue=st.integers(0, 10**9),
    left=st.none() | st.integers(0, 10**9),
    address=st.sampled_from(["", "192.0.2.7", "127.0.0.1", "2001:db8::7", "fe80::1", "::1"]),
)


@given(states)
def test_a_state_arrives_as_it_was_sent(state: TargetState) -> None:
    presence = Presence()
    target.write_target(presence, state)
    assert target.read_target(sent(presence)) == state


@given(st.text(), st.text())
def test_what_people_call_a_machine_never_breaks_the_stream(name: str, location: str) -> None:
    presence = Presence()
    target.write_target(presence, TargetState(name=name, location=location))
    assert len(target.read_target(sent(presence)).name) <= 60


# Strictness

odd = st.one_of(
    st.text(max_size=600),
    st.sampled_from(["", "-1", "\u0663", "1" * 16, "101", "idle ", "../../x-1", "k3x9q2ab-0"]),
)


@given(st.dictionaries(st.sampled_from(sorted(TargetElement.interfaces)), odd))
def test_whatever_a_target_says_is_read_within_bounds_or_malformed(said: dict[str, str]) -> None:
    presence = parse(GOLDEN)
    for name, text in said.items():
        presence["lab_target"].xml.set(name, text)
    with contextlib.suppress(MalformedError):
        state = target.read_target(presence)
        assert len(state.name) <= 60
        assert len(state.location) <= 60
        for text in (state.boot, state.version, state.session, state.controller, state.step):
            assert len(text) <= 500
        assert state.progress is None or 0 <= state.progress <= 100


@pytest.mark.parametrize(
    ("name", "text"),
    [("state", ""), ("state", "Idle"), ("state", "away"), ("epoch", "../x"), ("epoch", "short"),
     ("run", "17"), ("run", "../../x-1"), ("progress", "-1"), ("progress", "4.5"),
     ("progress", "many"), ("queue", "-1"), ("queue", "1" * 16),
     ("left", "-1"), ("left", "soon"), ("left", "1" * 16)],
)  # fmt: skip
def test_what_is_wrong_is_malformed(name: str, text: str) -> None:
    presence = parse(GOLDEN)
    presence["lab_target"].xml.set(name, text)
    with pytest.raises(MalformedError):
        target.read_target(presence)


def test_more_than_all_is_all() -> None:
    presence = parse(GOLDEN)
    presence["lab_target"]["progress"] = "250"
    assert target.read_target(presence).progress == 100


@pytest.mark.parametrize(
    ("text", "read"),
    [("192.0.2.7", "192.0.2.7"), ("2001:DB8:0::7", "2001:db8::7"), ("fe80::1", "fe80::1"),
     ("::ffff:192.0.2.7", "192.0.2.7"), ("127.0.0.1", "127.0.0.1"), ("::1", "::1"),
     ("fe80::1%eth0", ""), ("bob.lab.example", ""), ("192.0.2.7; reboot", ""), ("192.0.2.7\n", ""),
     ("0.0.0.0", ""), ("::", ""), ("255.255.255.255", ""), ("224.0.0.1", ""), ("ff02::1", ""),
     ("::ffff:224.0.0.1", ""), ("010.0.0.1", ""), ("10.0.0", ""), ("167772161", ""),
     ("0" * 600, "")],
)  # fmt: skip
def test_an_address_is_one_machine_s_or_is_dropped(text: str, read: str) -> None:
    presence = parse(GOLDEN)
    presence["lab_target"].xml.set("address", text)
    assert target.read_target(presence) == replace(BUSY, address=read)


# Leaving


def leave(payload: str, kind: str = "unavailable") -> Any:
    presence = parse(payload)
    presence["type"] = kind
    return presence


def test_why_it_leaves_is_written_like_this() -> None:
    presence = Presence()
    target.write_leaving(presence, Leaving("rebooting", "ann"))
    (element,) = presence.xml
    golden = f"<leaving xmlns='{NS}' reason='rebooting' by='ann'/>"
    assert canonical(ET.tostring(element, "unicode")) == canonical(golden)


@given(
    st.builds(Leaving, st.sampled_from(sorted(target.REASONS)), st.text(characters, max_size=60))
)
def test_why_it_leaves_arrives_as_it_was_sent(leaving: Leaving) -> None:
    presence = Presence(stype="unavailable")
    target.write_leaving(presence, leaving)
    received = sent(presence)
    received["type"] = "unavailable"
    assert target.read_leaving(received) == leaving


def test_a_nick_never_breaks_the_last_presence() -> None:
    presence = Presence()
    target.write_leaving(presence, Leaving("rebooting", "\x1b" + 70 * "a"))
    assert target.read_leaving(leave(ET.tostring(presence.xml[0], "unicode"))) == Leaving(
        "rebooting", 60 * "a"
    )


@pytest.mark.parametrize(
    "presence",
    [leave(""), leave(GOLDEN), leave(f"<leaving xmlns='{NS}'/>"),
     leave(f"<leaving xmlns='{NS}' reason='bored'/>"), leave("<leaving reason='stopped'/>"),
     leave(f"<leaving xmlns='{NS}' reason='stopped'/>", "available")],
)  # fmt: skip
def test_what_says_no_reason_or_does_not_leave_has_none(presence: Any) -> None:
    assert target.read_leaving(presence) is None


# Admission

KNOCKS = {
    "hello": (target.write_hello, "message@type=headline/lab_hello"),
    "admitted": (target.write_admitted, "message@type=headline/lab_admitted"),
}


@pytest.mark.parametrize("what", KNOCKS)
def test_a_knock_and_its_answer_are_written_like_this(what: str) -> None:
    message = Message()
    KNOCKS[what][0](message, "lab@rooms.lab.example")
    (element,) = message.xml
    golden = f"<{what} xmlns='{NS}' room='lab@rooms.lab.example'/>"
    assert canonical(ET.tostring(element, "unicode")) == canonical(golden)


@pytest.mark.parametrize("what", KNOCKS)
def test_a_knock_and_its_answer_are_heard_by_their_handlers(what: str) -> None:
    message = parse(f"<{what} xmlns='{NS}' room='x@y'/>", Message)
    message["type"] = "headline"
    assert [w for w, (_, path) in KNOCKS.items() if StanzaPath(path).match(message)] == [what]
    message["type"] = "error"
    assert not any(StanzaPath(path).match(message) for _, path in KNOCKS.values())
