"""
The short version of ``make liveness ONLY="--alarms 30m"``: what is no death is not told as one.

How a target goes is in :mod:`tests.faults.test_quick`; several at once in ``test_folding.py``.
"""

import os

import pytest

from bot.demo import SERVERS
from tests.liveness.alarms import ALARMS, Alarm, work

SEED, SECONDS = 7, 20.0

STEADY = [alarm for alarm in ALARMS if alarm.name != "flapping"]
"""The others; that one takes minutes."""


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", list(SERVERS))
@pytest.mark.parametrize("alarm", STEADY, ids=lambda alarm: alarm.name)
async def test_what_is_no_death_is_not_told_as_one(alarm: Alarm, kind: str) -> None:
    if alarm.possible() and os.geteuid() != 0 and "CI" not in os.environ:
        pytest.skip(alarm.possible())
    row = await work(alarm, kind, seed=SEED, seconds=SECONDS)
    assert row.good, [*row.wrong, row.remains]
    assert row.note.startswith("as promised")
