"""Questions and answers as XML: golden, round trip, and whatever a broken or hostile peer makes."""

import contextlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slixmpp.stanza import Iq
from slixmpp.xmlstream.matcher import StanzaPath

from agent.wire import exchange as exchange  # registers the elements
from agent.wire import query
from agent.wire.fields import NS, MalformedError
from agent.wire.parameter import Kind, Parameter, RecipeInfo
from agent.wire.query import Have, HeldRun, Meeting, RebootAsk, Standing
from agent.wire.stanza import JournalId
from agent.wire.vocabulary import Held, RunId

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CLOCK = datetime(2025, 11, 22, 19, 0, 0, 112_000, tzinfo=UTC)
OF = JournalId(RunId("k3x9q2ab", 17), "p0q4c1xw8e2z")

MEETING = Meeting("k3x9q2ab", CLOCK, (Have(OF, 8192),))
STANDING = Standing(
    epoch="e7d2m4kq01xz",
    boot="9f0c",
    clock=CLOCK,
    version="0.1.0",
    catalogue="4be1d2",
    held=(HeldRun(OF, 40960, Held.RUNNING),),
)
RECIPES = (
    RecipeInfo(
        name="memtest",
        summary="Test memory.",
        missing="memtester is not installed",
        params={
            "size": Parameter(kind=Kind.SIZE, default="64M", min="1M", max="1T", help="how much"),
            "mode": Parameter(kind=Kind.CHOICE, default="a", choices=("a", "b c")),
        },
    ),
    RecipeInfo(
        name="stress",
        summary="Work.",
        params={"time": Parameter(kind=Kind.DURATION, default="60s")},
        takes="time",
        class_="load",
        destructive=True,
    ),
)


def parse(payload: str, kind: str = "set") -> Iq:
    """An IQ with *payload*, as a stream delivers it."""
    text = f"<s xmlns='jabber:client'><iq id='1' type='{kind}'>{payload}</iq></s>"
    return Iq(xml=ET.fromstring(text)[0], recv=True)


def sent(iq: Iq) -> Iq:
    """*iq*, after it went over a stream."""
    text = str(iq).replace('xmlns="jabber:client"', "", 1)
    return Iq(xml=ET.fromstring(f"<s xmlns='jabber:client'>{text}</s>")[0], recv=True)


def payload(iq: Iq) -> str:
    return "".join(
        ET.canonicalize(ET.tostring(child, "unicode"), rewrite_prefixes=True) for child in iq.xml
    )


Case = tuple[Callable[[Iq, Any], None], Callable[[Iq], Any], Any, str]

CASES: dict[str, Case] = {
    "meeting": (
        query.write_meeting,
        query.read_meeting,
        MEETING,
        f"<sync xmlns='{NS}' store='k3x9q2ab' clock='2025-11-22T19:00:00.112Z'>"
        "<have run='k3x9q2ab-17' journal='p0q4c1xw8e2z' offset='8192'/></sync>",
    ),
    "standing": (
        query.write_standing,
        query.read_standing,
        STANDING,
        f"<sync xmlns='{NS}' epoch='e7d2m4kq01xz' boot='9f0c' version='0.1.0' catalogue='4be1d2' "
        "clock='2025-11-22T19:00:00.112Z'><held run='k3x9q2ab-17' journal='p0q4c1xw8e2z' "
        "size='40960' phase='running'/></sync>",
    ),
    "ticket, please": (
        query.write_reboot,
        query.read_reboot,
        RebootAsk("ann"),
        f"<reboot xmlns='{NS}' who='ann'/>",
    ),
    "reboot": (
        query.write_reboot,
        query.read_reboot,
        RebootAsk("ann", force=True, ticket="s8w1hf4mz0aq"),
        f"<reboot xmlns='{NS}' who='ann' force='true' ticket='s8w1hf4mz0aq'/>",
    ),
    "catalogue": (
        query.write_catalogue,
        query.read_catalogue,
        RECIPES,
        f"<catalogue xmlns='{NS}'><recipe name='memtest' summary='Test memory.' "
        "missing='memtester is not installed'><param name='size' kind='size' default='64M' "
        "min='1M' max='1T' help='how much'/><param name='mode' kind='choice' default='a'>"
        "<choice>a</choice><choice>b c</choice></param></recipe>"
        "<recipe name='stress' summary='Work.' takes='time' class='load' destructive='true'>"
        "<param name='time' kind='duration' default='60s'/></recipe></catalogue>",
    ),
    "no recipes": (
        query.write_catalogue,
        query.read_catalogue,
        (),
        f"<catalogue xmlns='{NS}'/>",
    ),
}


@pytest.mark.parametrize("what", CASES)
def test_it_is_written_like_this(what: str) -> None:
    write, _, value, golden = CASES[what]
    iq = Iq()
    write(iq, value)
    assert payload(iq) == ET.canonicalize(golden, rewrite_prefixes=True)


@pytest.mark.parametrize("what", CASES)
def test_it_is_read_like_this(what: str) -> None:
    _, read, value, golden = CASES[what]
    assert read(parse(golden)) == value


@pytest.mark.parametrize("what", CASES)
def test_what_is_unknown_is_ignored(what: str) -> None:
    _, read, value, golden = CASES[what]
    iq = parse(golden + "<other xmlns='urn:labroom:2'/>")
    for element in [e for e in iq.xml.iter() if e.tag.startswith(f"{{{NS}}}")]:
        element.set("later", "1")
        ET.SubElement(element, f"{{{NS}}}later")
        for name in ("have", "held", "recipe", "param", "choice"):
            ET.SubElement(element, f"{{urn:labroom:2}}{name}", name="..")
    assert read(iq) == value


PATHS = {
    ("set", "meeting"): "iq@type=set/lab_sync",
    ("get", "no recipes"): "iq@type=get/lab_catalogue",
    ("get", "ticket, please"): "iq@type=get/lab_reboot",
    ("set", "reboot"): "iq@type=set/lab_reboot",
}


@pytest.mark.parametrize(("kind", "what"), PATHS)
def test_a_question_is_heard_by_its_handler_and_no_other(kind: str, what: str) -> None:
    iq = parse(CASES[what][3], kind)
    assert [p for p in PATHS.values() if StanzaPath(p).match(iq)] == [PATHS[kind, what]]


@pytest.mark.parametrize(("kind", "what"), PATHS)
def test_an_answer_is_heard_by_no_handler(kind: str, what: str) -> None:
    for answer in ("result", "error"):
        iq = parse(CASES[what][3], answer)
        assert not any(StanzaPath(path).match(iq) for path in PATHS.values())


def test_no_element_takes_a_name_that_iqs_have() -> None:
    for element in query.IQS:
        assert element.plugin_attrib.startswith("lab_")
        assert element.plugin_attrib not in Iq.interfaces


# Round trip

tokens = st.from_regex(r"[a-z0-9]{8,32}", fullmatch=True)
journals = st.builds(JournalId, st.builds(RunId, tokens, st.integers(1, 999_999_999)), tokens)
counts = st.integers(0, 10**15 - 1)
names = st.from_regex(r"[A-Za-z][A-Za-z0-9_.-]{0,63}", fullmatch=True)
characters = st.characters(
    min_codepoint=0x20, exclude_categories=["Cs"], exclude_characters="\ufffe\uffff"
)
texts = st.text(characters, max_size=100)
words = st.text(characters, min_size=1, max_size=50)
clocks = st.integers(0, 32_000_000_000_000).map(lambda ms: EPOCH + timedelta(milliseconds=ms))
meetings = st.builds(
    Meeting, tokens, clocks, st.lists(st.builds(Have, journals, counts), max_size=5).map(tuple)
)
standings = st.builds(
    Standing,
    epoch=tokens,
    boot=texts,
    clock=clocks,
    version=texts,
    catalogue=texts,
    held=st.lists(st.builds(HeldRun, journals, counts, st.sampled_from(Held)), max_size=5).map(
        tuple
    ),
)
parameters = st.builds(
    Parameter,
    kind=st.sampled_from(Kind),
    default=texts,
    min=st.none() | words,
    max=st.none() | words,
    choices=st.lists(words, max_size=4).map(tuple),
    help=texts,
)
recipes = st.builds(
    RecipeInfo,
    name=names,
    summary=texts,
    params=st.dictionaries(names, parameters, max_size=4),
    missing=texts,
)


@given(meetings)
def test_a_meeting_arrives_as_it_was_sent(meeting: Meeting) -> None:
    iq = Iq()
    query.write_meeting(iq, meeting)
    assert query.read_meeting(sent(iq)) == meeting


@given(standings)
def test_a_standing_arrives_as_it_was_sent(standing: Standing) -> None:
    iq = Iq()
    query.write_standing(iq, standing)
    assert query.read_standing(sent(iq)) == standing


@given(st.lists(recipes, max_size=4).map(tuple))
def test_a_catalogue_arrives_as_it_was_sent(told: tuple[RecipeInfo, ...]) -> None:
    iq = Iq()
    query.write_catalogue(iq, told)
    assert query.read_catalogue(sent(iq)) == told


@given(st.text(), st.booleans(), st.just("") | tokens)
def test_a_reboot_arrives_as_it_was_sent(who: str, force: bool, ticket: str) -> None:
    iq = Iq()
    query.write_reboot(iq, RebootAsk(who, force, ticket))
    assert replace(query.read_reboot(sent(iq)), who="") == RebootAsk("", force, ticket)


@given(st.text(), st.text())
def test_a_recipe_file_never_breaks_the_stream(summary: str, default: str) -> None:
    recipe = RecipeInfo(
        name="memtest",
        summary=summary,
        params={"size": Parameter(kind=Kind.STRING, default=default)},
    )
    iq = Iq()
    query.write_catalogue(iq, (recipe,))
    assert query.read_catalogue(sent(iq))[0].name == "memtest"


# Strictness

odd = st.one_of(
    st.text(max_size=40),
    st.text("0123456789-+:.TZW", max_size=30),
    st.from_regex(r"[a-z0-9]{6,10}-[0-9]{1,12}", fullmatch=True),
    st.sampled_from(
        ["", "0", "-1", "\u0663", "1" * 16, "yes", "../../etc", "queued", "none", "size",
         "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]
    ),
)  # fmt: skip


@pytest.mark.parametrize("what", [what for what in CASES if what != "no recipes"])
@given(data=st.data())
def test_whatever_an_element_says_it_is_read_or_malformed(what: str, data: st.DataObject) -> None:
    _, read, _, golden = CASES[what]
    iq = parse(golden)
    elements = [e for e in iq.xml.iter() if e.tag.startswith(f"{{{NS}}}")]
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
        read(iq)


BAD = [
    ("meeting", "sync", "store", ""), ("meeting", "sync", "store", "../../../x"),
    ("meeting", "sync", "clock", ""), ("meeting", "sync", "clock", "2025-11-22T19:00:00"),
    ("meeting", "sync", "clock", "0001-01-01T00:00:00+14:00"),
    ("meeting", "have", "run", "k3x9q2ab"), ("meeting", "have", "journal", "a/b"),
    ("meeting", "have", "offset", "-1"), ("meeting", "have", "offset", "1" * 16),
    ("standing", "sync", "epoch", ""), ("standing", "sync", "epoch", "e7d2 m4kq"),
    ("standing", "held", "size", "4k"), ("standing", "held", "phase", ""),
    ("standing", "held", "phase", "dancing"), ("standing", "held", "run", "../../x-1"),
    ("reboot", "reboot", "ticket", "../x"), ("reboot", "reboot", "force", "now"),
    ("catalogue", "recipe", "name", ""), ("catalogue", "recipe", "name", "../memtest"),
    ("catalogue", "recipe", "name", "mem test"), ("catalogue", "param", "name", "a/b"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "element", "name", "text"), BAD)
def test_what_is_wrong_is_malformed(what: str, element: str, name: str, text: str) -> None:
    _, read, _, golden = CASES[what]
    iq = parse(golden)
    next(iq.xml.iter(f"{{{NS}}}{element}")).set(name, text)
    with pytest.raises(MalformedError) as told:
        read(iq)
    assert len(str(told.value)) < 150


def test_text_is_cut_to_what_we_keep() -> None:
    iq = parse(CASES["standing"][3])
    for name in ("boot", "version", "catalogue"):
        iq["lab_sync"][name] = "x" * 100_000
    standing = query.read_standing(iq)
    assert (len(standing.boot), len(standing.version), len(standing.catalogue)) == (500,) * 3
    iq = parse(CASES["catalogue"][3])
    for element in iq.xml.iter():
        for name in ("summary", "missing", "takes", "default", "min", "max", "help"):
            element.set(name, "x" * 100_000)
        element.text = "x" * 100_000
    recipe, *_ = query.read_catalogue(iq)
    assert len(recipe.summary) == len(recipe.missing) == len(recipe.takes) == 500
    for told in recipe.params.values():
        for text in (told.default, told.min, told.max, told.help, *told.choices):
            assert text is not None
            assert len(text) == 500


def test_a_parameter_of_a_later_type_is_any_text() -> None:
    iq = parse(CASES["catalogue"][3].replace("kind='size'", "kind='colour'"))
    assert query.read_catalogue(iq)[0].params["size"].kind is Kind.STRING


def test_what_is_too_much_is_not_read() -> None:
    meeting = Meeting("k3x9q2ab", CLOCK, tuple(Have(OF, n) for n in range(query.MOST_RUNS + 1)))
    iq = Iq()
    query.write_meeting(iq, meeting)
    assert query.read_meeting(iq).have == meeting.have[:-1]
    held = tuple(HeldRun(OF, n, Held.QUEUED) for n in range(query.MOST_RUNS + 1))
    iq = Iq()
    query.write_standing(iq, replace(STANDING, held=held))
    assert query.read_standing(iq).held == held[:-1]
    iq = parse(CASES["no recipes"][3])
    for number in range(query.MOST_RECIPES + 1):
        recipe = ET.SubElement(iq["lab_catalogue"].xml, f"{{{NS}}}recipe", name=f"r{number}")
        if number == 0:
            for place in range(60):
                param = ET.SubElement(recipe, f"{{{NS}}}param", name=f"p{place}", kind="choice")
                for _ in range(query.MOST_CHOICES + 1 if place == 0 else 0):
                    ET.SubElement(param, f"{{{NS}}}choice").text = "x"
    read = query.read_catalogue(iq)
    assert len(read) == query.MOST_RECIPES
    assert len(read[0].params) == 50
    assert len(read[0].params["p0"].choices) == query.MOST_CHOICES


def test_what_is_too_much_is_not_sent() -> None:
    held = tuple(HeldRun(OF, n, Held.QUEUED) for n in range(query.MOST_RUNS + 9))
    iq = Iq()
    query.write_standing(iq, replace(STANDING, held=held))
    assert len(iq["lab_sync"].xml) == query.MOST_RUNS
    assert len(str(iq)) < 64 * 1024
