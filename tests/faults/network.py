"""A bad network between target and server: packets dropped or paced, or nothing between at all."""

import functools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Self

from bot.demo import Server
from tests.faults.line import Line
from tests.faults.namespace import Namespace, possible
from tests.faults.stage import Stage
from tests.faults.trial import order
from tests.faults.truth import Outcome

__all__ = ["behind", "direct", "dropped", "loses", "paced", "possible"]

LOST = 0.1
"""One packet in ten, each way."""


class Direct(Line):
    """No proxy: a process's packets are the server's, and no other process answers for it."""

    def __init__(self, server: Server, _: str) -> None:
        super().__init__(server.port)
        self.port = server.port

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass


def behind(
    spoil: Callable[[Namespace], None] = lambda _: None, *, line: bool = True
) -> Callable[[Stage], AbstractContextManager[None]]:
    """
    Puts a stage's agent behind a network that *spoil* has been at.

    Args:
        line: Whether its line is there, too; else it reaches the server by itself.
    """

    @contextmanager
    def around(stage: Stage) -> Iterator[None]:
        namespace = Namespace()
        try:
            namespace.make()
            spoil(namespace)
            if not line:
                namespace.open(stage.server.port)
            stage.agent_line.host = namespace.host
            stage.agent.prefix = namespace.prefix
            stage.network = namespace
            yield
        finally:
            namespace.remove()

    return around


direct = functools.partial(behind, line=False)


def loses(namespace: Namespace) -> None:
    """For :func:`behind`."""
    namespace.drop(LOST)


async def dropped(stage: Stage) -> Outcome:
    """A run behind a network that loses packets."""
    return await (await order(stage)).outcome(within=240)


async def paced(stage: Stage) -> Outcome:
    """A run behind a network that is slow, and output that takes it a while."""
    return await (await order(stage, size=40_000)).outcome(within=240)
