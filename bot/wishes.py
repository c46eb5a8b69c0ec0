"""
Tells people what they wait for, once it is so.

Rule 1: a wish is in the store before it is promised, and until it was told. A bot that dies
between tells it twice; never not at all.

Rule 2: nothing is looked at but what news concerns: a target's presence, a run's end. After a
start everything is looked at once.

Rule 3: what can never be so any more (the target or the job is no longer known) is told, too,
and who does not belong to the room any more is told nothing.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import structlog

from agent.wire.errors import Busy
from bot.fleet import Fleet, Member
from bot.herald import Herald
from bot.jobs import Job, Run
from bot.occupant import Channel
from bot.owed import Owed
from bot.ports import Voice
from bot.reply import Reply
from bot.report.progress import overall
from bot.store import jobs, wishes
from bot.store.writer import Writer
from bot.wish import MOST, Kind, Wish, is_so, sentence

log = structlog.get_logger()


class Wishes:
    """:class:`bot.lab.Wishes`."""

    def __init__(self, store: Writer, fleet: Fleet, herald: Herald) -> None:
        self._store, self._fleet, self._herald = store, fleet, herald
        self._wishes: dict[int, Wish] = {}
        self._owed: set[int] = set()  # of these, what the herald has to tell
        self._news: asyncio.Queue[str | int] = asyncio.Queue()
        self._admission = asyncio.Lock()

    async def load(self) -> None:
        """Go on with what was wished for before we started."""
        self._wishes = {wish.number: wish for wish in await self._store.do(wishes.every)}
        for wish in self._wishes.values():
            self._news.put_nowait(wish.targets[0] if wish.job is None else wish.job)

    # What people say

    async def wait_for(self, wish: Wish) -> bool:
        """Whether it is so already; else it is durable on return, and told once it is."""
        async with self._admission:
            if await self._true(wish):
                return True
            own = self.of(wish.asker)
            if any(wish.same_as(other) for other in own):
                return False
            if len(own) >= MOST:
                raise Busy(
                    f"you wait for {MOST} things already, which is the most",
                    hint="Say tell me what I wait for, or tell me nothing.",
                )
            number = await self._store.do(partial(wishes.add, wish=wish))
            self._wishes[number] = replace(wish, number=number)
        log.info("wish.made", number=number, by=wish.asker, kind=str(wish.kind))
        await self._look(self._wishes[number])  # what came to pass while we wrote
        return False

    def of(self, asker: str) -> Sequence[Wish]:
        """What *asker* waits for, the oldest first."""
        return [wish for wish in self._wishes.values() if wish.asker == asker]

    async def forget(self, asker: str) -> Sequence[Wish]:
        """Tell *asker* nothing of it any more; what they waited for."""
        async with self._admission:
            own = self.of(asker)
            for wish in own:
                del self._wishes[wish.number]
            await self._store.do(partial(wishes.drop, numbers=[wish.number for wish in own]))
        return own

    # What the world does

    def changed(self, jid: str) -> None:
        """Target *jid* said how it is."""
        self._note(jid)

    def ended(self, run: Run) -> None:
        """*run* has its verdict."""
        self._note(run.job)
        self._note(run.jid)

    async def run(self) -> None:
        """Look at what there is news of, for ever."""
        while True:
            what = await self._news.get()
            for wish in [wish for wish in self._wishes.values() if wish.concerns(what)]:
                await self._look(wish)

    def _note(self, what: str | int) -> None:
        if any(wish.concerns(what) for wish in self._wishes.values()):
            self._news.put_nowait(what)

    async def _look(self, wish: Wish) -> None:
        if wish.number in self._owed:
            return
        try:
            text = await self._fulfilled(wish)
        except KeyError:
            text = self._impossible(wish)
        except Exception:
            log.exception("wish.failed", number=wish.number)  # and the others' are looked at
            return
        if text and wish.number in self._wishes:
            self._owed.add(wish.number)
            mark = partial(wishes.drop, numbers=[wish.number])
            self._herald.owe(Owed(f"wish {wish.number}", partial(self._tell, wish, text), mark))

    async def _fulfilled(self, wish: Wish) -> str:
        """What to say; empty if it is not so yet. KeyError if it never can be."""
        if wish.job is not None:
            job = await self._job(wish.job)
            return f"{sentence(wish, ())}: {overall(job)}" if job.done else ""
        if not all(self._fleet.belongs(jid) for jid in wish.targets):
            raise KeyError(wish.targets)
        names = [self._fleet.name(jid) for jid in wish.targets]
        return sentence(wish, names) if await self._true(wish) else ""

    async def _true(self, wish: Wish) -> bool:
        if wish.job is not None:
            return (await self._job(wish.job)).done
        here = [self._fleet.member(jid) for jid in wish.targets]

        def there(member: Member) -> bool:
            return bool(member.full) and not member.leaving

        so = all(
            is_so(wish.kind, there=there(at), state=at.state, waiting=at.says.queue) for at in here
        )
        if not so or wish.kind is Kind.BACK:
            return so
        for jid in wish.targets:  # it may not have heard of what it is to do
            if await self._store.do(partial(jobs.open_runs, jid=jid)):
                return False
        return True

    async def _job(self, number: int) -> Job:
        return await self._store.do(partial(jobs.get_job, number=number))

    def _impossible(self, wish: Wish) -> str:
        if wish.job is not None:
            return f"job {wish.job} is no longer known, so I cannot tell when it is done"
        gone = [jid for jid in wish.targets if not self._fleet.belongs(jid)]
        return f"{', '.join(gone)} is no target any more, so I do not wait for it"

    async def _tell(self, wish: Wish, text: str, voice: Voice) -> None:
        """In the room with the asker's nick, or in private: as they asked, and are there."""
        if wish.number not in self._wishes:
            return  # they said: tell me nothing
        nick = voice.nick(wish.asker)
        data = {"wish": wish.number, "waited": str(wish.kind), "job": wish.job}
        targets = [self._fleet.name(jid) for jid in wish.targets]
        reply = Reply(text, data={**data, "targets": targets}, kind="notice")
        if nick is None and not await voice.belongs(wish.asker):
            log.info("wish.dropped", by=wish.asker, reason="does not belong to the room any more")
        elif nick is not None and wish.channel is Channel.ROOM:
            await voice.say(replace(reply, text=f"{nick}: {text}"))
        else:
            await voice.tell(wish.asker, reply, direct=wish.channel is not Channel.WHISPER)
        self._wishes.pop(wish.number, None)
        self._owed.discard(wish.number)
