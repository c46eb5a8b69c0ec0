"""Many that go at once are one line, and one that comes and goes is three at most."""

from pathlib import Path

import pytest

from bot.demo import SERVERS
from tests.bench.crowd import crowd
from tests.end_to_end.lab import WITHIN, answer, facts, idle
from tests.faults.stage import stage
from tests.liveness.alarms import DEFAULTS, MOST_LINES
from tests.liveness.room import BOB, notice, notices

RACK = 40
PATIENT = "\n[liveness]\nhold = 60\n"
"""A machine that is busy finds them dead one by one; who is in doubt is waited for all the same."""
FLAPS = 6


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", list(SERVERS))
async def test_a_rack_that_goes_at_once_is_one_line_and_one_when_it_returns(
    kind: str, tmp_path: Path
) -> None:
    async with crowd(tmp_path, kind, tuned=True, settings=PATIENT) as on:
        await on.grow(RACK, each=RACK)
        await on.calm()
        since = on.ann.mark()
        on.halt()
        told = await on.ann.heard(
            lambda heard: bool(notice(heard, there=False)), since=since, within=WITHIN
        )
        assert sorted(facts(told)["targets"]) == on.names, on.ann.transcript()
        assert "t[001-040]" in told.body
        on.go_on()
        back = await on.ann.heard(
            lambda heard: bool(notice(heard, there=True)), since=since, within=2 * WITHIN
        )
        assert sorted(facts(back)["targets"]) == on.names, on.ann.transcript()
        await answer(on.ann, "labbot: status")  # whatever there was to say has been said
        assert len(notices(on.ann, since, there=False)) == 1, on.ann.transcript()
        assert len(notices(on.ann, since, there=True)) == 1, on.ann.transcript()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", list(SERVERS))
async def test_a_target_that_flaps_is_named_and_not_told_of_each_time(
    kind: str, tmp_path: Path
) -> None:
    async with stage(tmp_path, kind, "flaps", DEFAULTS) as on, on.person() as ann:
        since = ann.mark()
        for _ in range(FLAPS):
            seen = len(ann.presences.entries)
            on.agent.kill()
            await ann.sees(lambda s: s.type == "unavailable", nick=BOB, since=seen, within=WITHIN)
            await idle(ann, BOB, since=seen)
            assert "answered" in (await answer(ann, f"ping {BOB}")).body  # the bot knows, too
        await answer(ann, "labbot: status")  # whatever there was to say has been said
        lines = [*notices(ann, since, there=False), *notices(ann, since, there=True)]
        assert 0 < len(lines) <= MOST_LINES, ann.transcript()
        assert any(facts(line).get("cause") == "flapping" for line in lines), ann.transcript()
