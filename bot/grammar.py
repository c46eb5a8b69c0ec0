"""
The words commands are made of. A line becomes a command, or a refusal with a hint.

How steps and targets are written is in :mod:`bot.grammar_steps` and :mod:`bot.grammar_targets`.

Rule 1: a line is tidied first (:func:`tidy`): what phones and manners add does no harm.
Rule 2: elements that collect names make tuples in a parse action; ``Group`` loses names
when its result is turned into a dict (style.md, trap 1).
Rule 3: an element's name is what people read after "I expected".
Rule 4: each word is one regular expression that looks ahead only, and nothing recurses:
the time is linear in the line, which is bounded.
"""

import re
from collections.abc import Iterable, Mapping

import pyparsing as pp

from agent.wire.errors import Refusal, UnknownName
from agent.wire.parameter import nearest
from agent.wire.vocabulary import NAME
from bot.report.nodes import folded
from bot.report.text import listed

LONGEST = 2000
"""Characters of a command; a longer line is no command. 40 targets take under 400."""

_RESERVED = (
    r"(?!(?i:on|and|all|now|for|then|if|wait|until|till|except|where|any|idle|busy|away|down"
    r"|offline|online|it|that|this|them|me|my|the|both|every\w+|here|there)(?![\w.@-]))"
)
PLAIN = f"{_RESERVED}{NAME.pattern}(?<![.-])"
"""A name that is no word of ours."""
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
DOMAIN = rf"{_LABEL}(?:\.{_LABEL}){{0,20}}"
_JID = rf"[\w.+~!#$%*=-]{{1,200}}@{DOMAIN}(?![\w.-])"
TARGET = rf"{PLAIN}(?:@{DOMAIN})?(?![\w.@-]|\s*=)"
"""A target's name, or its whole address."""
_LIKE = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
        **dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\u200e\u200f", None),
        **dict.fromkeys("\t\u00a0\u1680\u202f\u205f\u3000", " "),
        **dict.fromkeys(map(chr, range(0x2000, 0x200B)), " "),
        **dict(zip("\uff0c\u3001\uff1d\uff3b\uff3d\uff20\uff03\u00d7", ",,=[]@#x", strict=True)),
        **{"\u2265": ">=", "\u2264": "<=", "\u2260": "!="},
    }
)
_MANNERS = r"(?:please|pls|plz)"


class NotUnderstood(Refusal):
    """The line is no command. ``line`` and ``column`` (from 1) say where it went wrong."""

    condition = "bad-request"

    def __init__(self, what: str, *, hint: str = "", line: str = "", column: int = 0) -> None:
        super().__init__(what, hint=hint)
        self.line = line
        self.column = column


class NoSuch(UnknownName):
    """
    A name in the line does not exist.

    ``likely`` says whether the line was a command all the same, even if nobody addressed
    us: every other name in it exists, or there is no other and this one is a slip.
    """

    def __init__(self, what: str, *, hint: str, likely: bool) -> None:
        super().__init__(what, hint=hint)
        self.likely = likely


def tidy(line: str) -> str:
    """
    *line* without what does no harm: odd spaces, curly quotes, please, a last full stop.

    A question mark stays: ``reboot bob?`` is no order.
    """
    text = re.sub("  +", " ", line.translate(_LIKE)).strip(" \n\r")
    text = _without_end(text)
    text = re.sub(rf"^{_MANNERS},? ", "", text, flags=re.IGNORECASE)
    kept = re.sub(rf"[ ,]{_MANNERS}$", "", text, flags=re.IGNORECASE)
    return text if kept == text else _without_end(kept.rstrip(" ,"))


def _without_end(text: str) -> str:
    if text.endswith("!"):
        return text.rstrip("!").rstrip()
    return text[:-1].rstrip() if text.endswith(".") and not text.endswith("..") else text


class Fixed(pp.Regex):
    """
    One fixed word, in any case.

    Not CaselessKeyword: for "onn" that blames the second n, and it takes "nowż" for "now".
    """

    def __init__(self, word: str) -> None:
        super().__init__(rf"{word}(?![\w.=-])", re.IGNORECASE)
        self.word = word
        self.set_name(f'"{word}"')


def keyword(word: str, expected: str = "") -> pp.ParserElement:
    """*word*, not kept; *expected* is what could stand in its place, too."""
    return pp.Suppress(Fixed(word)).set_name(expected or f'"{word}"')


def flag(literal: str, field: str) -> pp.ParserElement:
    """An optional word; *field* is True where it was said."""
    return pp.Opt(Fixed(literal).set_parse_action(lambda: True), default=False)(field)


def name(field: str, expected: str) -> pp.ParserElement:
    """One name, kept as *field*; two targets called alike have their whole address as one."""
    return pp.Regex(TARGET).set_name(expected)(field)


def optional(element: pp.ParserElement) -> pp.ParserElement:
    """*element* or nothing."""
    return pp.Opt(element)


def several(element: pp.ParserElement, separator: str, field: str) -> pp.ParserElement:
    """One or more, *separator* (a pattern) between them; a tuple in *field*."""
    between = pp.Suppress(pp.Regex(separator, re.IGNORECASE))
    # "-": after a separator there is no way back, so the error stands behind it, not before.
    every: pp.ParserElement = element + (between - element)[...]
    return every.set_parse_action(lambda found: (tuple(found),))(field)


def number(field: str) -> pp.ParserElement:
    """A job's number, also as ``#3``."""
    digits = pp.Regex(r"#?(?P<digits>[1-9][0-9]{0,8})(?![\w.])").set_name("a job's number")
    return digits.set_parse_action(lambda found: int(found["digits"]))(field)


def code(field: str) -> pp.ParserElement:
    """The code of a question, in lower case."""
    short = pp.Regex(r"[0-9][a-z](?![\w.])", re.IGNORECASE).set_name("a question's code, like 7f")
    return short.set_parse_action(lambda found: found[0].lower())(field)


def rest(field: str, expected: str) -> pp.ParserElement:
    """All that follows, as it stands."""
    return pp.Regex(r"\S.*").set_name(expected)(field)


def jid(field: str, *, or_name: bool = False) -> pp.ParserElement:
    """A bare JID in lower case, or (*or_name*) just a name."""
    address = pp.Regex(_JID).set_name("an address like ann@lab.example")
    address.set_parse_action(lambda found: found[0].lower())
    either = address | pp.Regex(PLAIN + r"(?![\w.@-])") if or_name else address
    return either.set_name("a name or an address" if or_name else str(address))(field)


def parse(sentence: pp.ParserElement, line: str) -> Mapping[str, object]:
    """The fields of *sentence* in a tidied *line*; NotUnderstood says where it ends to be one."""
    try:
        return sentence.parse_string(line).as_dict()
    except pp.ParseBaseException as error:
        place = _place(error, line)
        wrong = re.match(r"[\w.@=-]+|.?", line[place:])
        found = wrong[0] if wrong else ""
        expected = error.msg.removeprefix("Expected ")
        what = f"I expected {expected}" + (f', not "{found[:30]}"' if found else " at the end")
        if expected == error.msg:  # one of our own
            what = expected
        near = _meant(sentence, line, place, found) if found and what != expected else ""
        hint = f"Did you mean {near}?" if near else ""
        raise NotUnderstood(what, hint=hint, line=line, column=place + 1) from None


def _place(error: pp.ParseBaseException, line: str) -> int:
    """Where the word is that was not understood."""
    place = min(error.loc, len(line))
    return place + len(line[place:]) - len(line[place:].lstrip())


def _meant(sentence: pp.ParserElement, line: str, place: int, found: str) -> str:
    """What *found* was meant to be: a word of ours with a slip, or a parameter without its =."""
    parts = sentence.visit_all()  # type: ignore[no-untyped-call]
    words = dict.fromkeys(part.word for part in parts if isinstance(part, Fixed))
    tries = {w: found for w in words if w[0] == found[0].casefold() and close(found, w)}
    if pair := re.match(
        r"([A-Za-z]\w{0,63})(?: |: ?|:?= )([0-9][\w.]{0,40})(?![\w:])", line[place:]
    ):
        tries[f"{pair[1]}={pair[2]}"] = pair[0]
    for meant, said in tries.items():
        better = f"{line[:place]}{meant}{line[place + len(said) :]}"
        try:
            sentence.parse_string(better)
        except pp.ParseBaseException as error:
            if _place(error, better) <= place + len(meant):
                continue
        return meant
    return ""


def known(
    called: str, names: Iterable[str], kind: str, *, likely: bool = False, place: str = ""
) -> str:
    """
    The one of *names* that is *called* so, in any case; NoSuch offers the nearest.

    Args:
        likely: That something else in the line exists.
        place: Where it should stand.
    """
    names = list(names)
    if called in names:
        return called
    alike = [each for each in names if each.casefold() == called.casefold()]
    if len(alike) == 1:
        return alike[0]
    near = nearest(called, names)
    some = f"There {'is' if len(names) == 1 else 'are'} {listed(folded(sorted(names)), 12)}."
    hint = f"Did you mean {near}?" if near else some if names else ""
    where = f" in {place}" if place else ""
    slip = near is not None and close(called, near)
    raise NoSuch(f"no {kind} called {called}{where}", hint=hint, likely=likely or slip)


def close(said: str, meant: str) -> bool:
    """Whether *said* is *meant* with one slip: a letter more, less, wrong, or two swapped."""
    said, meant = sorted((said.casefold(), meant.casefold()), key=len)
    if len(meant) - len(said) > 1 or len(meant) < 3:
        return False
    at = next(
        (i for i, pair in enumerate(zip(said, meant, strict=False)) if len({*pair}) > 1), len(said)
    )
    rest, other = said[at:], meant[at:]
    swapped = rest[:2] == other[1::-1] and len(other) > 1 and rest[2:] == other[2:]
    return swapped or rest[1:] == other[1:] or rest == other[1:]
