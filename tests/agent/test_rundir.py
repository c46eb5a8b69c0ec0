"""Run directories and their writer: what is durable, what is cut off, who may write."""

import contextlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import launch, rundir, tombs
from agent.rundir import RunDir
from agent.tombs import CANCELLED, RETIRED, Tomb
from agent.wire.journal import JournalError, Reader, encode
from agent.writer import Locked, Writer
from tests.agent.bench import BOT, an_order, records, run_id


def made(state: Path, number: int = 1) -> RunDir:
    steps = [{"name": "it"}]
    return RunDir.create(
        state, BOT, an_order(number, "it"), steps=steps, seq=number, journal="j0urn4lid", at=1.0
    )


def test_a_new_run(tmp_path: Path) -> None:
    run = made(tmp_path)
    assert (run.synced, run.acked, run.alive(), run.pid()) == (
        run.journal.stat().st_size, 0, False, None,
    )  # fmt: skip
    assert [record.kind for record in records(run)] == ["accepted"]
    assert run.request()["steps"] == [{"name": "it"}]
    assert list(rundir.scan(tmp_path)) == [run]
    run.mark_acked(7)
    assert run.acked == 7


def test_a_run_is_made_once(tmp_path: Path) -> None:
    run = made(tmp_path)
    before = run.journal.read_bytes()
    with pytest.raises(OSError, match="not empty"):
        made(tmp_path)
    assert run.journal.read_bytes() == before
    assert list(rundir.scan(tmp_path)) == [run]


@pytest.mark.parametrize(
    "jid",
    [
        "bot",
        "a@b@c",
        "a@b/c",
        "../a@b",
        ".a@b",
        "a\0@b",
        "a@b\n",
        "@".join(["x" * 150] * 2),
        "a\\@b",
    ],
)
def test_an_address_that_must_not_become_a_path(tmp_path: Path, jid: str) -> None:
    with pytest.raises(ValueError, match="not a bare JID"):
        tombs.leave(tmp_path, jid, run_id(1), Tomb(CANCELLED, "ann"))
    assert list(tmp_path.iterdir()) == []


def test_somebody_else_s_folders_are_left_alone(tmp_path: Path) -> None:
    run = made(tmp_path)
    (run.path.parent / "lost+found").mkdir()
    (run.path.parent / "notes.txt").touch()
    assert list(rundir.scan(tmp_path)) == [run]


def test_what_is_remembered_is_forgotten_in_the_end(tmp_path: Path) -> None:
    tombs.leave(tmp_path, BOT, run_id(1), Tomb(CANCELLED, "ann"))
    made(tmp_path, 2).retire("j0urn4lid")
    assert tombs.find(tmp_path, BOT, run_id(1)) == Tomb(CANCELLED, "ann")
    assert tombs.find(tmp_path, BOT, run_id(2)) == Tomb(RETIRED, "j0urn4lid")
    assert list(rundir.scan(tmp_path)) == []
    marks = list((tmp_path / "runs" / BOT).iterdir())
    tombs.prune(tmp_path, min(mark.stat().st_mtime for mark in marks) - 1)
    assert tombs.find(tmp_path, BOT, run_id(2)) == Tomb(RETIRED, "j0urn4lid")
    tombs.prune(tmp_path, max(mark.stat().st_mtime for mark in marks) + 1)
    assert tombs.find(tmp_path, BOT, run_id(1)) is None
    assert tombs.find(tmp_path, BOT, run_id(2)) is None


def test_the_first_to_ask_is_who_stopped_it(tmp_path: Path) -> None:
    run = made(tmp_path)
    assert run.stop_asked() is None
    run.ask_to_stop("ann")
    run.ask_to_stop("bert")
    assert run.stop_asked() == "ann"


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    run = made(tmp_path)
    writer = Writer(str(run.path))
    assert run.alive()
    assert run.pid() == os.getpid()
    with pytest.raises(Locked):
        Writer(str(run.path))
    writer.close()
    assert not run.alive()
    Writer(str(run.path)).close()


def test_synced_follows_the_disk_and_rings(tmp_path: Path) -> None:
    run = made(tmp_path)
    bell = os.open(run.path / "bell", os.O_RDONLY | os.O_NONBLOCK)
    writer = Writer(str(run.path))
    before = run.synced
    writer.append(encode("out", 1, b"hello"))
    assert run.synced == before
    writer.sync()
    assert run.synced == run.journal.stat().st_size > before
    assert os.read(bell, 10) == b"."
    writer.sync()
    with pytest.raises(BlockingIOError):  # nothing new, no bell
        os.read(bell, 10)
    os.close(bell)
    writer.close()


def test_nobody_hears_the_bell_and_nothing_blocks(tmp_path: Path) -> None:
    run = made(tmp_path)
    writer = Writer(str(run.path))
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer._bell, b"." * 100)
    writer.append(encode("out", 1, b"x"))
    writer.sync()
    assert run.synced == writer.size
    writer.close()


def test_the_reserve_goes_with_the_verdict(tmp_path: Path) -> None:
    run = made(tmp_path)
    assert (run.path / "reserve").stat().st_blocks * 512 >= rundir.RESERVE
    writer = Writer(str(run.path))
    writer.finish("error", "why")
    writer.close()
    assert not (run.path / "reserve").exists()
    assert records(run)[-1].text("reason") == "why"


_RECORDS = st.lists(
    st.one_of(
        st.builds(lambda p: encode("out", 1.0, p), st.binary(max_size=200)),
        st.builds(lambda t: encode("begin", 2.0, name=t), st.text(max_size=30)),
    ),
    min_size=1, max_size=8,
)  # fmt: skip


@given(later=_RECORDS, cut=st.integers(0), garbage=st.binary(max_size=40), told=st.integers(0))
def test_a_journal_cut_anywhere_is_repaired_exactly(
    tmp_path_factory: pytest.TempPathFactory,
    later: list[bytes],
    cut: int,
    garbage: bytes,
    told: int,
) -> None:
    run = made(tmp_path_factory.mktemp("run"))
    first = run.journal.read_bytes()
    whole = first + b"".join(later)
    boundaries = [len(first)]
    for record in later:
        boundaries.append(boundaries[-1] + len(record))
    cut = len(first) + cut % (len(whole) - len(first) + 1)
    synced = boundaries[told % len(boundaries)]
    torn = whole[:cut] + garbage
    run.journal.write_bytes(torn)
    (run.path / "synced").write_text(f"{synced}\n")
    reader = Reader()
    with contextlib.suppress(JournalError):
        list(reader.feed(torn))
    good = reader.parsed
    assert good >= max(end for end in boundaries if end <= cut)
    if good < synced:
        with pytest.raises(JournalError):
            launch.mend(run)
        assert run.journal.read_bytes() == torn
        return
    launch.mend(run)
    assert run.journal.read_bytes() == torn[:good]
    assert run.synced == good
    launch.mend(run)
    assert run.journal.read_bytes() == torn[:good]
