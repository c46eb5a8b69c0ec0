"""From journals to the line that the room hears: what was measured, against what was before."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest

from agent.wire.journal import encode
from agent.wire.machine import Machine
from agent.wire.vocabulary import Step
from bot.store import history, targets
from bot.store.targets import Remembered
from tests.bot.lab_on_disk import ALICE, BOB, Bot, line
from tests.virtual_time import VirtualLoop, settled

Loop = VirtualLoop
DISK = (Step("disk", {"size": "1G"}),)
DELL = Machine(vendor="Dell Inc.", model="R6515", cpu="EPYC 7302P")


async def runs(
    bot: Bot, value: float | None = None, *, jids: Sequence[str] = (BOB,), verdict: str = "pass",
    steps: tuple[Step, ...] = DISK, seconds: float = 60, unit: str = "MB/s", **more: Any,
) -> str:  # fmt: skip
    """A job, from its order to its end; what the room heard of it."""
    runs.count += 1  # type: ignore[attr-defined]
    said = line(runs.count, text=f"run {runs.count}")  # type: ignore[attr-defined]
    names = [jid.partition("@")[0] for jid in jids]
    job = await bot.dispatch.submit(steps, names, said)
    await settled()
    now, journal = bot.clock().timestamp(), "p0q4c1xw8e2z"
    metric = {"name": "read", "value": value, "unit": unit, "better": "higher", "margin": 5}
    found: dict[str, Any] = {"metrics": [metric]} if value is not None else {}
    for jid in jids:
        whole = (
            encode("accepted", now, journal=journal)
            + encode("begin", now, name="disk", boot="boot1")
            + encode("end", now, name="disk", verdict=verdict, seconds=seconds, **found, **more)
            + encode("verdict", now, verdict=verdict)
        )
        bot.chunk(job.number, journal, 0, whole, jid)
    await settled()
    return bot.room.heard[-1]


runs.count = 0  # type: ignore[attr-defined]


async def several(bot: Bot, *values: float, **more: Any) -> None:
    for value in values:
        await runs(bot, value, **more)


async def test_a_number_is_told_and_compared_where_it_is_not_as_usual(bot: Bot) -> None:
    first = await runs(bot, 500)
    assert first == "ann: job 1 pass: disk size=1G on bob, 1 min, read 500 MB/s"
    await several(bot, 501, 499)
    assert (await runs(bot, 498)).endswith("on bob, 1 min, read 498 MB/s")
    assert (await runs(bot, 460)).endswith(
        "on bob, 1 min, marginal: read 460 MB/s, 8 % below the median of 4"
    )
    data: Any = bot.room.said[-1].data
    assert data["verdict"] == "pass"
    assert data["runs"][0]["insight"]["unusual"] == [
        {
            "name": "read", "value": 460, "unit": "MB/s", "median": 499.5, "of": 4,
            "percent": -7.9, "worse": True, "marginal": True, "kind": None,
        }
    ]  # fmt: skip


@pytest.mark.parametrize(
    "unlike",
    [
        {"steps": (Step("disk", {"size": "4G"}),)},
        {"steps": (Step("stress", {"size": "1G"}),)},
        {"verdict": "fail"},
        {"verdict": "error"},
        {"unit": "MiB/s"},
        {"jids": (ALICE,)},
    ],
    ids=str,
)
async def test_only_like_is_compared_with_like(bot: Bot, unlike: dict[str, Any]) -> None:
    await several(bot, 900, 901, 899, **unlike)
    assert (await runs(bot, 500)).endswith("on bob, 1 min, read 500 MB/s")


async def test_a_failed_run_does_not_move_what_is_usual(bot: Bot) -> None:
    await several(bot, 500, 501, 499)
    await several(bot, 1, 2, 3, 4, 5, verdict="fail", seconds=1)
    assert "8 % below the median of 3" in await runs(bot, 460)


async def test_two_machines_of_a_kind_stand_in_for_each_other(bot: Bot) -> None:
    for jid in (BOB, ALICE):
        known = Remembered(jid=jid, machine=DELL)
        await bot.store.do(partial(targets.remember, target=known))
    await several(bot, 500, 501, 499, jids=(ALICE,))
    assert "8 % below the median of 3 of its kind" in await runs(bot, 460)


async def test_a_time_that_is_not_usual_is_told(bot: Bot) -> None:
    await several(bot, 500, 500, 500, seconds=2400)
    assert "on bob, 52 min, usually 40 min," in await runs(bot, 500, seconds=3120)
    assert "on bob, 40 min 1 s, read" in await runs(bot, 500, seconds=2401)


async def test_who_differs_among_several_is_named(bot: Bot) -> None:
    await several(bot, 500, 501, 499, jids=(BOB, ALICE))
    said = await bot.dispatch.submit(DISK, ("bob", "alice"), line(99, text="both"))
    await settled()
    now = bot.clock().timestamp()
    for jid, value in ((BOB, 500), (ALICE, 300)):
        metric = {"name": "read", "value": value, "unit": "MB/s", "better": "higher"}
        whole = (
            encode("accepted", now, journal="p0q4c1xw8e2z")
            + encode("end", now, name="disk", verdict="pass", seconds=60, metrics=[metric])
            + encode("verdict", now, verdict="pass")
        )
        bot.chunk(said.number, "p0q4c1xw8e2z", 0, whole, jid)
    await settled()
    assert bot.room.heard[-1] == (
        "ann: job 4 pass: disk size=1G on alice and bob, 1 min, read 300 to 500 MB/s; "
        "alice: read 300 MB/s, 40 % below the median of 3"
    )


async def test_what_is_gone_from_a_machine_is_told(bot: Bot) -> None:
    both = {"dimm A1": "16 GB DDR4", "dimm B2": "16 GB DDR4 Samsung"}
    assert "gone" not in await runs(bot, facts=both)
    assert "gone" not in await runs(bot, facts=both)
    one = {"dimm A1": "16 GB DDR4"}
    heard = await runs(bot, facts=one)
    assert "dimm B2 is gone (16 GB DDR4 Samsung), since job 2, " in heard
    assert "gone" not in await runs(bot, facts=one)  # it was told
    assert "dimm B2 is new (16 GB)" in await runs(bot, facts={**one, "dimm B2": "16 GB"})


async def test_an_inventory_that_broke_off_takes_nothing_away(bot: Bot) -> None:
    await runs(bot, facts={"dimm A1": "16 GB", "dimm B2": "16 GB"})
    assert "gone" not in await runs(bot, facts={"dimm A1": "16 GB"}, verdict="error")
    heard = await runs(bot, facts={"dimm A1": "16 GB", "dimm B2": "16 GB"})
    assert "new" not in heard


async def test_a_known_issue_is_told_with_its_link(bot: Bot) -> None:
    known = [{"why": "fan 3 is slow", "link": "https://bugs.example/7"}]
    heard = await runs(bot, verdict="warn", reason="known: fan 3 is slow", known=known)
    assert heard.endswith("1 min, known: fan 3 is slow, see https://bugs.example/7")
    also = await runs(bot, verdict="fail", reason="3 errors", known=known)
    assert also.endswith("3 errors, known: fan 3 is slow https://bugs.example/7")


async def test_a_hostile_metric_says_nothing(bot: Bot) -> None:
    await several(bot, 500, 501, 499)
    for lie in (1e300, -1e300):
        assert (await runs(bot, lie)).endswith("on bob, 1 min")
    huge = await runs(bot, 1e15)
    assert "read 1e+15 MB/s, usually 500 MB/s (median of 3)" in huge


async def test_what_history_cannot_say_does_not_keep_the_end_from_the_room(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no such column")

    monkeypatch.setattr(history, "of_job", broken)
    heard = await runs(bot, 500)
    assert heard == "ann: job 1 pass: disk size=1G on bob, 1 min, read 500 MB/s"
