"""
Hardware that fails, to the line in the room: real diagnostics on memory that flips a bit, a disk
that cannot read a block, a processor that computes wrongly; and what only looks like that.

What runs are the recipes as they are shipped, but for the library that the program starts with.
"""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent import dmi, probes
from agent.catalogue import PACKAGED
from tests.agent.dmi_tables import ARRAY, MODULE, SYSTEM, dump, module, table
from tests.agent.replay import a_program
from tests.end_to_end.conftest import Furnish
from tests.end_to_end.lab import Lab, facts, idle, order, result
from tests.preload import compiled


def broken(lab: Lab, recipe: str, library: str, *, name: str = "") -> None:
    """Replace *recipe*: its program starts with that *library*, all else is as shipped."""
    made = compiled(library, lab.folder)
    text = (PACKAGED / f"{recipe}.toml").read_text()
    head, argv, program = text.partition("argv = [")
    (lab.recipes / f"{name or recipe}.toml").write_text(
        f'{head}{argv}"env", "LD_PRELOAD={made}", {program.lstrip()}'
    )


def scripted(lab: Lab, name: str, script: str) -> None:
    """A recipe that somebody has written in a minute."""
    (lab.recipes / f"{name}.toml").write_text(
        f"""
schema = 1
summary = "A script."
argv = ["bash", "-c", '''{script}''']

[verdict]
fail = ['^FAIL']

[params.folder]
kind = "folder"
default = "/var/tmp"

[scratch]
folder = "folder"
"""
    )


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own on which there is no room."""
    if os.geteuid() != 0 and "CI" not in os.environ:
        pytest.skip("only root may mount: sudo make test ONLY=tests/end_to_end")
    place = tmp_path / "full"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=80m", "none", str(place)], check=True)
    (place / "all of it").write_bytes(b"x" * (60 << 20))
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


async def test_a_failing_machine_is_said_to_fail_with_the_line_that_says_it(
    furnish: Furnish, tmp_path: Path, full: Path
) -> None:
    lab, ann = await furnish()
    for recipe, library in (("memtest", "memory"), ("disk", "disk"), ("cpu", "arithmetic")):
        broken(lab, recipe, library)
    broken(lab, "stress", "killed")
    broken(lab, "stress", "unreadable", name="burnin")
    scripted(lab, "script", "(echo FAIL: bit 3; exit 4) | tee log; true")
    scripted(lab, "typo", "memtestr 64M 1")
    await lab.start("bob")
    bob = lab.name("bob")
    await idle(ann, bob)
    jobs = [
        (
            "memtest size=1M",
            "fail",
            "first: Stuck Address : testing 0FAILURE: possible bad address",
        ),
        (f"disk for 1s size=4M folder={tmp_path}", "fail", "Input/output error"),
        ("cpu for 2s cpu=1", "fail", "cpu: drand48 error detected, failed sum"),
        ("script", "fail", "1 failure reported, first: FAIL: bit 3"),
        # and what only looks like that
        ("burnin for 1s cpu=1 memory=8M", "error", "A part of it died of a signal"),
        ("typo", "error", "as a shell says of a program that is not there"),
        ("stress for 1s cpu=1 memory=8M", "error", "A part of it was killed"),
        (f"disk for 1s size=4M folder={full}", "error", f"there is no room in {full}: 20M are"),
    ]
    ordered = [await order(ann, f"run {line} on {bob}") for line, _, _ in jobs]
    for job, (line, verdict, words) in zip(ordered, jobs, strict=True):
        told = await result(ann, job)
        assert facts(told)["verdict"] == verdict, told.body
        assert told.body.startswith(f"ann: job {job} {verdict}: {line} on {bob}"), told.body
        assert words in told.body, told.body


@pytest.mark.parametrize("kind", ["prosody"], indirect=True)  # likewise
async def test_a_module_of_memory_that_is_gone_is_missed(furnish: Furnish, tmp_path: Path) -> None:
    lab, ann = await furnish()
    tree, path = tmp_path / "tree", tmp_path / "bin"

    def plug(*modules: bytes) -> None:
        whole = table(SYSTEM, ARRAY, *modules)
        (tree / dmi.TABLE).write_bytes(whole)
        (tmp_path / "dump").write_bytes(dump(whole))

    (tree / dmi.TABLE).parent.mkdir(parents=True)
    real = f'exec /usr/sbin/dmidecode --from-dump {tmp_path}/dump "$@"'
    argv = ["env", f"PATH={a_program(path, 'dmidecode', real)}"]
    argv += probes.command(["labroom-agent", "probe", "inventory", f"--root={tree}"])
    shipped = (PACKAGED / "inventory.toml").read_text()
    ours = re.sub(r"(?m)^argv = .*", f"argv = {json.dumps(argv)}", shipped)
    (lab.recipes / "inventory.toml").write_text(ours)
    await lab.start("bob")
    bob = lab.name("bob")
    await idle(ann, bob)

    plug(MODULE, module(1, "DIMM_B1", 16384))
    told = await result(ann, await order(ann, f"run inventory on {bob}"))
    assert facts(told)["verdict"] == "pass", told.body
    plug(MODULE, module(1, "DIMM_B1", 0))
    told = await result(ann, await order(ann, f"run inventory on {bob}"))
    assert "dimm DIMM_B1 is gone (16 GB DDR4 3200 MT/s" in told.body, told.body
    assert "since job 1" in told.body
