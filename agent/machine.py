"""
What this machine is, for people who choose machines by it. Read once: it stays until a reboot.

A fact that cannot be read is left out; none is worth a failed start. The firmware's words
(DMI) are often filler, which is no fact.
"""

import os
import platform
import re
from pathlib import Path

import psutil

from agent import dmi
from agent.wire.machine import MOST_FACT, Machine

FILLER = re.compile(
    r"(?i)to be filled.*|default string|system (?:manufacturer|product name)"
    r"|not (?:specified|applicable)|none|n/?a|unknown|o\.?e\.?m\.?|x+|0+"
)

_UNREAL = re.compile(r"(loop|ram|zram|sr|fd|dm-|md|nbd|drbd|mtdblock)\d*|.*boot\d")


def facts(root: Path = Path("/")) -> Machine:
    """The facts; *root* is where /proc, /sys and /etc are."""
    return Machine(
        memory=_plugged(root) or psutil.virtual_memory().total,
        cpus=psutil.cpu_count() or 0,
        arch=platform.machine(),
        kernel=os.uname().release,
        os=_field(_read(root / "etc/os-release"), r'^PRETTY_NAME="?([^"\n]*)'),
        cpu=_field(_read(root / "proc/cpuinfo"), r"^(?:model name|Model|Hardware)\s*:\s*(.*)"),
        vendor=_firmware(root, "sys_vendor"),
        model=_firmware(root, "product_name") or _read(root / "proc/device-tree/model"),
        firmware=_firmware(root, "bios_version"),
        dimms=dmi.dimms(root),
        ecc={True: "yes", False: "no", None: ""}[dmi.ecc(root)],
        disks=len(disks(root)),
        nics=len(list((root / "sys/class/net").glob("*/device"))),
    )


def disks(root: Path = Path("/")) -> tuple[str, ...]:
    """Whole disks, by name; not what is made of others or of memory, and no CD."""
    try:
        names = sorted(path.name for path in (root / "sys/block").iterdir())
    except OSError:
        return ()
    return tuple(name for name in names if _UNREAL.fullmatch(name) is None)


def _plugged(root: Path) -> int:
    """
    Bytes of memory blocks, what is plugged in to within one block; 0 if the kernel shows none.

    "memory >= 64G" should be true of four times 16G, of which the kernel keeps some.
    """
    folder = root / "sys/devices/system/memory"
    size = _read(folder / "block_size_bytes")
    if re.fullmatch(r"[0-9a-f]{1,15}", size) is None:
        return 0
    return int(size, 16) * sum(
        (_read(block / "state") or "online") == "online" for block in folder.glob("memory[0-9]*")
    )


def _firmware(root: Path, name: str) -> str:
    said = _read(root / "sys/class/dmi/id" / name)
    return "" if FILLER.fullmatch(said) else said


def _field(text: str, pattern: str) -> str:
    found = re.search(pattern, text, re.MULTILINE)
    return " ".join(found[1].split())[:MOST_FACT] if found else ""


def _read(path: Path) -> str:
    """The start of a file, without what closes it; empty if it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(16384).decode("utf-8", "replace").strip(" \n\0")
    except OSError:
        return ""
