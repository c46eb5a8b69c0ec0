"""Orders and cancels, as a server may bring them: late, twice, and in the wrong order."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from agent.orders import Cancel, Orders
from agent.wire.stanza import JournalId
from agent.wire.vocabulary import Order, RunId
from tests.agent.bench import BOT, Bench, an_order, run_id

OTHER = "otherbot@lab.example"


class Desk:
    """Where orders arrive, and the answers to them."""

    def __init__(self, bench: Bench) -> None:
        self.answers: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self.orders = Orders(bench.executor, accepted=self._accepted, refused=self._refused)

    def _accepted(self, controller: str, of: JournalId) -> None:
        self.answers.put_nowait(("accepted", of.journal))

    def _refused(self, controller: str, run: RunId, reason: str) -> None:
        self.answers.put_nowait(("refused", reason))

    def says(self, what: Order | Cancel, *, delayed: bool = False, by: str = BOT) -> None:
        self.orders.put(by, what, delayed=delayed)

    async def answer(self) -> tuple[str, str]:
        async with asyncio.timeout(10):
            return await self.answers.get()

    async def silent(self) -> bool:
        """Whether everything so far has been worked on, without an answer."""
        self.says(an_order(99, "none"))
        _, reason = await self.answer()
        return "none" in reason


@pytest.fixture
async def desk(bench: Bench) -> AsyncIterator[Desk]:
    bench.recipe("ok", "true")
    await bench.stop()
    await bench.start()
    desk = Desk(bench)
    task = asyncio.create_task(desk.orders.run())
    yield desk
    task.cancel()


def due(order: Order, left: float, clock: datetime | None = None) -> Order:
    """*order* as a controller whose clock shows *clock* would write it, *left* seconds before."""
    return replace(order, by=(clock or datetime.now(UTC)) + timedelta(seconds=left))


async def test_an_order_is_accepted_and_a_repeat_gets_the_same_answer(desk: Desk) -> None:
    desk.says(an_order(1, "ok"))
    first = await desk.answer()
    desk.says(an_order(1, "ok"))
    assert first[0] == "accepted"
    assert await desk.answer() == first


async def test_an_order_that_cannot_be_is_refused_with_the_reason(desk: Desk) -> None:
    desk.says(an_order(1, "okk"))
    kind, reason = await desk.answer()
    assert kind == "refused"
    assert "okk" in reason
    assert "ok?" in reason


async def test_an_order_that_was_kept_back_waits_for_a_meeting(desk: Desk) -> None:
    desk.says(due(an_order(1, "ok"), 60), delayed=True)
    assert await desk.silent()
    desk.orders.met(OTHER, datetime.now(UTC))  # somebody else's clock is no help
    assert await desk.silent()
    desk.orders.met(BOT, datetime.now(UTC))
    assert (await desk.answer())[0] == "accepted"
    desk.says(due(an_order(2, "ok"), 60), delayed=True)  # now that we know
    assert (await desk.answer())[0] == "accepted"


async def test_what_came_too_late_never_starts(desk: Desk) -> None:
    desk.orders.met(BOT, datetime.now(UTC))
    desk.says(due(an_order(1, "ok"), -3600), delayed=True)
    kind, reason = await desk.answer()
    assert (kind, reason) == ("refused", "it came 3600 s after its time to start was over.")


@pytest.mark.parametrize("off", [timedelta(days=-700), timedelta(days=700)])
async def test_time_is_the_controller_s_however_wrong_ours_is(desk: Desk, off: timedelta) -> None:
    theirs = datetime.now(UTC) + off
    desk.orders.met(BOT, theirs)
    desk.says(due(an_order(1, "ok"), 60, theirs), delayed=True)
    assert (await desk.answer())[0] == "accepted"
    desk.says(due(an_order(2, "ok"), -60, theirs), delayed=True)
    assert (await desk.answer())[0] == "refused"


async def test_what_was_measured_in_one_session_is_not_believed_in_the_next(desk: Desk) -> None:
    desk.orders.met(BOT, datetime.now(UTC))
    desk.orders.part_all()
    desk.says(due(an_order(1, "ok"), 60), delayed=True)
    assert await desk.silent()
    desk.orders.met(BOT, datetime.now(UTC))
    assert (await desk.answer())[0] == "accepted"


async def test_a_live_order_needs_no_clock(desk: Desk) -> None:
    desk.says(due(an_order(1, "ok"), -86400 * 700))
    assert (await desk.answer())[0] == "accepted"


async def test_a_wait_makes_no_order_live_longer(desk: Desk, bench: Bench) -> None:
    desk.orders.met(BOT, datetime.now(UTC))
    desk.says(due(an_order(1, "ok", ttl=60), 86400), delayed=True)
    await desk.answer()
    request = bench.dir(1).request()
    assert request["expires"] - request["accepted"] <= 60


async def test_a_cancel_that_overtakes_its_order_wins(desk: Desk, bench: Bench) -> None:
    desk.says(Cancel(run_id(1), "ann"))
    desk.says(an_order(1, "ok"))
    assert await desk.answer() == ("refused", "it was cancelled by ann before it came.")
    assert bench.phase(1) is None


async def test_a_cancel_does_not_wait_with_the_order(desk: Desk) -> None:
    desk.says(due(an_order(1, "ok"), 60), delayed=True)
    desk.says(Cancel(run_id(1), "ann"), delayed=True)
    assert await desk.silent()
    desk.orders.met(BOT, datetime.now(UTC))
    assert (await desk.answer())[0] == "refused"


async def test_one_controller_does_not_cancel_another_s_run(desk: Desk) -> None:
    desk.says(Cancel(run_id(1), "eve"), by=OTHER)
    desk.says(an_order(1, "ok"))
    assert (await desk.answer())[0] == "accepted"


async def test_a_disk_that_fails_does_not_end_the_work(desk: Desk, bench: Bench) -> None:
    runs = bench.state / "runs"
    runs.mkdir(exist_ok=True)
    (runs / OTHER).write_text("a file where a folder should be")
    desk.says(an_order(1, "ok"), by=OTHER)
    kind, reason = await desk.answer()
    assert kind == "refused"
    assert "Not a directory" in reason
    desk.says(Cancel(run_id(1), "ann"), by=OTHER)
    desk.says(an_order(1, "ok"))
    assert (await desk.answer())[0] == "accepted"
    (runs / OTHER).unlink()
