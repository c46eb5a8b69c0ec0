"""
What real machines said (``recordings/``), and trees of sysfs in which it is true.

Each file begins with lines that say where it is from; see ``recordings/README.md``.
"""

import importlib
import io
import re
from pathlib import Path

from agent.probes.report import CannotLook, Report
from tests.agent.probing import plant

FOLDER = Path(__file__).with_name("recordings")


def files(recipe: str) -> list[Path]:
    """All that was recorded for *recipe*."""
    return sorted((FOLDER / recipe).iterdir())


def body(path: Path) -> str:
    """What was said, without the lines on where it is from."""
    return re.sub(r"\A(?:#.*\n)+", "", path.read_text())


def looked(recipe: str, path: Path, root: Path) -> Report:
    """What the probe of that name makes of the recording, in a tree at *root*."""
    _PLANTED[recipe](root, body(path))
    report = Report(io.StringIO(), channel="")
    try:
        importlib.import_module(f"agent.probes.{recipe}").look(root, report)
    except CannotLook as error:
        report.case(recipe, "error", str(error))
    return report


def _edac(root: Path, said: str) -> None:
    plant(root, dict(line[1:].rsplit(":", 1) for line in said.splitlines()))


_DEVICE = re.compile(r"( *)(\S+) ([0-9a-f]{4})  (\S+) x(\d+) of (\S+) x(\d+)")


def _link(root: Path, said: str) -> None:
    above: list[str] = []
    (root / "sys/bus/pci/devices").mkdir(parents=True)
    for line in said.splitlines():
        match = _DEVICE.fullmatch(line)
        assert match, line
        indent, name, kind, speed, width, fastest, lanes = match.groups()
        above[len(indent) // 2 :] = [f"0000:{name}"]
        place = "/".join(["sys/devices/pci0000:00", *above])
        plant(
            root,
            {
                f"{place}/class": f"0x{kind}00",
                f"{place}/current_link_speed": f"{speed} GT/s PCIe",
                f"{place}/current_link_width": width,
                f"{place}/max_link_speed": f"{fastest} GT/s PCIe",
                f"{place}/max_link_width": lanes,
            },
        )
        (root / "sys/bus/pci/devices" / above[-1]).symlink_to(root / place)


_FEATURE = re.compile(r"([^:]+): +(?:([+-]?[\d.]+) ?(mV|V|RPM|°?C|W)|(FAULT))\b(.*)")
_LIMITS = {"high": "max", "low": "min", "emerg": "emergency"}
_ALARMS = {"ALARM (CRIT)": "crit_alarm", "ALARM (MAX)": "max_alarm"}
_KINDS = {"V": "in", "mV": "in", "RPM": "fan", "W": "power"}


def _sensors(root: Path, said: str) -> None:
    """Blocks of chips: a name, and their features, each maybe over several lines."""
    for number, chip in enumerate(said.split("\n\n")):
        place = f"sys/class/hwmon/hwmon{number}"
        name, *lines = re.sub(r"\n +\(", " (", chip.strip()).splitlines()
        told = {"name": name.split("-")[0]}
        for line in lines:
            if match := _FEATURE.match(line.strip()):
                told |= _feature(told, *match.groups(default=""))
        plant(root, {f"{place}/{file}": text for file, text in told.items()})


def _feature(
    told: dict[str, str], label: str, value: str, unit: str, fault: str, more: str
) -> dict[str, str]:
    kind = _KINDS.get(unit, "temp")
    stem = next(f"{kind}{n}" for n in range(1, 99) if f"{kind}{n}_label" not in told)
    scale = {"RPM": 1, "mV": 1, "W": 1_000_000}.get(unit, 1000)
    files = {f"{stem}_label": label}
    files |= {f"{stem}_fault": "1"} if fault else {f"{stem}_input": f"{float(value) * scale:.0f}"}
    for limit, number, of in re.findall(r"(\w+) += +([+-]?[\d.]+) ?(\w*)", more):
        by = {"V": 1000, "mV": 1}.get(of, scale)
        files[f"{stem}_{_LIMITS.get(limit, limit)}"] = f"{float(number) * by:.0f}"
    if alarm := re.search(r"ALARM(?: \(\w+\))?", more):
        files[f"{stem}_{_ALARMS.get(alarm[0], 'alarm')}"] = "1"
    return files


def _dmesg(root: Path, said: str) -> None:
    texts = [re.sub(r"^\[ *[\d.]+\] ", "", line) for line in said.splitlines()]
    lines = [f"6,{number},{number}000000,-;{text}" for number, text in enumerate(texts)]
    plant(root, {"dev/kmsg": "\n".join(lines)})


_PLANTED = {"edac": _edac, "link": _link, "sensors": _sensors, "dmesg": _dmesg}
