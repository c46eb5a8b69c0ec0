"""What history keeps of a step: written with its verdict, believed as far as its journal."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection

from agent.wire.journal import encode
from agent.wire.machine import Machine
from agent.wire.parameter import Kind, Parameter, RecipeInfo
from agent.wire.vocabulary import Step, Verdict
from bot.insight.measure import model_of, settings_of
from bot.store import measures, schema, targets
from bot.store.measures import Which
from bot.store.targets import Remembered
from tests.bot.lab_in_memory import MEMTEST, STRESS
from tests.bot.lab_on_disk import ALICE, BOB, Bot
from tests.virtual_time import VirtualLoop, settled

Loop = VirtualLoop
J = "p0q4c1xw8e2z"
NOW = datetime.now(UTC).timestamp()
READ = {"name": "read", "value": 41.2, "unit": "GB/s", "better": "higher", "margin": 5}
START = encode("accepted", NOW, journal=J) + encode("begin", NOW, name="memtest", boot="boot1")
END = encode(
    "end", NOW, name="memtest", verdict="pass", seconds=1.5, metrics=[READ],
    facts={"dimm A1": "16 GB"},
)  # fmt: skip
WHOLE = START + END + encode("verdict", NOW, verdict="pass")
DELL = Machine(vendor="Dell Inc.", model="R6515", cpu="EPYC 7302P")


async def test_a_step_that_ended_is_in_the_history(bot: Bot) -> None:
    known = Remembered(jid=BOB, recipes=(MEMTEST,), machine=DELL)
    await bot.store.do(partial(targets.remember, target=known))
    await bot.submit()
    bot.chunk(1, J, 0, WHOLE)
    await settled()
    (found,) = await bot.store.do(
        lambda db: measures.newest(
            db, Which(jid=BOB, recipe="memtest", params="passes=1 size=16M"), 9
        )
    )
    assert (found.job, found.step, found.verdict, found.seconds) == (1, 0, Verdict.PASS, 1.5)
    assert found.metric("read", "GB/s") == 41.2
    assert found.metric("read", "MB/s") is None
    assert found.model == "Dell Inc. R6515, EPYC 7302P"
    assert await bot.store.do(partial(measures.of_run, job=1, jid=BOB)) == [found]
    assert await bot.store.do(
        lambda db: measures.newest(db, Which(model=found.model, recipe="memtest"), 9)
    )
    assert await bot.store.do(partial(measures.of_run, job=1, jid=ALICE)) == []
    (facts,) = await bot.store.do(partial(measures.inventory, job=1, jid=BOB))
    assert facts.facts == {"dimm A1": "16 GB"}
    run = await bot.a_run()
    assert run.outcomes[0].metrics == found.metrics


async def test_it_is_there_once_however_often_the_journal_is_sent(bot: Bot) -> None:
    await bot.submit()
    for offset in range(0, len(WHOLE), 40):
        bot.chunk(1, J, offset, WHOLE[offset : offset + 40])
        bot.chunk(1, J, offset, WHOLE[offset : offset + 40])
    await settled()
    assert len(await bot.store.do(partial(measures.of_job, job=1))) == 1


@pytest.mark.parametrize("pieces", [1, 2])
async def test_a_journal_that_lies_leaves_nothing_in_it(bot: Bot, pieces: int) -> None:
    await bot.submit()
    lie = encode("accepted", NOW, journal="zzzzzzzzzzzz")  # it names another journal
    if pieces == 1:
        bot.chunk(1, J, 0, START + END + lie)
    else:
        bot.chunk(1, J, 0, START + END)
        await settled()
        bot.chunk(1, J, len(START + END), lie)
    await settled()
    assert (await bot.a_run()).verdict is Verdict.ERROR
    assert await bot.store.do(partial(measures.of_job, job=1)) == []
    assert await bot.store.do(partial(measures.inventory, job=1, jid=BOB)) == []


async def test_an_older_database_gets_its_history(bot: Bot) -> None:
    await bot.submit()
    bot.chunk(1, J, 0, WHOLE)
    await settled()
    (before,) = await bot.store.do(partial(measures.of_job, job=1))

    def age(db: Connection) -> None:
        (text,) = db.exec_driver_sql("select outcomes from run").one()
        known = ("step", "verdict", "seconds", "reason", "counts", "lines")
        old = [
            {"reason": "", "counts": {}, "lines": []} | {k: each[k] for k in known if k in each}
            for each in json.loads(text)
        ]
        db.exec_driver_sql("update run set outcomes = ?", (json.dumps(old),))
        db.exec_driver_sql("drop table measure")
        db.exec_driver_sql("drop table inventory")
        db.exec_driver_sql("update meta set value = '6' where key = 'version'")

    await bot.store.do(age)
    await bot.crash()
    await bot.start()
    (after,) = await bot.store.do(partial(measures.of_job, job=1))
    assert abs(after.at - before.at) < timedelta(seconds=5)
    assert replace(after, at=before.at) == replace(before, metrics=())
    assert await bot.store.do(schema.create) == schema.VERSION


def test_parameters_are_alike_however_they_are_said() -> None:
    plain = settings_of(Step("memtest"), MEMTEST)
    assert plain == settings_of(Step("memtest", {"size": "64 MiB"}), MEMTEST)
    assert plain != settings_of(Step("memtest", {"size": "1G"}), MEMTEST)
    takes = replace(STRESS, takes="time")
    for_a_minute = settings_of(Step("stress", {"for": "1 min"}), takes)
    assert for_a_minute == settings_of(Step("stress", {"time": "60s"}), takes)


def test_another_default_is_another_parameter() -> None:
    size = replace(MEMTEST.params["size"], default="1G")
    grown = replace(MEMTEST, params={**MEMTEST.params, "size": size})
    assert settings_of(Step("memtest"), MEMTEST) != settings_of(Step("memtest"), grown)


def test_what_nobody_described_is_kept_as_it_was_said() -> None:
    assert settings_of(Step("x", {"b": "2", "a": "1"}), None) == "a=1 b=2"
    assert settings_of(Step("memtest", {"gone": "1"}), MEMTEST) == "gone=1"
    assert len(settings_of(Step("x", {f"p{n}": "v" * 100 for n in range(30)}), None)) == 500


def test_a_machine_nobody_knows_is_of_no_model() -> None:
    assert model_of(Machine(memory=1, kernel="6.1")) == ""
    assert model_of(replace(DELL, memory=1, kernel="6.1")) == model_of(DELL)


TEXTS = st.text(max_size=30) | st.sampled_from(["1", "64M", "1e9", "9" * 30, "-1", "2h", "99999d"])


@given(st.sampled_from(Kind), TEXTS, st.none() | TEXTS, st.none() | TEXTS, TEXTS)
def test_whatever_a_target_says_of_its_recipes_there_is_a_key(
    kind: Kind, default: str, least: str | None, most: str | None, said: str
) -> None:
    size = Parameter(kind=kind, default=default, min=least, max=most, choices=("a",))
    info = RecipeInfo(name="x", summary="", params={"size": size}, takes="size")
    for given_ in ({}, {"size": said}, {"for": said}):
        assert len(settings_of(Step("x", given_), info)) <= 500
