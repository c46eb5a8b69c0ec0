"""The disk recipe and the real fio, on disks that are full, lie, or have a cache in the way."""

import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent import launch, scratch
from agent.catalogue import PACKAGED, means
from agent.process import NotStarted
from agent.recipe import Recipe, load
from agent.resume import Action, Decision, Story
from agent.wire.errors import BadValue
from agent.wire.vocabulary import Verdict
from tests.agent.bench import gone, output, records, verdict
from tests.agent.replay import a_program, begun, follow, processes
from tests.agent.target import JOURNAL, Target, mount, unmount
from tests.preload import failing

BRIEF = {"for": "1s", "size": "4M"}


@pytest.fixture
def disk() -> Recipe:
    return load(PACKAGED / "disk.toml")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    place = tmp_path / "place"
    place.mkdir()
    return place


@pytest.fixture
def mounted(place: Path) -> Iterator[Path]:
    yield place
    unmount(place)


@pytest.mark.parametrize("mode", ["randrw", "read", "randwrite"])
def test_it_passes(target: Target, disk: Recipe, place: Path, mode: str) -> None:
    run = target.run(disk.resolve(BRIEF | {"mode": mode, "folder": str(place)}, means()))
    assert verdict(run) == ("pass", ""), output(run)
    metrics = {each["name"]: each for each in records(run)[-2].fields["metrics"]}
    reads, writes = (name in mode or "rw" in mode for name in ("read", "write"))
    assert ("read_iops" in metrics, "read" in metrics, "read_p99" in metrics) == (reads,) * 3
    assert ("write_iops" in metrics, "write" in metrics, "write_p99" in metrics) == (writes,) * 3
    assert all(each["value"] > 0 for each in metrics.values())
    if reads:
        assert (metrics["read"]["unit"], metrics["read"]["better"]) == ("MB/s", "higher")
    assert list(place.iterdir()) == []


def test_a_block_that_changed_is_a_failure(target: Target, disk: Recipe, place: Path) -> None:
    given = {"for": "30s", "size": "4M", "mode": "randread", "folder": str(place)}
    run, supervisor = begun(target, disk.resolve(given, means()), 0.05)
    with (place / f"labroom-{JOURNAL}" / "scratch").open("r+b") as file:
        file.seek(81920)
        file.write(b"not what was written")
    assert supervisor.wait(40) == 0
    assert verdict(run)[0] == "fail"
    assert "verify: bad magic header" in verdict(run)[1]
    assert records(run)[-2].fields["seconds"] < 25
    assert list(place.iterdir()) == []


def test_an_input_output_error_is_a_failure(
    target: Target, disk: Recipe, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault = "strace -f -qq -o /dev/null -e inject=pread64:error=EIO:when=50+"
    monkeypatch.setenv("PATH", a_program(target.home / "bin", "fio", f'{fault} /usr/bin/fio "$@"'))
    run = target.run(disk.resolve(BRIEF | {"mode": "read", "folder": str(place)}, means()))
    assert verdict(run)[0] == "fail", output(run)
    assert "Input/output error" in verdict(run)[1]


def test_a_file_system_that_gives_up_on_its_disk_is_a_failure(
    target: Target, disk: Recipe, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault = "strace -f -qq -o /dev/null -e inject=pwrite64:error=EROFS:when=6+"
    monkeypatch.setenv("PATH", a_program(target.home / "bin", "fio", f'{fault} /usr/bin/fio "$@"'))
    run = target.run(disk.resolve(BRIEF | {"folder": str(place)}, means()))
    assert verdict(run)[0] == "fail", output(run)
    assert "Read-only file system" in verdict(run)[1]


def test_too_little_room_is_found_out_before_it_writes(
    target: Target, disk: Recipe, mounted: Path
) -> None:
    mount(mounted, "-t", "tmpfs", "-o", "size=80m")
    run = target.run(disk.resolve(BRIEF | {"size": "32M", "folder": str(mounted)}, means()))
    assert verdict(run)[0] == "error"
    assert f"there is no room in {mounted}: 80M are free" in verdict(run)[1]
    assert output(run) == b""


def test_a_disk_that_fills_up_meanwhile_is_an_error(
    target: Target, disk: Recipe, mounted: Path
) -> None:
    mount(mounted, "-t", "tmpfs", "-o", "size=8m")
    step = disk.resolve(BRIEF | {"size": "16M", "folder": str(mounted)}, means())
    run = target.run(step | {"scratch": {"in": str(mounted), "room": 0}})
    assert verdict(run) == ("error", "The disk is full: ask for less, or another folder")
    assert list(mounted.iterdir()) == []


def test_no_way_past_the_cache_is_an_error_and_said(
    target: Target, disk: Recipe, mounted: Path
) -> None:
    mount(mounted, "-t", "ramfs")  # the one that refuses O_DIRECT
    step = disk.resolve(BRIEF | {"folder": str(mounted)}, means())
    step["scratch"]["room"] = 0  # it tells of none
    run = target.run(step)
    assert verdict(run)[0] == "error"
    assert "say direct=0" in verdict(run)[1]
    step = disk.resolve(BRIEF | {"folder": str(mounted), "direct": "0"}, means())
    step["scratch"]["room"] = 0
    assert verdict(target_again(target).run(step)) == ("pass", "")


def target_again(target: Target) -> Target:
    """The same target with an empty state: a run can be created there once more."""
    target.state = target.state.with_name("state2")
    return target


def test_stopped_or_killed_it_leaves_no_file(target: Target, disk: Recipe, place: Path) -> None:
    step = disk.resolve({"for": "60s", "size": "4M", "folder": str(place)}, means())
    run, supervisor = begun(target, step, 0.01)
    assert [path.name for path in place.iterdir()] == [f"labroom-{JOURNAL}"]
    run.ask_to_stop("ann")
    supervisor.terminate()
    assert supervisor.wait(20) == 0
    assert verdict(run)[0] == "aborted"
    assert list(place.iterdir()) == []


def test_killed_it_is_an_error_and_leaves_no_file(
    target: Target, disk: Recipe, place: Path
) -> None:
    step = disk.resolve({"for": "60s", "size": "4M", "folder": str(place)}, means())
    run, supervisor = begun(target, step, 0.01)
    for process in processes("fio"):
        os.kill(process, signal.SIGKILL)
    assert supervisor.wait(20) == 0
    assert verdict(run)[0] == "error"
    assert list(place.iterdir()) == []


def test_a_part_of_it_that_is_killed_is_an_error_though_it_ends_with_0(
    target: Target, disk: Recipe, place: Path
) -> None:
    step = disk.resolve({"for": "60s", "size": "4M", "folder": str(place)}, means())
    run, supervisor = begun(target, step, 0.01)
    follow(run, lambda: len(list(processes("fio"))) > 1)  # on a busy machine it begins late
    os.kill(max(processes("fio")), signal.SIGKILL)  # the job; its parent lives on
    assert supervisor.wait(30) == 0
    assert verdict(run) == ("error", "A part of it was killed: out of memory?")
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("whom", [min, max], ids=["all of it", "a part"])
def test_one_that_somebody_ends_is_an_error_and_no_failure_of_the_disk(
    target: Target, disk: Recipe, place: Path, whom: Callable[[Iterator[int]], int]
) -> None:
    step = disk.resolve({"for": "60s", "size": "4M", "folder": str(place)}, means())
    run, supervisor = begun(target, step, 0.01)
    follow(run, lambda: len(list(processes("fio"))) > 1)
    os.kill(whom(processes("fio")), signal.SIGTERM)
    assert supervisor.wait(30) == 0
    assert verdict(run)[0] == "error", output(run)


def test_one_that_did_not_check_all_that_it_wrote_is_no_pass(
    target: Target, disk: Recipe, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = failing("ended", "/usr/bin/fio", target.home)
    monkeypatch.setenv("PATH", a_program(target.home / "bin", "fio", script))
    run = target.run(disk.resolve(BRIEF | {"folder": str(place)}, means()))
    assert records(run)[-2].fields["status"] == 0
    assert verdict(run)[0] == "error"
    assert "it did not check all that it wrote (4194304 is not " in verdict(run)[1]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("EDQUOT", "The disk is full"),
        ("EFBIG", "The disk is full"),
        ("ENOMEM", "There was no memory for it"),
        ("EINVAL", "This disk does not take such blocks"),
    ],
)
def test_what_a_sound_disk_may_refuse_is_an_error(
    target: Target, disk: Recipe, place: Path, monkeypatch: pytest.MonkeyPatch, error: str,
    words: str,
) -> None:  # fmt: skip
    fault = f"strace -f -qq -o /dev/null -e inject=pwrite64:error={error}:when=3+"
    monkeypatch.setenv("PATH", a_program(target.home / "bin", "fio", f'{fault} /usr/bin/fio "$@"'))
    run = target.run(disk.resolve(BRIEF | {"folder": str(place)}, means()))
    assert verdict(run)[0] == "error", output(run)
    assert words in verdict(run)[1]


@pytest.mark.parametrize(
    "given", [{"size": "1500K"}, {"size": "1048577"}, {"block": "5K"}, {"block": "5000"}]
)
def test_what_fio_would_leave_unwritten_or_cannot_check_is_refused(
    disk: Recipe, given: dict[str, str]
) -> None:
    with pytest.raises(BadValue, match="is no multiple of"):
        disk.resolve(given, means())


def test_blocks_of_any_multiple_pass(target: Target, disk: Recipe, place: Path) -> None:
    given = {"size": "3M", "block": "12K", "mode": "randread", "direct": "0"}
    run = target.run(disk.resolve(BRIEF | given | {"folder": str(place)}, means()))
    assert verdict(run) == ("pass", ""), output(run)


def test_a_supervisor_that_is_killed_leaves_no_file_to_the_next_agent(
    target: Target, disk: Recipe, place: Path
) -> None:
    step = disk.resolve({"for": "60s", "size": "4M", "folder": str(place)}, means())
    run, supervisor = begun(target, step, 0.01)
    supervisor.kill()
    supervisor.wait(20)
    assert list(place.iterdir())
    story = Story(journal=JOURNAL, step="disk", open=True, index=0)
    crashed = Decision(Action.SETTLE, Verdict.CRASHED, "bob rebooted in disk")
    launch.settle(run, story, crashed, "boot-2")
    assert list(place.iterdir()) == []
    assert gone(JOURNAL)


@pytest.mark.parametrize(
    "script", ["exit 0", "echo '{}' > fio.json", "echo '{\"jobs\":[' >fio.json"]
)
def test_one_that_does_nothing_and_ends_with_0(
    target: Target, disk: Recipe, place: Path, script: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", a_program(target.home / "bin", "fio", script))
    run = target.run(disk.resolve(BRIEF | {"folder": str(place)}, means()))
    assert verdict(run)[0] == "error"


def test_an_option_that_it_does_not_know_is_an_error(
    target: Target, disk: Recipe, place: Path
) -> None:
    step = disk.resolve(BRIEF | {"folder": str(place)}, means())
    run = target.run(step | {"argv": [*step["argv"], "--no-such-option=1"]})
    assert verdict(run)[0] == "error"


def test_a_folder_that_is_not_there(target: Target, disk: Recipe, place: Path) -> None:
    run = target.run(disk.resolve(BRIEF | {"folder": f"{place}/no"}, means()))
    assert verdict(run)[0] == "error"
    assert f"no scratch folder in {place}/no: No such file or directory" in verdict(run)[1]


@pytest.mark.parametrize("folder", ["/dev/sda/..", "tmp", "/a/../../etc", "/"])
def test_what_is_no_folder_is_refused(disk: Recipe, folder: str) -> None:
    with pytest.raises(BadValue):
        disk.resolve({"folder": folder}, means())


# --- the folder itself


def test_what_is_there_already_is_neither_used_nor_removed(
    target: Target, disk: Recipe, place: Path
) -> None:
    taken = place / f"labroom-{JOURNAL}"
    taken.mkdir()
    (taken / "scratch").write_text("somebody's")
    run = target.run(disk.resolve(BRIEF | {"folder": str(place)}, means()))
    assert verdict(run)[0] == "error"
    assert "File exists" in verdict(run)[1]
    assert (taken / "scratch").read_text() == "somebody's"


def test_a_link_in_its_place_is_not_followed(place: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("x")
    (place / "mine").symlink_to(precious)
    with pytest.raises(NotStarted):
        scratch.make(str(place / "mine"), 0)
    scratch.remove(str(place / "mine"))
    assert (precious / "file").exists()


def test_results_are_read_from_a_file_and_nothing_else(place: Path) -> None:
    (place / "results").write_bytes(b"0123456789")
    (place / "link").symlink_to("results")
    os.mkfifo(place / "fifo")
    assert scratch.read(f"{place}/results", 4) == b"0123"
    for other in ("link", "fifo", ".", "not-there"):
        assert scratch.read(f"{place}/{other}", 4) == b""


def test_all_in_it_is_removed_and_nothing_else(place: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("x")
    mine = place / "mine"
    scratch.make(str(mine), 1)
    (mine / "a" / "b").mkdir(parents=True)
    (mine / "a" / "b" / "file").write_text("x")
    (mine / "a" / "link").symlink_to(precious)
    (mine / "broken").symlink_to("nowhere")
    scratch.remove(str(mine))
    assert list(place.iterdir()) == []
    assert (precious / "file").exists()
    scratch.remove(str(mine))  # again: nothing to do


@pytest.fixture
def quick() -> Iterator[Path]:
    """A folder on a disk that is as fast as memory."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


def test_folders_within_folders_are_removed_however_deep(quick: Path) -> None:
    mine = quick / "mine"
    scratch.make(str(mine), 0)
    deep = os.open(mine, os.O_RDONLY)
    for _ in range(1200):  # Python recurses 1000 times
        os.mkdir("d", dir_fd=deep)
        os.close(os.open("file", os.O_CREAT, dir_fd=deep))
        within = os.open("d", os.O_RDONLY, dir_fd=deep)
        os.close(deep)
        deep = within
    os.close(deep)
    scratch.remove(str(mine))
    assert list(quick.iterdir()) == []


def test_what_cannot_be_removed_ends_it_all_the_same(place: Path) -> None:
    mine = place / "mine"
    scratch.make(str(mine), 0)
    (mine / "a" / "kept").mkdir(parents=True)
    (mine / "b").mkdir()
    mount(mine / "a" / "kept", "-t", "tmpfs")
    scratch.remove(str(mine))
    assert not (mine / "b").exists()
    unmount(next(mine.glob("**/kept")))
    scratch.remove(str(mine))
    assert not mine.exists()
