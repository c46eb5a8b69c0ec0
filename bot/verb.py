"""The shape of a command: what it is called, what it needs, and what it does."""

import functools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import pyparsing as pp

from agent.wire.parameter import nearest
from bot import grammar
from bot.confirm import Stakes
from bot.grammar import NotUnderstood
from bot.lab import Lab
from bot.occupant import Line
from bot.policy import Deed, Permission
from bot.reply import Reply

C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class Meant:
    """A line that another one stands for."""

    text: str
    did: Callable[[], None]
    """Called once it is carried out."""


async def as_it_is(asked: C, _lab: Lab, _line: Line) -> C:
    """For commands that name nothing."""
    return asked


@dataclass(frozen=True, kw_only=True)
class Verb(Generic[C]):
    """
    One command, complete in one file of :mod:`bot.commands`.

    Args:
        name: The first word of the line.
        instead_of: What people may say for it that is no command; only for hints.
        summary: What it does, in at most 28 columns: the list that ``help`` shows.
        about: The same in a few sentences, for ``help run`` and docs/commands.md.
        grammar: The rest of the line; its named results are *build*'s arguments.
        then: What may still follow where the grammar ends, as people read it.
        build: The dataclass of a parsed request.
        resolve: Finds the names in the lab, before anybody's rights are looked at:
            the request as it will be carried out. NoSuch if there is no such thing.
        needs: What the asker must be allowed to do.
        deeds: What a resolved request comes down to, target by target: that is what rights
            are about. Without it, the command is about the whole lab, and *needs* says all.
        stakes: What carrying it out would cost; if it costs, the asker is asked back first.
        narrow: The same request on fewer targets; without it, it is all or nothing.
        means: Of a command that stands for another line: that line, done in its place.
        run: The handler. Slow work goes through the lab; a handler returns at once.
        examples: Lines and what they parse to. ``help`` shows them, a test checks them.
    """

    name: str
    instead_of: tuple[str, ...] = ()
    summary: str
    about: str
    grammar: pp.ParserElement = field(default_factory=pp.Empty)
    then: str = "nothing more"
    build: Callable[..., C]
    resolve: Callable[[C, Lab, Line], Awaitable[C]] = as_it_is
    needs: Permission
    deeds: Callable[[C, Lab, Line], Awaitable[Sequence[Deed]]] | None = None
    stakes: Callable[[C, Lab, Line], Awaitable[Stakes]] | None = None
    narrow: Callable[[C, tuple[str, ...]], C] | None = None
    means: Callable[[C, Lab], Meant] | None = None
    run: Callable[[C, Lab, Line], Awaitable[Reply]]
    examples: Mapping[str, C]

    async def comes_to(self, asked: C, lab: Lab, line: Line) -> Sequence[Deed]:
        """What rights must allow for the resolved request *asked*."""
        if self.deeds is None:
            return [Deed(command=self.name, needs=self.needs)]
        return await self.deeds(asked, lab, line)

    @functools.cached_property
    def _sentence(self) -> pp.ParserElement:
        end = pp.StringEnd().set_name(self.then)
        return grammar.keyword(self.name) + self.grammar + end

    def parse(self, line: str) -> C:
        """The request in a tidied *line*, which starts with our name."""
        try:
            return self.build(**grammar.parse(self._sentence, line))
        except NotUnderstood as error:
            if not error.hint:
                error.hint = f"Try: {self.nearest_example(line)}"
            raise

    def nearest_example(self, line: str) -> str:
        """The example that looks most like *line*."""
        return nearest(line[:100], self.examples) or next(iter(self.examples))


def understand(
    text: str, verbs: Mapping[str, Verb[Any]], *, addressed: bool = True
) -> tuple[Verb[Any], Any]:
    """
    The command that *text* is, and what it asks for; NotUnderstood if it is none.

    Said to us, ``status?`` is ``status``; ``reboot bob?`` is never an order.
    """
    if len(text) > grammar.LONGEST:
        raise NotUnderstood(
            f"that line is too long: {len(text)} characters",
            hint=f"At most {grammar.LONGEST}.",
        )
    line = grammar.tidy(text)
    if len(line.splitlines()) > 1:
        raise NotUnderstood("I take one line at a time", hint="Say each command by itself.")
    first = line.rstrip("? ").split(" ", 1)[0]
    verb = verbs.get(first.casefold())
    if not first:
        raise NotUnderstood("there is no command in that", hint="Say help.")
    if verb is None:
        near = _meant(line, first, verbs)
        hint = f"Did you mean {near}?" if near else "Say help."
        what = f'I know no command called "{first[:40]}"'
        raise NotUnderstood(what, hint=hint, line=line, column=1)
    if addressed and verb.needs is Permission.LOOK:
        line = line.rstrip("? ")
    return verb, verb.parse(line)


def _meant(line: str, first: str, verbs: Mapping[str, Verb[Any]]) -> str | None:
    """The verb that *first* was meant to be, or that stands later, as in "can you reboot bob"."""
    meant = {word: name for name, verb in verbs.items() for word in (*verb.instead_of, name)}
    near = nearest(first[:40], meant)
    if near is not None and grammar.close(first, near):
        return meant[near]
    later = (word for word in line[:200].casefold().split()[1:] if word in verbs)
    return next(later, None) or meant.get(near or "")
