"""
An agent answers, whatever its machine goes through: no processor, no disk, no reader of its log.

Rule: answers are waited for, never timed.
"""

import asyncio
import contextlib
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from slixmpp import JID

from bot.demo.programs import require
from tests.end_to_end.conftest import Furnish
from tests.end_to_end.lab import WITHIN, Lab, answer, facts, gone, idle, order, result
from tests.end_to_end.person import Person

ALL_PROCESSORS = """\
stress-ng --verbose --cpu 0 --matrix 0 --timeout 5m 2>&1 | while read -r line
do case $line in *"(instance"*) echo >{gate.begun};; esac; done
"""


class Disk:
    """A disk that hangs when it is told to: what uses it waits in the kernel."""

    def __init__(self, driver: psutil.Process) -> None:
        self._driver = driver

    def hang(self) -> None:
        self._driver.suspend()

    def go_on(self) -> None:
        self._driver.resume()


@contextmanager
def disk(place: Path) -> Iterator[Disk]:
    """Put one at *place*: a file system whose driver is a process (FUSE)."""
    if os.geteuid() != 0 and "CI" not in os.environ:
        pytest.skip("only root may mount: sudo make test ONLY=tests/end_to_end")
    below = place.with_name(f"{place.name}-below")
    for folder in (place, below):
        folder.mkdir(parents=True)
    argv = [require("bindfs"), str(below), str(place)]
    subprocess.run(argv, check=True, timeout=WITHIN)  # returns when it is mounted
    try:
        every = psutil.process_iter(["cmdline"])
        [driver] = [each for each in every if (each.info["cmdline"] or [])[1:] == argv[1:]]
        mounted = Disk(driver)
        try:
            yield mounted
        finally:
            mounted.go_on()
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True, timeout=WITHIN)


async def ping(person: Person, lab: Lab, who: str) -> None:
    """Ask the agent itself, as XEP-0199 has it; returns when it has answered."""
    iq = person.xmpp.make_iq_get(ito=JID(f"{lab.name(who)}@{lab.server.domain}/agent"))
    iq.enable("ping")
    await iq.send(timeout=WITHIN)


async def test_it_answers_while_its_disk_hangs_and_goes_on_when_it_does_not(
    furnish: Furnish,
) -> None:
    lab, ann = await furnish()
    ann.xmpp.register_plugin("xep_0199")
    bob, gate = lab.name("bob"), lab.add_waiting()
    lab.add_script("hello", "echo hello\n")
    with disk(lab.folder / bob / "state") as state:
        await lab.start("bob")
        await idle(ann, bob)
        await result(ann, await order(ann, f"run hello on {bob}"))
        job = await order(ann, f"run wait on {bob}")
        await gate.reached()

        state.hang()
        gate.open()  # it ends, and that cannot be written down
        assert lab.bot is not None
        await asyncio.to_thread(lab.bot.end, grace=20)
        since = len(ann.presences.entries)
        await lab.start_bot()  # which asks what there is
        await ann.sees(
            lambda seen: seen.status == "1 busy", nick="labbot", since=since, within=WITHIN
        )
        assert f"{bob} answered" in (await answer(ann, f"ping {bob}")).body
        later = await order(ann, f"run hello on {bob}")  # accepted once it is on the disk
        for _ in range(5):
            await ping(ann, lab, "bob")
        assert "a run is on" in (await answer(ann, f"reboot {bob}")).body
        assert "sync.failed" not in lab.site.bot_log.read_text()

        state.go_on()
        assert facts(await result(ann, job))["verdict"] == "pass"
        assert facts(await result(ann, later))["verdict"] == "pass"
        assert lab.printed(job, "bob") == b"begun\nended\n"
        await asyncio.to_thread(lab.machines["bob"].end, grace=20)


async def test_a_machine_whose_disk_hangs_reboots_when_it_is_told_to(furnish: Furnish) -> None:
    lab, ann = await furnish()
    bob, gate = lab.name("bob"), lab.add_waiting()
    with disk(lab.folder / bob / "state") as state:
        process = await lab.start("bob", machine=True)
        await idle(ann, bob)
        await order(ann, f"run wait on {bob}")
        await gate.reached()
        state.hang()
        asked = await answer(ann, f"reboot {bob} now")  # a run is on, so it is asked back
        agreed = await answer(ann, f"yes {facts(asked)['confirm']}")
        assert f"{bob} reboots" in agreed.body
        left = await gone(ann, bob)
        assert left.status == "rebooting, ordered by ann"
        state.go_on()
        await asyncio.to_thread(process.end, grace=20)


def goes_before_others(process: psutil.Process) -> bool:
    """Whether the kernel ends it first when memory is short, or it has just ended."""
    try:
        return int(Path(f"/proc/{process.pid}/oom_score_adj").read_text()) > 0
    except OSError:
        return True


async def test_it_answers_while_every_processor_is_taken(furnish: Furnish) -> None:
    lab, ann = await furnish()
    ann.xmpp.register_plugin("xep_0199")
    bob = lab.name("bob")
    gate = lab.add_waiting("burn")
    lab.add_script("burn", ALL_PROCESSORS.format(gate=gate))
    processors = os.cpu_count() or 1
    await lab.start("bob")
    await idle(ann, bob)
    job = await order(ann, f"run burn on {bob}")
    await ann.sees(lambda seen: seen.status.startswith("burn"), nick=bob, since=0, within=WITHIN)
    for _ in range(2 * processors):
        await gate.reached()
    for _ in range(10):
        await ping(ann, lab, "bob")
    [supervisor] = lab.supervisors("bob")
    agent = psutil.Process(lab.machines["bob"].pid)
    burning = supervisor.children(recursive=True)
    assert len(burning) > processors
    assert min(each.nice() for each in burning) > agent.nice()
    assert all(map(goes_before_others, burning))
    await answer(ann, f"stop {job}")
    assert facts(await result(ann, job))["verdict"] == "aborted"


async def test_it_answers_while_nobody_reads_its_log(furnish: Furnish) -> None:
    lab, ann = await furnish()
    ann.xmpp.register_plugin("xep_0199")
    bob = lab.name("bob")
    folder = lab.site.add_target(bob, recipes=[lab.recipes])
    (folder / "boot_id").write_text("00000000-0000-4000-8000-000000000001\n")
    os.mkfifo(folder / "agent.log")
    reader = os.open(folder / "agent.log", os.O_RDWR)  # it holds the pipe, and reads nothing
    try:
        os.set_blocking(reader, False)
        with contextlib.suppress(BlockingIOError):
            while os.write(reader, bytes(65536)):
                pass
        process = await asyncio.to_thread(lab.site.start_agent, bob)
        await idle(ann, bob)
        await ping(ann, lab, "bob")
        await asyncio.to_thread(process.end, grace=20)
        await gone(ann, bob)
        assert process.code == 0
    finally:
        os.close(reader)


def test_a_process_that_hangs_on_the_disk_is_one_that_waits(tmp_path: Path) -> None:
    """What the other tests here take for granted."""
    with disk(tmp_path / "place") as mounted:
        (tmp_path / "place" / "file").write_text("x")
        mounted.hang()
        with subprocess.Popen(["cat", str(tmp_path / "place" / "file")]) as reader:
            with pytest.raises(subprocess.TimeoutExpired):
                reader.wait(1)
            mounted.go_on()
            assert reader.wait(WITHIN) == 0
