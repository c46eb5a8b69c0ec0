"""run stress for 30s: how long a recipe works, in people's words."""

import pytest

from agent.wire.parameter import Kind, Parameter, RecipeInfo
from tests.bot.lab_in_memory import MEMTEST, World
from tests.bot.test_commands import say

TIME = Parameter(kind=Kind.DURATION, default="60s", min="1s", max="7d")
STRESS = RecipeInfo(name="stress", summary="Work.", params={"time": TIME}, takes="time")
OTHER = RecipeInfo(name="stress", summary="Work.", params={"span": TIME}, takes="span")


@pytest.fixture
def lab() -> World:
    world = World()
    world.targets.catalogues["bob"] = {"stress": STRESS, "memtest": MEMTEST}
    world.targets.catalogues["alice"] = {"stress": OTHER, "memtest": MEMTEST}
    return world


async def test_the_answer_echoes_it_short(lab: World) -> None:
    said = await say(lab, "run stress for 2 hours and 30 minutes on bob")
    assert said.text == "job 1: stress for 2h30m on bob"


async def test_in_a_sequence(lab: World) -> None:
    said = await say(lab, "run stress for 30s, memtest on bob")
    assert said.text.startswith("job 1: stress for 30s, memtest on bob")


async def test_each_target_calls_it_as_it_likes(lab: World) -> None:
    said = await say(lab, "run stress for 30s on bob, alice")
    assert said.text.startswith("job 1: stress for 30s on bob, alice")


async def test_one_that_has_not_said_what_it_can_finds_the_name_itself(lab: World) -> None:
    lab.targets.catalogues["bob"] = None
    said = await say(lab, "run stress for 30s on bob")
    assert said.text == "job 1: stress for 30s on bob"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("run memtest for 30s on bob", "memtest cannot be told how long to run. It takes size"),
        ("run stress for 30s, memtest for 5s on bob", "memtest cannot be told how long to run"),
        ("run stress for 30d on bob", "time=30d is too large. At most 7d"),
        ("run stress for 30s time=1m on bob", "stress is told twice how long to run"),
    ],
)
async def test_what_cannot_be_is_refused_by_name(lab: World, line: str, words: str) -> None:
    assert words in (await say(lab, line)).text
    assert lab.deeds == []
