"""
``labroom demo --say``: the main job, for real, on this machine alone.

The person says the lines; the demo waits until all that was asked for has ended.
"""

import asyncio
from contextlib import suppress

from agent.wire import logs
from agent.wire.account import Account
from bot.demo.programs import MissingProgramError
from bot.demo.server import ServerStartError
from bot.demo.speaker import Said, Speaker
from bot.demo.stage import lab_folder, stage
from bot.demo.transcript import PERSON, note, show

DEFAULT = "status; run memtest size=16M on bob, alice; reboot carol; status"

ANSWER, END = 20.0, 1800.0
"""Seconds to wait: for an answer, for a job's or a reboot's end."""

TYPING = 1.0
"""Seconds that a person takes to type a line: by then the lab shows what the last one did."""


async def play(lines: str, *, keep: bool = False, server: str = "prosody") -> int:
    """Say *lines* (with ; between them); 0 if all that was asked for ended well."""
    logs.configure(quiet=True)
    asked = [line.strip() for line in (lines or DEFAULT).split(";") if line.strip()]
    with lab_folder(keep=keep, say=note) as folder:
        try:
            async with stage(folder, server, dress=_person, say=note) as lab:
                wrong = await _say_all(lab.person, asked)
        except (MissingProgramError, ServerStartError) as reason:
            note(f"labroom demo: {reason}", style="red")
            return 2
        except TimeoutError:
            wrong = ["the lab did not get ready in time"]
    for line in wrong:
        note(f"not well: {line}", style="red")
    if not wrong:
        note("all that was asked for ended well", style="green")
    return 1 if wrong else 0


def _person(account: Account, room: str) -> Speaker:
    return Speaker(account, room, PERSON, show)


async def _say_all(person: Speaker, lines: list[str]) -> list[str]:
    """Say *lines* one after the other, then wait for the ends; what did not go well."""
    wrong: list[str] = []
    pending: list[tuple[str, Said]] = []
    for line in lines:
        await asyncio.sleep(TYPING)
        answer = await _answer(person, line)
        if answer is None:
            wrong.append(f"nobody answered: {line}")
        elif answer.facts["kind"] in ("refusal", "error"):
            wrong.append(f"{line}: {answer.body.splitlines()[0]}")
        elif answer.facts["kind"] == "acknowledgement":
            pending.append((line, answer))
    for line, answer in pending:
        wrong += await _wait_for_end(person, line, answer)
    return wrong


async def _answer(person: Speaker, line: str) -> Said | None:
    """Say *line*; what the bot answered, or None."""
    identity = person.say(line)
    with suppress(TimeoutError):
        async with asyncio.timeout(ANSWER):
            return await person.hear(lambda said: said.facts.get("re") == identity)
    return None


async def _wait_for_end(person: Speaker, line: str, answer: Said) -> list[str]:
    """Wait until what *answer* promised has ended; what did not go well."""
    try:
        async with asyncio.timeout(END):
            end = await _ending(person, answer)
    except TimeoutError:
        return [f"{line}: no end within {END / 60:.0f} min"]
    good = end.facts.get("verdict") in ("pass", "warn", "skip") or end.facts.get("back")
    return [] if good else [f"{line}: {end.body.splitlines()[0]}"]


async def _ending(person: Speaker, answer: Said) -> Said:
    """The notice that ends what *answer* acknowledged: a job's result, or a target's return."""
    if "job" in answer.facts:
        return await person.hear(
            lambda said: (
                said.facts.get("kind") == "result" and said.facts.get("job") == answer.facts["job"]
            )
        )
    return await person.hear(
        lambda said: (
            "back" in said.facts
            and said.at >= answer.at
            and said.facts.get("target") == answer.facts.get("target")
        )
    )
