"""What is kept of an output that is too long."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.kept import TAIL, Kept
from tests.agent.bench import Gate, gone, output, records, verdict
from tests.agent.target import JOURNAL, Target, a_step, listen, sh


@given(st.integers(1, 300), st.lists(st.binary(max_size=90), max_size=12))
def test_beginning_and_end_and_nothing_twice(most: int, pieces: list[bytes]) -> None:
    kept, whole = Kept(most), b"".join(pieces)
    head = b"".join(map(kept.take, pieces))
    rest = kept.rest()
    assert whole.startswith(head)
    assert whole.endswith(rest)
    assert len(head) + kept.cut + len(rest) == len(whole)
    assert len(head) + len(rest) <= most
    assert (kept.cut == 0) == (len(whole) <= most)
    assert (kept.note == "") == (kept.cut == 0)


def test_the_end_is_no_more_than_fits_into_memory() -> None:
    kept = Kept(1 << 30)
    for _ in range(1100):
        kept.take(bytes(1 << 20))
    assert len(kept.rest()) == TAIL


@pytest.mark.parametrize(
    ("cut", "note"), [(5, "5 bytes"), (2500, "2.5 kB"), (1_260_000_000, "1260.0 MB")]
)
def test_what_is_missing_is_said(cut: int, note: str) -> None:
    kept = Kept(2)
    kept.cut = cut
    assert kept.note == f"{note} of its output were cut out of the middle"


def test_of_much_output_head_and_tail_are_kept_and_all_of_it_is_judged(target: Target) -> None:
    script = "echo first; seq 200000; echo BAD thing; seq 200000; echo last"
    run = target.run(sh(script, most=500_000, fail=["BAD"]))
    told, reason = verdict(run)
    assert told == "fail"
    assert reason.startswith("1 failure reported, first: BAD thing; 2.1 MB of its output were cut")
    whole = output(run)
    assert len(whole) == 500_000
    assert whole.startswith(b"first\n1\n2\n")
    assert whole.endswith(b"199999\n200000\nlast\n")
    [cut] = [record for record in records(run) if record.kind == "cut"]
    numbers = b"".join(b"%d\n" % i for i in range(1, 200_001))
    assert cut.number("size") == len(b"first\nBAD thing\nlast\n" + numbers * 2) - 500_000
    kinds = [record.kind for record in records(run)]
    assert kinds[-5:] == ["cut", "out", "out", "end", "verdict"]


def test_a_pass_says_what_is_missing_of_it(target: Target) -> None:
    run = target.run(sh("seq 100000", most=1000))
    assert verdict(run) == ("pass", "587.9 kB of its output were cut out of the middle")
    assert len(output(run)) == 1000


def test_an_output_that_just_fits_is_whole(target: Target) -> None:
    run = target.run(sh("head -c 1000 /dev/zero", most=1000))
    assert verdict(run) == ("pass", "")
    assert output(run) == bytes(1000)


def test_one_that_never_stops_writing_is_bounded_and_ends_in_time(target: Target) -> None:
    run = target.run(a_step("yes", most=100_000, wall=1.0))
    assert verdict(run)[0] == "timeout"
    assert len(output(run)) == 100_000
    assert run.journal.stat().st_size < 110_000
    assert gone(JOURNAL)


def test_stopped_or_not_the_end_is_written_down(target: Target, tmp_path: Path) -> None:
    gate = Gate(tmp_path / "other")
    run = target.create(sh(f"echo on; seq 100000; echo ready >{gate.path}; sleep 60", most=1000))
    supervisor = target.start(run)
    listen(run, b"on")
    with gate.path.open() as ready:
        ready.readline()
    run.ask_to_stop("ann")
    supervisor.terminate()
    assert supervisor.wait(20) == 0
    assert output(run).endswith(b"100000\n")
    gate.close()
