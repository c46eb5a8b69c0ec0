"""
The link recipe: PCI Express as sysfs tells it (made by hand; what real machines said is in
``recordings/link``), and networks as ethtool did elsewhere.
"""

from pathlib import Path

import pytest

from tests.agent.probing import Seen, plant, probed
from tests.agent.replay import a_program
from tests.agent.target import Target

NVME, NIC, GPU, BRIDGE = "0x010802", "0x020000", "0x030000", "0x060400"


def linked(
    kind: str, *, now: str, width: int, port: tuple[str, int], device: tuple[str, int]
) -> dict[str, str]:
    """
    A device below a root port, as Linux 6.1 tells of them: what goes *now*, over how many lanes,
    and what each end can at most.
    """
    files: dict[str, str] = {}
    for place, (speed, lanes), class_ in (
        ("0000:00:01.0", port, BRIDGE), ("0000:00:01.0/0000:01:00.0", device, kind),
    ):  # fmt: skip
        files |= {
            f"{place}/class": class_,
            f"{place}/current_link_speed": now,
            f"{place}/current_link_width": f"{width}",
            f"{place}/max_link_speed": speed,
            f"{place}/max_link_width": f"{lanes}",
        }
    return {f"sys/devices/pci0000:00/{name}": text for name, text in files.items()}


def tree(folder: Path, files: dict[str, str]) -> Path:
    """The tree of *files*, in which each device is on its bus, too."""
    plant(folder, files)
    bus = folder / "sys/bus/pci/devices"
    bus.mkdir(parents=True, exist_ok=True)
    for place in (folder / "sys/devices").glob("pci*/**/class"):
        (bus / place.parent.name).symlink_to(place.parent)
    return folder


def seen(target: Target, files: dict[str, str]) -> Seen:
    return probed(target, "link", tree(target.home / "tree", files))


G3, G4 = "8.0 GT/s PCIe", "16.0 GT/s PCIe"


@pytest.mark.parametrize(
    ("kind", "now", "width", "port", "device", "expected", "why"),
    [
        (NVME, G4, 4, (G4, 4), (G4, 4), "pass", ""),
        (GPU, G4, 8, (G4, 16), (G4, 16), "fail",
         "graphics 0000:01:00.0: 16 GT/s, 8 lanes; both ends can 16 lanes"),
        (NVME, G4, 1, (G4, 4), (G4, 4), "fail", "both ends can 4 lanes"),
        (NVME, "2.5 GT/s PCIe", 4, (G4, 4), (G3, 4), "fail",
         "storage 0000:01:00.0: 2.5 GT/s, 4 lanes; both ends can 8 GT/s"),
        (NIC, "5.0 GT/s PCIe", 8, (G4, 8), (G3, 8), "fail", "both ends can 8 GT/s"),
        (NVME, "Unknown", 4, (G4, 4), (G4, 4), "error", "does not say"),
    ],
)  # fmt: skip
def test_pci_express(
    target: Target, kind: str, now: str, width: int, port: tuple[str, int],
    device: tuple[str, int], expected: str, why: str,
) -> None:  # fmt: skip
    found = seen(target, linked(kind, now=now, width=width, port=port, device=device))
    assert found.verdict == expected, found.said
    assert why in found.reason
    assert "1 looked at" in found.said  # the link has two ends, and is one


def test_a_disk_behind_a_controller_that_is_a_host_of_its_own_is_looked_at(target: Target) -> None:
    # VMD: /sys/devices/pci0000:00/0000:00:0e.0/pci10000:e0/10000:e0:06.0/10000:e1:00.0
    files = linked(NVME, now=G4, width=1, port=(G4, 4), device=(G4, 4))
    vmd = "sys/devices/pci0000:00/0000:00:0e.0"
    below = {name.replace("pci0000:00", "pci0000:00/0000:00:0e.0/pci10000:e0"): text
             for name, text in files.items()}  # fmt: skip
    found = seen(target, {f"{vmd}/class": "0x010400"} | below)
    assert found.verdict == "fail", found.said


def test_without_a_link_it_is_a_skip(target: Target) -> None:
    found = seen(target, {"sys/devices/pci0000:00/0000:00:00.0/class": "0x060000"})
    assert found.verdict == "skip"
    assert "no PCI Express link" in found.reason


def test_an_empty_slot_is_nothing_to_look_at(target: Target) -> None:
    files = linked(NVME, now=G4, width=0, port=(G4, 4), device=(G4, 4))
    assert seen(target, files).verdict == "skip"


# --- networks: from the linux-pci mailing list (r8169, of a machine whose other end says nothing),
# the form of ethtool 5.16 to 6.14.

ETHTOOL = """\
Settings for eth0:
        Supported ports: [ TP    MII ]
        Supported link modes:   10baseT/Half 10baseT/Full
                                100baseT/Half 100baseT/Full
                                1000baseT/Full
        Supported pause frame use: Symmetric Receive-only
        Supports auto-negotiation: Yes
        Supported FEC modes: Not reported
        Advertised link modes:  10baseT/Half 10baseT/Full
                                100baseT/Half 100baseT/Full
                                1000baseT/Full
        Advertised pause frame use: Symmetric Receive-only
        Advertised auto-negotiation: Yes
        Advertised FEC modes: Not reported
        Link partner advertised link modes:  {partner}
        Link partner advertised pause frame use: No
        Link partner advertised auto-negotiation: No
        Link partner advertised FEC modes: No
        Speed: 100Mb/s
        Duplex: Full
        Auto-negotiation: on
        Link detected: yes
"""
FAST = f"10baseT/Half 10baseT/Full\n{' ' * 45}100baseT/Half 100baseT/Full"
GIGABIT = f"{FAST}\n{' ' * 45}1000baseT/Full"


def network(target: Target, monkeypatch: pytest.MonkeyPatch, said: str, **files: str) -> Seen:
    """A card at 100 Mb/s, of which ethtool has *said* so much."""
    (target.home / "said").write_text(said)
    script = f"cat {target.home}/said" if said else "echo 'No such device' >&2; exit 75"
    monkeypatch.setenv("PATH", a_program(target.home / "bin", "ethtool", script))
    told = {"type": "1", "carrier": "1", "speed": "100", "duplex": "full", "device/uevent": "",
            "statistics/rx_crc_errors": "0"} | files  # fmt: skip
    return seen(target, {f"sys/class/net/eth0/{name}": text for name, text in told.items()})


@pytest.mark.parametrize(
    ("partner", "files", "expected", "why"),
    [
        (GIGABIT, {"speed": "1000"}, "pass", ""),
        (GIGABIT, {}, "fail", "eth0: 100 Mb/s; both ends can 1000 Mb/s"),
        (FAST, {}, "pass", ""),  # a switch that can no more
        ("Not reported", {}, "warn", "it can 1000 Mb/s, its other end does not say"),
        ("Not reported", {"speed": "1000"}, "pass", ""),
        (FAST, {"duplex": "half"}, "fail", "half duplex: the ends do not agree"),
        (GIGABIT, {"speed": "1000", "statistics/rx_crc_errors": "7"}, "warn",
         "7 damaged packets came in"),
        (GIGABIT, {"carrier": "0"}, "skip", "no network card in use"),
        (GIGABIT, {"speed": "-1"}, "skip", "no network card in use"),
    ],
)  # fmt: skip
def test_networks(
    target: Target, monkeypatch: pytest.MonkeyPatch, partner: str, files: dict[str, str],
    expected: str, why: str,
) -> None:  # fmt: skip
    found = network(target, monkeypatch, ETHTOOL.format(partner=partner), **files)
    assert found.verdict == expected, found.said
    assert why in found.reason


def test_what_we_do_not_offer_is_not_missed(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = ETHTOOL.format(partner=GIGABIT)
    before, offered, after = said.partition("Advertised link modes:")
    slow = after.replace(f"\n{' ' * 32}1000baseT/Full", "", 1)
    assert slow != after
    found = network(target, monkeypatch, before + offered + slow)
    assert (found.verdict, found.reason) == ("pass", "")


def test_what_ethtool_cannot_ask_is_an_error(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = network(target, monkeypatch, "")
    assert found.verdict == "error"
    assert "ethtool eth0" in found.reason


def test_the_real_one(target: Target) -> None:
    found = probed(target, "link")
    assert found.verdict in ("pass", "skip", "warn"), found
    assert found.said.endswith(" looked at\n")
