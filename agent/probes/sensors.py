"""
Temperatures and fans against the limits that each chip itself gives (hwmon), and how often
processors were throttled for heat since the start.

At its critical limit or above, a part is in danger: a failure. At its maximum, or throttled, it
is a warning; so is a critical alarm of one that is cool again, for that of processors stays on.
A fan that stands still, or a sensor that says that it is broken, is bad; but on a chip of a board,
which measures voltages as well, maybe nothing was ever plugged in there.

Voltages are left alone, but for one thing: such chips begin with whatever is in their registers,
and many boards set little of it. One whose limits contradict each other was never set up, and
none of its limits and alarms means anything.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from agent.probes.report import Report
from agent.probes.sysfs import natural, number, text

_COLDEST, _HOTTEST = -40.0, 150.0
"""Degrees; what is beyond is an input with nothing at it."""
_FULL = (127.0, 128.0)
"""Degrees; so is the most that a byte can say."""
_ALARMS = ("emergency_", "crit_", "max_", "")
_GRAPHICS = ("amdgpu", "radeon", "nouveau", "xe", "i915")  # their fans stand still while cool


@dataclass(frozen=True, slots=True)
class _Sensor:
    """One input of a chip: ``hwmon0/temp1``."""

    chip: Path
    stem: str
    set_up: bool
    """Whether its chip's limits are ones that somebody has set."""

    @property
    def name(self) -> str:
        said = text(self.chip / f"{self.stem}_label") or self.stem
        return f"{text(self.chip / 'name') or self.chip.name} {said}"

    @property
    def on_board(self) -> bool:
        """Whether it is where something may be plugged in, or not."""
        return any(self.chip.glob("in[0-9]*_input"))

    def number(self, what: str) -> int | None:
        return number(self.chip / f"{self.stem}_{what}")

    def degrees(self, what: str) -> float | None:
        """A temperature; None if it is not there, or none that there can be."""
        found = self.number(what)
        if found is None or not _COLDEST < (said := found / 1000) < _HOTTEST:
            return None
        return None if _FULL[0] <= said <= _FULL[1] else said

    def limit(self, what: str) -> float:
        """A limit that somebody has set, or 0."""
        return max(0.0, self.degrees(what) or 0.0)

    def alarm(self, what: str) -> bool:
        return self.number(f"{what}alarm") == 1


def look(root: Path, report: Report) -> None:
    """Look at every chip that measures."""
    hottest: list[float] = []
    for chip in sorted((root / "sys/class/hwmon").glob("hwmon[0-9]*"), key=natural):
        set_up = _set_up(chip)
        for sensor in _sensors(chip, "temp", set_up):
            if (found := _temperature(sensor, report)) is not None:
                hottest.append(found)
        for sensor in _sensors(chip, "fan", set_up):
            _fan(sensor, report)
    _throttled(root, report)
    if hottest:
        report.metric("hottest", max(hottest), "°C")
    if not report.cases:
        report.case(
            "sensors", "skip", "no chip here measures temperatures or fans, with limits (hwmon)"
        )


def _set_up(chip: Path) -> bool:
    """Whether its limits make sense: none below zero, no voltage at least this and at most less."""
    if any((number(path) or 0) < 0 for path in chip.glob("temp[0-9]*_max")):
        return False
    for path in chip.glob("in[0-9]*_min"):
        least, most = number(path), number(path.with_name(path.name.replace("_min", "_max")))
        if least is not None and most is not None and least >= most:
            return False
    return True


def _sensors(chip: Path, kind: str, set_up: bool) -> list[_Sensor]:
    found = {
        match[1]
        for path in chip.glob(f"{kind}[0-9]*_*")
        if (match := re.fullmatch(rf"({kind}[0-9]+)_(?:input|fault)", path.name))
    }
    stems = sorted(found, key=lambda each: natural(Path(each)))
    return [_Sensor(chip, stem, set_up) for stem in stems]


def _temperature(sensor: _Sensor, report: Report) -> float | None:
    """Look at one; how hot it is, if that can be believed."""
    broken = sensor.number("fault") == 1
    if broken and not sensor.on_board:
        report.case(sensor.name, "warn", "its sensor says that it is broken")
        return None
    if broken or (now := sensor.degrees("input")) is None:
        report.note(f"{sensor.name}: nothing is measured there")
        return None
    said = f"{now:g} °C"
    if not sensor.set_up:
        report.note(f"{sensor.name}: {said}; the limits of its chip make no sense")
        return None
    most = sensor.limit("max")
    critical = max(most, limit) if (limit := sensor.limit("crit")) else 0.0
    hot = now >= (most or critical or _HOTTEST)
    if critical and now >= critical:
        report.case(sensor.name, "fail", f"{said}, critical from {critical:g} °C")
    elif hot and (sensor.alarm("emergency_") or sensor.alarm("crit_")):
        report.case(sensor.name, "fail", f"critical, by its own alarm: {said}")
    elif hot:
        report.case(sensor.name, "warn", f"{said}, at most {most:g} °C")
    elif (most or critical) and any(sensor.alarm(each) for each in _ALARMS):
        report.case(sensor.name, "warn", f"its alarm is on: {said}")
    else:
        report.case(sensor.name, "pass", said)
    return now


def _fan(sensor: _Sensor, report: Report) -> None:
    now = sensor.number("input")
    least = (sensor.number("min") or 0) if sensor.set_up else 0
    rests = now == 0 and text(sensor.chip / "name") in _GRAPHICS
    if sensor.number("fault") == 1:
        report.case(sensor.name, "fail", "it says that it is broken")
    elif now is None:
        report.case(sensor.name, "warn", "its speed cannot be read")
    elif now < 0 or rests or (now == 0 and not least):
        report.note(f"{sensor.name}: it stands still, or there is none; it has no limit")
    elif now == 0 and sensor.on_board:
        report.case(sensor.name, "warn", f"0 rpm, at least {least} rpm: it stands, or is not there")
    elif now < least:
        report.case(sensor.name, "fail", f"{now} rpm, at least {least} rpm")
    elif least and sensor.alarm(""):
        report.case(sensor.name, "warn", f"its alarm is on: {now} rpm")
    else:
        report.case(sensor.name, "pass", f"{now} rpm")


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
