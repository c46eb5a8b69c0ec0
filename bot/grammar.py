"""
The words commands are made of. A line becomes a command, or a refusal with a hint.

Rule 1: a line is tidied first (:func:`tidy`): what phones and manners add does no harm.
Rule 2: elements that collect names make tuples in a parse action; ``Group`` loses names
when its result is turned into a dict (style.md, trap 1).
Rule 3: an element's name is what people read after "I expected".
"""

import re
from collections.abc import Iterable, Mapping

import pyparsing as pp

from agent.wire.duration import PHRASE, seconds, spelled
from agent.wire.errors import Refusal, UnknownName
from agent.wire.parameter import FOR, nearest
from agent.wire.vocabulary import NAME, Step
from bot.report.text import listed

LONGEST = 2000
"""Characters of a command; a longer line is no command. 40 targets take under 400."""

ALL = ("all",)
"""As targets: every one the lab knows."""

_RESERVED = r"(?!(?i:on|and|all|now|for)(?![\w.-]))"
_NAME = f"{_RESERVED}{NAME.pattern}(?<![.-])"
_VALUE = r"\"[^\"\n]{0,200}\"|[A-Za-z0-9_./:@%+-]{1,200}"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_JID = rf"[\w.+~!#$%*=-]{{1,200}}@{_LABEL}(?:\.{_LABEL}){{0,20}}(?![\w.-])"
_TARGET = rf"{_NAME}(?:@{_LABEL}(?:\.{_LABEL}){{0,20}})?(?![\w.@-]|\s*=)"
_LIKE = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
        **dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\u200e\u200f", None),
        **dict.fromkeys("\t\u00a0\u1680\u202f\u205f\u3000", " "),
        **dict.fromkeys(map(chr, range(0x2000, 0x200B)), " "),
    }
)


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

    ``likely`` says whether the line was a command all the same, even if nobody
    addressed us: the name is nearly that of something, or another in the line exists.
    """

    def __init__(self, what: str, *, hint: str, likely: bool) -> None:
        super().__init__(what, hint=hint)
        self.likely = likely


def tidy(line: str) -> str:
    """
    *line* without what does no harm: odd spaces, curly quotes, please, a last full stop.

    A question mark stays: ``reboot bob?`` is no order.
    """
    text = line.translate(_LIKE).strip(" \n\r")
    text = _without_end(text)
    if text[:7].casefold() == "please ":
        text = text[7:].lstrip()
    if text[-7:].casefold() in (" please", ",please"):
        text = _without_end(text[:-7].rstrip(" ,"))
    return text


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
    return pp.Regex(_TARGET).set_name(expected)(field)


def optional(element: pp.ParserElement) -> pp.ParserElement:
    """*element* or nothing."""
    return pp.Opt(element)


def _listed(element: pp.ParserElement, field: str) -> pp.ParserElement:
    """One or more, with commas or "and" between; a tuple in *field*."""
    comma = pp.Suppress(pp.Regex(r"(?:,(?:\s*and(?![\w.-]))?|&|and(?![\w.-]))", re.IGNORECASE))
    # "-": after a comma there is no way back, so the error stands behind it, not before.
    several: pp.ParserElement = element + (comma - element)[...]
    return several.set_parse_action(lambda found: (tuple(found),))(field)


def targets(field: str) -> pp.ParserElement:
    """Target names, or "all"; a tuple in *field*."""
    every = Fixed("all").set_parse_action(lambda: (ALL,))
    several = _listed(pp.Regex(_TARGET).set_name("a target"), field)
    return (every(field) | several).set_name("a target")


def steps(field: str) -> pp.ParserElement:
    """
    Recipes with their parameters, one after the other; a tuple of Step in *field*.

    ``for 30s`` is the parameter FOR: which one that is, the recipe knows.
    """
    parameter = pp.Regex(rf"(?P<key>{_NAME})\s*=\s*(?P<value>{_VALUE})")
    parameter.set_name("a parameter like size=64M")
    parameter.set_parse_action(lambda found: (found["key"], found["value"].strip('"')))
    recipe = pp.Regex(_NAME + r"(?![\w.-]|\s*=)").set_name("a recipe")
    # "-": after "for" there is no way back, so the error stands behind it.
    phrase = pp.Regex(rf"{PHRASE}(?![\w.=-])", re.IGNORECASE)
    span = pp.Suppress(Fixed(FOR)) - phrase.set_name("how long, like 30s or 2h30m")
    span.set_parse_action(_span)
    step = (recipe + (parameter | span)[...]).set_parse_action(_step)
    return _listed(step, field)


def _span(line: str, place: int, found: pp.ParseResults) -> tuple[str, str]:
    """``for 5 min`` as a parameter, short."""
    span = seconds(found[0])
    if span is None:
        near = line.find(found[0], place)
        raise pp.ParseFatalException(line, near, f'"{found[0]}" is no time: the larger unit first')
    return FOR, spelled(span)


def _step(line: str, place: int, found: pp.ParseResults) -> Step:
    recipe, *pairs = found
    given = dict(pairs)
    if len(given) < len(pairs):
        twice = next(key for key, _ in pairs if [k for k, _ in pairs].count(key) > 1)
        again = [m.start() for m in re.finditer(rf"(?i:\b{re.escape(twice)}\b)", line[place:])]
        what = "how long is said twice" if twice == FOR else f"{twice} is given twice"
        raise pp.ParseFatalException(line, place + again[-1] if again else place, what)
    return Step(recipe, given)


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
    either = address | pp.Regex(_NAME + r"(?![\w.@-])") if or_name else address
    return either.set_name("a name or an address" if or_name else str(address))(field)


def parse(sentence: pp.ParserElement, line: str) -> Mapping[str, object]:
    """The fields of *sentence* in a tidied *line*; NotUnderstood says where it ends to be one."""
    try:
        return sentence.parse_string(line).as_dict()
    except pp.ParseBaseException as error:
        place = min(error.loc, len(line))
        place += len(line[place:]) - len(line[place:].lstrip())
        wrong = re.match(r"[\w.@=-]+|.?", line[place:])
        found = wrong[0] if wrong else ""
        expected = error.msg.removeprefix("Expected ")
        near = nearest(found, _keywords(sentence)) if found else None
        what = f"I expected {expected}" + (f', not "{found[:30]}"' if found else " at the end")
        if expected == error.msg:  # one of our own
            what, near = expected, None
        raise NotUnderstood(
            what,
            hint=f"Did you mean {near}?" if near and near != found.casefold() else "",
            line=line,
            column=place + 1,
        ) from None


def _keywords(sentence: pp.ParserElement) -> list[str]:
    parts = sentence.visit_all()  # type: ignore[no-untyped-call]
    return [part.word for part in parts if isinstance(part, Fixed)]


def known(called: str, names: Iterable[str], kind: str, *, likely: bool = False) -> str:
    """
    The one of *names* that is *called* so, in any case; NoSuch offers the nearest.

    Args:
        likely: That something else in the line exists.
    """
    names = list(names)
    if called in names:
        return called
    folded = [each for each in names if each.casefold() == called.casefold()]
    if len(folded) == 1:
        return folded[0]
    near = nearest(called, names)
    some = f"There {'is' if len(names) == 1 else 'are'} {listed(sorted(names), 12)}."
    hint = f"Did you mean {near}?" if near else some if names else ""
    raise NoSuch(f"no {kind} called {called}", hint=hint, likely=likely or near is not None)
