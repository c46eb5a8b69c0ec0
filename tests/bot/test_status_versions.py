"""status names the targets that run another version than the bot, in one folded line."""

from dataclasses import replace

from bot.commands.status import Status, run
from bot.lab import Target
from bot.reply import Reply
from bot.selection import named
from tests.bot.lab_in_memory import World, line, target


async def status(*targets: Target, of: str = "", ours: str = "0.1.0") -> Reply:
    lab = replace(World(*targets).lab(), version=ours)
    asked = Status(named(of), (of,)) if of else Status()
    return await run(asked, lab, line("status"))


async def test_targets_of_the_bots_version_are_not_worth_a_word() -> None:
    said = await status(target("bob", version="0.1.0"), target("carol", version="0.1.0"))
    assert said.text == "2 targets: 2 idle"
    assert said.data["version"] == "0.1.0"


async def test_targets_of_another_version_are_named_in_one_line() -> None:
    said = await status(
        target("bob", version="0.0.9"), target("carol", version="0.0.9"),
        target("dan", version="0.1.0"),
    )  # fmt: skip
    assert said.text == (
        "3 targets: 3 idle\nthe bot is 0.1.0, 2 targets are not: bob and carol 0.0.9"
    )


async def test_each_version_has_its_targets() -> None:
    said = await status(target("bob", version="0.2.0"), target("carol", version="0.0.9"))
    assert said.text.splitlines()[1] == (
        "the bot is 0.1.0, 2 targets are not: carol 0.0.9; bob 0.2.0"
    )


async def test_a_whole_lab_of_another_version_is_still_one_short_line() -> None:
    said = await status(*(target(f"node{n:02}", version="0.0.9") for n in range(40)))
    (_, skew) = said.text.splitlines()
    assert skew == "the bot is 0.1.0, 40 targets are not: node[00-39] 0.0.9"
    many = await status(*(target(f"node{n}", version=f"0.0.{n}") for n in range(9)))
    assert many.text.endswith("node3 0.0.3; ...")


async def test_who_is_away_or_never_said_its_version_is_not_accused() -> None:
    said = await status(target("bob", "away", version="0.0.9"), target("carol"))
    assert said.text == "2 targets: 1 idle, 1 away"


async def test_a_version_is_a_targets_word_and_made_safe() -> None:
    said = await status(target("bob", version="```\x1b[31m" + "9" * 500))
    assert "\x1b" not in said.body
    assert "```" not in said.text
    assert len(said.text.splitlines()[1]) < 100


async def test_one_target_says_its_version() -> None:
    same = await status(target("bob", version="0.1.0"), of="bob")
    assert "version  0.1.0\n" in same.table
    other = await status(target("bob", version="0.0.9"), of="bob")
    assert "version  0.0.9 (the bot: 0.1.0)" in other.table
