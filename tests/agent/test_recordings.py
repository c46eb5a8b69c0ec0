"""
What the probes and the smart recipe make of real machines, healthy and not.

Where each is from is said in its file (``recordings/``). Those that are well must pass: a line
that is always there is soon no longer read.
"""

import json
from pathlib import Path

import pytest

from agent.catalogue import PACKAGED
from agent.recipe import load
from agent.rehearsal import Samples, rehearse
from tests.agent import recorded

PASS = ("pass", "")
EDAC = {
    "csrow-healthy": PASS,
    "csrow-xeon-corrected": ("warn", "mc1 csrow0: 22 errors were corrected"),
    "dimm-without-counts": ("warn", "mc1 csrow1: 31 errors were corrected"),
    "node-exporter-fixture": ("fail", "mc0 csrow0: 4 errors could not be corrected, 3 corrected"),
    "rank-epyc-one-corrected": ("warn", "mc0 rank4: 1 errors were corrected"),
}
LINK = {
    "chipset-x4-of-x8": ("warn", "bridge 0000:01:00.0: 16 GT/s, 4 lanes; both ends can 8 lanes"),
    "gpu-3080-few-lanes": ("fail", "graphics 0000:04:00.0: 2.5 GT/s, 4 lanes"),
    "gpu-4090-idle": ("warn", "2.5 GT/s, 16 lanes; both ends can 16 GT/s"),
    "gpu-navi48-in-x8": PASS,
    "nic-82576": PASS,
    "nic-i350": PASS,
    "nvme-fpga-slow": ("fail", "storage 0000:01:00.0: 2.5 GT/s, 4 lanes; both ends can 8 GT/s"),
    "nvme-in-slower-port": PASS,
    "nvme-pi5": PASS,
    "radeon-in-gen3": PASS,
    "switch-asm1184e": PASS,
}
SENSORS = {
    "asrock-x570-radeon": PASS,
    "asrock-z77-limits-unset": PASS,
    "asus-atk0110-alarm-of-old": ("warn", "coretemp Core 0: its alarm is on: 78 °C"),
    "asus-et2010-limit-below-limit": PASS,
    "asus-gl553-fan-minus-one": PASS,
    "dell-2950-amb": PASS,
    "dell-studio-1749-hot": ("fail", "coretemp Core 0: critical, by its own alarm: 87 °C"),
    "f71889ed-255-degrees": PASS,
    "fans-bound-to-the-board": ("fail", "100 °C, critical from 100 °C"),
    "gentoo-w83667hg-rubbish": PASS,
    "it8665-127-degrees": PASS,
    "k10temp-above-its-maximum": ("warn", "k10temp Core0 Temp: 73.2 °C, at most 70 °C"),
    "supermicro-opterons": PASS,
    "supermicro-x11-floating": ("skip", ""),
}
DMESG = {
    "aer-correctable": ("warn", "pcie: pcieport 0000:00:00.0: AER: Correctable error message"),
    "aer-corrected": ("warn", "(one of 2)"),
    "ata-cable": ("fail", "io: ata2: hard resetting link"),
    "dock-unplugged": ("warn", "Slot(1): Link Down (one of 2)"),
    "dpc-containment": ("fail", "DPC: unmasked uncorrectable error detected (one of 2)"),
    "edac-corrected-amd": ("warn", "edac: EDAC amd64 MC1: CE ERROR_ADDRESS= 0xf075b2410"),
    "edac-corrected-sandy-bridge": ("warn", "edac: EDAC MC0: 1 CE memory read error"),
    "gpu-fallen-off": ("fail", "GPU has fallen off the bus"),
    "container-out-of-memory": ("warn", "oom: oom-kill:constraint=CONSTRAINT_MEMCG"),
    "healthy-aer-enabled": PASS,
    "healthy-loop-shut-down": PASS,
    "healthy-mining-board": PASS,
    "healthy-proxmox-5700u": PASS,
    "healthy-r8169-starts": PASS,
    "healthy-raid-and-optical": PASS,
    "nvme-lost": ("fail", "io: nvme nvme0: Removing after probe failure status: -19"),
    "nvme-never-came": ("fail", "io: nvme nvme0: Device not ready; aborting initialisation"),
    "nvme-timeouts": ("fail", "io: nvme nvme0: I/O 309 (Write) QID 1 timeout, aborting"),
    "raid-degraded": ("warn", "io: md/raid1:md127: active with 1 out of 2 mirrors"),
    "stall-of-one": ("fail", "hang: INFO: rcu_sched_state detected stall on CPU 0"),
    "stall-seen-by-itself": ("fail", "hang: INFO: rcu_sched self-detected stall on CPU"),
    "throttled-ux31a": ("warn", "cpu clock throttled (total events = 421879) (one of 2)"),
    "trim-refused": PASS,
    "write-misaligned": ("fail", "io: print_req_error: I/O error, dev sdc, sector 455471632"),
}  # fmt: skip
SMART = {
    "not-there": ("error", "Unable to detect device type"),
    "nvme-970-evo-media-errors": ("warn", "media errors: 7"),
    "nvme-kxg60-healthy": PASS,
    "nvme-ssdpedmd-healthy": PASS,
    "nvme-worn-out": ("fail", "the disk says that it is failing"),
    "raid-volume": ("error", "the disk does not say whether it is well (exit code 4"),
    "sas-behind-megaraid-healthy": PASS,
    "sas-h109060-healthy": PASS,
    "sas-st1200mm-healthy": PASS,
    "sata-hds721050-failing": ("fail", "the disk says that it is failing (exit code 216"),
    "sata-helium-healthy": PASS,
    "sata-one-block-replaced": ("warn", "blocks have been replaced: 1"),
    "sata-st12000nm-unreadable": ("warn", "blocks that cannot be read: 624"),
    "sata-st3000dm001-self-test": ("warn", "failed self-tests in its log: 1"),
    "scsi-st373453-switched-off": ("error", "SMART is switched off on this disk"),
}
LOOKED = {"edac": EDAC, "link": LINK, "sensors": SENSORS, "dmesg": DMESG}
ALL = LOOKED | {"smart": SMART}


@pytest.mark.parametrize(
    ("recipe", "name"), [(recipe, name) for recipe, table in LOOKED.items() for name in table]
)
def test_what_a_probe_makes_of_it(tmp_path: Path, recipe: str, name: str) -> None:
    expected, why = LOOKED[recipe][name]
    report = recorded.looked(recipe, recorded.FOLDER / recipe / f"{name}.txt", tmp_path)
    told = [f"{case}: {why}" for case, verdict, why in report.cases if verdict == expected]
    assert report.worst == expected, report.cases
    assert any(why in each for each in told), report.cases


@pytest.mark.parametrize("name", SMART)
def test_what_the_smart_recipe_makes_of_it(name: str) -> None:
    expected, why = SMART[name]
    said = recorded.body(recorded.FOLDER / "smart" / f"{name}.json")
    code = json.loads(said).get("smartctl", {}).get("exit_status", 0)
    found = rehearse(
        load(PACKAGED / "smart.toml"), {}, Samples(log=said.encode(), exit=code)
    )  # fmt: skip
    assert found.verdict == expected, found.reason
    assert why in found.reason


@pytest.mark.parametrize("recipe", ALL)
def test_each_is_judged_and_says_where_it_is_from(recipe: str) -> None:
    assert {path.stem for path in recorded.files(recipe)} == set(ALL[recipe])
    for path in recorded.files(recipe):
        head = path.read_text()[: -len(recorded.body(path))]
        assert "\n# From: " in head, path.name


def test_two_lines_of_one_reading_are_told_apart(tmp_path: Path) -> None:
    """The reader of recordings itself: what the printed text says is what the tree then says."""
    path = recorded.FOLDER / "sensors/supermicro-opterons.txt"
    recorded.looked("sensors", path, tmp_path)
    chip = tmp_path / "sys/class/hwmon/hwmon1"
    told = {each.name: each.read_text().strip() for each in chip.iterdir()}
    assert told == {
        "name": "k10temp", "temp1_label": "temp1", "temp1_input": "11100", "temp1_max": "70000",
        "temp1_crit": "70000", "temp1_hyst": "67000",
    }  # fmt: skip
