"""
How targets are written: ``bob, alice``, ``pc[01-16,20]``, ``3 idle in rack3``, ``where ...``.

What is written becomes a :class:`bot.selection.Selection`; whom it means is found there.
"""

import re

import pyparsing as pp

from agent.wire.duration import WORDS
from agent.wire.errors import BadValue
from agent.wire.vocabulary import NAME
from bot import selection
from bot.conditions import STATES, Being, Condition, Junction, Negation, comparison
from bot.grammar import TARGET, Fixed, keyword, several
from bot.report.nodes import RANGES
from bot.selection import Every, Failed, Group, Part, Selection

_END = r"(?![\w.@*/\[-]|\s*=)"
_SEGMENT = r"[A-Za-z0-9_*][\w.*-]{0,63}"
_SET = rf"{NAME.pattern}{RANGES}(?:[\w.-]{{0,40}}{RANGES})?[\w.-]{{0,40}}(?<![.-]){_END}"
_PATH = rf"(?:{_SEGMENT}/){{1,6}}{_SEGMENT}(?:{RANGES})?{_END}"
_STAR = rf"(?=[\w.-]{{0,63}}\*)[\w.*-]{{1,63}}{_END}"
_NOUN = r"(?:\s+(?:targets?|machines?|pcs?|hosts?|boxes|ones?)(?![\w.@*/\[=-]))?"
_STATE = r"(?:idle|free|busy|rebooting|down|away|offline)"
"""As a selection; "online" is no more than all, and a word of talk."""
_COUNT = rf"(?:[1-9][0-9]{{0,3}}|{'|'.join(WORDS)})"
_PLACE = (
    r"\"[^\"\n]{1,60}\"|[\w][\w.*-]{0,40}(?:/[\w][\w.*-]{0,40}){0,6}"
    r"(?:\s[0-9]{1,6}(?!\s*(?:x|times)(?![\w])))?"
)
_NESTED = 3
"""Brackets in brackets, in a condition. Nobody needs more, and recursion has no bound."""


def _regex(pattern: str, expected: str) -> pp.ParserElement:
    return pp.Regex(pattern, re.IGNORECASE).set_name(expected)


def _counted() -> pp.ParserElement:
    """``3 idle``, ``any idle``, ``any 3 of rack3/*``; the number, or None for no limit."""
    count = _regex(
        rf"(?:(?:any\s+)?(?P<n>{_COUNT})|any)(?:\s+of)?(?=\s+[\w@*])(?!\s*=)", "how many"
    )

    def number(found: pp.ParseResults) -> int:
        said = (found["n"] or "1").lower()
        return WORDS.get(said) or int(said)

    return count.set_parse_action(number)


def _one() -> pp.ParserElement:
    """What stands between two commas, as a :class:`Part`."""
    # With a state behind it, "all" says nothing: "all idle" is "idle".
    every = _regex(
        rf"(?:all(?:\s+(?:of\s+)?the)?{_NOUN}(?!\s*(?:\w+\s*)?=|[\w.@*/\[-])(?:\s+(?P<s1>{_STATE})"
        rf"(?![\w.@*/\[=-]){_NOUN})?|(?P<s2>{_STATE})(?![\w.@*/\[=-]){_NOUN})",
        "all",
    )
    every.set_parse_action(lambda found: Every(_state(found["s1"] or found["s2"] or "")))
    group = _regex(rf"@(?P<group>{NAME.pattern})(?<![.-]){_END}", "a group like @burnin")
    group.set_parse_action(lambda found: Group(found["group"]))
    those = _regex(r"(?:those\s+that\s+)?failed(?=\s+(?:in|job|#?[0-9]))", "failed")
    job = _regex(r"(?:in\s+)?(?:job\s+)?#?(?P<job>[1-9][0-9]{0,8})(?![\w.])", "a job's number")
    failed = (pp.Suppress(those) - job).set_parse_action(lambda found: Failed(int(found["job"])))
    word = _regex(f"{_SET}|{_PATH}|{_STAR}|{TARGET}", "a target")
    word.set_parse_action(lambda found: selection.Word(found[0]))
    place = pp.Suppress(Fixed("in")) - _regex(_PLACE, "a place, like rack3")
    place.set_parse_action(lambda found: found[0].strip('"'))
    of = (every | group | failed | word).set_name("a target")
    part = pp.Opt(_counted()) + of + pp.Opt(place)
    part.set_parse_action(_part)
    return part.set_name("a target")


def _state(said: str) -> str:
    return "idle" if said.casefold() == "free" else said.casefold()


def _part(found: pp.ParseResults) -> Part:
    """A number first or none, whom, and a place last or none."""
    said = list(found)
    count = said.pop(0) if isinstance(said[0], int) else None
    return Part(said[0], count, *said[1:])


def _condition() -> pp.ParserElement:
    """A :class:`Condition`: comparisons with "and", "or", "not" and brackets."""
    value = (
        r"\"(?P<quoted>[^\"\n]{1,80})\"|[A-Za-z0-9_.*/:@%+-]{1,80}(?:\s(?:[kmgt]i?b?|bytes)(?!\w))?"
    )
    sign = (
        r"[<>!=]=|[<>=]|is\s+not(?!\w)|is(?!\w)|at\s+least(?!\w)|at\s+most(?!\w)"
        r"|more\s+than(?!\w)|less\s+than(?!\w)"
    )
    fact = _regex(r"(?!(?:not|and|or)(?!\w))[a-z][a-z_]{0,29}(?![\w.*/\[-])", "a fact like memory")
    compared = fact + _regex(sign, "a comparison like >= 64G") - _regex(value, "a value")
    compared.set_parse_action(_compare)
    being = _regex(
        rf"(?:{'|'.join([*STATES, 'free'])})(?!\s*[<>=!]|[\w.*/\[@-])", "a state like idle"
    )
    being.set_parse_action(lambda found: Being(_state(found[0])))
    plain = (being | compared).set_name('a condition like memory >= 64G, "idle" or "not busy"')
    whole = plain
    for _ in range(_NESTED + 1):
        whole = _joined("or", _joined("and", _negatable(plain)))
        plain = (pp.Suppress("(") - whole - pp.Suppress(")").set_name('")"')) | being | compared
        plain.set_name('a condition like memory >= 64G, "idle" or "not busy"')
    return whole


def _compare(line: str, place: int, found: pp.ParseResults) -> Condition:
    fact, sign, value = found
    sign = re.sub(r"\s+", " ", sign.casefold())
    words = {"==": "=", "is": "=", "is not": "!=", "at least": ">=", "at most": "<="}
    words |= {"more than": ">", "less than": "<"}
    try:
        return comparison(fact, words.get(sign, sign), value.strip('"'))
    except BadValue as error:
        place = line.find(value, place)
        raise pp.ParseFatalException(
            line, place, f"{error.what} ({error.hint.rstrip('.')})"
        ) from None


def _negatable(element: pp.ParserElement) -> pp.ParserElement:
    """*element*, with any number of "not" before it."""
    nots = _regex(r"(?:not\s+){0,20}(?!not(?!\w))", "not").set_parse_action(
        lambda found: [len(found[0].split()) % 2 == 1]
    )
    either: pp.ParserElement = nots + element
    return either.set_parse_action(
        lambda found: Negation(found[1]) if found[0] else found[1]
    ).set_name(str(element))


def _joined(word: str, element: pp.ParserElement) -> pp.ParserElement:
    """Several of *element*, with *word* between them."""
    joined: pp.ParserElement = element + (keyword(word) - element)[...]
    return joined.set_parse_action(
        lambda found: Junction(word, tuple(found)) if len(found) > 1 else found[0]
    )


_OPTION = (
    r"(?:if|wait|until|till|skip|with|for)(?![\w.@-])|x\s?[0-9]{1,4}(?!\w)|(?:once|twice|thrice)(?!\w)"
    rf"|{_COUNT}\s?(?:x|times)(?!\w)"
)
"""How an option of ``run`` begins: a comma before it separates no targets."""
_AND = rf"(?>,(?:\s*and(?![\w.-]))?|&|and(?![\w.-]))(?!\s*(?:{_OPTION}))"


def targets(field: str) -> pp.ParserElement:
    """Everything that can be said of targets; a :class:`Selection` in *field*."""
    part = _one()
    but = keyword("except") | keyword("but not") | keyword("but") | keyword("without")
    where = keyword("where") - _condition()("where")
    said = (
        several(part, _AND, "parts") + pp.Opt(but - several(part, _AND, "but")) + pp.Opt(where)
    ) | where
    said.set_parse_action(_selection)
    return said.set_name("a target")(field)


def _selection(found: pp.ParseResults) -> Selection:
    told = found.as_dict()
    parts = told.get("parts", selection.EVERYBODY.parts)
    return Selection(parts, told.get("but", ()), told.get("where"))
