"""A state folder belongs to one machine."""

from pathlib import Path

from agent.identity import claim, marks
from agent.service import _epoch

OURS, THEIRS = frozenset({"02:00:00:00:00:01"}), frozenset({"02:00:00:00:00:02"})


def used(state: Path, by: frozenset[str]) -> str:
    """The epoch of a folder in which *by* has a run."""
    assert not claim(state, by)
    (state / "runs" / "labbot@lab.example" / "k3x9q2ab-17").mkdir(parents=True)
    return _epoch(state)


def test_a_folder_stays_that_of_its_machine(tmp_path: Path) -> None:
    epoch = used(tmp_path, OURS)
    assert not claim(tmp_path, OURS)
    assert (_epoch(tmp_path), (tmp_path / "runs").exists()) == (epoch, True)


def test_what_was_copied_from_another_machine_is_set_aside(tmp_path: Path) -> None:
    epoch = used(tmp_path, THEIRS)
    assert claim(tmp_path, OURS)
    assert not (tmp_path / "runs").exists()
    assert _epoch(tmp_path) != epoch
    assert (tmp_path / "copied" / "1" / "epoch").read_text() == epoch
    assert (tmp_path / "copied" / "1" / "runs" / "labbot@lab.example" / "k3x9q2ab-17").is_dir()
    new = _epoch(tmp_path)
    assert not claim(tmp_path, OURS)  # told once
    assert _epoch(tmp_path) == new


def test_a_copy_of_a_copy_keeps_what_was_set_aside(tmp_path: Path) -> None:
    used(tmp_path, THEIRS)
    assert claim(tmp_path, OURS)
    assert claim(tmp_path, THEIRS)
    assert {path.name for path in (tmp_path / "copied").iterdir()} == {"1", "2"}


def test_a_machine_may_get_other_cards_one_by_one(tmp_path: Path) -> None:
    epoch = used(tmp_path, OURS)
    assert not claim(tmp_path, OURS | THEIRS)
    assert not claim(tmp_path, THEIRS)
    assert _epoch(tmp_path) == epoch
    assert claim(tmp_path, OURS)


def test_nothing_is_judged_where_nothing_is_known(tmp_path: Path) -> None:
    used(tmp_path, frozenset())
    assert not claim(tmp_path, OURS)
    assert not claim(tmp_path, frozenset())
    assert claim(tmp_path, THEIRS)  # what was known before is not forgotten


def test_marks_are_what_the_files_say(tmp_path: Path) -> None:
    for name, text in (("a", "02:00:00:00:00:01\n"), ("b", "00:00:00:00:00:00\n"), ("c", "")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "address").write_text(text)
    assert marks([f"{tmp_path}/*/address", f"{tmp_path}/none"]) == OURS
