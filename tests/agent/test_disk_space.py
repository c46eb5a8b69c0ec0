"""The agent's disk: what goes, and when; what happens when it is full all the same."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.courier import delivered
from agent.janitor import Janitor
from agent.run import REMEMBER
from agent.wire.errors import Busy
from agent.wire.journal import Reader
from tests.agent.bench import BOT, STORE, Bench, an_order, output, records
from tests.agent.target import mount, unmount

OTHER = "other@lab.example"
LATER = 4e9
DAY = 86400.0


async def done(bench: Bench, controller: str = BOT) -> Path:
    """A run that is over."""
    bench.recipe("hello", "echo hello")
    await bench.stop()
    await bench.start()
    await bench.executor.accept(controller, an_order(1, "hello"))
    await bench.until(lambda: [h.phase for h in bench.executor.held(controller)] == ["done"])
    [holding] = bench.executor.held(controller)
    return holding.dir.path


def janitor(bench: Bench, *, stores: tuple[str, ...] = (STORE,), keep: float = 7 * DAY) -> Janitor:
    return Janitor(
        bench.executor, keep, delivered=delivered,
        wanted=lambda controller, store: controller == BOT and store in stores,
    )  # fmt: skip


async def test_what_was_delivered_goes_after_a_time(bench: Bench) -> None:
    path = await done(bench)
    [holding] = bench.executor.held()
    holding.dir.mark_acked(holding.synced)
    bench.executor.noted(BOT, holding.dir.run, holding.synced)
    acked = (path / "acked").stat().st_mtime
    await janitor(bench).clean(acked + 7 * DAY - 1)
    assert path.exists()
    await janitor(bench).clean(acked + 7 * DAY + 1)
    assert not path.exists()
    again = await bench.executor.accept(BOT, an_order(1, "hello"))  # answered, not repeated
    assert again.journal == holding.journal
    assert bench.executor.held() == []


async def test_what_a_controller_may_want_stays_for_ever(bench: Bench) -> None:
    path = await done(bench)
    await janitor(bench).clean(LATER)
    assert path.exists()
    [holding] = bench.executor.held()
    holding.dir.mark_acked(holding.synced - 1)
    bench.executor.noted(BOT, holding.dir.run, holding.synced - 1)
    await janitor(bench).clean(LATER)
    assert path.exists()


@pytest.mark.parametrize("controller", [BOT, OTHER])
async def test_what_nobody_wants_goes_after_a_month(bench: Bench, controller: str) -> None:
    path = await done(bench, controller)
    cleaner = janitor(bench, stores=("newst0re",))
    written = (path / "journal").stat().st_mtime
    await cleaner.clean(written + REMEMBER - 1)
    assert path.exists()
    await cleaner.clean(written + REMEMBER + 1)
    assert not path.exists()


async def test_what_runs_is_never_removed(bench: Bench) -> None:
    bench.recipe("wait", f"echo ready; read _ < {bench.gate.path}")
    await bench.stop()
    await bench.start()
    await bench.run(1, "wait")
    await bench.says(1, "ready")
    await janitor(bench, stores=()).clean(LATER)
    bench.gate.open()
    assert await bench.over(1) == ("pass", "")


async def test_one_that_cannot_be_read_keeps_back_no_other(bench: Bench) -> None:
    path = await done(bench, OTHER)
    await bench.run(1, "hello")
    await bench.over(1)
    (bench.dir(1).path / "journal").unlink()
    await janitor(bench, stores=()).clean(LATER)
    assert not path.exists()


@pytest.fixture
async def small(tmp_path: Path) -> AsyncIterator[Bench]:
    """A bench whose disk has a megabyte."""
    bench = Bench(tmp_path)
    bench.state.mkdir()
    await asyncio.to_thread(mount, bench.state, "-t", "tmpfs", "-o", "size=1m")
    await bench.start()
    yield bench
    await bench.stop()
    bench.gate.close()
    await asyncio.to_thread(unmount, bench.state)


async def test_a_full_disk_ends_the_run_and_not_the_agent(small: Bench) -> None:
    small.recipe("flood", "cat /dev/zero")
    small.recipe("hello", "echo hello")
    await small.stop()
    await small.start()
    run = await small.run(1, "flood")
    told, reason = await small.over(1)
    assert (told, reason) == ("error", "the journal could not be written: No space left on device")
    whole = run.journal.read_bytes()
    reader = Reader()
    assert [record.kind for record in reader.feed(whole)][-2:] == ["end", "verdict"]
    assert (reader.pending, run.synced) == (0, len(whole))
    fill = small.state / "fill"
    with pytest.raises(OSError, match="No space"):
        fill.write_bytes(bytes(1 << 20))
    with pytest.raises(Busy, match="its disk does not take it: No space left on device"):
        await small.run(2, "hello")
    fill.unlink()
    await small.executor.retire(BOT, run.run)
    assert records(await small.run(3, "hello"))[0].kind == "accepted"
    assert await small.over(3) == ("pass", "")
    assert output(small.dir(3)) == b"hello\n"
