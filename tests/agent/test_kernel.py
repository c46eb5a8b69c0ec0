"""What the kernel says while a step runs: classes of messages, and the real log."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from agent.catalogue import Catalogue
from agent.kernel import CLASSES, Kernel
from agent.process import NotStarted
from agent.recipe import BadRecipe, load
from agent.sources import KernelLog
from tests.agent.bench import records, verdict
from tests.agent.target import Target, listen, sh
from tests.agent.test_recipe import ALL, HEAD, write

# Lines as the sources of kernels 4.19 to 6.12 make them, names and numbers put in by hand; what
# real machines said is in recordings/dmesg.
BAD = {
    "mce": [
        "mce: [Hardware Error]: CPU 2: Machine Check Exception: 5 Bank 4: be00000000800400",
        "mce: [Hardware Error]: CPU 0: Machine Check: 0 Bank 7: ac00004000010090",
        "[Hardware Error]: Uncorrected, software restartable error.",
        "{1}[Hardware Error]: event severity: fatal",
        "{1}[Hardware Error]: Error 0, type: recoverable uncorrectable",
        "mce: Uncorrected hardware memory error in user-access at 4f5a3cf400",
        "Memory failure: 0x4f5a3cf: recovery action for dirty LRU page: Recovered",
    ],
    "edac": [
        "EDAC MC0: 1 UE memory read error on CPU_SrcID#0_MC#0_Chan#1_DIMM#0 (channel:1 slot:0)",
        "EDAC i7core: Uncorrected error",
        "EDAC: [Fatal DBE on l2 @ 0x1000]",
    ],
    "io": [
        "blk_update_request: I/O error, dev sda, sector 2048 op 0x0:(READ) flags 0x80700",
        "I/O error, dev nvme0n1, sector 500118016 op 0x0:(READ) flags 0x0 phys_seg 1 prio class 2",
        "critical medium error, dev sdb, sector 976773160 op 0x0:(READ) flags 0x0",
        "Buffer I/O error on dev sda1, logical block 256, async page read",
        "EXT4-fs error (device sda1): ext4_find_entry:1455: inode #131073: comm ls: reading",
        'XFS (sdb1): metadata I/O error in "xfs_trans_read_buf_map" at daddr 0x1 len 1 error 5',
        "nvme nvme0: I/O 12 QID 3 timeout, aborting",
        "ata1.00: failed command: READ FPDMA QUEUED",
        "sd 0:0:0:0: [sda] tag#13 Sense Key : Medium Error [current]",
        "critical space allocation error, dev sda, sector 2048 op 0x1:(WRITE) flags 0x800",
        "critical target error, dev sda, sector 2048 op 0x1:(WRITE) flags 0x800",
        "nvme nvme0: Disabling device after reset failure: -19",
        "ata2: COMRESET failed (errno=-16)",
        "ata1.00: failed to IDENTIFY (I/O error, err_mask=0x4)",
        "md/raid1:md0: Disk failure on sdb1, disabling device.",
        "BTRFS critical (device sda2): corrupt leaf: root=1 block=30 slot=7, unexpected item end",
        "EXT4-fs (sda1): shut down requested (1)",
        "BTRFS error (device sda2): bdev /dev/sda2 errs: wr 0, rd 0, flush 0, corrupt 1, gen 0",
    ],
    "oom": [
        "Out of memory: Killed process 4711 (stress-ng-vm) total-vm:384520kB, anon-rss:275072kB",
        "Memory cgroup out of memory: Killed process 9938 (stress-ng-vm) total-vm:384520kB",
        "stress-ng-vm invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0",
    ],
    "panic": [
        "Kernel panic - not syncing: Fatal exception",
        "BUG: unable to handle page fault for address: ffffc90000a3c000",
        "Oops: 0002 [#1] PREEMPT SMP PTI",
        "general protection fault, probably for non-canonical address 0xdead: 0000 [#1] SMP",
        "kernel BUG at mm/slub.c:306!",
        "watchdog: BUG: soft lockup - CPU#3 stuck for 22s! [fio:1234]",
    ],
    "hang": [
        "INFO: task fio:1234 blocked for more than 120 seconds.",
        "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
        "rcu: INFO: rcu_preempt detected expedited stalls on CPUs/tasks: { 3-... }",
    ],
    "heat": [
        "thermal thermal_zone0: acpitz: critical temperature reached, shutting down",
        "igb 0000:01:00.0: The network adapter was stopped because it overheated",
    ],
    "pcie": [
        "pcieport 0000:00:1c.0: AER: Uncorrected (Fatal) error received: 0000:01:00.0",
        "nvme 0000:01:00.0: PCIe Bus Error: severity=Uncorrected (Non-Fatal), type=Transaction",
        "pcieport 0000:00:03.1: pciehp: Slot(3): Link Down",
        "pcieport 0000:00:1c.0: AER: Uncorrectable (Non-Fatal) error message received from 0000:01",
        "igb 0000:01:00.0 eno1: PCIe link lost",
    ],
    "net": [
        "igb 0000:01:00.0 eno1: igb: eno1 NIC Link is Down",
        "NETDEV WATCHDOG: eth0 (e1000e): transmit queue 0 timed out",
    ],
}
DOUBTFUL = {
    "mce": [
        "mce: [Hardware Error]: Machine check events logged",
        "[Hardware Error]: Corrected error, no action required.",
        "{1}[Hardware Error]: event severity: corrected",
        "{1}[Hardware Error]: It has been corrected by h/w and requires no further action",
    ],
    "io": [
        "EXT4-fs (sda2): error count since last fsck: 4",
        "EXT4-fs (sda1): warning: mounting fs with errors, running e2fsck is recommended",
        "BTRFS info (device sda2): bdev /dev/sda2 errs: wr 0, rd 0, flush 0, corrupt 5, gen 0",
        "EXT4-fs (sda2): last error at time 1700000000: ext4_find_entry:1455: inode 2",
    ],
    "edac": ["EDAC MC0: 1 CE memory read error on CPU_SrcID#0_MC#0_Chan#1_DIMM#0 (channel:1)"],
    "heat": ["mce: CPU3: Core temperature above threshold, cpu clock throttled (total events = 1)"],
    "pcie": [
        "pcieport 0000:00:1c.0: AER: Corrected error received: 0000:01:00.0",
        "pcieport 0000:00:1c.0: PCIe Bus Error: severity=Corrected, type=Physical Layer",
    ],
    "usb": ["usb 1-2: USB disconnect, device number 5"],
}
HARMLESS = [
    "EDAC MC0: Giving out device to module skx_edac controller Skylake Socket#0 IMC#0",
    "EDAC sbridge: Seeking for: PCI ID 8086:0ea0",
    "mce: CPU0: Thermal monitoring enabled (TM1)",
    "MCE: In-kernel MCE decoding enabled.",
    "sd 0:0:0:0: [sda] Attached SCSI disk",
    "EXT4-fs (sda1): mounted filesystem with ordered data mode. Opts: errors=remount-ro",
    "blk_update_request: I/O error, dev fd0, sector 0 op 0x0:(READ) flags 0x0 phys_seg 1",
    "Buffer I/O error on dev sr0, logical block 0, async page read",
    "sr 1:0:0:0: [sr0] tag#14 Sense Key : Medium Error [current]",
    "sr 1:0:0:0: [sr0] tag#14 Add. Sense: Unrecovered read error",
    "blk_update_request: I/O error, dev mmcblk0rpmb, sector 0 op 0x0:(READ) flags 0x80700",
    "critical target error, dev nvme0n1, sector 8 op 0x9:(WRITE_ZEROES) flags 0x800 phys_seg 0",
    "BTRFS error (device loop0): bdev /dev/loop0 errs: wr 1, rd 0, flush 0, corrupt 0, gen 0",
    "EXT4-fs error (device loop3): ext4_find_entry:1455: inode #2: reading directory",
    "md/raid:md0: raid level 5 active with 3 out of 3 devices, algorithm 2",
    "pcieport 0000:00:1c.0: DPC: error containment capabilities: Int Msg #0, RPExt+ PoisonedTLP+",
    "traps: fio[123] general protection fault ip:7f sp:7ffd error:0",
    "igb 0000:01:00.0 eno1: igb: eno1 NIC Link is Up 1000 Mbps Full Duplex",
    "ata1: SATA link up 6.0 Gbps (SStatus 133 SControl 300)",
    "nvme nvme0: 4/0/0 default/read/poll queues",
    "Oopsie the clown",
]


def all_in(table: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(name, line) for name, lines in table.items() for line in lines]


def found(line: str, *classes: str) -> list[tuple[str, str]]:
    kernel = Kernel(classes or CLASSES)
    kernel.record(f"6,339,5140900,-;{line}\n SUBSYSTEM=acpi\n DEVICE=+acpi:PNP0A03:00\n".encode())
    return kernel.findings


@pytest.mark.parametrize(("name", "line"), all_in(BAD))
def test_a_bad_line_is_no_pass(name: str, line: str) -> None:
    [(verdict, text)] = found(line, name)
    assert verdict == ("error" if name == "oom" else "fail")
    assert text == f"kernel: {line}"
    assert found(line)[0][0] in ("fail", "error")  # whatever other classes say of it


@pytest.mark.parametrize(("name", "line"), all_in(DOUBTFUL))
def test_what_was_put_right_is_a_warning(name: str, line: str) -> None:
    assert [verdict for verdict, _ in found(line, name)] == ["warn"]


@pytest.mark.parametrize("line", HARMLESS)
def test_what_it_always_says_is_nothing(line: str) -> None:
    assert found(line) == []


def test_every_class_is_tried() -> None:
    assert BAD.keys() | DOUBTFUL.keys() == CLASSES.keys()


def test_many_mild_lines_do_not_hide_a_bad_one() -> None:
    kernel = Kernel(["edac"])
    for number in range(20):
        kernel.line(f"EDAC MC0: {number} CE memory read error")
    kernel.line("EDAC MC0: 1 UE memory read error")
    assert "fail" in dict(kernel.findings)
    assert len(kernel.findings) == 8


def test_what_is_no_record_does_no_harm() -> None:
    kernel = Kernel(CLASSES)
    for data in (
        b"",
        b";",
        b"6,1",
        b"x,y,z,-;Kernel panic",
        b"6,1,2,-;\\x1b[31mfine\n",
        b"\xff" * 99,
    ):
        kernel.record(data)
    assert kernel.findings == []
    kernel.record(b"6,1,2,-;Kernel panic \\x1b[31m - not\n")
    assert kernel.findings == [("fail", "kernel: Kernel panic [31m - not")]


# --- the real log: what is written there everybody on this machine reads, hence a class that
# --- no recipe of ours in other tests watches, and words of our own


def announce(text: str) -> None:
    """Say it in the kernel's log; needs root, like the agent of a lab."""
    if os.geteuid() != 0 and "CI" not in os.environ:
        pytest.skip("only root may: sudo make test ONLY=tests/agent")
    with Path("/dev/kmsg").open("w") as log:
        log.write(f"<3>{text}\n")


STALL = "INFO: task labroom-test:1 blocked for more than 122 seconds."
WATCH = {"kernel": {"watch": ["hang"], "required": True}}


def test_the_kernel_s_word_fails_a_program_that_ends_well(target: Target) -> None:
    announce(f"{STALL} before")  # of the past: not this step's
    run = target.create(sh(f"echo hi; read _ < {target.gate.path}") | WATCH)
    supervisor = target.start(run)
    listen(run, b"hi")
    announce(STALL)
    target.gate.open()
    assert supervisor.wait(20) == 0
    assert verdict(run) == ("fail", f"kernel: {STALL}")
    end = records(run)[-2].fields
    assert end["lines"] == [f"kernel: {STALL}"]
    assert (end["first"]["line"], end["first"]["by"]) == (f"kernel: {STALL}", "kernel")


def test_what_it_said_before_the_step_is_not_about_it(target: Target) -> None:
    announce(STALL)
    assert verdict(target.run(sh("true") | WATCH)) == ("pass", "")


def test_a_step_that_is_stopped_has_failed_all_the_same(target: Target) -> None:
    run = target.create(sh(f"echo hi; read _ < {target.gate.path}") | WATCH)
    supervisor = target.start(run)
    listen(run, b"hi")
    announce(STALL)
    run.ask_to_stop("ann")
    supervisor.terminate()
    assert supervisor.wait(20) == 0
    assert verdict(run) == ("fail", f"kernel: {STALL}; stopped by ann")


def test_a_log_that_cannot_be_read_is_no_pass_where_it_is_required(tmp_path: Path) -> None:
    with pytest.raises(NotStarted, match=r"kernel's log cannot be read: No such file"):
        KernelLog(Kernel([]), str(tmp_path / "none"))


BLIND = 'mount --bind /dev/kmsg /dev/kmsg; mount -o remount,bind,nodev /dev/kmsg; exec "$@"'


@pytest.mark.parametrize(("required", "expected"), [(True, "error"), (False, "pass")])
def test_a_step_that_cannot_hear_the_kernel(target: Target, required: bool, expected: str) -> None:
    if os.geteuid() != 0 and "CI" not in os.environ:
        pytest.skip("only root may mount: sudo make test ONLY=tests/agent")
    run = target.create(sh("true") | {"kernel": {"watch": ["hang"], "required": required}})
    assert target.start(run, "unshare", "--mount", "sh", "-c", BLIND, "sh").wait(20) == 0
    assert verdict(run)[0] == expected
    if required:
        assert verdict(run)[1] == "the kernel's log cannot be read: Permission denied"


def test_a_log_that_can_no_longer_be_read_is_said(tmp_path: Path) -> None:
    kernel = Kernel([])
    log = KernelLog(kernel, str(tmp_path))  # a folder: opened, never read
    assert not log.read()
    log.close()
    assert kernel.findings == [("warn", "kernel: messages were lost, too many came at once")]


WATCHING = HEAD + "argv = ['true']\n[kernel]\nwatch = ['mce', 'edac']\n"


def test_a_recipe_that_requires_it_is_not_offered_without(tmp_path: Path) -> None:
    blind = replace(ALL, kernel_log="Permission denied")
    recipe = load(write(tmp_path, "it", WATCHING))
    assert recipe.missing(ALL) == ""
    assert recipe.missing(blind) == "the agent may not read the kernel's log (Permission denied)"
    assert recipe.resolve({}, ALL)["kernel"] == {"watch": ("mce", "edac"), "required": True}
    assert load(write(tmp_path, "it", WATCHING + "required = false")).missing(blind) == ""


def test_that_the_kernel_has_no_say_is_said(tmp_path: Path) -> None:
    write(tmp_path, "needs", WATCHING)
    write(tmp_path, "likes", WATCHING + "required = false")
    catalogue = Catalogue([tmp_path], packaged=None)
    assert catalogue.deaf(ALL) == {}
    why = "the kernel's log cannot be read (Permission denied)"
    assert catalogue.deaf(replace(ALL, kernel_log="Permission denied")) == {"likes": why}


def test_a_class_that_there_is_not(tmp_path: Path) -> None:
    with pytest.raises(BadRecipe, match=r"\[kernel\] watch.*'eddac': did you mean edac"):
        load(write(tmp_path, "it", WATCHING.replace("edac", "eddac")))
