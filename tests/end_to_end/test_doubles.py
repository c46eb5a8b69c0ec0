"""A copied machine, and a bot started on two hosts: told once, and nobody fights."""

import asyncio
import re
import shutil
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from slixmpp.exceptions import IqError

from bot.demo.programs import Leashed
from bot.demo.site import GRACE
from tests.end_to_end.conftest import Furnish
from tests.end_to_end.feed import Heard
from tests.end_to_end.lab import WITHIN, Lab, answer, facts, gone, idle, order, result
from tests.end_to_end.person import Person

WANTED_TWICE = "link.double "


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


class Copies:
    """Second processes of accounts that are in use, with folders of their own."""

    def __init__(self, lab: Lab, stack: AsyncExitStack) -> None:
        self._lab, self._stack = lab, stack

    def image(self, who: str) -> None:
        """Copy the state folder of *who* as it is now."""
        name = self._lab.name(who)
        target = self._lab.folder / f"{name}-copy" / "state"
        shutil.copytree(self._lab.folder / name / "state", target, ignore=_no_fifos)

    async def agent(self, who: str) -> tuple[Leashed, Path]:
        """Boot a copy of the disk of *who*; its state folder is empty without an image()."""
        site, name = self._lab.site, self._lab.name(who)
        copy = self._lab.folder / f"{name}-copy"
        copy.mkdir(exist_ok=True)
        (copy / "boot_id").write_text("00000000-0000-4000-8000-000000000002\n")
        text = (self._lab.folder / name / "agent.toml").read_text()
        (copy / "hardware").write_text("another machine")
        for folder in ("state", "boot_id", "hardware"):
            text = text.replace(f"/{name}/{folder}", f"/{name}-copy/{folder}")
        (copy / "agent.toml").write_text(text)
        (copy / "agent.toml").chmod(0o600)
        return await self._start(site.start_agent, f"{name}-copy"), copy / "agent.log"

    async def bot(self) -> tuple[Leashed, Path]:
        """Start the bot with a lock file and a database of another host."""
        text = self._lab.site.bot_settings.read_text()
        copy = self._lab.folder / "bot-copy"
        copy.mkdir(exist_ok=True)
        for file in ("labroom.db", "lock"):
            text = text.replace(f"{self._lab.folder}/{file}", f"{copy}/{file}")
        (copy / "bot.toml").write_text(text)
        (copy / "bot.toml").chmod(0o600)
        return await self._start(self._lab.site.start_bot, "bot-copy"), copy / "bot.log"

    async def _start(self, begin: object, name: str) -> Leashed:
        assert callable(begin)
        process: Leashed = await asyncio.to_thread(begin, name)
        self._stack.push_async_callback(asyncio.to_thread, process.end, grace=GRACE)
        return process


def _no_fifos(folder: str, names: list[str]) -> set[str]:
    return {name for name in names if (Path(folder) / name).is_fifo()}


async def logged(log: Path, words: str, *, times: int = 1) -> None:
    """Return when *words* stand *times* in *log*: read on as it grows (inotify)."""
    tail = await asyncio.create_subprocess_exec(
        "tail", "-n", "+1", "-F", str(log), stdout=PIPE, stderr=DEVNULL
    )
    assert tail.stdout is not None
    try:
        async with asyncio.timeout(2 * WITHIN):
            while times > 0:
                times -= words in (await tail.stdout.readline()).decode()
    finally:
        tail.kill()
        await tail.wait()


async def logged_bytes(lab: Lab, job: int) -> None:
    """Return when the bot has what the run has printed so far."""
    async with asyncio.timeout(WITHIN):
        while True:
            if lab.printed(job, "bob") == b"begun\n":
                return
            await asyncio.sleep(0.1)  # a database tells nobody


def told(ann: Person, since: int) -> list[Heard]:
    return [heard for heard in ann.messages.entries[since:] if "clash" in facts(heard)]


async def test_a_copied_machine_is_kept_out_and_the_runs_go_on(
    furnish: Furnish, stack: AsyncExitStack
) -> None:
    lab, ann = await furnish(bots=2)
    gate = lab.add_waiting()
    await lab.start("bob")
    bob = lab.name("bob")
    await idle(ann, bob)
    job = await order(ann, f"run wait on {bob}")
    await gate.reached()
    since, seen = ann.mark(), len(ann.presences.entries)

    _, log = await Copies(lab, stack).agent("bob")
    notice = await ann.heard("uses its account", within=WITHIN)
    assert notice.nick == "labbot"
    assert notice.body.startswith(f"{bob}: a second machine")
    assert re.search(r"on \S+ \([\d.:a-f]+\)\. It is kept out", notice.body)
    await logged(log, WANTED_TWICE, times=3)  # it has asked, waited, and asked again
    assert "cure=" in log.read_text()
    gate.open()
    assert facts(await result(ann, job))["verdict"] == "pass"
    assert lab.printed(job, "bob") == b"begun\nended\n"
    assert len(told(ann, since)) == 1, ann.transcript()
    left = [each for each in ann.presences.entries[seen:] if each.type == "unavailable"]
    assert left == [], ann.transcript()
    assert "link.conflict" not in lab.agent_log("bob") + log.read_text()


async def test_a_copied_machine_comes_in_when_the_other_is_gone_and_the_other_stays_out_then(
    furnish: Furnish, stack: AsyncExitStack
) -> None:
    lab, ann = await furnish("bob")
    bob = lab.name("bob")
    _, log = await Copies(lab, stack).agent("bob")
    await ann.heard("uses its account", within=WITHIN)
    await asyncio.to_thread(lab.machines["bob"].end, grace=GRACE)
    await gone(ann, bob)
    seen = len(ann.presences.entries)
    await idle(ann, bob, since=seen)  # the copy
    await logged(log, "room.entered")
    since = ann.mark()
    await lab.start("bob")  # the original is back
    await ann.heard("uses its account", within=WITHIN, since=since)
    await logged(lab.folder / bob / "agent.log", WANTED_TWICE, times=3)
    assert len(told(ann, since)) == 1, ann.transcript()
    assert (await answer(ann, f"ping {bob}")).body


async def test_a_copy_with_the_state_folder_never_goes_on_with_the_original_s_runs(
    furnish: Furnish, stack: AsyncExitStack
) -> None:
    lab, ann = await furnish(bots=2)
    gate = lab.add_waiting()
    await lab.start("bob")
    bob = lab.name("bob")
    await idle(ann, bob)
    job = await order(ann, f"run wait on {bob}")
    await gate.reached()
    await logged_bytes(lab, job)
    copies = Copies(lab, stack)
    copies.image("bob")
    lab.machines["bob"].kill()  # the power fails
    for supervisor in lab.supervisors("bob"):
        supervisor.kill()
    await gone(ann, bob)

    seen = len(ann.presences.entries)
    copy, log = await copies.agent("bob")
    await idle(ann, bob, since=seen)
    lost = await result(ann, job)
    assert facts(lost)["verdict"] == "lost"
    assert "its state folder is new" in lost.body
    await logged(log, "state.copied")
    assert lab.printed(job, "bob") == b"begun\n"

    since, seen = ann.mark(), len(ann.presences.entries)
    await asyncio.to_thread(copy.end, grace=GRACE)
    await lab.start("bob")
    await idle(ann, bob, since=seen)
    told = await ann.heard(lambda heard: f"job {job}" in heard.body, since=since, within=WITHIN)
    assert "lost" in told.body
    verdicts = [r["verdict"] for r in lab.journal(job, "bob") if r["kind"] == "verdict"]
    assert verdicts == ["error"]  # as the original found it: its supervisor was killed
    assert lab.printed(job, "bob") == b"begun\n"


async def test_of_two_that_start_at_once_one_gives_way(
    furnish: Furnish, stack: AsyncExitStack
) -> None:
    lab, ann = await furnish()
    name = lab.name("bob")
    lab.site.add_target(name)
    copies = Copies(lab, stack)
    await asyncio.gather(lab.start("bob"), copies.agent("bob"))
    await ann.heard("uses its account", nick="labbot", within=2 * WITHIN)
    logs = [lab.folder / name / "agent.log", lab.folder / f"{name}-copy" / "agent.log"]
    texts = [log.read_text() for log in logs]
    assert sum(text.count("link.conflict") for text in texts) <= 1
    assert facts(await result(ann, await order(ann, f"run memtest size=1M on {name}")))


async def test_a_second_process_of_the_bot_is_kept_out(
    furnish: Furnish, stack: AsyncExitStack
) -> None:
    lab, ann = await furnish("bob")
    since = ann.mark()
    _, log = await Copies(lab, stack).bot()
    notice = await ann.heard("a second bot uses my account", nick="labbot", within=WITHIN)
    assert "stop it, or give it a jid of its own" in notice.body
    await logged(log, WANTED_TWICE, times=3)
    assert len(told(ann, since)) == 1, ann.transcript()
    assert "link.conflict" not in lab.site.bot_log.read_text() + log.read_text()
    job = await order(ann, f"run memtest size=1M on {lab.name('bob')}")
    assert facts(await result(ann, job))["verdict"] == "pass"


async def test_nobody_but_the_account_itself_may_ask_who_is_there(furnish: Furnish) -> None:
    lab, ann = await furnish("bob")
    since = ann.mark()
    for who in (f"{lab.name('bob')}@{lab.server.domain}/agent", _bot(lab)):
        iq = ann.xmpp.make_iq_get(ito=who)
        ET.SubElement(iq.xml, "{urn:labroom:1}double", where="nowhere")
        with pytest.raises(IqError) as refused:
            await iq.send(timeout=WITHIN)
        assert refused.value.condition == "forbidden"
    await answer(ann, f"ping {lab.name('bob')}")
    assert told(ann, since) == []


def _bot(lab: Lab) -> str:
    return f"{lab.site.bot_name}@{lab.server.domain}/bot"
