"""
Which lines are answered at all, before anybody asks what they mean.

Rule 1: nothing answers an answer. What a bot says is no line (``<json/>``); our own words said
to us again are none; a program acts only where the settings name it; and who says too much is
told so once, then not heard for a while.

Rule 2: a correction of a line that did nothing is the new line. Of one that did something it is
answered, never carried out: what was done is done.

Rule 3: what was kept for us while we were away is answered, never carried out.

Rule 4: what one person said first is looked at first, also if we have to ask their client.
"""

import asyncio
import re
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Protocol
from weakref import WeakValueDictionary

import structlog

from agent.wire.errors import Refusal
from bot.dialogue import refused
from bot.lab import Lab
from bot.occupant import Line, Manner
from bot.reply import Reply
from bot.report.progress import already
from bot.throttle import Throttle

log = structlog.get_logger()

REMEMBERED = 1000
"""Lines whose corrections we can judge."""

OWN = 100
"""Things that we said last, and would know again."""

REF = re.compile(r"\s+ref=(?P<ref>[A-Za-z0-9_./:#@+-]{1,64}?)[.!]?\s*$", re.IGNORECASE)

UNREADABLE = (
    "I cannot read encrypted lines: turn encryption (OMEMO) off for this chat. In Conversations it "
    "is the lock beside the line, in Gajim and Dino too; profanity: /omemo end"
)
TOO_FAST = "you say more than I can answer: I do not hear you for a minute"
NO_PROGRAMS = "programs may not tell me what to do here"
HOW_PROGRAMS = 'Whoever runs me can allow it: scripts = ["{jid}"] in bot.toml.'
WHILE_AWAY = "you said that while I was away, so I have not done it"
NOT_HEARD = "I have not heard the line that this corrects"
ANEW = "Say it anew, as a new line."


class Speaks(Protocol):
    """Answers lines: :class:`bot.dialogue.Dialogue`."""

    async def answer(self, line: Line) -> Reply | None:
        """What to say to *line*."""
        ...

    async def would_act(self, line: Line) -> bool:
        """Whether it would do something."""
        ...


class Attention:
    """
    Stands before the dialogue.

    Args:
        lab: The lab as it is now.
        programs: Whether the program with this bare JID may say what is to be done.
        client: What the speaker's client calls itself (XEP-0030): ``bot``, ``phone``, ...
        columns: How wide the answer to a line may be, said with such a client.
        now: Seconds of any clock that only goes forward.
    """

    def __init__(
        self,
        dialogue: Speaks,
        lab: Callable[[], Lab],
        *,
        programs: Callable[[str], bool],
        client: Callable[[Line], Awaitable[str]],
        columns: Callable[[Line, str], Awaitable[int]],
        now: Callable[[], float],
    ) -> None:
        self._dialogue, self._lab, self._now = dialogue, lab, now
        self._programs, self._client, self._columns = programs, client, columns
        self._throttle = Throttle()
        self._became: dict[str, Reply | None] = {}  # of a line, by its id; None: nothing yet
        self._own: deque[str] = deque(maxlen=OWN)
        self._told: dict[tuple[str, str], None] = {}
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def answer(self, line: Line) -> Reply | None:
        """What to say to *line*; None if it is not for us."""
        who = line.by.jid or line.by.nick
        if _unquoted(line.text) in self._own:
            log.info("line.dropped", reason="our own words", by=who, id=line.id)
            return None
        takes = self._throttle.takes(who, self._now())
        if takes is not True:
            log.warning("line.dropped", reason="too many", by=who, id=line.id)
            return _refused(TOO_FAST, condition="policy-violation") if takes is None else None
        reply = await self._heard(line, who)
        if reply is None:
            self._throttle.silent(who, self._now())
        else:
            self._own += [_unquoted(reply.text), _unquoted(reply.body)]
            if reply.kind == "refusal":
                self._throttle.refused(who, self._now())
        return reply

    async def _heard(self, line: Line, who: str) -> Reply | None:
        if line.manner is Manner.ENCRYPTED:
            return self._once("encrypted", who, UNREADABLE, condition="not-acceptable")
        async with self._turns.setdefault(who, asyncio.Lock()):
            client = await self._client(line)
            line = replace(line, columns=await self._columns(line, client))
        if client == "bot" and not self._programs(line.by.jid or ""):
            log.info("line.dropped", reason="from a program", by=who, id=line.id)
            hint = HOW_PROGRAMS.format(jid=line.by.jid or "its address")
            if not (line.addressed or await self._dialogue.would_act(line)):
                return None
            return self._once("program", who, NO_PROGRAMS, hint, condition="forbidden")
        if line.manner is Manner.LATE:
            return _refused(WHILE_AWAY, ANEW) if await self._dialogue.would_act(line) else None
        return await self._corrected(line) if line.corrects else await self._new(line)

    def _once(
        self, what: str, who: str, text: str, hint: str = "", *, condition: str
    ) -> Reply | None:
        if (what, who) in self._told:
            return None
        self._told[what, who] = None
        if len(self._told) > REMEMBERED:
            del self._told[next(iter(self._told))]
        return _refused(text, hint, condition=condition)

    async def _corrected(self, line: Line) -> Reply | None:
        if line.corrects not in self._became:
            return _refused(NOT_HEARD, ANEW) if line.addressed else None
        before = self._became[line.corrects]
        if before is None or before.kind not in ("acknowledgement", "error"):
            return await self._new(line)
        return _refused(*await self._already(before))

    async def _already(self, before: Reply) -> tuple[str, str]:
        """Why it is too late to correct what was answered with *before*, and what to do."""
        number = before.data.get("job")
        if not isinstance(number, int):
            return "that was done already", ANEW
        try:
            return already(await self._lab().jobs.get(number))
        except Refusal:
            return f"that was job {number}", ANEW

    async def _new(self, line: Line) -> Reply | None:
        """Have it answered, and remember what became of it."""
        bare, ref = without_ref(line.text)
        names = [name for name in (line.id, line.corrects) if name]
        for name in names:
            # Until we know better it does something: the correction may be quick.
            self._remember(name, Reply("", kind="acknowledgement"))
        reply = await self._dialogue.answer(replace(line, text=bare, ref=ref))
        if reply is not None and ref:
            reply = replace(reply, data={**reply.data, "ref": ref})
        for name in names:
            self._remember(name, reply)
        return reply

    def _remember(self, name: str, reply: Reply | None) -> None:
        self._became.pop(name, None)
        self._became[name] = reply
        if len(self._became) > REMEMBERED:
            del self._became[next(iter(self._became))]


def _unquoted(text: str) -> str:
    """*text* without what it quotes: what we say may be said after the line that it answers."""
    return "\n".join(each for each in text.splitlines() if not each.startswith(">")).strip()


def without_ref(text: str) -> tuple[str, str]:
    """*text* without what a script calls its job at the end (``ref=abc``), and that name."""
    found = REF.search(text)
    return (text[: found.start()], found["ref"]) if found else (text, "")


def _refused(what: str, hint: str = "", *, condition: str = "conflict") -> Reply:
    refusal = Refusal(what, hint=hint)
    refusal.condition = condition
    return refused(refusal)
