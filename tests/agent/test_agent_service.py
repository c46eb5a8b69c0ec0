"""What makes an agent one of its kind: its lock, its epoch, the machine's boot id."""

import subprocess
import sys
from pathlib import Path

import pytest

from agent.service import _epoch, boot_id
from agent.wire.alone import alone
from agent.wire.settings import BadSettings
from agent.wire.vocabulary import TOKEN

HOLD = """
import sys
from pathlib import Path
from agent.wire.alone import alone
with alone(Path(sys.argv[1]) / "lock", "agent"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_one_agent_a_state_folder_even_if_the_other_was_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with (
            pytest.raises(BadSettings, match="this agent runs already"),
            alone(tmp_path / "lock", "agent"),
        ):
            pass
        other.kill()
        other.wait()
        with alone(tmp_path / "lock", "agent"):
            pass


def test_a_state_folder_that_cannot_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(BadSettings, match="state: cannot open"),
        alone(tmp_path / "file" / "lock", "agent"),
    ):
        pass


def test_an_epoch_lasts_as_long_as_its_folder(tmp_path: Path) -> None:
    first = _epoch(tmp_path)
    assert TOKEN.fullmatch(first)
    assert _epoch(tmp_path) == first
    (tmp_path / "epoch").unlink()
    assert _epoch(tmp_path) != first


@pytest.mark.parametrize("torn", ["", "short", "UPPERCASE0000", "x" * 99])
def test_a_torn_epoch_is_a_new_one(tmp_path: Path, torn: str) -> None:
    (tmp_path / "epoch").write_text(torn)
    assert TOKEN.fullmatch(_epoch(tmp_path))


def test_the_boot_id_is_read_or_said_to_be_missing(tmp_path: Path) -> None:
    (tmp_path / "boot_id").write_text("9f0c\n")
    assert boot_id(tmp_path / "boot_id") == "9f0c"
    with pytest.raises(BadSettings, match="boot_id: cannot read"):
        boot_id(tmp_path / "none")
