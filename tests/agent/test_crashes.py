"""A machine that reboots unasked: what is told of it, what speaks for it, what happens then."""

import os
import select
import signal
import time
from pathlib import Path

import pytest

from agent.evidence import MOST, Evidence, gather
from tests.agent.bench import BOT, Bench, ends, output, records

BOOT = "0b1c9a52-5c0e-4a63-9d0f-3f1f8a4e2d11"


async def prepared(bench: Bench, more: str = "") -> None:
    bench.recipe("one", "echo one")
    bench.recipe("dies", f"echo Loop 1/3; echo ready; read _ < {bench.gate.path}; echo done", more)
    await bench.stop()
    await bench.start()


async def ready(bench: Bench, times: int = 1) -> None:
    """Wait until the diagnostic has begun, and said so."""
    await bench.until(lambda: output(bench.dir(1)).count(b"ready") == times)


async def crash(bench: Bench, times: int = 1) -> None:
    """The machine loses power while the diagnostic runs for that time, and starts again."""
    await ready(bench, times)
    supervisor = bench.dir(1).pid()
    assert supervisor is not None
    await bench.stop()
    fd = os.pidfd_open(supervisor)
    os.kill(supervisor, signal.SIGKILL)
    select.select([fd], [], [])
    os.close(fd)
    bench.boot = f"{bench.boot}+"
    await bench.start()


def names(bench: Bench) -> list[str]:
    return [record.text("name") for record in records(bench.dir(1)) if record.kind == "begin"]


# --- what happens then


async def test_a_crash_ends_the_run_with_the_step_the_boots_and_the_last_line(bench: Bench) -> None:
    await prepared(bench)
    run = await bench.run(1, "one", "dies", "one")
    await crash(bench)
    reason = "bob rebooted in dies: boot boot-1, now boot-1+"
    assert await bench.over(1) == ("crashed", reason)
    end = records(run)[-2]
    assert (end.text("verdict"), end.text("name"), end.number("step")) == ("crashed", "dies", 1)
    assert end.fields["lines"][0] == "ready"
    assert end.text("boot") == "boot-1+"
    assert names(bench) == ["one", "dies"]


async def test_a_recipe_may_be_repeated_but_not_for_ever(bench: Bench) -> None:
    await prepared(bench, "[on]\ncrash = 'repeat'\nrepeats = 2\n")
    run = await bench.run(1, "dies", "one")
    for times in (1, 2, 3):
        await crash(bench, times)
    assert (await bench.over(1))[0] == "crashed"
    assert names(bench) == ["dies"] * 3
    assert ends(run) == ["crashed"] * 3


async def test_a_step_that_passes_when_repeated_does_not_hide_the_crash(bench: Bench) -> None:
    await prepared(bench, "[on]\ncrash = 'repeat'\n")
    run = await bench.run(1, "dies", "one")
    await crash(bench)
    await ready(bench, 2)
    bench.gate.open()
    reason = "bob rebooted in dies: boot boot-1, now boot-1+"
    assert await bench.over(1) == ("crashed", reason)
    assert ends(run) == ["crashed", "pass", "pass"]
    assert output(run).endswith(b"done\none\n")


async def test_a_recipe_may_let_the_run_go_on(bench: Bench) -> None:
    await prepared(bench, "[on]\ncrash = 'next'\n")
    bench.recipe("bad", "exit 3")
    await bench.stop()
    await bench.start()
    run = await bench.run(1, "dies", "one", "bad", "one")
    await crash(bench)
    reason = "bob rebooted in dies: boot boot-1, now boot-1+"
    assert await bench.over(1) == ("crashed", reason)
    assert ends(run) == ["crashed", "pass", "fail"]


async def test_one_that_was_stopped_does_not_go_on(bench: Bench) -> None:
    await prepared(bench, "[on]\ncrash = 'next'\n")
    run = await bench.run(1, "dies", "one")
    await bench.says(1, "ready")
    run.ask_to_stop("ann")
    await crash(bench)
    assert (await bench.over(1))[0] == "crashed"
    assert names(bench) == ["dies"]


async def test_stopped_after_a_crash_it_is_crashed_and_says_both(bench: Bench) -> None:
    await prepared(bench, "[on]\ncrash = 'repeat'\n")
    run = await bench.run(1, "dies")
    await crash(bench)
    await ready(bench, 2)
    await bench.executor.cancel(BOT, run.run, "ann")
    assert (await bench.over(1))[0] == "crashed"
    assert ends(run) == ["crashed", "aborted"]


async def test_a_scratch_folder_of_before_is_in_nobody_s_way(bench: Bench) -> None:
    param = f"[params.where]\nkind = 'folder'\ndefault = '{bench.home}'\n"
    await prepared(bench, param + "[scratch]\nfolder = 'where'\n[on]\ncrash = 'repeat'\n")
    run = await bench.run(1, "dies")
    await crash(bench)
    await ready(bench, 2)
    bench.gate.open()
    await bench.over(1)
    assert ends(run) == ["crashed", "pass"]


# --- what speaks for it


def machine(root: Path) -> Path:
    """A machine's sys, proc and var as files: after a panic, with errors counted since."""
    for path, text in {
        "sys/fs/pstore/dmesg-efi-1": "x" * 3 * MOST + "\nKernel panic - not syncing: Fatal\n---",
        "sys/devices/system/edac/mc/mc0/ce_count": "3\n",
        "sys/devices/system/edac/mc/mc0/ue_count": "0\n",
        "sys/devices/system/edac/mc/mc1/ue_count": "1\n",
        "proc/interrupts": "  CPU0 CPU1\n  0: 5 5 timer\nMCE:  0  2 Machine check exceptions\n",
    }.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


def test_what_a_machine_offers_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(programs(tmp_path)))
    found = {each.what: each for each in gather(BOOT, 0.0, machine(tmp_path / "root"))}
    assert found["pstore"].lines == ["pstore: Kernel panic - not syncing: Fatal"]
    assert found["edac"].said == b"mc0 ce_count 3\nmc1 ue_count 1"
    assert found["mce"].said == b"machine check exceptions 2"
    assert found["journal"].said.startswith(b"-b 0b1c9a525c0e4a639d0f3f1f8a4e2d11")
    assert found["journal"].lines == ["journal: the last word"]
    assert found["last"].said == b"reboot system boot"
    assert all(len(each.said) <= MOST for each in found.values())


def programs(home: Path) -> Path:
    """A journalctl that has much to say of a boot, and nothing of the kernel; a last."""
    folder = home / "bin"
    folder.mkdir()
    talk = '[ "$1" = -k ] && exit 1; echo "$@"; echo the last word'
    for name, script in (("journalctl", talk), ("last", "echo reboot system boot")):
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    return folder


def test_what_is_absent_is_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.evidence.search_path", lambda: str(tmp_path))
    assert gather(BOOT, 0.0, tmp_path / "nothing") == []
    assert gather("no boot id; rm -rf", 0.0, tmp_path / "nothing") == []


def test_what_the_kernel_wrote_at_another_death_is_not_of_this_one(tmp_path: Path) -> None:
    root = machine(tmp_path)
    died = (root / "sys/fs/pstore/dmesg-efi-1").stat().st_mtime
    assert "pstore" in [each.what for each in gather("", died - 1, root)]
    assert "pstore" not in [each.what for each in gather("", died + 1, root)]


def test_a_program_that_hangs_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = programs(tmp_path)
    (folder / "last").write_text("#!/bin/sh\nexec sleep 1000\n")
    monkeypatch.setattr("agent.evidence.search_path", lambda: f"{folder}:/usr/bin:/bin")
    monkeypatch.setattr("agent.evidence._PATIENCE", 0.2)
    began = time.monotonic()
    assert "last" not in [each.what for each in gather(BOOT, 0.0, tmp_path / "nothing")]
    assert time.monotonic() - began < 5


def test_what_alarms_is_shown_first() -> None:
    said = b"a\nwatchdog: BUG: soft lockup\nb\nHardware Error\nc\n"
    assert Evidence("journal", said).lines == [
        "journal: watchdog: BUG: soft lockup",
        "journal: Hardware Error",
    ]
    assert Evidence("journal", b"a\nb\xff\n\n").lines == ["journal: b\ufffd"]


async def test_evidence_is_in_the_journal_and_in_the_lines_of_the_step(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{programs(bench.home)}:{os.environ['PATH']}")
    await prepared(bench)
    run = await bench.run(1, "dies")
    bench.boot = BOOT
    await crash(bench)
    await bench.over(1)
    found = [record for record in records(run) if record.kind == "evidence"]
    assert "last" in [record.text("what") for record in found]
    assert all(record.number("step") == 0 for record in found)
    assert b"reboot system boot" in found[-1].payload
    kinds = [record.kind for record in records(run)]
    assert kinds.index("evidence") < kinds.index("end")
