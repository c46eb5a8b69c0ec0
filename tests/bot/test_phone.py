"""What people see most, on a phone: 38 columns, the first line says it all."""

import pytest

from bot.report.text import width
from tests.bot.phone import answers

SAYS = {
    "status": "40 targets: 36 idle, 2 busy, 1 rebooting, 1 away",
    "jobs": "the newest 3 jobs, 1 not done",
    "help": "I run diagnostics on the lab's machines. Say help run to learn about run.",
    "failed": "ann: job 40 fail: memtest size=16G on pc39, 1 h 2 min, 1 loop, 1 failure",
    "forty": (
        "ann: job 41 fail: memtest size=16G on 40 targets: pc39 fail (1 failure); pc[01-38,40] pass"
    ),
}


@pytest.mark.parametrize("name", SAYS)
async def test_it_fits_38_columns_and_begins_with_what_matters(name: str) -> None:
    reply = (await answers())[name]
    assert reply.text == SAYS[name]
    assert reply.body.count("```") == 2
    lines = reply.table.split("\n")
    assert max(map(width, lines)) <= 38
    assert len(lines) <= 29  # what a phone shows without scrolling
    if name in ("status", "jobs", "forty"):
        first = {"status": "pc37", "jobs": "42", "forty": "pc39"}[name]
        assert lines[0].startswith(first)


async def test_targets_of_whom_the_same_is_said_share_a_row() -> None:
    rows = (await answers())["status"].table.split("\n")
    assert [row.split()[:2] for row in rows] == [
        ["pc37", "busy"],
        ["pc38", "busy"],
        ["pc39", "rebooting"],
        ["pc40", "away"],
        ["pc[01-36]", "idle"],
    ]
