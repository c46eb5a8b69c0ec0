"""Five people who say forty commands each at once: answers per second, against a bare echo bot."""

import asyncio
import ssl
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

from tests.bench.stage import Stage, stage
from tests.end_to_end.feed import Heard
from tests.end_to_end.person import Person

PEOPLE, EACH, ROUNDS = 5, 40, 3


async def measure(kind: str) -> str:
    """One row: the best of some rounds in turn, and their ratio."""
    with tempfile.TemporaryDirectory() as folder:
        async with stage(Path(folder), kind, tuned=True) as on, AsyncExitStack() as stack:
            people = [on.ann, *[await _join(on, stack, n) for n in range(1, PEOPLE)]]
            bare, ours = [], []
            for _ in range(ROUNDS):
                bare.append(await _burst(people, "echo hello", "echo"))
                ours.append(await _burst(people, "status bob-bench", "labbot"))
                await _pause()
    a, b = max(ours), max(bare)
    return (
        f"{kind:9} labroom {a:6.1f} answers/s   bare echo {b:6.1f} answers/s   "
        f"{a / b:4.2f} x   goal at least 0.9 x"
    )


async def _join(on: Stage, stack: AsyncExitStack, number: int) -> Person:
    account, server = f"person{number}-bench", on.lab.server
    await asyncio.to_thread(server.add_account, account, account)
    person = Person(
        f"{account}@localhost", account, host=server.host, port=server.port,
        trust=ssl.create_default_context(cafile=str(server.ca)),
    )  # fmt: skip
    stack.push_async_callback(person.leave)
    await person.connect()
    on.ann.say(f"labbot: invite {account}@localhost")
    await on.ann.heard(f"{account}", nick="labbot", within=60)
    await person.join(on.lab.room, f"person{number}")
    return person


async def _burst(people: list[Person], line: str, nick: str) -> float:
    """Answers per second, until the last of them has come to the first person."""
    since, answers = people[0].mark(), set[str]()
    began = time.perf_counter()

    def last(heard: Heard) -> bool:  # asked anew of all that was heard whenever more comes
        answers.add(heard.id)
        return len(answers) == PEOPLE * EACH

    for _ in range(EACH):
        for person in people:
            person.say(line)
    await people[0].heard(last, nick=nick, since=since, within=300)
    return PEOPLE * EACH / (time.perf_counter() - began)


async def _pause() -> None:
    """Longer than a burst is held against who said it."""
    await asyncio.sleep(70)
