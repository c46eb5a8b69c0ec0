"""
Orders on their way in, one after the other: judged, accepted or refused, answered.

An order that a server kept back (``<delay/>``) says until when it may start by its
controller's clock. Ours may be days off (labs are full of dead CMOS batteries), so it
waits here until a sync has measured the difference. If we end before that, nothing is
lost: the same sync makes the controller offer it again.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import structlog

from agent.executor import Executor
from agent.wire.errors import Refusal
from agent.wire.stanza import JournalId
from agent.wire.vocabulary import Order, RunId

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop *run*; *who* asked."""

    run: RunId
    who: str


@dataclass(frozen=True, slots=True)
class _Incoming:
    controller: str
    what: Order | Cancel
    delayed: bool


class TooLate(Refusal):
    """The order waited past its time to live."""

    condition = "gone"


class Orders:
    """
    The queue of what controllers said.

    Args:
        accepted: Answers that a run is on the disk.
        refused: Answers that it will never start, and why.
    """

    def __init__(
        self,
        executor: Executor,
        *,
        accepted: Callable[[str, JournalId], object],
        refused: Callable[[str, RunId, str], object],
    ) -> None:
        self._executor, self._accepted, self._refused = executor, accepted, refused
        self._queue: asyncio.Queue[_Incoming] = asyncio.Queue()
        self._waiting: dict[str, list[_Incoming]] = {}
        self._behind: dict[str, timedelta] = {}

    def put(self, controller: str, what: Order | Cancel, *, delayed: bool) -> None:
        """Take an order, or a cancel, in order of arrival."""
        self._queue.put_nowait(_Incoming(controller, what, delayed))

    def met(self, controller: str, clock: datetime) -> None:
        """A sync says what *controller*'s clock shows now."""
        self._behind[controller] = clock - datetime.now(UTC)
        for incoming in self._waiting.pop(controller, []):
            self._queue.put_nowait(incoming)

    def part_all(self) -> None:
        """The session is over: what was measured in it is not trusted in the next."""
        self._behind.clear()

    async def run(self) -> None:
        """Work on what comes, for ever."""
        while True:
            incoming = await self._queue.get()
            try:
                await self._take(incoming)
            except Exception:
                log.exception("order.failed", controller=incoming.controller)

    async def _take(self, incoming: _Incoming) -> None:
        controller, what = incoming.controller, incoming.what
        if isinstance(what, Cancel):
            await self._executor.cancel(controller, what.run, what.who)
            return
        try:
            if incoming.delayed:
                behind = self._behind.get(controller)
                if behind is None:
                    self._waiting.setdefault(controller, []).append(incoming)
                    return
                what = _judged(what, datetime.now(UTC) + behind)
            accepted = await self._executor.accept(controller, what)
        except Refusal as refusal:
            log.info("run.refused", run=str(what.run), by=controller, reason=str(refusal))
            self._refused(controller, what.run, str(refusal))
        except OSError as error:
            log.error("run.not_recorded", run=str(what.run), reason=str(error))  # noqa: TRY400
            self._refused(controller, what.run, f"I cannot write it down here: {error.strerror}")
        else:
            self._accepted(controller, JournalId(accepted.run, accepted.journal))


def _judged(order: Order, now: datetime) -> Order:
    """*order*, delayed, with the time it still has at *now* by its controller's clock."""
    left = (order.by - now).total_seconds()
    if left <= 0:
        raise TooLate(f"it came {-left:.0f} s after its time to start was over")
    return replace(order, ttl=min(order.ttl, left))
