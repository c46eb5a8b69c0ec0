"""Of several bots one acts: the same one for all who see the same bots."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from bot.election import Candidate, elected

bots = st.lists(
    st.builds(Candidate, st.text(min_size=1, max_size=3), st.integers(0, 999), st.booleans()),
    unique_by=lambda bot: bot.nick,
    max_size=6,
)


@given(bots, st.randoms())
def test_the_order_in_which_they_came_does_not_matter(
    bots: list[Candidate], random: Random
) -> None:
    shuffled = random.sample(bots, len(bots))
    assert elected(shuffled) == elected(bots)


@given(bots)
def test_one_acts_if_there_is_one(bots: list[Candidate]) -> None:
    assert elected(bots) in [bot.nick for bot in bots] or not bots


@given(bots)
def test_who_does_not_own_the_room_outranks_no_owner(bots: list[Candidate]) -> None:
    owners = {bot.nick for bot in bots if bot.owner}
    assert not owners or elected(bots) in owners


@given(bots, st.data())
def test_another_acts_only_if_the_first_leaves_or_a_better_one_comes(
    bots: list[Candidate], data: st.DataObject
) -> None:
    first = elected(bots)
    others = [bot for bot in bots if bot.nick != first]
    if others:
        leaver = data.draw(st.sampled_from(others))
        assert elected([bot for bot in bots if bot != leaver]) == first


def test_the_lowest_rank_acts_then_the_first_nick() -> None:
    a, b, c = Candidate("labbot", 2, True), Candidate("labbot2", 1, True), Candidate("x", 1, True)
    assert elected([a, b, c]) == "labbot2"
    assert elected([a, c]) == "x"
    assert elected([]) is None
