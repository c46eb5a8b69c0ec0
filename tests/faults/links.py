"""Lines that are cut, go dark, are held up; stanzas that are meddled with."""

import asyncio
from collections.abc import Awaitable, Callable

from bot.demo import Server
from tests.faults.line import Line
from tests.faults.stage import Stage
from tests.faults.stanzas import Meddler, Mischief
from tests.faults.trial import Trial, harmed, order
from tests.faults.truth import Outcome

Of = Callable[[Stage], Line]


def bots(stage: Stage) -> Line:
    """The bot's line."""
    return stage.bot_line


def agents(stage: Stage) -> Line:
    """The agent's line."""
    return stage.agent_line


def cut(of: Of) -> Callable[[Stage], Awaitable[Outcome]]:
    """The connection is reset, three times in a row."""

    async def trial(stage: Stage) -> Outcome:
        async def harm(_: Trial) -> None:
            for _again in range(3):
                of(stage).cut()
                await asyncio.sleep(stage.random.uniform(0, 2))

        return await harmed(stage, harm)

    return trial


def dark(of: Of, seconds: float) -> Callable[[Stage], Awaitable[Outcome]]:
    """Bytes are swallowed, and nobody is told; the connection stays dead afterwards."""

    async def trial(stage: Stage) -> Outcome:
        async def harm(_: Trial) -> None:
            of(stage).darken()
            await asyncio.sleep(seconds)
            of(stage).lighten()

        return await harmed(stage, harm)

    return trial


def held(of: Of, seconds: float) -> Callable[[Stage], Awaitable[Outcome]]:
    """Bytes are kept back, and arrive afterwards."""

    async def trial(stage: Stage) -> Outcome:
        async def harm(_: Trial) -> None:
            of(stage).hold()
            await asyncio.sleep(seconds)
            of(stage).release()

        return await harmed(stage, harm)

    return trial


async def ordered_into_the_dark(stage: Stage) -> Outcome:
    """The order goes into a connection that is dead, and that the server believes in."""
    stage.agent_line.darken()
    trial = await order(stage)
    await asyncio.sleep(stage.random.uniform(0, 5))
    stage.agent_line.lighten()
    return await trial.outcome()


def meddling(mischief: Mischief) -> Callable[[Server, str], Line]:
    """Lines that do *mischief*."""
    return lambda server, who: Meddler(server, mischief, seed=f"{who} {mischief}")


async def meddled(stage: Stage) -> Outcome:
    """A run, all of whose stanzas are meddled with on both lines."""
    outcome = await (await order(stage, size=100_000)).outcome(within=240)
    lines = stage.bot_line, stage.agent_line
    assert all(isinstance(line, Meddler) and line.done for line in lines), "nothing was done"
    return outcome
