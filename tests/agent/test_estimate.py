"""How long a run will take: from what is known, or from its pace; and how exactly that is said."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.estimate import left, spoken
from agent.resume import Story
from agent.wire.duration import rounded
from agent.wire.journal import Reader, encode

MEMTEST: dict[str, Any] = {"name": "memtest", "takes": 0}
STRESS: dict[str, Any] = {"name": "stress for 10m", "takes": 600}
REBOOT: dict[str, Any] = {"name": "reboot", "reboot": 300.0}


@pytest.mark.parametrize(
    ("steps", "index", "fraction", "lasted", "expected"),
    [
        ([STRESS], 0, None, 0.0, 600),
        ([STRESS], 0, 0.25, 150.0, 450),
        ([STRESS], 0, 1.0, 700.0, 0),
        ([MEMTEST], 0, 0.25, 100.0, 300),
        ([MEMTEST], 0, 1.0, 100.0, 0),
        ([MEMTEST], 0, None, 0.0, None),
        ([MEMTEST], 0, 0.25, 4.0, None),  # too early to tell
        ([MEMTEST], 0, 0.001, 100.0, None),
        ([MEMTEST], 0, 0.5, -3600.0, None),  # somebody set the clock
        ([MEMTEST], 0, 0.5, math.inf, None),
        ([MEMTEST, STRESS], 0, 0.25, 100.0, 900),
        ([MEMTEST, STRESS], 1, 0.5, 300.0, 300),  # what is over counts no more
        ([STRESS, MEMTEST], 0, 0.5, 300.0, None),
        ([STRESS, REBOOT, STRESS], 0, 0.5, 300.0, None),
        ([STRESS, REBOOT, STRESS], 2, 0.5, 300.0, 300),
        ([REBOOT], 0, None, 0.0, None),
        ([], 0, 0.5, 100.0, None),
        ([STRESS], 7, 0.5, 100.0, None),
    ],
)
def test_what_is_left_is_known_or_is_not_told(
    steps: list[dict[str, Any]], index: int, fraction: float | None, lasted: float,
    expected: float | None,
) -> None:  # fmt: skip
    assert left(steps, index, fraction, lasted) == expected


USUAL: dict[str, Any] = {"name": "memtest", "takes": 0, "usual": 3000}


@pytest.mark.parametrize(
    ("steps", "index", "fraction", "lasted", "gone", "expected"),
    [
        ([USUAL], 0, None, 0.0, 0.0, 3000),
        ([USUAL], 0, None, 0.0, 1000.0, 2000),
        ([USUAL], 0, None, 0.0, 3000.0, None),  # longer than usual: nobody knows
        ([USUAL], 0, None, 0.0, -5.0, None),  # somebody set the clock
        ([USUAL], 0, None, 0.0, math.nan, None),
        ([USUAL], 0, 0.5, 100.0, 100.0, 100),  # its own pace says more
        ([USUAL], 0, 0.001, 100.0, 100.0, 2900),
        ([USUAL, USUAL], 0, None, 0.0, 1000.0, 5000),
        ([STRESS, USUAL], 0, 0.5, 300.0, 300.0, 3300),
        ([USUAL, MEMTEST], 0, None, 0.0, 0.0, None),
        ([{**STRESS, "usual": 9000}], 0, None, 0.0, 0.0, 600),  # it was told how long
    ],
)
def test_what_is_usual_is_taken_where_nothing_else_is_known(
    steps: list[dict[str, Any]], index: int, fraction: float | None, lasted: float,
    gone: float, expected: float | None,
) -> None:  # fmt: skip
    assert left(steps, index, fraction, lasted, gone) == expected


def test_its_pace_is_told_by_the_journal_so_a_new_agent_knows_it_too() -> None:
    reader, story = Reader(), Story()
    for record in reader.feed(
        encode("accepted", 1000.0, journal="k3x9")
        + encode("begin", 1010.0, step=0, name="memtest", boot="b")
        + encode("progress", 1110.0, step=0, fraction=0.25, text="")
    ):
        story.see(record)
    assert left([MEMTEST], story.index, story.fraction, story.lasted) == 300


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.0, "0 s"), (-3.0, "0 s"), (math.nan, "0 s"), (0.2, "10 s"), (41.0, "50 s"),
     (119.0, "2 min"), (120.0, "2 min"), (121.0, "3 min"), (700.0, "12 min"), (7200.0, "2 h"),
     (7201.0, "2 h 10 min"), (86400.0, "1 d"), (4 * 86400.0 + 3 * 3600, "4 d 3 h"),
     (1e15, "999 d"), (math.inf, "0 s")],
)  # fmt: skip
def test_it_is_said_no_more_exactly_than_it_is_known(seconds: float, said: str) -> None:
    assert spoken(rounded(seconds)) == said


@given(st.integers(1, 10**6))
def test_it_never_grows_while_time_passes(seconds: int) -> None:
    assert rounded(seconds) >= rounded(seconds - 1)
    assert seconds <= rounded(seconds) < seconds + 600
