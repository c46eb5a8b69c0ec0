"""
The edac recipe, on trees made by hand as the kernel's documentation lists them (admin-guide/RAS);
those of real machines are in ``recordings/edac``.
"""

import pytest

from tests.agent.dmi_tables import ARRAY, ARRAY_WITHOUT_ECC, MODULE, table
from tests.agent.probing import Seen, plant, probed
from tests.agent.target import Target

MC = "sys/devices/system/edac/mc"


def controller(number: int, ce: int = 0, ue: int = 0) -> dict[str, str]:
    """A Skylake server's: folders and files of Linux 6.1, as far as we read them."""
    place = f"{MC}/mc{number}"
    return {
        f"{place}/mc_name": f"Skylake Socket#0 IMC#{number}",
        f"{place}/ce_count": f"{ce}",
        f"{place}/ue_count": f"{ue}",
        f"{place}/ce_noinfo_count": "0",
        f"{place}/ue_noinfo_count": "0",
        f"{place}/size_mb": "65536",
        f"{place}/seconds_since_reset": "86400",
    }


def module(mc: int, number: int, ce: int = 0, ue: int = 0) -> dict[str, str]:
    place = f"{MC}/mc{mc}/dimm{number}"
    return {
        f"{place}/dimm_label": f"CPU_SrcID#0_MC#{mc}_Chan#{number}_DIMM#0",
        f"{place}/dimm_location": f"channel {number} slot 0",
        f"{place}/dimm_ce_count": f"{ce}",
        f"{place}/dimm_ue_count": f"{ue}",
        f"{place}/dimm_mem_type": "Registered-DDR4",
        f"{place}/size": "32768",
    }


def seen(target: Target, *parts: dict[str, str]) -> Seen:
    files = {name: text for part in parts for name, text in part.items()}
    return probed(target, "edac", plant(target.home / "tree", files))


def test_a_healthy_one_passes(target: Target) -> None:
    found = seen(target, controller(0), module(0, 0), module(0, 1))
    assert (found.verdict, found.reason) == ("pass", "")
    assert found.counts == {"corrected": 0, "uncorrected": 0}
    assert "2 looked at" in found.said


def test_what_was_corrected_is_a_warning_with_its_module(target: Target) -> None:
    found = seen(target, controller(0, ce=29589), module(0, 0), module(0, 1, ce=29589))
    assert found.verdict == "warn"
    assert found.reason == "mc0 CPU_SrcID#0_MC#0_Chan#1_DIMM#0: 29589 errors were corrected"
    assert found.counts == {"corrected": 29589, "uncorrected": 0}


def test_what_was_not_is_a_failure(target: Target) -> None:
    found = seen(
        target, controller(0, ce=12), module(0, 0, ce=12),
        controller(1, ce=3, ue=1), module(1, 0), module(1, 1, ce=3, ue=1),
    )  # fmt: skip
    assert found.verdict == "fail"
    assert "mc1 CPU_SrcID#0_MC#1_Chan#1_DIMM#0: 1 errors could not be corrected" in found.reason
    assert found.counts == {"corrected": 15, "uncorrected": 1}


def test_what_no_module_is_blamed_for_counts_all_the_same(target: Target) -> None:
    found = seen(target, controller(0, ue=2), module(0, 0), module(0, 1))
    assert found.verdict == "fail"
    assert "somewhere: 2 errors could not be corrected" in found.reason


def test_one_without_folders_for_its_modules(target: Target) -> None:
    assert seen(target, controller(0, ue=1)).verdict == "fail"


@pytest.mark.parametrize("lost", ["ue_count", "dimm0/dimm_ue_count"])
@pytest.mark.parametrize("text", ["", "many", None])
def test_a_counter_that_says_no_number_is_an_error(
    target: Target, lost: str, text: str | None
) -> None:
    files = controller(0) | module(0, 0)
    if text is None:
        del files[f"{MC}/mc0/{lost}"]
    else:
        files[f"{MC}/mc0/{lost}"] = text
    found = seen(target, files)
    assert found.verdict == "error"
    assert "says no number" in found.reason


def test_without_anything_that_counts_it_is_a_skip(target: Target) -> None:
    found = seen(target, {"sys/kernel/x": ""})
    assert found.verdict == "skip"
    assert "no ECC, or no EDAC driver" in found.reason


@pytest.mark.parametrize(("array", "verdict"), [(ARRAY, "error"), (ARRAY_WITHOUT_ECC, "skip")])
def test_memory_with_ecc_that_nobody_counts_is_an_error(
    target: Target, array: bytes, verdict: str
) -> None:
    tree = plant(target.home / "tree", {"sys/firmware/dmi/tables/x": ""})
    (tree / "sys/firmware/dmi/tables/DMI").write_bytes(table(array, MODULE))
    found = probed(target, "edac", tree)
    assert found.verdict == verdict
    assert ("no EDAC driver that counts errors is loaded" in found.reason) is (verdict == "error")


def test_the_real_one(target: Target) -> None:
    found = probed(target, "edac")
    assert found.verdict in ("pass", "skip", "warn"), found
    assert found.said.endswith(" looked at\n")
