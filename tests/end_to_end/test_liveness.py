"""Who is there, as everybody in the room sees it, and why somebody is not."""

import re
import signal
from contextlib import AsyncExitStack
from pathlib import Path

import psutil

from tests.end_to_end.conftest import Furnish, Join, OwnServer, enter
from tests.end_to_end.feed import Heard
from tests.end_to_end.lab import Lab, answer, facts, gone, idle, order, result
from tests.end_to_end.person import Person

WITHIN = 60.0


async def notice(person: Person, target: str, *, there: bool, since: int = 0) -> Heard:
    """What the room hears of *target*, gone or back."""
    return await person.heard(
        lambda heard: (
            facts(heard).get("kind") == "notice"
            and target in facts(heard).get("targets", ())
            and facts(heard).get("there") is there
        ),
        since=since,
        within=WITHIN,
    )


def named(person: Person, since: int) -> set[str]:
    """The targets that the room heard of, gone or back."""
    heard = [facts(each) for each in person.messages.entries[since:]]
    return {name for each in heard if "there" in each for name in each["targets"]}


def freeze(lab: Lab, who: str) -> psutil.Process:
    """Stop the agent; its kernel keeps the connection, and nobody answers."""
    process = psutil.Process(lab.machines[who].pid)
    process.send_signal(signal.SIGSTOP)
    return process


async def test_a_target_that_answers_nothing_leaves_the_room_and_comes_back_by_itself(
    furnish: Furnish,
) -> None:
    lab, ann = await furnish("bob", "carl")
    gate = lab.add_waiting()
    await lab.start("dora")  # a catalogue with the new recipe
    await idle(ann, lab.name("dora"))
    job = await order(ann, f"run wait on {lab.name('dora')}")
    await gate.reached()
    dora, since = lab.name("dora"), ann.mark()
    process = freeze(lab, "dora")
    told = await notice(ann, dora, there=False)
    assert facts(told)["cause"] == "silent"
    assert facts(told)["worked_on"] == [job]
    assert told.body.startswith(f"{dora} is down: no answer for ")
    assert f"Job {job} (wait" in told.body
    assert "stranded until it is back" in told.body
    left = await gone(ann, dora)
    assert left.type == "unavailable"
    status = await answer(ann, f"status {dora}")
    assert facts(status)["target"]["state"] == "down"
    process.send_signal(signal.SIGCONT)
    back = await notice(ann, dora, there=True)
    assert re.search(r"is back after .*, not rebooted: it was cut off, or hung$", back.body)
    gate.open()
    assert "pass" in (await result(ann, job)).body
    assert lab.printed(job, "dora") == b"begun\nended\n"
    assert named(ann, since) == {dora}  # nobody else was ever in doubt


async def test_contacts_hear_of_a_dead_target_where_the_bot_may_end_sessions(
    own_server: OwnServer, join: Join, tmp_path: Path
) -> None:
    server = own_server()
    async with AsyncExitStack() as stack:
        lab = Lab(tmp_path / "lab", server, "x", stack, account="admin")
        await lab.start_bot()
        ann = await join("ann", account="ann-x", enter=False, on=server)
        await enter(lab, ann, "ann")
        await lab.start("bob")
        await idle(ann, "bob-x")
        fay = await join("fay", account="fay-x", enter=False, on=server)
        fay.xmpp.send_presence_subscription("bob-x@localhost", ptype="subscribe")
        await fay.sees(lambda seen: seen.status == "idle", nick="bob-x@localhost", within=WITHIN)
        process = freeze(lab, "bob")
        await fay.sees(
            lambda seen: seen.type == "unavailable", nick="bob-x@localhost", within=WITHIN
        )
        await notice(ann, "bob-x", there=False)
        process.send_signal(signal.SIGCONT)
        await fay.sees(lambda seen: seen.status == "idle", nick="bob-x@localhost", within=WITHIN)
        await notice(ann, "bob-x", there=True)


async def test_an_agent_that_was_killed_is_told_from_one_that_was_stopped(furnish: Furnish) -> None:
    lab, ann = await furnish("bob", "carl")
    bob, carl = lab.name("bob"), lab.name("carl")
    lab.kill_agent("bob")
    told = await notice(ann, bob, there=False)
    assert facts(told)["cause"] == "crashed"
    lab.machines["carl"].end(grace=10)
    told = await notice(ann, carl, there=False)
    assert facts(told)["cause"] == "stopped"
    await lab.start("bob")
    back = await notice(ann, bob, there=True)
    assert back.body.startswith(f"{bob} is back after ")


async def test_an_agent_that_is_only_restarted_is_no_news(furnish: Furnish) -> None:
    # On a loaded machine a start takes long.
    lab, ann = await furnish("bob", "carl", settings="\n[liveness]\nrestart = 500\n")
    bob, carl, since = lab.name("bob"), lab.name("carl"), ann.mark()
    lab.machines["bob"].end(grace=10)
    await lab.start("bob")
    await idle(ann, bob, since=since)
    await answer(ann, f"ping {bob}")  # it has answered, so that it is back is known
    lab.kill_agent("carl")
    await notice(ann, carl, there=False)
    assert named(ann, since) == {carl}
