"""What everybody's client shows of a target."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.presence import Appearance, Work, appear, only_progress
from agent.wire.target import TargetState
from agent.wire.vocabulary import RunId

BASE = TargetState(name="Bob's server", boot="b1", session="s1")


def work(
    fraction: float | None = None,
    step: str = "memtest size=16M",
    number: int = 17,
    *,
    silent: bool = False,
    left: float | None = None,
) -> Work:
    run = RunId("k3x9q2ab", number)
    return Work(
        controller="labbot@lab.example", run=run, step=step, fraction=fraction, silent=silent,
        left=left,
    )  # fmt: skip


def shown(now: Work | None, queue: int = 0, *, rebooting: bool = False) -> tuple[str, str]:
    how = appear(BASE, now, queue, rebooting=rebooting)
    assert (how.state.name, how.state.boot, how.state.session) == ("Bob's server", "b1", "s1")
    return how.show, how.status


@pytest.mark.parametrize(
    ("now", "queue", "rebooting", "reads"),
    [
        (None, 0, False, ("", "idle")),
        (work(), 0, False, ("dnd", "memtest")),
        (work(0.0), 0, False, ("dnd", "memtest 0 %")),
        (work(0.29), 0, False, ("dnd", "memtest 29 %")),
        (work(0.999), 2, False, ("dnd", "memtest 99 %, 2 waiting")),
        (work(7.0), 0, False, ("dnd", "memtest 100 %")),
        (work(float("nan")), 0, False, ("dnd", "memtest 0 %")),
        (work(None, step="disk"), 1, False, ("dnd", "disk, 1 waiting")),
        (work(0.29, silent=True), 2, False, ("dnd", "memtest 29 %, 2 waiting, silent")),
        (work(0.43, left=700), 0, False, ("dnd", "memtest 43 %, about 12 min left")),
        (work(None, left=41), 0, False, ("dnd", "memtest, about 50 s left")),
        (work(1.0, left=0.0), 0, False, ("dnd", "memtest 100 %")),
        (work(0.43, left=700), 2, False, ("dnd", "memtest 43 %, about 12 min left, 2 waiting")),
        (
            work(0.43, left=9e9, silent=True),
            0,
            False,
            ("dnd", "memtest 43 %, about 999 d left, silent"),
        ),
        (work(0.43, left=float("nan")), 0, False, ("dnd", "memtest 43 %")),
        (None, 0, True, ("xa", "rebooting")),
        (work(0.5), 3, True, ("xa", "rebooting")),
    ],
)
def test_it_reads_well(
    now: Work | None, queue: int, rebooting: bool, reads: tuple[str, str]
) -> None:
    assert shown(now, queue, rebooting=rebooting) == reads


def test_it_carries_the_facts() -> None:
    state = appear(BASE, work(0.43), 2, rebooting=False).state
    assert (state.state, state.queue, state.progress) == ("busy", 2, 43)
    assert (state.controller, state.step) == ("labbot@lab.example", "memtest size=16M")
    assert state.run == RunId("k3x9q2ab", 17)
    assert state.left is None
    assert appear(BASE, work(0.43, left=700), 0, rebooting=False).state.left == 720
    assert appear(BASE, None, 0, rebooting=False).state.run is None
    assert appear(BASE, work(), 0, rebooting=True).state.state == "rebooting"


def of(now: Work | None, queue: int = 0, *, rebooting: bool = False) -> Appearance:
    return appear(BASE, now, queue, rebooting=rebooting)


def test_only_progress_may_wait() -> None:
    assert only_progress(of(work(0.1)), of(work(0.2)))
    assert only_progress(of(work()), of(work(0.2)))
    assert only_progress(of(work(0.1, left=900)), of(work(0.1, left=800)))
    assert not only_progress(of(work(0.1)), of(work(0.1, silent=True)))
    assert not only_progress(of(work(0.1)), of(None))
    assert not only_progress(of(work(0.1)), of(work(0.1), 1))
    assert not only_progress(of(work(0.1)), of(work(0.1, step="disk")))
    assert not only_progress(of(work(0.1)), of(work(0.1, number=18)))
    assert not only_progress(of(work(0.1)), of(work(0.1), rebooting=True))


@given(st.floats())
def test_a_percentage_is_one(fraction: float) -> None:
    progress = of(work(fraction)).state.progress
    assert progress is not None
    assert 0 <= progress <= 100
