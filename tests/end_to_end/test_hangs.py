"""A step that hangs: the room is warned, then the step is stopped with all it started."""

from tests.end_to_end.conftest import Furnish
from tests.end_to_end.lab import WITHIN, facts, idle, order, result


async def test_the_room_is_warned_before_a_step_that_hangs_is_stopped(furnish: Furnish) -> None:
    lab, ann = await furnish()
    gate = lab.add_waiting("hang")
    recipe = lab.recipes / "hang.toml"
    recipe.write_text(recipe.read_text().replace("[time]\n", '[time]\nstall = "6s"\n'))
    await lab.start("bob")
    bob = lab.name("bob")
    await idle(ann, bob)

    job = await order(ann, f"run hang on {bob}")
    await gate.reached()
    warned = await ann.heard("it will be stopped in", nick="labbot", since=0, within=WITHIN)
    assert warned.body == (
        f"{job}@{bob}: hang has said and done nothing for 5 s; it will be stopped in 1 s"
    )
    told = await result(ann, job)
    assert facts(told)["verdict"] == "stalled"
