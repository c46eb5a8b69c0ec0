"""Who may do what, for people: whoami, and who can, can I, why can't I."""

from collections.abc import Sequence

from bot.occupant import Affiliation, Occupant
from bot.policy import BY_AFFILIATION, Deed, Permission, Rights, Ruling, stands
from bot.reply import Reply
from bot.report.table import table
from bot.report.text import listed, safe, unique

CLASSES = tuple(permission for permission in Permission if permission > Permission.NOTHING)
MOST = 15
"""People in the block."""


def of(by: Occupant, rights: Rights) -> Reply:
    """Who *by* is to us, and what they may."""
    may = [
        permission.name.lower()
        for permission in CLASSES
        if rights.judge(by, Deed(command="", needs=permission)).allowed
    ]
    who = f"you are {safe(by.jid, 120)}" if by.jid else "this room hides your address from me"
    rules = [
        (rule.place, f"{'not: ' if rule.deny else ''}{safe(rule.text, 200)}")
        for rule in rights.of(by)
    ]
    return Reply(
        f"{who}, {stands(by.affiliation)}: you may {_words(may)}",
        table="\n".join(_row(place, text) for place, text in rules[:MOST]),
        data={
            "jid": by.jid,
            "affiliation": by.affiliation.value,
            "may": may,
            "rules": [{"place": place, "text": text} for place, text in rules],
        },
    )


def _words(may: Sequence[str]) -> str:
    """``look, run, disrupt and administer``."""
    words = ["administer" if word == "admin" else word for word in may]
    return listed(words) or "nothing"


def _row(place: str, text: str) -> str:
    return table([[place, text]])


def can(by: Occupant, deeds: Sequence[Deed], rights: Rights) -> Reply:
    """Whether *by* may do all of *deeds*, and by what."""
    rulings = [(deed, rights.judge(by, deed)) for deed in deeds]
    refused = [(deed, ruling) for deed, ruling in rulings if not ruling.allowed]
    what = _title(deeds)
    if refused:
        deed, ruling = refused[0]
        text = f"no: you may not {deed.title}: {ruling.because}. {ruling.hint}"
    else:
        text = f"yes: you may {what}, {_because(rulings)}"
    return Reply(text, data={"allowed": not refused, "command": what})


def who(deeds: Sequence[Deed], people: Sequence[Occupant], rights: Rights) -> Reply:
    """Which of *people* may do all of *deeds*, and by what."""
    may: list[tuple[Occupant, str]] = []
    for person in people:
        rulings = [(deed, rights.judge(person, deed)) for deed in deeds]
        if all(ruling.allowed for _, ruling in rulings):
            may.append((person, _because(rulings)))
    may.sort(key=lambda each: (_ORDER.index(each[0].affiliation), each[0].nick))
    names = [safe(person.nick, 40) for person, _ in may]
    text = f"{_title(deeds)}: {listed(names) or 'nobody in this room'} may"
    rows = [[safe(person.nick, 20), because] for person, because in may[:MOST]]
    data = [
        {"jid": person.jid, "nick": safe(person.nick), "because": because}
        for person, because in may
    ]
    return Reply(text, table=table(rows), data={"command": _title(deeds), "may": data})


_ORDER = tuple(sorted(Affiliation, key=lambda affiliation: -BY_AFFILIATION[affiliation]))


def _title(deeds: Sequence[Deed]) -> str:
    titles = unique(deed.title for deed in deeds)
    return listed(titles, 3)


def _because(rulings: Sequence[tuple[Deed, Ruling]]) -> str:
    return listed(unique(ruling.because for _, ruling in rulings), 3)
