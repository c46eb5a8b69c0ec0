"""Who is alive, as the table says; nothing here waits."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.liveness import NEXT, Event, Life, Liveness, Sign


@pytest.fixture
def bob() -> Liveness:
    """Entered at 0, asked, and the question is on its way."""
    bob = Liveness(silence=2, answer=2)
    assert bob.enters(0) is Event.ASK
    bob.taken(0)
    return bob


@pytest.fixture
def alive(bob: Liveness) -> Liveness:
    """Spoke at 1."""
    assert bob.speaks(1) is Event.PROVEN
    return bob


def silent(one: Liveness, *, since: float) -> float:
    """Let it be silent from then on; when it is given up."""
    now = since
    for _ in range(3):
        now = one.deadline
        assert math.isfinite(now)
        event = one.tick(now)
        if event is Event.LOST:
            return now
        assert event is Event.ASK
        assert one.tick(now + 100) is Event.NONE  # its time does not run yet
        one.taken(now)
    raise AssertionError("nobody gave it up")


def test_a_power_cut_is_noticed_within_silence_and_two_answers(alive: Liveness) -> None:
    assert silent(alive, since=1) == 1 + 2 + 2 + 2
    assert alive.life is Life.DOWN


def test_who_only_shows_up_is_asked_has_more_time_and_is_given_up(bob: Liveness) -> None:
    assert silent(bob, since=0) == 8  # a ghost: the room showed it, and it never spoke


def test_any_word_is_life(alive: Liveness) -> None:
    for now in range(2, 100):
        assert alive.speaks(now) is Event.NONE
        assert alive.tick(now + 1.9) is Event.NONE


def test_a_word_after_the_first_question_and_after_the_second_is_in_time(alive: Liveness) -> None:
    assert alive.tick(3) is Event.ASK
    alive.taken(3)
    assert alive.speaks(4.9) is Event.NONE
    assert (alive.tick(6.9), alive.life) == (Event.ASK, Life.ASKED)
    alive.taken(6.9)
    assert (alive.tick(8.9), alive.life) == (Event.ASK, Life.DOUBTED)
    alive.taken(8.9)
    assert alive.speaks(10.8) is Event.NONE
    assert alive.life is Life.ALIVE


def test_its_time_runs_only_when_our_server_has_taken_the_question(alive: Liveness) -> None:
    assert alive.tick(3) is Event.ASK
    assert alive.tick(60) is Event.NONE  # our own line is slow
    alive.taken(60)
    assert alive.tick(61.9) is Event.NONE
    assert alive.tick(62) is Event.ASK


def test_after_a_pause_of_ours_it_is_asked_again_before_it_is_judged(alive: Liveness) -> None:
    alive.tick(3)
    alive.taken(3)
    alive.tick(5)
    alive.taken(5)
    assert alive.life is Life.DOUBTED
    assert alive.paused() is Event.ASK  # instead of the verdict that was due
    alive.taken(40)
    assert alive.tick(42) is Event.ASK
    assert alive.speaks(42.1) is Event.NONE


def test_who_is_back_is_proven_by_its_first_word(alive: Liveness) -> None:
    silent(alive, since=1)
    alive.leaves(8)  # its ghost was removed
    assert alive.speaks(9) is Event.NONE  # it answers, and is not in the room
    assert alive.life is Life.AWAY
    assert alive.enters(10) is Event.ASK
    assert alive.speaks(10.1) is Event.PROVEN
    assert alive.speaks(10.2) is Event.NONE


def test_a_ghost_that_could_not_be_removed_and_speaks_was_none(alive: Liveness) -> None:
    silent(alive, since=1)
    assert alive.speaks(60) is Event.PROVEN
    assert alive.life is Life.ALIVE


def test_who_is_near_a_dead_one_is_asked_once(alive: Liveness) -> None:
    assert alive.look() is Event.ASK
    assert alive.look() is Event.NONE
    alive.leaves(2)
    assert alive.look() is Event.NONE


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["enters", "leaves", "speaks", "tick", "taken", "look", "paused"]),
            st.floats(0, 5),
        ),
        max_size=60,
    )
)
def test_whatever_happens_it_is_lost_only_after_two_questions_that_were_taken(
    happenings: list[tuple[str, float]],
) -> None:
    one, now, unanswered = Liveness(silence=2, answer=2), 0.0, 0
    asked = False
    for what, later in happenings:
        now += later
        timed = what not in ("look", "paused")
        event = getattr(one, what)(now) if timed else getattr(one, what)()
        if event is Event.LOST:
            assert unanswered == 2
        if what in ("speaks", "enters", "paused", "look") and event is not Event.NONE:
            unanswered = 0
        if what in ("speaks", "leaves"):
            unanswered, asked = 0, False
        if event is Event.ASK:
            asked = True
        if what == "taken" and asked and one.life in (Life.ASKED, Life.DOUBTED):
            unanswered, asked = unanswered + 1, False
        assert one.life is not Life.AWAY or one.deadline == math.inf
        assert one.life is not Life.ALIVE or one.proven


def test_the_table_says_something_of_every_life() -> None:
    assert set(NEXT) == set(Life)
    assert all(set(steps) <= set(Sign) for steps in NEXT.values())
