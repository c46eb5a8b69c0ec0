"""
A line becomes an answer: understood, its names found, allowed, carried out.

Rule 1: talk is talk. A line that nobody addressed to us acts only if all of it is a
command about things that exist; otherwise we are silent.
Rule 2: an addressed line always gets an answer.
Rule 3: targets report, they never order. A line from a target's account is dropped.
Rule 4: nothing escapes from here: an exception in a stanza handler makes slixmpp send an
error to the room, and ejabberd kicks for that (clients.md).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import structlog

from agent.wire.errors import Refusal
from bot.config import Confirm
from bot.consent import Consent
from bot.grammar import NoSuch, NotUnderstood
from bot.lab import Lab
from bot.occupant import Line
from bot.policy import Deed, Permission, Rights
from bot.reply import Reply
from bot.report.text import COLUMNS, cut, safe, width
from bot.verb import Meant, Verb, understand

log = structlog.get_logger()

POINTER = "Yes? Say help for what I can do, status for how the lab is."


class Dialogue:
    """
    Answers lines; :class:`bot.lab.Commands` for commands about other commands.

    Args:
        verbs: The commands, by name: ``bot.commands.discover()``.
        lab: The lab as it is now; called once for every line that is a command.
        rights: Who may do what.
        consent: Asks back what costs.
    """

    def __init__(
        self,
        verbs: Mapping[str, Verb[Any]],
        lab: Callable[[], Lab],
        rights: Rights,
        consent: Consent | None = None,
    ) -> None:
        self._verbs, self._rights = verbs, rights
        self._bare_lab = lab
        self._consent = consent or Consent(rights, Confirm())

    def _lab(self) -> Lab:
        return replace(self._bare_lab(), rights=self._rights, commands=self)

    async def answer(self, line: Line) -> Reply | None:
        """What to say to *line*; None if it is not for us. Never raises an Exception."""
        try:
            return await self._answer(line)
        except NotUnderstood as error:
            return lost(error) if line.addressed else None
        except Refusal as refusal:
            if isinstance(refusal, NoSuch) and not (line.addressed or refusal.likely):
                return None
            return refused(refusal)
        except Exception:
            log.exception("command.failed", line=line.text[:200], id=line.id, by=line.by.jid)
            return Reply(
                "that went wrong inside me, and I cannot say whether it was done; my log has it",
                data={"line": safe(line.text)},
                kind="error",
            )

    async def would_act(self, line: Line) -> bool:
        """Whether *line* is a command about things that exist, and would do something."""
        try:
            verb, asked = understand(line.text, self._verbs, addressed=line.addressed)
            await verb.resolve(asked, self._lab(), line)
        except Refusal:
            return False
        return verb.needs > Permission.LOOK

    async def _answer(self, line: Line) -> Reply | None:
        if line.addressed and not line.text.strip():
            return None if self._from_target(line, self._lab()) else Reply(POINTER)
        try:
            verb, asked = understand(line.text, self._verbs, addressed=line.addressed)
        except NotUnderstood:
            if line.addressed and self._from_target(line, self._lab()):
                return None
            raise
        lab = self._lab()
        if self._from_target(line, lab):
            return None
        if verb.means is not None:
            return await self._instead(verb.means(asked, lab), line, lab)
        return await self._carry_out(verb, asked, line, lab)

    async def _instead(self, meant: Meant, line: Line, lab: Lab) -> Reply:
        """Do what *line* stands for, as if it had been said now, by who said *line*."""
        line = replace(line, text=meant.text, addressed=True)
        verb, asked = understand(line.text, self._verbs)
        reply = await self._carry_out(verb, asked, line, lab)
        meant.did()
        return reply

    async def _carry_out(self, verb: Verb[Any], asked: Any, line: Line, lab: Lab) -> Reply:
        found = await verb.resolve(asked, lab, line)
        self._rights.check(line.by, await verb.comes_to(found, lab, line))
        return await self._consent.carry_out(verb, found, lab, line)

    async def deeds(self, text: str, lab: Lab, line: Line) -> Sequence[Deed]:
        """What the command *text* would come down to; a Refusal if it needs no rights."""
        verb, asked = understand(text, self._verbs)
        if verb.needs <= Permission.LOOK:
            raise NotUnderstood(f"everybody who may look may say {verb.name}", hint="Say whoami.")
        found = await verb.resolve(asked, lab, line)
        if not (deeds := await verb.comes_to(found, lab, line)):
            raise NotUnderstood(f"{verb.name} needs no rights of its own", hint="Say whoami.")
        return deeds

    async def confirm(self, code: str, lab: Lab, line: Line) -> Reply:
        """Carry out what question *code* is about."""
        return await self._consent.confirm(code, lab, line)

    async def withdraw(self, code: str, lab: Lab, line: Line) -> Reply:
        """Never do what question *code* is about."""
        return await self._consent.withdraw(code, lab, line)

    def _from_target(self, line: Line, lab: Lab) -> bool:
        speaker = (line.by.jid or "").lower()
        if not any(target.jid.lower() == speaker for target in lab.targets.all()):
            return False
        log.warning("line.dropped", reason="from a target", by=speaker, id=line.id)
        return True


def refused(refusal: Refusal) -> Reply:
    """*refusal* as an answer."""
    data = {"condition": refusal.condition, "what": refusal.what, "hint": refusal.hint}
    return Reply(safe(str(refusal), 400), data=data, kind="refusal")


def lost(error: NotUnderstood) -> Reply:
    """Where we lost the thread of an addressed line, with a caret under the place."""
    reply = refused(error)
    if not error.line:
        return reply
    where = f"At column {error.column}: " if error.column > 1 else ""
    data = {**reply.data, "column": error.column}
    return Reply(
        where + reply.text, table=caret(error.line, error.column), data=data, kind="refusal"
    )


def caret(line: str, column: int) -> str:
    """The part of *line* around *column* (from 1), in 38 columns, with a ^ under it."""
    before, behind = safe(line[: column - 1], 4000), safe(line[column - 1 :], 4000)
    before += " " * (column - 1 - len(line))  # just past the end
    if width(before + behind) > COLUMNS:
        before = _end(before, COLUMNS - 12)
    return f"{cut(before + behind)}\n{' ' * width(before)}^"


def _end(text: str, columns: int) -> str:
    """The end of *text* in at most *columns*, after … where something is missing."""
    while width(text) > columns:
        text = "…" + text[2:]
    return text


def address(text: str, nick: str) -> tuple[str, bool]:
    """
    *text* without our name before it, and whether that stood there.

    ``labbot: status``, ``labbot, status``, ``@labbot status`` and ``labbot`` alone, in
    any case. *nick* is the one we have in the room now.
    """
    stripped = text.strip()
    me = re.escape(nick)
    # A Chinese keyboard's colon and comma do as well.
    found = re.match(
        rf"(?:@{me}(?:\s*[:,\uff1a\uff0c]|(?=\s)|$)|{me}(?:\s*[:,\uff1a\uff0c]|$))",
        stripped,
        re.IGNORECASE,
    )
    return (stripped[found.end() :].lstrip(), True) if found else (text, False)


def called(text: str, nick: str, prefix: str) -> tuple[str, bool]:
    """*text* without what addresses us, our name or *prefix*, and whether that stood there."""
    rest, addressed = address(text, nick)
    return (rest, True) if addressed else prefixed(text, prefix)


def prefixed(text: str, prefix: str) -> tuple[str, bool]:
    """
    *text* without *prefix* before it, and whether that stood there: ``!status``.

    It calls whichever bot acts. ``!!!`` and ``!1`` call nobody.
    """
    stripped = text.strip()
    found = re.match(rf"{re.escape(prefix)}\s?(?=[^\W\d_])", stripped) if prefix else None
    return (stripped[found.end() :], True) if found else (text, False)
