"""A recipe that destroys what is on a disk never gets one that is in use: real disks (loop)."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.catalogue import means
from agent.exclusive import in_use
from agent.recipe import Recipe, load
from agent.wire.errors import Busy
from tests.agent.bench import output, verdict
from tests.agent.target import Target

RECIPE = """
schema = 1
summary = "Wipe a disk."
destructive = true
argv = ["echo", "wiped", "{disk}"]

[params.disk]
kind = "disk"
default = "first"
"""


@pytest.fixture
def wipe(tmp_path: Path) -> Recipe:
    (tmp_path / "wipe.toml").write_text(RECIPE)
    return load(tmp_path / "wipe.toml")


@pytest.fixture
def device(tmp_path: Path) -> Iterator[str]:
    """A disk, not mounted yet."""
    if os.geteuid() != 0 and "CI" not in os.environ:
        pytest.skip("only root may have a loop device: sudo make test ONLY=tests/agent")
    image = tmp_path / "disk"
    with image.open("wb") as file:
        file.truncate(8 << 20)
    subprocess.run(["mkfs.ext4", "-q", str(image)], check=True)
    argv = ["losetup", "--find", "--show", str(image)]
    device = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()
    yield device
    subprocess.run(["umount", "-q", device], check=False)
    subprocess.run(["losetup", "--detach", device], check=True)


def plug(device: str, place: Path) -> None:
    place.mkdir()
    subprocess.run(["mount", device, str(place)], check=True)


def resolved(wipe: Recipe, device: str) -> dict[str, Any]:
    name = device.removeprefix("/dev/")
    return wipe.resolve({"disk": name}, replace(means(), disks=(name,)))


def test_one_that_is_mounted_is_refused(wipe: Recipe, device: str, tmp_path: Path) -> None:
    assert resolved(wipe, device)["argv"] == ["echo", "wiped", device]
    plug(device, tmp_path / "place")
    with pytest.raises(Busy, match=f"{device} is in use: it is mounted at {tmp_path}/place"):
        resolved(wipe, device)
    mild = wipe.model_copy(update={"destructive": False})
    assert resolved(mild, device)["argv"] == ["echo", "wiped", device]


def test_one_that_is_mounted_before_its_turn_is_not_touched(
    target: Target, wipe: Recipe, device: str, tmp_path: Path
) -> None:
    step = resolved(wipe, device)
    run = target.run(step)
    assert (verdict(run), output(run)) == (("pass", ""), f"wiped {device}\n".encode())
    plug(device, tmp_path / "place")
    target.state = tmp_path / "later"
    run = target.run(step)
    assert (verdict(run)[0], output(run)) == ("error", b"")
    assert f"it destroys what is there, and {device} is in use" in verdict(run)[1]


@pytest.mark.parametrize("place", ["/dev/null", "/dev/no-such-disk", "/"])
def test_what_is_no_disk_is_in_nobody_s_use(place: str) -> None:
    assert in_use(place) == ""
