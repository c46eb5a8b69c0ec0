"""
The bot's half against everything that may happen to it: chunks lost, repeated and reordered,
targets that come, go and forget, people who stop, and a bot that dies at any await.

The target is a model; the services, the store and its file are the real ones.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from agent.wire.delivery import Chunk
from agent.wire.journal import encode
from agent.wire.query import HeldRun, Meeting, Standing
from agent.wire.stanza import JournalId
from agent.wire.vocabulary import Held, Order, RunId, Verdict, token
from bot.arrival import Arrival
from bot.config import Patience
from bot.jobs import Job, Phase, Run
from bot.store import jobs, relearned
from tests.bot.lab_on_disk import ALICE, BOB, STEPS, Bot, line, standing
from tests.virtual_time import VirtualLoop, settled

T = TypeVar("T")

NOW = datetime.now(UTC).timestamp()
TARGETS = st.sampled_from([BOB, ALICE])
VERDICTS = st.sampled_from(["pass", "fail"])
ANY = st.integers(0, 99)
"""Which of what there is. How much there is depends on the store's thread, so hypothesis is not
to ask: what it draws must be the same when it repeats the story."""
PATIENCE = Patience(silence=150, lost=300)
GIVEN_UP = (Verdict.LOST, Verdict.ABORTED, Verdict.REFUSED)


def nth(of: Sequence[T], which: int) -> T:
    return of[which % len(of)]


@dataclass
class Truth:
    """A run as its target has it."""

    journal: str
    data: bytes
    verdict: str = ""

    def add(self, *records: bytes) -> None:
        self.data += b"".join(records)

    def end(self, verdict: str) -> None:
        self.verdict = verdict
        self.add(encode("verdict", NOW, verdict=verdict))

    @property
    def phase(self) -> Held:
        if self.verdict:
            return Held.DONE
        return Held.RUNNING if b'"begin"' in self.data else Held.QUEUED


class Target:
    """One that does as the protocol says, and forgets only with its whole state folder."""

    def __init__(self) -> None:
        self.epoch = token()
        self.runs: dict[RunId, Truth] = {}
        self.tombs: set[RunId] = set()
        self.delivered: set[RunId] = set()


class BotHalf(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner(loop_factory=VirtualLoop)
        self.folder = Path(tempfile.mkdtemp())
        self.targets = {BOB: Target(), ALICE: Target()}
        self.seen: dict[tuple[int, str], Run] = {}
        self.truths: dict[tuple[RunId, str, str], Truth] = {}
        self.lines: dict[int, Job] = {}
        self.sessions = 0
        self.said_before = 0
        self.bot = Bot(self.folder, patience=PATIENCE)
        self.do(self.bot.start())
        self.bot.wire.answers = self.answers

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    def teardown(self) -> None:
        self.heal()
        self.do(self.bot.crash())
        self.runner.close()
        shutil.rmtree(self.folder)

    # What people do

    @rule(number=st.integers(1, 4), both=st.booleans())
    def say(self, number: int, both: bool) -> None:
        on = ("bob", "alice") if both else ("bob",)
        job = self.do(self.bot.dispatch.submit(STEPS, on, line(number)))
        before = self.lines.get(number)
        if before is not None and job.number != before.number:
            assert (job.asked - before.asked).total_seconds() > jobs.AGAIN
        self.lines[number] = job
        assert len({job.number for job in self.lines.values()}) == len(self.lines)

    @rule(which=ANY)
    def stop(self, which: int) -> None:
        if found := sorted(self.all_jobs(), key=lambda job: job.number):
            job = nth(found, which)
            self.do(self.bot.dispatch.stop(job, "ann"))

    # What targets do

    @rule(which=ANY, answered=st.booleans())
    def take(self, which: int, answered: bool) -> None:
        """An offer arrives, perhaps not for the first time; perhaps the answer is lost."""
        if not self.bot.wire.offers:
            return
        jid, order = nth(self.bot.wire.offers, which)
        target = self.targets[jid]
        if order.run in target.tombs:
            self.refuse(order.run, jid)
            return
        if order.run not in target.runs:
            self._accept(jid, order)
        if answered:
            of = JournalId(order.run, target.runs[order.run].journal)
            self.bot.hears(Arrival(f"{jid}/agent", of, of.run))

    def refuse(self, run: RunId, jid: str) -> None:
        self.bot.hears(Arrival(f"{jid}/agent", None, run, refused="it was cancelled"))

    def _accept(self, jid: str, order: Order) -> None:
        journal = token()
        truth = Truth(journal, encode("accepted", NOW, journal=journal))
        self.targets[jid].runs[order.run] = truth
        self.truths[order.run, jid, journal] = truth

    @rule(which=ANY)
    def hear_cancel(self, which: int) -> None:
        if not self.bot.wire.cancels:
            return
        jid, run, _ = nth(self.bot.wire.cancels, which)
        truth = self.targets[jid].runs.get(run)
        if truth is None:
            self.targets[jid].tombs.add(run)
        elif not truth.verdict:
            truth.end("aborted")

    @rule(jid=TARGETS, verdict=VERDICTS, ends=st.booleans())
    def work(self, jid: str, verdict: str, ends: bool) -> None:
        for truth in self.targets[jid].runs.values():
            if truth.phase is Held.QUEUED:
                truth.add(encode("begin", NOW, name="memtest", boot="boot1"))
            elif truth.phase is Held.RUNNING:
                truth.add(encode("out", NOW, b"loop\n" * 9))
                if ends:
                    truth.end(verdict)

    @rule(jid=TARGETS, start=st.integers(0, 300), size=st.integers(1, 200))
    def send(self, jid: str, start: int, size: int) -> None:
        """Chunks of every journal, from anywhere: repeated, reordered, with holes."""
        for run, truth in self.targets[jid].runs.items():
            if data := truth.data[start : start + size]:
                self.bot.carries(JournalId(run, truth.journal), Chunk(start, data), jid)

    @rule(jid=TARGETS)
    def send_on(self, jid: str) -> None:
        """What the bot lacks, as the courier would; what it has acknowledged is done with."""
        self.do(settled(0.01))
        target = self.targets[jid]
        for run, truth in list(target.runs.items()):
            if run in target.delivered:
                continue
            have = self.acked(jid, run, truth)
            if have < len(truth.data):
                chunk = Chunk(have, truth.data[have:])
                self.bot.carries(JournalId(run, truth.journal), chunk, jid)
            elif truth.verdict:
                target.delivered.add(run)

    @rule(jid=TARGETS)
    def forget(self, jid: str) -> None:
        """A new disk: all is gone, and no order that was sent before comes again."""
        self.targets[jid] = Target()
        self.bot.wire.offers = [each for each in self.bot.wire.offers if each[0] != jid]

    @rule(jid=TARGETS)
    def appear(self, jid: str) -> None:
        self.sessions += 1
        self.bot.appears(jid, session=f"s{self.sessions}")

    @rule(jid=TARGETS)
    def leave(self, jid: str) -> None:
        self.bot.leaves(jid)

    def answers(self, full: str, meeting: Meeting) -> Standing:
        jid = full.partition("/")[0]
        target = self.targets[jid]
        held = [
            HeldRun(JournalId(run, truth.journal), len(truth.data), truth.phase, "memtest")
            for run, truth in target.runs.items()
            if run not in target.delivered
        ]
        return standing(*held, epoch=target.epoch)

    # What happens to the bot

    @rule(seconds=st.sampled_from([0.01, 1, 11, 61]))
    def wait(self, seconds: float) -> None:
        self.do(settled(seconds))

    @rule(opens=st.booleans())
    def door(self, opens: bool) -> None:
        self.bot.room.open = opens

    @rule(steps=st.integers(0, 12))
    def crash(self, steps: int) -> None:
        async def die() -> None:
            for _ in range(steps):
                await asyncio.sleep(0)
            await self.bot.crash()
            await self.bot.start()

        self.do(die())

    @rule()
    def lose_database(self) -> None:
        """What the server has kept of the old one's orders and cancels may still arrive."""
        self.do(self.bot.lose_database())
        self.seen.clear()
        self.lines.clear()
        self.bot.wire.acks.clear()
        self.said_before = len(self.bot.room.said)

    @rule()
    def be_patient(self) -> None:
        """What its target does not speak of in all that time is given up."""
        self.do(settled(PATIENCE.lost + 6 * PATIENCE.sync))
        for job in self.all_jobs():
            for run in job.runs:
                there = bool(self.bot.fleet.member(run.jid).full)
                assert there or run.phase in (Phase.OFFERED, Phase.DONE)
                assert not there or run.phase is not Phase.STRANDED or self.held_done(run)

    def held_done(self, run: Run) -> bool:
        """Whether all that is missing is its journal, which nobody sends."""
        truth = self.targets[run.jid].runs.get(run.known_as(self.bot.id))
        return truth is not None and truth.phase is Held.DONE

    # What must be true, always

    def known(self, of: RunId, jid: str) -> Run | None:
        """The run that *jid* knows as *of*, unless the bot knows nothing of it."""
        try:
            found: Run = self.do(
                self.bot.store.do(lambda db: relearned.find(db, of, jid, self.bot.id))
            )
        except KeyError:
            return None
        return found

    def acked(self, jid: str, run: RunId, truth: Truth) -> int:
        of = JournalId(run, truth.journal)
        return max(
            (ack.offset for full, ack in self.bot.wire.acks
             if full == f"{jid}/agent" and ack.of == of),
            default=0,
        )  # fmt: skip

    @invariant()
    def nothing_broke(self) -> None:
        assert self.bot.failure() is None

    @invariant()
    def a_replica_is_a_prefix_and_acks_are_kept(self) -> None:
        for (of, jid, journal), truth in self.truths.items():
            run = self.known(of, jid)
            if run is not None and run.journal == journal:
                replica = self.do(self.bot.replica(run.job, jid))
                assert len(replica) == run.size
                assert truth.data.startswith(replica)
                assert self.acked(jid, of, truth) <= run.size

    @invariant()
    def a_verdict_stays_unless_the_truth_replaces_it(self) -> None:
        for job in self.all_jobs():
            for run in job.runs:
                before = self.seen.get((run.job, run.jid))
                self.seen[run.job, run.jid] = run
                assert (run.phase is Phase.DONE) == (run.verdict is not None)
                if before is None or before.verdict is None:
                    continue
                if before.final:
                    assert run == before
                elif run.verdict != before.verdict:
                    assert before.verdict in GIVEN_UP
                    assert run.final

    @invariant()
    def a_whole_journal_is_believed(self) -> None:
        for (of, jid, journal), truth in self.truths.items():
            run = self.known(of, jid)
            if (
                run is not None
                and run.journal == journal
                and truth.verdict
                and run.size == len(truth.data)
            ):
                assert run.verdict == truth.verdict
                assert run.final

    def all_jobs(self) -> list[Job]:
        found: list[Job] = self.do(self.bot.store.do(lambda db: jobs.recent_jobs(db, 99)))
        return found

    # And in the end

    def heal(self) -> None:
        """Everybody is there and does as they should: every run ends, and everybody hears it."""
        self.bot.room.open = True
        for _ in range(6):
            for jid in self.targets:
                self.appear(jid)
                self.do(settled())
                self.obey(jid)
                self.send_on(jid)
            self.do(settled(61))
        self.do(self.bot.herald.catch_up())
        self.do(settled(61))
        for job in self.all_jobs():
            assert job.told, job
            for run in job.runs:
                held = self.targets[run.jid].runs.get(run.known_as(self.bot.id))
                if held is not None and held.journal == run.journal:
                    assert (run.verdict, run.size) == (held.verdict, len(held.data))
            self.heard(job)

    def obey(self, jid: str) -> None:
        """All that was ordered is taken, or refused, and brought to its end."""
        target = self.targets[jid]
        for where, order in list(self.bot.wire.offers):
            if where == jid and order.run in target.tombs:
                self.refuse(order.run, jid)
            elif where == jid and order.run not in target.runs:
                self._accept(jid, order)
        for truth in target.runs.values():
            if not truth.verdict:
                truth.end("pass")

    def heard(self, job: Job) -> None:
        """The last word about each run is the truth."""
        said: dict[str, str] = {}
        for reply in self.bot.room.said[self.said_before :]:
            if reply.data.get("job") == job.number and reply.kind == "result":
                only = reply.data.get("revised")
                for told in reply.data["runs"]:  # type: ignore[attr-defined]
                    if only in (None, told["target"]):
                        said[told["target"]] = told["verdict"]
        assert said == {run.target: run.verdict for run in job.runs}


BotHalf.TestCase.settings = settings(max_examples=20, stateful_step_count=50, deadline=None)
TestBotHalf = BotHalf.TestCase
