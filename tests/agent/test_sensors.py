"""
The sensors recipe, on two machines of which single values are changed by hand; what real ones
said, healthy and not, is in ``recordings/sensors``.
"""

from pathlib import Path
from typing import Any

import pytest

from tests.agent.probing import Seen, plant, probed
from tests.agent.target import Target

Chips = dict[str, dict[str, dict[str, float]]]

LAPTOP: Chips = {
    "coretemp": {
        "Package id 0": {"temp1_input": 47.0, "temp1_max": 84.0, "temp1_crit": 100.0,
                         "temp1_crit_alarm": 0.0},
        "Core 0": {"temp2_input": 45.0, "temp2_max": 84.0, "temp2_crit": 100.0},
        "Core 1": {"temp3_input": 46.0, "temp3_max": 84.0, "temp3_crit": 100.0},
    },
    "nvme": {
        "Composite": {"temp1_input": 38.85, "temp1_max": 81.85, "temp1_crit": 84.85,
                      "temp1_alarm": 0.0},
        "Sensor 1": {"temp2_input": 38.85, "temp2_max": 65261.85, "temp2_min": -273.15},
        "Sensor 2": {"temp3_input": 46.85},
    },
    "acpitz": {"temp1": {"temp1_input": 27.8}},
}  # fmt: skip
"""In the tests of freezxp/proxui (GitHub) as real output, and the odd limit of NVMe drives."""

BOARD: Chips = {
    "nct6775": {
        "fan1": {"fan1_input": 0, "fan1_min": 0, "fan1_alarm": 0},
        "CPU Fan": {"fan2_input": 1215, "fan2_min": 300, "fan2_alarm": 0},
        "SYSTIN": {"temp1_input": 32.0, "temp1_max": 0.0, "temp1_alarm": 1},
        "AUXTIN0": {"temp3_input": -128.0},
        "in0": {"in0_input": 1.0, "in0_min": 0.0, "in0_max": 1.74, "in0_alarm": 1},
    },
}
"""A desktop board, made by hand: an input with nothing at it, limits that nobody has set."""


def chips(folder: Path, said: Chips) -> Path:
    """A tree of hwmon in which *said* is true: in thousandths, but for fans and flags."""
    files: dict[str, str] = {}
    for number, (chip, features) in enumerate(said.items()):
        place = f"sys/class/hwmon/hwmon{number}"
        files[f"{place}/name"] = chip
        for label, values in features.items():
            for name, value in values.items():
                plain = name.startswith("fan") or name.endswith(("_alarm", "_fault"))
                files[f"{place}/{name}"] = f"{value if plain else value * 1000:.0f}"
                stem = name.partition("_")[0]
                if label != stem:
                    files[f"{place}/{stem}_label"] = label
    return plant(folder, files)


def seen(target: Target, said: Chips, **more: str) -> Seen:
    tree = chips(target.home / "tree", said)
    plant(tree, {name.replace("__", "/"): text for name, text in more.items()})
    return probed(target, "sensors", tree)


def with_(said: Chips, chip: str, feature: str, **values: float) -> Chips:
    """*said*, but for some values."""
    changed: dict[str, Any] = {name: dict(features) for name, features in said.items()}
    changed[chip][feature] = {**changed[chip][feature], **values}
    return changed


def test_a_cool_one_passes(target: Target) -> None:
    found = seen(target, LAPTOP)
    assert (found.verdict, found.reason) == ("pass", "")
    assert found.metrics == {"hottest": 47}
    assert "pass  coretemp Package id 0: 47 °C" in found.said
    assert "7 looked at" in found.said


@pytest.mark.parametrize(
    ("chip", "feature", "values", "expected", "why"),
    [
        ("coretemp", "Package id 0", {"temp1_input": 100.0}, "fail",
         "coretemp Package id 0: 100 °C, critical from 100 °C"),
        ("coretemp", "Package id 0", {"temp1_input": 84.0}, "warn", "84 °C, at most 84 °C"),
        ("coretemp", "Package id 0", {"temp1_input": 84.0, "temp1_crit_alarm": 1.0}, "fail",
         "critical, by its own alarm: 84 °C"),
        ("coretemp", "Package id 0", {"temp1_input": 33.0, "temp1_crit_alarm": 1.0}, "warn",
         "its alarm is on: 33 °C"),
        ("coretemp", "Package id 0", {"temp1_input": 83.9}, "pass", ""),
        ("nvme", "Composite", {"temp1_input": 85.85}, "fail", "nvme Composite: 85.85 °C"),
        ("nvme", "Composite", {"temp1_alarm": 1.0}, "warn", "its alarm is on"),
        ("coretemp", "Core 0", {"temp2_input": 255.0}, "pass", ""),  # nothing is at it
        ("coretemp", "Core 0", {"temp2_input": 127.5}, "pass", ""),  # nor here
        ("nvme", "Sensor 1", {"temp2_fault": 1.0}, "warn", "its sensor says that it is broken"),
    ],
)  # fmt: skip
def test_what_is_hot(
    target: Target, chip: str, feature: str, values: dict[str, float], expected: str, why: str
) -> None:
    found = seen(target, with_(LAPTOP, chip, feature, **values))
    assert found.verdict == expected, found.said
    assert why in found.reason


@pytest.mark.parametrize(
    ("values", "expected", "why"),
    [
        ({}, "pass", ""),
        ({"fan2_input": 0}, "warn", "CPU Fan: 0 rpm, at least 300 rpm: it stands, or is not there"),
        ({"fan2_input": 290}, "fail", "290 rpm, at least 300 rpm"),
        ({"fan2_fault": 1}, "fail", "it says that it is broken"),
        ({"fan2_alarm": 1}, "warn", "its alarm is on: 1215 rpm"),
    ],
)
def test_fans(target: Target, values: dict[str, float], expected: str, why: str) -> None:
    found = seen(target, with_(BOARD, "nct6775", "CPU Fan", **values))
    assert found.verdict == expected, found.said
    assert why in found.reason
    assert "AUXTIN0: nothing is measured there" in found.said


@pytest.mark.parametrize(
    ("chip", "expected"), [("applesmc", "fail"), ("amdgpu", "pass"), ("emc2305", "fail")]
)
def test_a_fan_that_is_there_and_stands_still(target: Target, chip: str, expected: str) -> None:
    still = {chip: {"fan": {"fan1_input": 0.0, "fan1_min": 400.0}, "temp1": {"temp1_input": 30.0}}}
    assert seen(target, still).verdict == expected


def test_a_fan_that_does_not_answer(target: Target) -> None:
    tree = chips(target.home / "tree", BOARD)
    (tree / "sys/class/hwmon/hwmon0/fan2_input").write_text("")
    assert probed(target, "sensors", tree).verdict == "warn"


def test_throttling_since_the_start(target: Target) -> None:
    counts = {
        f"sys/devices/system/cpu/cpu{cpu}/thermal_throttle/{kind}_throttle_count": "0"
        for cpu in range(12)
        for kind in ("core", "package")
    }
    assert seen(target, LAPTOP | {}, **_keys(counts)).verdict == "pass"
    target.state = target.state.with_name("again")
    counts["sys/devices/system/cpu/cpu11/thermal_throttle/core_throttle_count"] = "17"
    found = seen(target, LAPTOP, **_keys(counts))
    assert found.verdict == "warn"
    assert found.reason == "core throttling: slowed down for heat 17 times"
    assert found.counts == {"core_throttled": 17, "package_throttled": 0}


def _keys(files: dict[str, str]) -> dict[str, str]:
    return {name.replace("/", "__"): text for name, text in files.items()}


def test_without_a_chip_it_is_a_skip(target: Target) -> None:
    found = seen(target, {})
    assert found.verdict == "skip"
    assert "no chip here measures" in found.reason


def test_the_real_one(target: Target) -> None:
    found = probed(target, "sensors")
    assert found.verdict in ("pass", "skip", "warn"), found
    assert found.said.endswith(" looked at\n")
