"""
Temperatures and fans against the limits that each chip itself gives (hwmon), and how often
processors were throttled for heat since the start.

At its critical limit or above, a part is in danger: a failure. At its maximum, or throttled, it
is a warning. Voltages are left alone: what boards give as their limits is mostly not set.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from agent.probes.report import Report
from agent.probes.sysfs import natural, number, text

_COLDEST, _HOTTEST = -40.0, 150.0
"""Degrees; what is beyond is an input with nothing at it."""


@dataclass(frozen=True, slots=True)
class _Sensor:
    """One input of a chip: ``hwmon0/temp1``."""

    chip: Path
    stem: str

    @property
    def name(self) -> str:
        said = text(self.chip / f"{self.stem}_label") or self.stem
        return f"{text(self.chip / 'name') or self.chip.name} {said}"

    def number(self, what: str) -> int | None:
        return number(self.chip / f"{self.stem}_{what}")

    def degrees(self, what: str) -> float | None:
        """A temperature; None if it is not there, or none that there can be."""
        found = self.number(what)
        if found is None or not _COLDEST < found / 1000 < _HOTTEST:
            return None
        return found / 1000

    def limit(self, what: str) -> float | None:
        """A limit that somebody has set."""
        found = self.degrees(what)
        return found if found is not None and found > 0 else None

    def alarm(self, what: str) -> bool:
        return self.number(what) == 1


def look(root: Path, report: Report) -> None:
    """Look at every chip that measures."""
    hottest: list[float] = []
    for chip in sorted((root / "sys/class/hwmon").glob("hwmon[0-9]*"), key=natural):
        for sensor in _sensors(chip, "temp"):
            if (found := _temperature(sensor, report)) is not None:
                hottest.append(found)
        for sensor in _sensors(chip, "fan"):
            _fan(sensor, report)
    _throttled(root, report)
    if hottest:
        report.metric("hottest", max(hottest), "°C")
    if not report.cases:
        report.case("sensors", "skip", "no chip here measures temperatures or fans (hwmon)")


def _sensors(chip: Path, kind: str) -> list[_Sensor]:
    found = {
        match[1]
        for path in chip.glob(f"{kind}[0-9]*_*")
        if (match := re.fullmatch(rf"({kind}[0-9]+)_(?:input|fault)", path.name))
    }
    return [_Sensor(chip, stem) for stem in sorted(found, key=lambda each: natural(Path(each)))]


def _temperature(sensor: _Sensor, report: Report) -> float | None:
    if sensor.alarm("fault"):
        report.case(sensor.name, "warn", "its sensor says that it is broken")
        return None
    if (now := sensor.degrees("input")) is None:
        report.note(f"{sensor.name}: nothing is measured there")
        return None
    said = f"{now:g} °C"
    critical, most = sensor.limit("crit"), sensor.limit("max")
    if sensor.alarm("emergency_alarm") or sensor.alarm("crit_alarm"):
        report.case(sensor.name, "fail", f"critical, by its own alarm: {said}")
    elif critical is not None and now >= critical:
        report.case(sensor.name, "fail", f"{said}, critical from {critical:g} °C")
    elif most is not None and now >= most:
        report.case(sensor.name, "warn", f"{said}, at most {most:g} °C")
    elif (most or critical) and (sensor.alarm("max_alarm") or sensor.alarm("alarm")):
        report.case(sensor.name, "warn", f"its alarm is on: {said}")
    else:
        report.case(sensor.name, "pass", said)
    return now


def _fan(sensor: _Sensor, report: Report) -> None:
    now, least = sensor.number("input"), sensor.number("min")
    if sensor.alarm("fault"):
        report.case(sensor.name, "fail", "it says that it is broken")
    elif now is None:
        report.case(sensor.name, "warn", "its speed cannot be read")
    elif least and now < least:
        report.case(sensor.name, "fail", f"{now} rpm, at least {least} rpm")
    elif sensor.alarm("alarm") and least:
        report.case(sensor.name, "warn", f"its alarm is on: {now} rpm")
    elif now:
        report.case(sensor.name, "pass", f"{now} rpm")
    else:
        report.note(f"{sensor.name}: it stands still, or there is none; it has no limit")


def _throttled(root: Path, report: Report) -> None:
    """How often processors were slowed down for heat; each of a package tells of all of it."""
    counters = list((root / "sys/devices/system/cpu").glob("cpu[0-9]*/thermal_throttle/*_count"))
    if not counters:
        return
    for kind in ("core", "package"):
        counts = [number(path) or 0 for path in counters if path.name == f"{kind}_throttle_count"]
        worst = max(counts, default=0)
        report.count(f"{kind}_throttled", worst)
        if worst:
            report.case(f"{kind} throttling", "warn", f"slowed down for heat {worst} times")
        elif counts:
            report.case(f"{kind} throttling", "pass")
