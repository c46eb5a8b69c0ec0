"""
What was said while we were away: told once, never done by itself.

A room repeats its last messages to whoever enters. Of these, what is a command that does
something, and was answered by no bot, was missed. All that is needed to know it is in the
history itself: an answer names its line (``re``), and so does a list of what was missed. So
it holds for a new database, and for several bots.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from agent.wire.errors import UnknownName
from bot.attention import without_ref
from bot.occupant import Affiliation, Line, Occupant
from bot.reply import Reply
from bot.report.table import table
from bot.report.text import plural, safe

MOST = 12
"""Commands that are listed; of more, the last."""

PAST = 50
"""Messages of its history that we ask the room for."""


@dataclass(frozen=True, slots=True)
class Past:
    """A message of the room's history."""

    nick: str
    text: str
    """Without our name before it."""
    id: str
    addressed: bool = False
    corrects: str = ""
    """The id of the message that it stands for now."""
    facts: Mapping[str, object] = field(default_factory=dict)
    """What it carries, if a bot said it."""

    @property
    def line(self) -> Line:
        """As it would be read now; the history does not say who that nick was."""
        by = Occupant(self.nick, Affiliation.NONE, None)
        return Line(by, without_ref(self.text)[0], self.id, addressed=self.addressed)


@dataclass(frozen=True, slots=True)
class Command:
    """One that was missed."""

    number: int
    nick: str
    text: str
    id: str


def unanswered(history: Sequence[Past], us: str) -> list[Past]:
    """
    What people said in *history* that no bot has answered or listed; corrected where they did.

    Without an id nobody can say whether it was answered: it is left out.
    """
    known: set[str] = set()
    said: dict[str, Past] = {}
    for past in history:
        known |= _named(past.facts)
        if past.facts or past.nick == us or not past.id:
            continue
        if past.corrects and past.corrects in said:
            known.add(past.corrects)
        said[past.id] = past
    return [past for past in said.values() if past.id not in known and past.text]


def _named(facts: Mapping[str, object]) -> set[str]:
    """The ids of lines that a bot has dealt with in this message."""
    named = {facts["re"]} if isinstance(facts.get("re"), str) else set()
    missed = facts.get("missed")
    for each in missed if isinstance(missed, list) else ():
        if isinstance(each, Mapping) and isinstance(each.get("id"), str):
            named.add(each["id"])
    return {str(each) for each in named}


class Missed:
    """
    What ``do`` can do (:class:`bot.lab.Missed`). Numbers go on while we run.

    Args:
        acts: Whether what was said would do something.
    """

    def __init__(self, acts: Callable[[Past], Awaitable[bool]]) -> None:
        self._acts = acts
        self._commands: dict[int, Command] = {}
        self._done: set[int] = set()

    async def listing(self, history: Sequence[Past], us: str) -> Reply | None:
        """What to tell the room after it has told its *history*; None if nothing was missed."""
        found = [past for past in unanswered(history, us) if await self._acts(past)]
        if not found:
            return None
        first = max(self._commands, default=0) + 1
        fresh = [
            Command(number, past.nick, past.text, past.id)
            for number, past in enumerate(found[-MOST:], first)
        ]
        self._commands |= {command.number: command for command in fresh}
        data = {
            "missed": [
                {"number": each.number, "nick": each.nick, "text": each.text, "id": each.id}
                for each in fresh
            ]
        }
        if len(fresh) == 1:
            [one] = fresh
            text = (
                f"missed while I was away: {one.number} {safe(one.nick, 30)}: "
                f"{safe(one.text, 100)}; say do {one.number} if it still holds"
            )
            return Reply(text, data=data, kind="notice")
        return Reply(
            f"missed while I was away: {plural(len(found), 'commands')}; "
            f"say do {first} to do the first",
            table=table([[str(each.number), f"{each.nick}:", each.text] for each in fresh]),
            data=data,
            kind="notice",
        )

    def line(self, number: int) -> str:
        """What was said; UnknownName if there is no such number, or it was done."""
        if number in self._done:
            raise UnknownName(f"{number} was done already", hint="Say it anew to have it again.")
        if number not in self._commands:
            there = ", ".join(str(each) for each in self._commands if each not in self._done)
            hint = f"There is {there}." if there else "I have missed nothing."
            raise UnknownName(f"nothing that I missed has the number {number}", hint=hint)
        return self._commands[number].text

    def did(self, number: int) -> None:
        """It was done."""
        self._done.add(number)
