"""
Who follows a run: what it prints is told them in private, while it runs.

Rule 1: it never floods. Each hears of each run once in EVERY seconds at most, and of what came
meanwhile only the newest lines, and how many were left out; while it goes on, more and more rarely.

Rule 2: it ends with the run, with ``unfollow``, and when they leave the room: a server would keep
it all for them. Nothing of it is durable: a bot that was restarted follows nothing.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from functools import partial

import structlog

from agent.wire.errors import Away, Busy, Refusal
from agent.wire.journal import Reader
from bot.jobs import Phase, Run
from bot.logs import Logs
from bot.occupant import Channel, Line
from bot.ports import Voice
from bot.reply import Reply
from bot.report.printed import Lines
from bot.report.progress import state
from bot.report.table import block
from bot.report.text import plural
from bot.scan import shown
from bot.store import jobs
from bot.store.writer import Writer

log = structlog.get_logger()

EVERY = 5.0
"""Seconds between two looks, and at least between two messages about a run to somebody."""

RAREST = 30.0
"""Seconds between them once it has gone on for long."""

SLOWER = 1.2
"""Each message makes the next wait so many times longer; a look without news ends that."""

NEWEST = 12
"""Most lines in one message."""

EACH, MOST = 3, 20
"""Runs that one person may follow, and all together."""


@dataclass(slots=True)
class _Follower:
    asker: str
    """Bare JID."""
    run: Run
    reader: Reader
    """Stands where they have heard everything."""
    direct: bool
    columns: int
    lines: Lines = field(default_factory=Lines)
    newest: deque[str] = field(default_factory=lambda: deque(maxlen=NEWEST))
    count: int = 0
    """Lines that they have not heard of."""
    pause: float = EVERY
    due: float = 0.0

    def take(self, data: bytes) -> None:
        self._add(self.lines.feed(data))

    def finish(self) -> None:
        self._add(self.lines.finish())

    def _add(self, lines: list[str]) -> None:
        told = [line for line in lines if line.strip()]
        self.count += len(told)
        self.newest.extend(shown(line) for line in told[-NEWEST:])


class Followers:
    """:class:`bot.reading.Followers` on the store."""

    def __init__(self, store: Writer, logs: Logs, voice: Voice) -> None:
        self._store, self._logs, self._voice = store, logs, voice
        self._all: list[_Follower] = []
        self._some = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    async def follow(self, run: Run, line: Line) -> None:
        """Tell who said *line*, in private, what *run* prints from now on."""
        asker = (line.by.jid or "").lower()
        if self._voice.nick(asker) is None:
            raise Away("you are not in the room", hint="Come in, then say it again.")
        self._drop(asker, run)
        if sum(each.asker == asker for each in self._all) >= EACH:
            raise Busy(f"you follow {EACH} runs already, which is the most", hint="Say unfollow.")
        if len(self._all) >= MOST:
            raise Busy(f"{MOST} runs are followed already, which is the most")
        reader = await self._logs.end(run)
        direct = line.channel is Channel.DIRECT
        new = _Follower(asker, run, reader, direct, line.columns, due=self._loop.time() + EVERY)
        self._all.append(new)
        self._some.set()
        log.info("follow.began", run=run.name, by=asker)

    def unfollow(self, asker: str, job: int | None) -> list[str]:
        """Tell *asker* no more of *job*, or of anything; what they followed."""
        own = [each for each in self._all if each.asker == asker and job in (None, each.run.job)]
        self._all = [each for each in self._all if each not in own]
        return [each.run.name for each in own]

    async def run(self) -> None:
        """Tell them, for ever."""
        while True:
            await self._some.wait()
            await asyncio.sleep(EVERY / 5)
            for follower in list(self._all):
                if follower in self._all and follower.due <= self._loop.time():
                    await self._look(follower)
            if not self._all:
                self._some.clear()

    def _drop(self, asker: str, run: Run) -> None:
        mine = (asker, run.job, run.jid)
        self._all = [each for each in self._all if (each.asker, each.run.job, each.run.jid) != mine]

    async def _look(self, follower: _Follower) -> None:
        run = follower.run
        try:
            if self._voice.nick(follower.asker) is None:
                log.info("follow.ended", run=run.name, by=follower.asker, reason="left the room")
                self._drop(follower.asker, run)
                return
            follower.run = await self._store.do(partial(jobs.get_run, number=run.job, jid=run.jid))
            await self._logs.news(follower.run, follower.reader, follower.take)
            await self._tell(follower)
        except Refusal as refusal:  # we are away, or too many read: the next look tells it
            log.info("follow.waiting", run=run.name, reason=str(refusal))
        except Exception:
            log.exception("follow.failed", run=run.name, by=follower.asker)
            self._drop(follower.asker, run)
        follower.due = self._loop.time() + follower.pause

    async def _tell(self, follower: _Follower) -> None:
        run = follower.run
        if over := run.phase is Phase.DONE:
            follower.finish()
        if not over and not follower.count:
            follower.pause = EVERY
            return
        if follower not in self._all:
            return  # they said: unfollow
        await self._voice.tell(follower.asker, _digest(follower), direct=follower.direct)
        follower.newest.clear()
        follower.count = 0
        follower.pause = min(follower.pause * SLOWER, RAREST)
        if over:
            self._drop(follower.asker, run)


def _digest(follower: _Follower) -> Reply:
    run, lines = follower.run, list(follower.newest)
    what = plural(follower.count, "new lines") if follower.count else "nothing new"
    if follower.count > len(lines):
        what += f", the last {len(lines)} here"
    ended = f"; it has ended: {state(run)}" if run.phase is Phase.DONE else ""
    return Reply(
        f"job {run.job} on {run.target}: {what}{ended}",
        table=block(lines, columns=follower.columns),
        data={
            "job": run.job,
            "target": run.target,
            "state": state(run),
            "lines": lines,
            "count": follower.count,
        },
        kind="notice",
        quotes=True,
    )
