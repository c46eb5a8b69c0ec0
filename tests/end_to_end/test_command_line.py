"""The command lines, as an operator uses them."""

import asyncio
import sys
from pathlib import Path

from tests.end_to_end.conftest import Furnish, Join, enter
from tests.end_to_end.lab import WITHIN, Lab, answer, facts, gone


async def run(*argv: str) -> tuple[int | None, str]:
    """Run a command to its end: exit status, and what it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *argv,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    return process.returncode, said.decode()


def agent_settings(lab: Lab, who: str) -> Path:
    return lab.folder / lab.name(who) / "agent.toml"


async def test_a_second_process_of_the_same_bot_refuses_to_start(furnish: Furnish) -> None:
    lab, ann = await furnish()
    status, said = await run("bot", "serve", "--config", str(lab.site.bot_settings))
    assert status == 2
    assert "runs already" in said
    tidy = ("bot", "tidy", "--config", str(lab.site.bot_settings))
    assert await run(*tidy, "--dry-run") == (0, "nothing is due to go\n")
    status, said = await run(*tidy)
    assert status == 2
    assert "runs already" in said
    assert "no targets yet" in (await answer(ann, "status")).body


async def test_the_recipes_of_a_machine(furnish: Furnish) -> None:
    lab, _ = await furnish("bob")
    status, said = await run("agent", "recipes", "--config", str(agent_settings(lab, "bob")))
    assert status == 0
    assert "memtest size=64M passes=1" in said.splitlines()


async def test_sigterm_says_goodbye(furnish: Furnish) -> None:
    lab, ann = await furnish("bob")
    lab.machines["bob"].end(grace=10)
    assert (await gone(ann, lab.name("bob"))).status == "agent stopped"
    assert lab.machines["bob"].code == 0
    assert lab.bot is not None
    lab.bot.end(grace=10)
    await gone(ann, "labbot")
    assert lab.bot.code == 0


async def test_a_bot_whose_nick_is_taken_takes_another_and_says_so(
    furnish: Furnish, join: Join
) -> None:
    lab, ann = await furnish()
    assert lab.bot is not None
    lab.bot.end(grace=10)
    await gone(ann, "labbot")
    ben = await join("ben", account=lab.name("ben"), enter=False)
    await enter(lab, ben, "labbot")
    await lab.start_bot()
    said = await ann.heard("my nick labbot is taken", nick="labbot-2", within=WITHIN)
    assert facts(said)["kind"] == "notice"
    identity = ann.say("labbot-2: status")
    reply = await ann.heard(lambda heard: facts(heard).get("re") == identity, within=WITHIN)
    assert reply.nick == "labbot-2"
