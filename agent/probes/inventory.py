"""
What is in this machine, as facts: modules of memory, disks, network cards, processors, firmware.

The bot compares them with those of before, and tells what is gone, new or changed.

Rule 1: the key of a part is where it is or what is written on it, never a name that changes
with the next start: a module's slot, a disk's serial number, a card's address.

Rule 2: no value that changes by itself: no temperature, no free space, no clock.

Rule 3: all facts or none. A part that cannot be asked for is an error, and then nothing is told:
else it would look as if somebody had taken it.

dmidecode, lsblk and lscpu say it; lshw would take seconds, and say the same less reliably.
"""

import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agent import dmi
from agent.probes.report import CannotLook, Report
from agent.probes.sysfs import natural, number, text

_PATIENCE = 30.0
_FILLER = re.compile(
    r"(?i)|not (?:specified|provided|available|applicable).*|unknown|none|no dimm.*|n/?a|0+"
    r"|to be filled.*|default string|<.*>|0x0+"
    r"|system (?:manufacturer|product name|serial number|version)"
)
_VENDORS = {"0x10de": "NVIDIA", "0x1002": "AMD", "0x8086": "Intel"}
_CARDS = (0x03, 0x12)  # graphics, accelerators

Block = dict[str, str]
"""One structure of the firmware's table, by the words of dmidecode; "" is its title."""


def look(root: Path, report: Report) -> None:
    """Tell all parts."""
    blocks = list(_blocks(root))
    if not blocks:
        report.note("its firmware says nothing of memory and itself (no DMI)")
    _memory([each for each in blocks if each[""] == "Memory Device"], report)
    _firmware({each[""]: each for each in reversed(blocks)}, report)
    _disks(report)
    _nics(root, report)
    _cards(root, report)
    _processors(root, report)


def _memory(slots: list[Block], report: Report) -> None:
    full = 0
    for name, slot in zip(_names(slots), slots, strict=True):
        if re.match(r"[1-9][0-9]* ?[kMGT]", slot.get("Size", "")):
            full += 1
            _fact(report, f"dimm {name}", _module(slot))
    if slots:
        report.case("memory", "pass", f"{full} of {len(slots)} slots have a module")
        report.count("dimms", full)


def _names(slots: list[Block]) -> list[str]:
    """What each slot is called, whether it is empty or not: some boards call several alike."""
    names = [slot.get("Locator", "") for slot in slots]
    if len(set(names)) < len(names):
        banks = (_said(slot, "Bank Locator") for slot in slots)
        names = [f"{bank} {name}".strip() for bank, name in zip(banks, names, strict=True)]
    seen: Counter[str] = Counter()
    for place, name in enumerate(names):
        seen[name] += 1
        if seen[name] > 1:
            names[place] = f"{name} #{seen[name]}"
    return names


def _module(slot: Block) -> str:
    speed, runs = _said(slot, "Speed"), _said(slot, "Configured Memory Speed")
    runs = runs or _said(slot, "Configured Clock Speed")  # of older dmidecode
    return " ".join(
        [
            *_words(slot, "Size", "Type"),
            speed,
            f"(runs at {runs})" if runs and runs != speed else "",
            *_words(slot, "Manufacturer", "Part Number"),
            _serial(slot),
        ]
    )


def _firmware(blocks: dict[str, Block], report: Report) -> None:
    bios = blocks.get("BIOS Information", {})
    _fact(report, "firmware", " ".join(_words(bios, "Vendor", "Version", "Release Date")))
    for key, title in (("machine", "System Information"), ("board", "Base Board Information")):
        block = blocks.get(title, {})
        words = [*_words(block, "Manufacturer", "Product Name"), _serial(block)]
        _fact(report, key, " ".join(words))
    array = blocks.get("Physical Memory Array", {})
    _fact(report, "ecc", _said(array, "Error Correction Type") or ("none" if array else ""))


def _disks(report: Report) -> None:
    columns = "NAME,TYPE,SIZE,MODEL,SERIAL,REV,RM"
    said = _json("lsblk", "--json", "--bytes", "--nodeps", "--output", columns)
    found = 0
    for disk in said.get("blockdevices", []):
        name = str(disk.get("name"))
        if disk.get("type") != "disk" or disk.get("rm") or re.match(r"(zram|ram|nbd|fd)\d", name):
            continue
        found += 1
        words = [_size(int(disk["size"] or 0)), *(disk.get(key) or "" for key in ("model", "rev"))]
        serial = " ".join(str(disk.get("serial") or "").split())
        _fact(report, f"disk {serial or name}", " ".join(map(str, words)))
    report.case("disks", "pass", f"{found}")
    report.count("disks", found)


def _nics(root: Path, report: Report) -> None:
    found = 0
    for card in sorted((root / "sys/class/net").glob("*"), key=natural):
        if not (card / "device").exists():
            continue
        found += 1
        # In a bond, a card has the address of another.
        address = text(card / "bonding_slave/perm_hwaddr") or text(card / "address")
        own = number(card / "addr_assign_type") == 0 or (card / "bonding_slave").exists()
        device = (card / "device").resolve()
        kind = f"{text(device / 'vendor')}:{text(device / 'device')}".replace("0x", "")
        place = device.name if ":" in device.name else ""  # on the PCI bus
        driver = (device / "driver").resolve().name if (device / "driver").exists() else ""
        _fact(report, f"nic {address if own else card.name}", f"{driver} {kind} {place}")
    report.case("network cards", "pass", f"{found}")
    report.count("nics", found)


def _cards(root: Path, report: Report) -> None:
    found = 0
    for device in sorted((root / "sys/bus/pci/devices").glob("*")):
        if int(text(device / "class") or "0", 16) >> 16 in _CARDS:
            found += 1
            vendor, model = text(device / "vendor"), text(device / "device")
            said = f"{_VENDORS.get(vendor, '')} {vendor[2:]}:{model[2:]}"
            _fact(report, f"card {device.name}", said)
    report.count("cards", found)


def _processors(root: Path, report: Report) -> None:
    said = {each["field"].rstrip(":"): each["data"] for each in _json("lscpu", "--json")["lscpu"]}
    sockets, cores = said.get("Socket(s)", ""), said.get("Core(s) per socket", "")
    name = said.get("Model name") or said.get("Vendor ID") or said.get("Architecture", "")
    _fact(report, "cpu", " ".join(f"{sockets} x {name}, {cores} cores".split()))
    match = re.search(r"^microcode\s*:\s*(\S+)", _start(root / "proc/cpuinfo"), re.MULTILINE)
    _fact(report, "microcode", match[1] if match else "")
    report.case("processors", "pass", name)


def _blocks(root: Path) -> Iterator[Block]:
    """The structures of the firmware's table; none where there is no such table."""
    if not (root / dmi.TABLE).exists():  # dmidecode would search the memory for one
        return
    said = _run("dmidecode", "--type", "0,1,2,16,17")
    for part in said.split("\n\n"):
        lines = part.strip("\n").split("\n")
        if lines[0].startswith("Handle ") and len(lines) > 1:
            pairs = (line.strip().partition(": ") for line in lines[2:] if line.startswith("\t"))
            yield {"": lines[1].strip()} | {key: value.strip() for key, _, value in pairs}
    if "Memory Device" not in said:
        raise CannotLook("dmidecode says nothing of memory, though the firmware has a table")


def _json(*argv: str) -> dict[str, Any]:
    try:
        said: dict[str, Any] = json.loads(_run(*argv))
    except ValueError as error:
        raise CannotLook(f"{argv[0]} said no JSON: {error}") from error
    return said


def _run(*argv: str) -> str:
    """What a program says; CannotLook if it does not end well."""
    try:
        done = subprocess.run(argv, capture_output=True, timeout=_PATIENCE, check=True)
    except subprocess.CalledProcessError as error:
        last = (error.stderr or error.stdout).decode("utf-8", "replace").strip().split("\n")[-1]
        raise CannotLook(f"{argv[0]} ended with {error.returncode}: {last}") from error
    except (OSError, subprocess.SubprocessError) as error:
        raise CannotLook(f"{argv[0]}: {error}") from error
    return done.stdout.decode("utf-8", "replace")


def _fact(report: Report, key: str, value: str) -> None:
    value = " ".join(value.split())
    if value:
        report.fact(" ".join(key.split())[:60], value[:120])


def _words(block: Block, *keys: str) -> list[str]:
    return [_said(block, key) for key in keys]


def _said(block: Block, key: str) -> str:
    """What it says of *key*, if that is no filler."""
    said = block.get(key, "")
    return "" if _FILLER.fullmatch(said) else said


def _serial(block: Block) -> str:
    serial = _said(block, "Serial Number")
    return f"serial {serial}" if serial else ""


def _size(count: float) -> str:
    """As makers of disks write it: powers of 1000."""
    units = ["B", "kB", "MB", "GB", "TB"]
    while count >= 1000 and len(units) > 1:
        count /= 1000
        del units[0]
    return f"{count:.3g} {units[0]}"


def _start(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(16384).decode("utf-8", "replace")
    except OSError:
        return ""
