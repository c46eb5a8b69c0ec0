"""Progress by the clock, where a program says nothing of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.progress import Clock


@pytest.mark.parametrize(
    ("elapsed", "fraction", "text"),
    [(0, 0.0, "0s of 2h30m"), (90, 0.01, "1m30s of 2h30m"), (4500, 0.5, "1h15m of 2h30m"),
     (9000, 0.99, "2h28m30s of 2h30m"), (10_000, 0.99, "2h28m30s of 2h30m")],
)  # fmt: skip
def test_how_far_it_is(elapsed: float, fraction: float, text: str) -> None:
    assert Clock(9000).at(elapsed) == (fraction, text)


@given(takes=st.integers(1, 10**7))
def test_it_moves_when_it_says_so_by_whole_percents_and_never_to_the_end(takes: int) -> None:
    clock, elapsed, seen = Clock(takes), 0.0, [0.0]
    while (elapsed := clock.moves(elapsed)) != float("inf"):
        seen.append(clock.at(elapsed)[0])
    assert seen == [percent / 100 for percent in range(100)]


def test_who_ends_well_before_has_not_worked_as_told() -> None:
    assert Clock(60).early(1)
    assert not Clock(60).early(59.9)
    assert not Clock(1).early(1.0)
