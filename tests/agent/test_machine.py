"""What this machine is, read from where Linux says it."""

import platform
from pathlib import Path

from agent import dmi
from agent.machine import facts
from agent.wire.machine import Machine
from tests.agent.dmi_tables import ARRAY, BIOS, MODULE, module, table


def put(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())


def test_the_facts_of_a_machine(tmp_path: Path) -> None:
    for name, text in {
        "sys/devices/system/memory/block_size_bytes": "8000000\n",
        "sys/devices/system/memory/memory0/state": "online\n",
        "sys/devices/system/memory/memory1/state": "online\n",
        "sys/devices/system/memory/memory2/state": "offline\n",
        "sys/class/dmi/id/sys_vendor": "Dell Inc.\n",
        "sys/class/dmi/id/product_name": "PowerEdge R6515\n",
        "sys/class/dmi/id/bios_version": "2.18.1\n",
        "sys/block/sda/size": "1\n",
        "sys/block/nvme0n1/size": "1\n",
        "sys/block/loop0/size": "1\n",
        "sys/class/net/eno1/device/vendor": "0x14e4\n",
        "sys/class/net/lo/mtu": "65536\n",
        "proc/cpuinfo": "processor : 0\nmodel name\t: AMD  EPYC 7302P\nflags : x\n",
        "etc/os-release": 'ID=debian\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
    }.items():
        put(tmp_path, name, text)
    put(tmp_path, str(dmi.TABLE), "")
    (tmp_path / dmi.TABLE).write_bytes(table(BIOS, ARRAY, MODULE, module(1, "DIMM_A2", 0)))
    told = facts(tmp_path)
    assert (told.firmware, told.dimms, told.ecc) == ("2.18.1", 1, "yes")
    assert (told.disks, told.nics) == (2, 1)
    assert told.memory == 2 * 128 * 1024 * 1024
    assert (told.vendor, told.model) == ("Dell Inc.", "PowerEdge R6515")
    assert (told.cpu, told.os) == ("AMD EPYC 7302P", "Debian GNU/Linux 12 (bookworm)")


def test_what_the_firmware_was_never_told_is_no_fact(tmp_path: Path) -> None:
    put(tmp_path, "sys/class/dmi/id/sys_vendor", "To Be Filled By O.E.M.\n")
    put(tmp_path, "sys/class/dmi/id/product_name", "System Product Name\n")
    assert (facts(tmp_path).vendor, facts(tmp_path).model) == ("", "")


def test_a_board_without_firmware_tables_says_its_model(tmp_path: Path) -> None:
    put(tmp_path, "proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.4\0")
    assert facts(tmp_path).model == "Raspberry Pi 4 Model B Rev 1.4"


def test_a_machine_that_shows_nothing_still_has_memory_and_processors(tmp_path: Path) -> None:
    told = facts(tmp_path)
    assert told.memory > 0
    assert told.cpus > 0
    assert told.model == ""


def test_this_very_machine() -> None:
    told = facts()
    assert isinstance(told, Machine)
    assert told.arch == platform.machine()
    assert told.memory > 64 * 1024 * 1024
