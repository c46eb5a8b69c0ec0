"""Which lines are answered, with the real dialogue on a lab in memory."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import pytest

from agent.wire.vocabulary import Step, Verdict
from bot.attention import Attention, without_ref
from bot.commands import discover
from bot.dialogue import Dialogue
from bot.jobs import Job, Phase
from bot.occupant import Channel, Line, Manner
from bot.policy import Rights
from bot.reply import Reply
from bot.throttle import LINES, MISREAD
from tests.bot.lab_in_memory import ANN, EVE, MAX, World, occupant

BOT = occupant("ci")


class Desk:
    """A world, and what stands before its dialogue."""

    def __init__(self, client: Callable[[Line], Awaitable[str]] | None = None) -> None:
        self.world = World()
        self.now = 0.0
        self.allowed: set[str] = set()
        self._count = 0
        self.attention = Attention(
            Dialogue(discover(), self.world.lab, Rights()),
            self.world.lab,
            programs=lambda jid: jid in self.allowed,
            client=client or self._client,
            columns=self._columns,
            now=lambda: self.now,
        )

    async def _client(self, line: Line) -> str:
        return "bot" if line.by == BOT else "phone"

    async def _columns(self, line: Line, client: str) -> int:
        return 66 if line.channel is not Channel.ROOM and client == "phone" else 38

    async def say(self, text: str, **how: object) -> tuple[str, Reply | None]:
        """The line's id, and the answer."""
        self._count += 1
        line = Line(by=ANN, text=text, id=f"ann@lab.example#{self._count}")
        line = replace(line, **how)  # type: ignore[arg-type]
        return line.id, await self.attention.answer(line)


# Corrections


@pytest.mark.parametrize("wrong", ["run memtest on bbo", "run memtset on bob", "run memtest bob"])
async def test_a_correction_of_a_refused_line_is_the_new_line(wrong: str) -> None:
    desk = Desk()
    first, refused = await desk.say(wrong, addressed=True)
    assert refused is not None
    assert refused.kind == "refusal"
    _, reply = await desk.say("run memtest on bob", corrects=first)
    assert reply is not None
    assert (reply.kind, reply.data["job"]) == ("acknowledgement", 1)


async def test_a_correction_of_talk_is_the_new_line() -> None:
    desk = Desk()
    first, silence = await desk.say("run memtest on bob, if it is idle")
    assert silence is None
    _, reply = await desk.say("run memtest on bob", corrects=first)
    assert reply is not None
    assert desk.world.deeds == [1]


async def test_a_correction_of_a_line_that_acted_is_answered_and_does_nothing() -> None:
    desk = Desk()
    first, _ = await desk.say("run memtest on bob")
    _, reply = await desk.say("run memtest on bob, carol", corrects=first)
    assert reply is not None
    assert reply.text == ("job 1 is waiting already: stop it first. Say stop 1, then say it anew.")
    assert desk.world.deeds == [1]
    [run] = desk.world.jobs.jobs[1].runs
    done = replace(run, phase=Phase.DONE, verdict=Verdict.PASS)
    desk.world.jobs.jobs[1] = replace(desk.world.jobs.jobs[1], runs=(done,))
    _, reply = await desk.say("run stress on bob", corrects=first)
    assert reply is not None
    assert reply.text == "job 1 has ended already (pass). Say it anew."
    assert desk.world.deeds == [1]


async def test_a_correction_of_a_correction_counts_by_what_became_of_the_line() -> None:
    desk = Desk()
    first, _ = await desk.say("run memtest on bbo", addressed=True)
    second, _ = await desk.say("reboot bob", corrects=first)
    assert desk.world.deeds == [("bob", False, "ann")]
    for original in (first, second):  # clients do it either way
        _, reply = await desk.say("run memtest on bob", corrects=original)
        assert reply is not None
        assert reply.text.startswith("that was done already")
    assert len(desk.world.deeds) == 1


async def test_a_correction_of_what_nobody_heard_does_nothing() -> None:
    desk = Desk()
    _, reply = await desk.say("run memtest on bob", corrects="ann@lab.example#x")
    assert reply is None
    _, reply = await desk.say("run memtest on bob", corrects="ann@lab.example#x", addressed=True)
    assert reply is not None
    assert reply.kind == "refusal"
    assert desk.world.deeds == []


async def test_a_correction_that_overtakes_the_answer_does_nothing() -> None:
    desk, gate = Desk(), asyncio.Event()
    submit = desk.world.jobs.submit

    async def slowly(
        steps: Sequence[Step], targets: Sequence[str], line: Line, *, within: float = 0
    ) -> Job:
        await gate.wait()
        return await submit(steps, targets, line, within=within)

    desk.world.jobs.submit = slowly  # type: ignore[method-assign]
    line = asyncio.ensure_future(desk.say("run memtest on bob"))
    await asyncio.sleep(0)
    _, reply = await desk.say("run memtest on carol", corrects="ann@lab.example#1")
    assert reply is not None
    assert reply.text.startswith("that was done already")
    gate.set()
    await line
    assert desk.world.deeds == [1]


async def test_somebody_elses_line_cannot_be_corrected() -> None:
    desk = Desk()
    await desk.say("run memtest on bbo", addressed=True)
    _, reply = await desk.say("reboot bob", by=MAX, corrects="max@lab.example#1")
    assert reply is None
    assert desk.world.deeds == []


# What is no line


async def test_what_was_kept_for_us_is_answered_and_not_done() -> None:
    desk = Desk()
    _, reply = await desk.say("reboot bob", manner=Manner.LATE, addressed=True)
    assert reply is not None
    assert "while I was away" in reply.text
    _, reply = await desk.say("status", manner=Manner.LATE, addressed=True)
    assert reply is None
    assert desk.world.deeds == []


async def test_encrypted_lines_get_a_plain_word_once_per_person() -> None:
    desk = Desk()
    how = {"manner": Manner.ENCRYPTED, "addressed": True}
    replies = [(await desk.say("reboot bob", by=by, **how))[1] for by in (ANN, ANN, MAX, ANN, MAX)]
    assert [reply is not None for reply in replies] == [True, False, True, False, False]
    assert replies[0] is not None
    assert "OMEMO" in replies[0].text
    assert desk.world.deeds == []


async def test_a_program_acts_only_where_the_settings_name_it() -> None:
    desk = Desk()
    for said, answered in (("status", False), ("run memtest on bob", True), ("reboot bob", False)):
        _, reply = await desk.say(said, by=BOT)
        assert (reply is not None) is answered
        if reply is not None:
            assert 'scripts = ["ci@lab.example"]' in reply.text
    assert desk.world.deeds == []
    desk.allowed.add("ci@lab.example")
    await desk.say("run memtest on bob", by=BOT)
    assert desk.world.deeds == [1]


# Nothing answers an answer


async def test_an_echo_of_our_own_words_is_not_answered() -> None:
    desk = Desk()
    said = "dance"
    for times in range(3):
        _, reply = await desk.say(said, addressed=True)
        assert (reply is None) is (times > 0)
        said = said if reply is None else f"> ann: dance\n{reply.body}"  # as the room hears it


async def test_who_is_misread_again_and_again_is_told_once_then_ignored_for_a_while() -> None:
    desk = Desk()
    replies = [(await desk.say(f"what {n}", addressed=True))[1] for n in range(MISREAD + 30)]
    answered = [reply for reply in replies if reply is not None]
    assert len(answered) == MISREAD + 1
    assert "I do not hear you" in answered[-1].text
    _, other = await desk.say("status", by=MAX)
    assert other is not None  # everybody else is heard
    desk.now += 30
    assert (await desk.say("status"))[1] is None  # a pause, not one line here and there
    desk.now += 60
    assert (await desk.say("status"))[1] is not None


async def test_a_burst_of_commands_is_answered_and_a_flood_is_told_so_once() -> None:
    desk = Desk()
    replies = [(await desk.say("status", by=EVE))[1] for _ in range(LINES + 40)]
    assert all(reply is not None and reply.kind == "answer" for reply in replies[:LINES])
    assert [reply for reply in replies[LINES + 1 :] if reply is not None] == []
    told = replies[LINES]
    assert told is not None
    assert told.data["condition"] == "policy-violation"


async def test_who_talks_much_is_never_told_that_it_is_too_much() -> None:
    desk = Desk()
    for _ in range(2 * LINES):
        assert (await desk.say("all is well", by=EVE))[1] is None
    assert (await desk.say("status", by=EVE))[1] is not None


async def test_what_was_said_while_we_asked_the_client_is_not_overtaken() -> None:
    asked: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    desk = Desk(client=lambda _: asyncio.shield(asked))
    order: list[str] = []

    async def say(text: str) -> None:
        _, reply = await desk.say(text, addressed=True)
        assert reply is not None
        order.append(text)

    async with asyncio.TaskGroup() as group:
        for text in ("status bob", "status carol"):
            group.create_task(say(text))
        await asyncio.sleep(0)
        asked.set_result("pc")
        group.create_task(say("status"))
    assert order == ["status bob", "status carol", "status"]


# ref=


@pytest.mark.parametrize(
    ("said", "text", "ref"),
    [
        ("run memtest on bob ref=abc", "run memtest on bob", "abc"),
        ("run memtest on bob  REF=ci/12#3.", "run memtest on bob", "ci/12#3"),
        ("run memtest ref=abc on bob", "run memtest ref=abc on bob", ""),
        ("ref=abc", "ref=abc", ""),
        ("status", "status", ""),
    ],
)
def test_ref_stands_at_the_end(said: str, text: str, ref: str) -> None:
    assert without_ref(said) == (text, ref)


async def test_ref_is_echoed_in_answers_and_refusals() -> None:
    desk = Desk()
    for said, kind in [
        ("run memtest on bob ref=abc", "acknowledgement"),
        ("run memtest on bbo ref=abc", "refusal"),
        ("status ref=abc", "answer"),
    ]:
        _, reply = await desk.say(said, addressed=True)
        assert reply is not None
        assert (reply.kind, reply.data["ref"]) == (kind, "abc")


# do


async def test_do_does_what_was_missed_as_whoever_says_it() -> None:
    from bot.missed import Past

    desk = Desk()
    history = [Past("ann", "reboot bob", "a"), Past("max", "run memtest on carol", "b")]
    assert await desk.world.missed.listing(history, "labbot") is not None
    _, reply = await desk.say("do 1", by=MAX)
    assert reply is not None
    assert reply.data["condition"] == "forbidden"  # a member may not reboot, whoever said it
    assert desk.world.deeds == []
    _, reply = await desk.say("do 1")
    assert desk.world.deeds == [("bob", False, "ann")]
    _, reply = await desk.say("do 1")
    assert reply is not None
    assert "done already" in reply.text
    _, reply = await desk.say("do 2", by=MAX)
    assert reply is not None
    assert desk.world.jobs.jobs[1].asker_jid == "max@lab.example"
    _, reply = await desk.say("do 7", addressed=True)
    assert reply is not None
    assert reply.data["condition"] == "item-not-found"
