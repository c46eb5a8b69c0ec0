"""
What the kernel says while a step runs, and what that means for it. Pure: it is fed records.

A program may end well on a machine whose memory has just been corrected a thousand times.
The kernel's log says so, and to nobody else.

Rule 1: a class is a kind of trouble, with what its lines mean. Of one class the first pattern
that matches counts, of several classes the worst.

Rule 2: a lost record is said: it might have been one of those.
"""

import re
from collections.abc import Callable, Iterable

from agent.progress import printable

# Of these there is no disk in it, another one says so as well, or it may not be read at all.
_DISK = r"(?!(?:fd|sr|loop|dm-|zram|nbd)\d|mmcblk\d+(?:rpmb|boot\d))"
_NO_LOOP = r"(?!.{0,20}\bloop\d)"
_SPOILT = "error|[Cc]orrupt|[Cc]orruption|[Cc]orrupted|shut down"
# What a disk that cannot do it refuses: nothing was lost.
_REFUSED = r"(?!\d+ op \S+\((?:DISCARD|WRITE_ZEROES)\))"

_DEGRADED = "|".join(rf"{disks} out of (?!{disks}\b)" for disks in range(1, 30))

CLASSES: dict[str, tuple[tuple[str, str], ...]] = {
    "mce": (  # machine checks, and what the firmware reports of memory, processors and buses
        ("fail", r"\[Hardware Error\].*(?:[Uu]ncorrect|[Ff]atal|severity: recoverable)"),
        ("warn", r"\[Hardware Error\].*(?:[Cc]orrected|events logged|error from APEI|It has been)"),
        # Bit 61 of the bank's status says that it was not corrected.
        ("warn", r"\[Hardware Error\]: CPU \d+: Machine Check: 0 Bank \d+: [89cd][0-9a-f]{15}"),
        ("fail", r"\[Hardware Error\]: (?:CPU |Machine [Cc]heck|Deferred)"),
        ("fail", r"Machine [Cc]heck(?: Exception|: Processor context corrupt)"),
        ("fail", r"mce: (?:Uncorrected|CPU.* stuck|.*Fatal)|Memory failure: 0x"),
        ("warn", r"mce: .*CMCI storm"),
    ),
    "edac": (  # memory errors, as its controller counts them
        ("fail", r"^EDAC\b.*(?: UE |[Uu]ncorrect|[Ff]atal|[Pp]arity)"),
        ("warn", r"^EDAC\b.*(?: CE |[Cc]orrected)"),
    ),
    "io": (  # disks and file systems
        ("fail", rf"critical target error, dev {_DISK}\w+, sector {_REFUSED}"),
        ("fail", rf"critical (?!target)[\w ]+ error, dev {_DISK}\w+, sector "),
        ("fail", rf"(?:I/O|protection|timeout) error, dev {_DISK}\w+, sector "),
        ("fail", rf"Buffer I/O error on dev(?:ice)? {_DISK}"),
        # What a file system remembers of an earlier day.
        ("warn", rf"^EXT4-fs {_NO_LOOP}.*: (?:error count since last|(?:initial|last) error at)"),
        ("warn", rf"^EXT4-fs {_NO_LOOP}.*: warning: mounting fs with errors"),
        ("warn", rf"^BTRFS info {_NO_LOOP}.*: bdev \S+ errs: "),
        ("fail", rf"^(?:EXT[234]-fs|XFS|BTRFS|F2FS-fs)\b{_NO_LOOP}.*\b(?:{_SPOILT})\b"),
        ("fail", r"^nvme\d?\S*:? .*(?:I/O .*timeout|controller is down|Device not ready)"),
        ("fail", r"^nvme \S+ (?:Removing after probe failure|Disabling device after reset)"),
        ("fail", r"^ata\d+(?:\.\d+)?: (?:failed command|exception Emask|hard resetting link)"),
        ("fail", r"^ata\d+(?:\.\d+)?: (?:failed to IDENTIFY|COMRESET failed)"),
        ("fail", r"^sd .*(?:Sense Key : (?:Medium|Hardware) Error|Unrecovered read error)"),
        ("fail", r"^md/raid.*: Disk failure on"),
        ("warn", rf"^md/raid.*active with (?:{_DEGRADED})"),
    ),
    "oom": (  # no memory is left: it was no test
        ("error", r"[Oo]ut of memory: Killed|invoked oom-killer|oom-kill:|Out of memory and no"),
    ),
    "panic": (  # the kernel itself fails
        ("fail", r"Kernel panic|kernel BUG at|^BUG: |\bOops\b[\s:#]"),
        ("fail", r"^general protection fault(?! ip:)"),
        ("fail", r"[Uu]nable to handle kernel|^Internal error: |^watchdog: BUG"),
    ),
    "hang": (
        ("fail", r"blocked for more than \d+ seconds|soft lockup|hard LOCKUP"),
        ("fail", r"detected (?:expedited )?stall"),
    ),
    "heat": (
        ("fail", r"[Cc]ritical temperature reached|stopped because it (?:has )?over ?heated"),
        ("warn", r"temperature above threshold|clock throttled|[Tt]hermal throttling"),
    ),
    "pcie": (
        # "Corrected" in older kernels, "Correctable" in newer ones.
        ("warn", r"AER: (?:Multiple )?Correct|PCIe Bus Error: severity=Correct"),
        ("fail", r"AER: .*(?:Uncorrect|[Ff]atal)|PCIe Bus Error: severity=Uncorrect"),
        ("fail", r"DPC: (?:containment event|unmasked uncorrectable)"),
        ("fail", r"pciehp: .*(?:Link Down|Card not present)|PCIe link lost"),
        ("fail", r"GPU has fallen off the bus"),
    ),
    "net": (
        ("fail", r"NETDEV WATCHDOG|transmit queue \d+ timed out|[Ll]ink is [Dd]own"),
    ),
    "usb": (
        ("warn", r"^usb \S+: (?:USB disconnect|reset .*device|device descriptor read.* error)"),
    ),
}  # fmt: skip

NAMES = tuple(CLASSES)

_MILDEST_FIRST = ("pass", "warn", "fail", "error")
_KEPT = 8  # different lines
_RECORD = re.compile(rb"[0-9]+,[0-9]+,[0-9]+,[^;]*;([^\n]*)")
"""A record of /dev/kmsg: priority, number, time, flags; the text; lines of what it is about."""
_ESCAPED = re.compile(r"\\x([0-9a-f]{2})")


class Kernel:
    """
    What the kernel said since the step began.

    Args:
        classes: The kinds of trouble that matter.
        tell: Hears of each line for which it is no pass, with the verdict, as it comes.
        explains: Whether a line is a known issue: that takes no room from others.
    """

    def __init__(
        self,
        classes: Iterable[str],
        tell: Callable[[str, str], None] = lambda *_: None,
        explains: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._tell, self._explains = tell, explains
        self._classes = [
            [(verdict, re.compile(pattern)) for verdict, pattern in CLASSES[name]]
            for name in classes
        ]
        self._found: dict[str, str] = {}

    @property
    def findings(self) -> list[tuple[str, str]]:
        """Verdicts and the lines for them."""
        return [(verdict, line) for line, verdict in self._found.items()]

    def record(self, data: bytes) -> None:
        """Look at one record as it is read from ``/dev/kmsg``."""
        if match := _RECORD.match(data):
            text = match[1].decode("utf-8", "replace")
            self.line(_ESCAPED.sub(lambda found: chr(int(found[1], 16)), text))

    def line(self, text: str) -> None:
        """Look at the *text* of one message."""
        text = text[:1024]
        verdicts = [
            next((verdict for verdict, pattern in rules if pattern.search(text)), "pass")
            for rules in self._classes
        ]
        if (verdict := max(verdicts, key=_MILDEST_FIRST.index, default="pass")) != "pass":
            self._keep(verdict, f"kernel: {printable(text)}")

    def lost(self) -> None:
        """Messages were overwritten before we could read them."""
        self._keep("warn", "kernel: messages were lost, too many came at once")

    def _keep(self, verdict: str, line: str) -> None:
        if verdict != "error" and self._explains(line):
            return
        full = len(self._found) >= _KEPT
        if full and verdict != "warn" and "warn" in self._found.values():
            # What is bad is never hidden by what is less so.
            milder = next(line for line, found in self._found.items() if found == "warn")
            del self._found[milder]
            full = False
        if not full and line not in self._found:
            self._found[line] = verdict
            self._tell(verdict, line)
