"""The inventory recipe: the real dmidecode on tables made here, lsblk and lscpu as they are."""

import json
import subprocess
from pathlib import Path

import pytest

from agent import dmi, machine
from agent.catalogue import PACKAGED
from agent.recipe import load
from tests.agent.dmi_tables import (
    ARRAY,
    ARRAY_WITHOUT_ECC,
    BIOS,
    BOARD,
    SYSTEM,
    dump,
    module,
    table,
)
from tests.agent.probing import HERE, Seen, plant, probed
from tests.agent.replay import a_program
from tests.agent.target import Target

SLOTS = (
    module(0, "DIMM_A1", 16384),
    module(1, "DIMM_A2", 0),
    module(2, "DIMM_B1", 16384, speed=2666),
)
SERVER = table(BIOS, SYSTEM, BOARD, ARRAY, *SLOTS)


def firmware(target: Target, monkeypatch: pytest.MonkeyPatch, whole: bytes) -> Path:
    """A tree whose firmware has that table, as the real dmidecode reads it."""
    tree = plant(target.home / "tree", {"sys/firmware/dmi/tables/x": ""})
    (tree / dmi.TABLE).write_bytes(whole)
    (target.home / "dump").write_bytes(dump(whole))
    script = f'exec /usr/sbin/dmidecode --from-dump {target.home}/dump "$@"'
    monkeypatch.setenv("PATH", a_program(target.home / "bin", "dmidecode", script))
    return tree


@pytest.fixture
def server(target: Target, monkeypatch: pytest.MonkeyPatch) -> Path:
    return firmware(target, monkeypatch, SERVER)


def test_what_the_firmware_knows(target: Target, server: Path) -> None:
    found = probed(target, "inventory", server)
    assert (found.verdict, found.reason) == ("pass", ""), found.said
    facts = found.facts
    assert facts["dimm DIMM_A1"] == (
        "16 GB DDR4 3200 MT/s (runs at 2933 MT/s) Samsung M393A2K40DB3-CWE serial 0391A2B0"
    )
    assert facts["dimm DIMM_B1"] == "16 GB DDR4 2666 MT/s Samsung M393A2K40DB3-CWE serial 0391A2B2"
    assert "dimm DIMM_A2" not in facts
    assert facts["firmware"] == "Dell Inc. 2.18.1 04/12/2023"
    assert facts["machine"] == "Dell Inc. PowerEdge R6515 serial EXAMPLE1"
    assert facts["board"] == "Dell Inc. 0R4CNN"  # its serial number is a filler
    assert facts["ecc"] == "Multi-bit ECC"
    assert found.counts["dimms"] == 2


def test_a_module_that_is_gone_is_gone_from_the_facts(
    target: Target, monkeypatch: pytest.MonkeyPatch, server: Path
) -> None:
    before = probed(target, "inventory", server).facts
    target.state = target.state.with_name("later")
    less = table(BIOS, SYSTEM, BOARD, ARRAY, SLOTS[0], SLOTS[1], module(2, "DIMM_B1", 0))
    after = probed(target, "inventory", firmware(target, monkeypatch, less)).facts
    assert set(before) - set(after) == {"dimm DIMM_B1"}
    assert {key: value for key, value in before.items() if key in after} == after


def test_slots_of_one_name_are_told_apart_empty_or_not(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    alike = [module(n, "DIMM A", size, bank="Not Specified") for n, size in enumerate((0, 8192))]
    tree = firmware(target, monkeypatch, table(ARRAY, *alike))
    facts = probed(target, "inventory", tree).facts
    assert [key for key in facts if key.startswith("dimm")] == ["dimm DIMM A #2"]
    target.state = target.state.with_name("later")
    banks = [module(n, "DIMM 0", 8192, bank=f"P0 CHANNEL {n}") for n in range(2)]
    tree = firmware(target, monkeypatch, table(ARRAY, *banks))
    facts = probed(target, "inventory", tree).facts
    assert [key for key in facts if key.startswith("dimm")] == [
        "dimm P0 CHANNEL 0 DIMM 0", "dimm P0 CHANNEL 1 DIMM 0",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("program", "script"),
    [
        ("dmidecode", "echo /dev/mem: Operation not permitted >&2; exit 1"),
        ("dmidecode", "echo; echo Handle 0x1; echo Memory Device; exit 1"),
        ("dmidecode", "exit 0"),
        ("dmidecode", "kill -KILL $$"),
        ("lsblk", "echo lsblk: failed to access sysfs directory >&2; exit 1"),
        ("lsblk", "echo '{\"blockdevices\": ['"),
        ("lscpu", "exit 1"),
    ],
)
def test_what_cannot_be_asked_is_an_error_and_then_no_fact_is_told(
    target: Target, server: Path, program: str, script: str
) -> None:
    a_program(target.home / "bin", program, script)
    found = probed(target, "inventory", server)
    assert found.verdict == "error"
    assert program in found.reason
    assert found.facts == {}


DISKS = [
    {"name": "nvme0n1", "type": "disk", "size": 1024209543168, "model": "PC601A NVMe SK hynix 1TB",
     "serial": "EXAMPLE0", "rev": "80002111", "rm": False},
    {"name": "sda", "type": "disk", "size": 4000787030016, "model": "EXAMPLE_HD4000",
     "serial": "X0001", "rev": "A5D0", "rm": False},
    {"name": "sdb", "type": "disk", "size": 32010928128, "model": "USB stick", "serial": "U1",
     "rev": "1.0", "rm": True},
    {"name": "zram0", "type": "disk", "size": 0, "model": None, "serial": None, "rev": None,
     "rm": False},
    {"name": "vda", "type": "disk", "size": 274877906944, "model": None, "serial": None,
     "rev": None, "rm": False},
    {"name": "loop0", "type": "loop", "size": 4096, "model": None, "serial": None, "rev": None,
     "rm": False},
]  # fmt: skip


def test_disks_by_their_serial_numbers(target: Target, server: Path) -> None:
    (target.home / "disks").write_text(json.dumps({"blockdevices": DISKS}))
    a_program(target.home / "bin", "lsblk", f"cat {target.home}/disks")
    facts = probed(target, "inventory", server).facts
    assert {key: value for key, value in facts.items() if key.startswith("disk")} == {
        "disk EXAMPLE0": "1.02 TB PC601A NVMe SK hynix 1TB 80002111",
        "disk X0001": "4 TB EXAMPLE_HD4000 A5D0",
        "disk vda": "275 GB",
    }


def test_cards(target: Target, server: Path) -> None:
    pci, net = "sys/bus/pci/devices", "sys/class/net"
    plant(server, {
        f"{pci}/0000:3b:00.0/class": "0x030200", f"{pci}/0000:3b:00.0/vendor": "0x10de",
        f"{pci}/0000:3b:00.0/device": "0x20b0", f"{pci}/0000:00:1f.2/class": "0x010601",
        f"{net}/eno1/address": "d0:94:66:00:00:01", f"{net}/eno1/addr_assign_type": "0",
        f"{net}/eno1/device/vendor": "0x14e4", f"{net}/eno1/device/device": "0x165f",
        f"{net}/eno2/address": "d0:94:66:00:00:01", f"{net}/eno2/addr_assign_type": "3",
        f"{net}/eno2/device/vendor": "0x14e4", f"{net}/eno2/device/device": "0x165f",
        f"{net}/eno2/bonding_slave/perm_hwaddr": "d0:94:66:00:00:02",
        f"{net}/tap0/address": "aa:00:00:00:00:01", f"{net}/tap0/addr_assign_type": "1",
        "proc/cpuinfo": "processor : 0\nmicrocode\t: 0x830107a",
    })  # fmt: skip
    facts = probed(target, "inventory", server).facts
    assert facts["card 0000:3b:00.0"] == "NVIDIA 10de:20b0"
    assert [key for key in facts if key.startswith("card")] == ["card 0000:3b:00.0"]
    assert {key for key in facts if key.startswith("nic")} == {
        "nic d0:94:66:00:00:01", "nic d0:94:66:00:00:02",
    }  # fmt: skip
    assert facts["microcode"] == "0x830107a"


def test_the_real_one_says_the_same_twice(target: Target) -> None:
    def look() -> Seen:
        found = probed(target, "inventory")
        target.state = target.state.with_name(f"{target.state.name}+")
        return found

    first, second = look(), look()
    assert (first.verdict, first.reason) == ("pass", ""), first.said
    assert first.facts == second.facts
    assert "cpu" in first.facts
    there = json.loads(
        subprocess.run(["lsblk", "--json", "--nodeps"], capture_output=True, check=True).stdout
    )
    disks = [each["name"] for each in there["blockdevices"] if each["type"] == "disk"]
    assert first.counts["disks"] == len([name for name in disks if not name.startswith("zram")])


def test_it_needs_root_and_programs() -> None:
    recipe = load(PACKAGED / "inventory.toml")
    assert set(recipe.requires.programs) == {"dmidecode", "lsblk", "lscpu"}
    assert recipe.requires.root
    assert recipe.missing(HERE) == ""


# --- the table itself


def test_our_reader_of_the_table_agrees_with_dmidecode(tmp_path: Path) -> None:
    (tmp_path / "dump").write_bytes(dump(SERVER))
    argv = ["dmidecode", "--from-dump", str(tmp_path / "dump"), "--type", "17"]
    said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    tree = plant(tmp_path, {"sys/firmware/dmi/tables/x": ""})
    (tree / dmi.TABLE).write_bytes(SERVER)
    assert dmi.dimms(tree) == said.count("Serial Number: 0391") == 2
    assert dmi.ecc(tree) is True
    (tree / dmi.TABLE).write_bytes(table(ARRAY_WITHOUT_ECC))
    assert (dmi.dimms(tree), dmi.ecc(tree)) == (0, False)
    (tree / dmi.TABLE).unlink()
    assert (dmi.dimms(tree), dmi.ecc(tree)) == (0, None)


@pytest.mark.parametrize(
    "damage", [b"", b"\x11", b"\x11\0\0\0" * 9, b"\x11\x22\0\0abc", b"\xff" * 64]
)
def test_a_damaged_table_is_no_crash(tmp_path: Path, damage: bytes) -> None:
    tree = plant(tmp_path, {"sys/firmware/dmi/tables/x": ""})
    (tree / dmi.TABLE).write_bytes(damage)
    assert dmi.dimms(tree) in (0, 1)
    assert dmi.ecc(tree) in (None, True, False)
    assert machine.facts(tree).cpus > 0
