"""
Whether devices are connected as well as both ends can: PCI Express lanes and speed, network speed.

Fewer lanes than both ends have is a failure: a bad contact, or the wrong slot. But a switch that
is part of the board may be wired with fewer: a warning. So is a lower speed, to be looked at under
load: many devices, graphics above all, slow down to save power. Network and storage devices do
not: a failure.
"""

import re
import subprocess
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

from agent.probes.report import CannotLook, Report
from agent.probes.sysfs import number, text

_KINDS = {0x01: "storage", 0x02: "network", 0x03: "graphics", 0x06: "bridge", 0x12: "accelerator"}
_STEADY = ("storage", "network")
_PATIENCE = 20.0
_ETHERNET = 1  # ARPHRD_ETHER


def look(root: Path, report: Report) -> None:
    """Look at every link of PCI Express that has a device at its end, and at every network card."""
    for device in sorted((root / "sys/bus/pci/devices").glob("*")):
        _pci(device.resolve(), report)
    for card in sorted((root / "sys/class/net").glob("*")):
        if (card / "device").exists() and number(card / "type") == _ETHERNET:
            _network(card, report)
    if not report.cases:
        report.case("link", "skip", "there is no PCI Express link and no network card in use here")


def _pci(device: Path, report: Report) -> None:
    """
    The link above *device*; each is told once, at its lower end, by its first function.

    What both ends can is what counts: a card for 16 lanes may well be in a slot with 8. Inside a
    switch, as many cards have one, there is no link: what its lower ports say is of that below.
    """
    port = device.parent
    width = _numbers(device / "current_link_width", port / "current_link_width")
    if not device.name.endswith(".0") or len(width) < 2 or not width[0] or _in_switch(device):
        return
    kind = _kind(device)
    name = f"{kind} {device.name}"
    lanes = min(_numbers(device / "max_link_width", port / "max_link_width"), default=0)
    fastest = min(_numbers(device / "max_link_speed", port / "max_link_speed"), default=0)
    speed = _numbers(device / "current_link_speed")
    if not (speed and lanes and fastest):
        report.case(name, "error", "it does not say what its link can, or does")
        return
    now = f"{speed[0]:g} GT/s, {width[0]:g} lanes"
    if width[0] < lanes:
        verdict = "warn" if kind == "bridge" else "fail"
        report.case(name, verdict, f"{now}; both ends can {lanes:g} lanes")
    elif speed[0] < fastest:
        verdict = "fail" if kind in _STEADY else "warn"
        report.case(name, verdict, f"{now}; both ends can {fastest:g} GT/s")
    else:
        report.case(name, "pass", now)


def _kind(device: Path) -> str:
    """What it is; of a switch with one lower port, as cards have, what is below that."""
    kind = _KINDS.get(int(text(device / "class") or "0", 16) >> 16, "device")
    below = sorted(path.parent for path in device.glob("[0-9]*/class"))
    return _kind(below[0]) if kind == "bridge" and len(below) == 1 else kind


def _in_switch(device: Path) -> bool:
    """
    Whether it is a lower port of a switch: below a root port, upper and lower ones alternate.

    A bridge that is a host for others (VMD, with NVMe behind it) has a root of their own below it.
    """
    above = list(takewhile(lambda each: (each / "class").is_file(), device.parents))
    return bool(above) and len(above) % 2 == 0


def _numbers(*paths: Path) -> list[float]:
    """The first number in each: ``8.0 GT/s PCIe``, ``16``; those that say none are left out."""
    found = (re.match(r"[0-9]+(\.[0-9]+)?", text(path)) for path in paths)
    return [float(match[0]) for match in found if match]


def _network(card: Path, report: Report) -> None:
    if number(card / "carrier") != 1:
        report.note(f"{card.name}: no cable, or not in use")
        return
    wrong = number(card / "statistics/rx_crc_errors") or 0
    report.count("crc_errors", wrong)
    speed = number(card / "speed") or 0
    if speed <= 0:
        report.note(f"{card.name}: it has no speed (a virtual one?)")
        return
    both, ours = _modes(card.name)
    half = " half duplex" if text(card / "duplex") == "half" else ""
    now = f"{speed} Mb/s{half}"
    if both and speed < both:
        report.case(card.name, "fail", f"{now}; both ends can {both} Mb/s")
    elif half and speed > 10:
        report.case(card.name, "fail", f"{now}: the ends do not agree")
    elif wrong:
        report.case(card.name, "warn", f"{now}, {wrong} damaged packets came in")
    elif not both and speed < ours:
        report.case(card.name, "warn", f"{now}; it can {ours} Mb/s, its other end does not say")
    else:
        report.case(card.name, "pass", now)


def _modes(card: str) -> tuple[int, int]:
    """The best speed that both ends offer, and that ours can, in Mb/s; 0 where that is not said."""
    try:
        said = subprocess.run(
            ["ethtool", card], capture_output=True, text=True, timeout=_PATIENCE, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise CannotLook(f"ethtool {card}: {error}") from error
    blocks = dict(_blocks(said))
    ours = _speeds(blocks.get("Supported link modes", ""))
    theirs = _speeds(blocks.get("Link partner advertised link modes", ""))
    offered = _speeds(blocks.get("Advertised link modes", "")) or ours
    return max(offered & theirs, default=0), max(ours, default=0)


def _blocks(said: str) -> Iterator[tuple[str, str]]:
    """Each ``key: value`` of ethtool, with the lines that go on with it."""
    for match in re.finditer(r"^\s*([A-Z][\w -]*):(.*(?:\n\s+[0-9].*)*)", said, re.MULTILINE):
        yield match[1], match[2]


def _speeds(modes: str) -> set[int]:
    return {int(each) for each in re.findall(r"\b([0-9]+)base", modes)}
