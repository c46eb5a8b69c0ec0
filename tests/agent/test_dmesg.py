"""The dmesg recipe: on the kernel's log of this machine, and on what kernels said elsewhere."""

import json
import subprocess
from pathlib import Path

import pytest

from agent.kernel import CLASSES
from tests.agent.probing import Seen, plant, probed
from tests.agent.replay import a_program
from tests.agent.target import Target

HEALTHY = (
    "Linux version 6.1.0-18-amd64 (debian-kernel@lists.debian.org)",
    "Command line: BOOT_IMAGE=/boot/vmlinuz-6.1.0-18-amd64 root=UUID=0 ro quiet",
    "mce: CPU0: Thermal monitoring enabled (TM1)",
    "mce: CPU supports 20 MCE banks",
    "EDAC MC: Ver: 3.0.0",
    "EDAC MC0: Giving out device to module skx_edac controller Skylake Socket#0 IMC#0",
    "ata1: SATA link up 6.0 Gbps (SStatus 133 SControl 300)",
    "I/O error, dev fd0, sector 0 op 0x0:(READ) flags 0x0 phys_seg 1 prio class 2",
    "EXT4-fs (sda1): mounted filesystem with ordered data mode. Quota mode: none.",
    "MCE: In-kernel MCE decoding enabled.",
    "usb 1-1: USB disconnect, device number 2",
)


def log(folder: Path, *messages: str, first: int = 0, start: float = 0.0) -> Path:
    """A tree whose kernel said *messages*, one a second."""
    lines = [
        f"6,{first + place},{int((start + place) * 1e6)},-;{text}\n SUBSYSTEM=pci"
        for place, text in enumerate(messages)
    ]
    return plant(folder, {"dev/kmsg": "\n".join(lines)})


def seen(target: Target, *messages: str, first: int = 0, start: float = 0.0) -> Seen:
    tree = log(target.home / "tree", *messages, first=first, start=start)
    return probed(target, "dmesg", tree)


def test_a_healthy_one_passes(target: Target) -> None:
    found = seen(target, *HEALTHY)
    assert (found.verdict, found.reason) == ("pass", "")
    assert "11 messages" in found.said
    assert set(found.counts.values()) == {0}


# Lines as the kernel's sources make them, with the names of devices put in by hand; those that
# real machines said are in recordings/dmesg.
@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("mce: [Hardware Error]: CPU 18: Machine Check Exception: 5 Bank 7: be00000001010091",
         "fail"),
        ("mce: [Hardware Error]: CPU 4: Machine Check: 0 Bank 7: 8c00004000010091", "warn"),
        ("mce: [Hardware Error]: CPU 4: Machine Check: 0 Bank 7: ac00004000010091", "fail"),
        ("mce: [Hardware Error]: Machine check events logged", "warn"),
        ("EDAC MC3: 1 CE memory read error on CPU_SrcID#0_Channel#0_DIMM#0 (channel:0 slot:0 "
         "page:0x12345 offset:0x0 grain:32 syndrome:0x0 -  area:DRAM err_code:0001:0090)", "warn"),
        ("EDAC MC0: 1 UE memory scrubbing error on CPU_SrcID#0_Ha#0_Chan#0_DIMM#1", "fail"),
        ("{1}[Hardware Error]: event severity: corrected", "warn"),
        ("{1}[Hardware Error]: event severity: fatal", "fail"),
        ("blk_update_request: critical medium error, dev sda, sector 1953525", "fail"),
        ("I/O error, dev nvme0n1, sector 2048 op 0x0:(READ) flags 0x0 phys_seg 1", "fail"),
        ("nvme nvme0: controller is down; will reset: CSTS=0xffffffff", "fail"),
        ("ata3.00: exception Emask 0x0 SAct 0x30000 SErr 0x0 action 0x0", "fail"),
        ("EXT4-fs error (device sda2): ext4_find_entry:1455: inode #2: reading directory", "fail"),
        ("Kernel panic - not syncing: Fatal machine check", "fail"),
        ("watchdog: BUG: soft lockup - CPU#3 stuck for 22s! [stress-ng:1234]", "fail"),
        ("INFO: task jbd2/sda1-8:321 blocked for more than 120 seconds.", "fail"),
        ("CPU0: Package temperature above threshold, cpu clock throttled (total events = 1)",
         "warn"),
        ("pcieport 0000:00:1c.0: AER: Corrected error received: 0000:00:1c.0", "warn"),
        ("pcieport 0000:00:03.0: PCIe Bus Error: severity=Uncorrected (Fatal), type=Transaction "
         "Layer", "fail"),
        ("Out of memory: Killed process 28274 (stress-ng-bighe) total-vm:912kB", "warn"),
    ],
)  # fmt: skip
def test_what_a_message_means(target: Target, said: str, expected: str) -> None:
    found = seen(target, *HEALTHY, said, HEALTHY[0])
    assert found.verdict == expected, found.said
    if expected == "fail":
        assert said[:60] in found.reason
        assert sum(found.counts.values()) >= 1
    assert said[:60] in found.said


def test_the_worst_is_told_of_many(target: Target) -> None:
    mild = "EDAC MC0: 1 CE memory read error on DIMM_A1"
    found = seen(target, mild, "EDAC MC0: 1 UE memory read error on DIMM_B2", mild)
    assert found.verdict == "fail"
    assert "DIMM_B2 (one of 3)" in found.reason
    assert found.counts["edac"] == 3


def test_what_was_overwritten_is_not_called_good(target: Target) -> None:
    found = seen(target, *HEALTHY, first=700, start=7200)
    assert found.verdict == "warn"
    assert "it begins 2.0 h after the start" in found.reason


def test_what_others_write_there_is_not_the_kernels(target: Target) -> None:
    lines = "6,0,0,-;Linux version\n12,1,5,-;Kernel panic - not syncing: said by a program"
    found = probed(target, "dmesg", plant(target.home / "tree", {"dev/kmsg": lines}))
    assert (found.verdict, "1 messages" in found.said) == ("pass", True)


@pytest.mark.parametrize("text", [None, "", "no record at all"])
def test_a_log_that_says_nothing_is_an_error(target: Target, text: str | None) -> None:
    files = {} if text is None else {"dev/kmsg": text}
    found = probed(target, "dmesg", plant(target.home / "tree", files))
    assert found.verdict == "error"
    assert "the kernel's log" in found.reason


def test_of_the_last_while_only(target: Target) -> None:
    tree = log(target.home / "tree", "EDAC MC0: 1 UE memory read error on DIMM_B2")
    assert probed(target, "dmesg", tree, last="1s").verdict == "pass"


def test_the_real_one(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", a_program(target.home / "bin", "journalctl", "exit 1"))
    found = probed(target, "dmesg")
    assert found.verdict in ("pass", "warn", "fail"), found
    told = {line.split()[1].rstrip(":"): line.split()[0] for line in found.said.splitlines()[:-2]}
    assert set(told) - {"log"} == set(CLASSES) - {"usb"}
    assert found.verdict == max(told.values(), key=("pass", "warn", "fail").index)
    there = json.loads(subprocess.run(["dmesg", "--json"], capture_output=True, check=True).stdout)
    [number] = [line.split()[0] for line in found.said.splitlines() if line.endswith(" messages")]
    assert 0 < int(number) <= len(there["dmesg"]) + 200  # some may have been overwritten meanwhile


def test_the_journal_knows_what_the_kernel_no_longer_does(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = [
        {"MESSAGE": "Linux version 6.1.0", "_SOURCE_MONOTONIC_TIMESTAMP": "0"},
        {"MESSAGE": "EDAC MC0: 1 UE memory read error on DIMM_B2",
         "_SOURCE_MONOTONIC_TIMESTAMP": "1000000"},
        {"MESSAGE": [27, 91], "_SOURCE_MONOTONIC_TIMESTAMP": "2000000"},
        {"MESSAGE": HEALTHY[0], "_SOURCE_MONOTONIC_TIMESTAMP": "7200000000"},
    ]  # fmt: skip
    (target.home / "journal").write_text("\n".join(map(json.dumps, entries)))
    script = f"cat {target.home}/journal"
    monkeypatch.setenv("PATH", a_program(target.home / "bin", "journalctl", script))
    found = seen(target, *HEALTHY, first=700, start=7200)
    assert found.verdict == "fail"
    assert "DIMM_B2" in found.reason
    assert "14 messages" in found.said
    assert "begins" not in found.said
