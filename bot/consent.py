"""
What costs is asked back first, and carried out when the right people have said yes.

Rule 1: rights are looked at again with the yes, of everybody concerned, as the room has them
then: who asked, and who agrees.

Rule 2: what runs is what was asked: the same targets, found by their names then. Of these, one
that has changed for the worse since is left as it is, and named.
"""

import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from agent.wire.errors import Refusal
from bot.config import Confirm
from bot.confirm import Cost, Question, Questions, Stakes, changes, check_yes
from bot.lab import Lab
from bot.occupant import Affiliation, Line, Occupant
from bot.policy import Rights
from bot.reply import Reply
from bot.report import question as words
from bot.verb import Verb

Pending = tuple[Verb[Any], Any]
"""A command, and a request of it whose names are found."""


async def nobody_knows(_jid: str) -> Affiliation:
    """For labs without a room."""
    return Affiliation.NONE


class Consent:
    """
    Asks, and takes the answers.

    Args:
        rights: Who may do what.
        confirm: What is asked back.
        standing: What the room says of a bare JID now. Raises Away if it does not say.
        called: What stands before a line that is to us alone: empty, or ``labbot2: ``.
        clock: Seconds that never go back.
    """

    def __init__(
        self,
        rights: Rights,
        confirm: Confirm,
        *,
        standing: Callable[[str], Awaitable[Affiliation]] = nobody_knows,
        called: Callable[[], str] = str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rights, self._confirm = rights, confirm
        self._standing, self._called, self._clock = standing, called, clock
        self._questions: Questions[Pending] = Questions(within=confirm.within, pick=secrets.choice)

    async def carry_out(self, verb: Verb[Any], asked: Any, lab: Lab, line: Line) -> Reply:
        """Do what is *asked*, or ask back first, if it costs."""
        stakes = await self._stakes(verb, asked, lab, line)
        if not stakes.costs:
            return await verb.run(asked, lab, line)
        two = not stakes.costs.isdisjoint(self._confirm.two)
        question = self._questions.ask(line, (verb, asked), stakes, two=two, now=self._clock())
        return words.asked(question, self._called())

    async def confirm(self, code: str, lab: Lab, line: Line) -> Reply:
        """*line* says yes to question *code*: do what it is about."""
        question = self._questions.find(code, self._clock())
        check_yes(question, line.by.jid)
        await self._check(question, lab, line.by)
        changed = await self._changes(question, lab)
        # The room was asked meanwhile: is it still open? From here on nothing else comes between.
        self._questions.find(code, self._clock())
        self._questions.close(code, f"{code} is answered: it was done")
        verb, asked = question.asked
        kept = tuple(name for name in question.stakes.states if name not in changed)
        if changed:
            if not kept or verb.narrow is None:
                raise Refusal(f"not done: {words.told(changed)}", hint=words.again(question))
            asked = verb.narrow(asked, kept)
        reply = await verb.run(asked, lab, question.line)
        return words.done(reply, changed)

    async def withdraw(self, code: str, lab: Lab, line: Line) -> Reply:
        """*line* says no to question *code*."""
        question = self._questions.find(code, self._clock())
        if line.by.jid is None or line.by.jid != question.line.by.jid:
            if not question.two:
                check_yes(question, line.by.jid)
            await self._check(question, lab, line.by)
            self._questions.find(code, self._clock())
        self._questions.close(code, f"{code} is answered: no", hint=words.again(question))
        return words.dropped(question)

    async def _stakes(self, verb: Verb[Any], asked: Any, lab: Lab, line: Line) -> Stakes:
        if verb.stakes is None:
            return Stakes()
        stakes = await verb.stakes(asked, lab, line)
        if len(stakes.states) > self._confirm.targets:
            return replace(stakes, costs=stakes.costs | {Cost.MANY})
        return stakes

    async def _check(self, question: Question[Pending], lab: Lab, by: Occupant) -> None:
        """Forbidden unless *by*, who says yes, and who asked may do it, as of now."""
        (verb, asked), asker = question.asked, question.line.by
        deeds = await verb.comes_to(asked, lab, question.line)
        self._rights.check(by, deeds)
        if asker.jid is None or asker.jid == by.jid:
            return
        now = replace(asker, affiliation=await self._standing(asker.jid))
        self._rights.check(now, deeds, who=f"{words.who(question)} may no longer")

    async def _changes(self, question: Question[Pending], lab: Lab) -> dict[str, str]:
        verb, asked = question.asked
        if verb.stakes is None:
            return {}
        return changes(question.stakes, await verb.stakes(asked, lab, question.line))
