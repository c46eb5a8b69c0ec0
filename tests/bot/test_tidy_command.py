"""``labroom tidy``, as an operator types it: what it says is what goes, and nothing else."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from agent.wire.alone import alone
from bot.report.text import size
from bot.store import schema
from tests.bot.lab_on_disk import Bot
from tests.bot.test_tidy import END, OUT, PASS, START, lost_with_half_a_journal, ran
from tests.virtual_time import VirtualLoop

Loop = VirtualLoop
DAY = 86400

SETTINGS = """\
jid = "labbot@lab.example"
room = "lab@rooms.lab.example"
database = "sqlite:///{folder}/labroom.db?timeout=0.2"
lock = "{folder}/lock"
[credentials]
password = "x"
[keeping]
journals_days = 90
runs_days = 365
"""

AGES = {1: 400, 2: 400, 3: 100, 4: 100, 5: 100, 6: 1}
"""Days since the jobs were asked for: 1 and 2 are old enough to go as a whole, the output of 3."""


@pytest.fixture
async def folder(bot: Bot) -> Path:
    """Of a bot that has ended, with six jobs; of job 4 and 5 half of the journal is missing."""
    for number in (1, 2, 3):
        await ran(bot, number, data=START + OUT * number + END + PASS)
    await ran(bot, 4, data=START + OUT)
    await lost_with_half_a_journal(bot, 5)
    await ran(bot, 6)
    await bot.crash()
    with closing(sqlite3.connect(bot.path / "labroom.db")) as db:
        for number, days in AGES.items():
            ago = days * DAY
            db.execute("UPDATE run SET ended = ended - ? WHERE job = ?", (ago, number))
            db.execute("UPDATE job SET asked = asked - ? WHERE number = ?", (ago, number))
        db.commit()
    (bot.path / "bot.toml").write_text(SETTINGS.format(folder=bot.path))
    (bot.path / "bot.toml").chmod(0o600)
    return bot.path


def tidy(folder: Path, *more: str) -> tuple[int, str]:
    """Its exit status, and what it says; logs are on standard error, like refusals."""
    argv = [sys.executable, "-m", "bot", "tidy", "--config", str(folder / "bot.toml"), *more]
    done = subprocess.run(argv, capture_output=True, text=True)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout or done.stderr


def content(folder: Path) -> list[str]:
    """All that is in the database."""
    with closing(sqlite3.connect(folder / "labroom.db")) as db:
        return list(db.iterdump())


def sizes(folder: Path) -> dict[int, int]:
    """Bytes of each job's journal that are here."""
    with closing(sqlite3.connect(folder / "labroom.db")) as db:
        rows = db.execute("SELECT job, sum(length(data)) FROM piece GROUP BY job").fetchall()
    return dict(rows)


def jobs(folder: Path) -> list[int]:
    """The numbers of those that are here."""
    with closing(sqlite3.connect(folder / "labroom.db")) as db:
        return [number for (number,) in db.execute("SELECT number FROM job ORDER BY number")]


async def test_what_a_dry_run_says_is_what_then_goes(folder: Path) -> None:
    before, there = content(folder), sizes(folder)
    first = size(there[1] + there[2] + there[3])
    expected = (
        f"output of 3 runs, {first}: older than 90 days; jobs 1 to 3\n"
        "2 jobs: older than 365 days; jobs 1 to 2\n"
    )
    assert tidy(folder, "--dry-run") == (0, expected)
    assert content(folder) == before
    assert tidy(folder) == (0, expected)
    assert sizes(folder) == {number: there[number] for number in (4, 5, 6)}
    assert jobs(folder) == [3, 4, 5, 6]
    assert tidy(folder) == (0, "nothing is due to go\n")


async def test_by_size_the_oldest_goes_and_only_what_must(folder: Path) -> None:
    there = sizes(folder)
    most = there[3] + there[6]  # what is not over, and what is owed, counts for nothing
    by_size = [
        "--set", f"keeping.journals_bytes={most}", "--set", "keeping.journals_days=0",
        "--set", "keeping.runs_days=0",
    ]  # fmt: skip
    expected = (
        f"output of 2 runs, {size(there[1] + there[2])}: more than {size(most)} were kept; "
        "jobs 1 to 2\n"
    )
    assert tidy(folder, *by_size, "--dry-run") == (0, expected)
    assert tidy(folder, *by_size) == (0, expected)
    assert list(sizes(folder)) == [3, 4, 5, 6]
    assert jobs(folder) == [1, 2, 3, 4, 5, 6]


async def test_however_little_is_kept_what_is_not_over_stays(folder: Path) -> None:
    nothing = ("--set", "keeping.journals_bytes=1", "--set", "keeping.runs_days=0.000001")
    assert tidy(folder, *nothing)[0] == 0
    assert jobs(folder) == [4, 5]
    assert list(sizes(folder)) == [4, 5]


async def test_while_the_bot_runs_it_can_be_asked_and_not_be_done(folder: Path) -> None:
    before = content(folder)
    with alone(folder / "lock", "bot"):  # as the bot does
        assert tidy(folder, "--dry-run")[1].startswith("output of 3 runs")
        status, said = tidy(folder)
    assert status == 2
    assert said == (
        f"labroom: lock: {folder}/lock is held: this bot runs already. Stop the other process, or "
        "give this one its own lock, database and jid.\n"
    )
    assert content(folder) == before


async def test_a_database_that_somebody_else_holds(folder: Path) -> None:
    before = content(folder)
    with closing(sqlite3.connect(folder / "labroom.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert tidy(folder, "--dry-run")[1].startswith("output of 3 runs")
        status, said = tidy(folder)
    assert status == 2
    assert "labroom: database: cannot tidy it: " in said
    assert "database is locked. Nothing is broken: say it again once that is cured." in said
    assert content(folder) == before


@pytest.mark.parametrize("argv", [(), ("--dry-run",)])
async def test_a_database_of_a_newer_labroom_is_left_as_it_is(
    folder: Path, argv: tuple[str, ...]
) -> None:
    with closing(sqlite3.connect(folder / "labroom.db")) as db:
        db.execute("UPDATE meta SET value = '99' WHERE key = 'version'")
        db.commit()
    before = content(folder)
    assert tidy(folder, *argv) == (
        2,
        f"labroom: database: its tables have version 99, this labroom's have {schema.VERSION}. "
        "Run the labroom that made it; or start this bot once, and it grows.\n",
    )
    assert content(folder) == before


async def test_a_database_that_is_none_or_not_there(folder: Path) -> None:
    database = folder / "labroom.db"
    database.write_bytes(b"no database" * 1000)
    assert "database: cannot read it: " in tidy(folder)[1]
    for ending in ("", "-wal", "-shm"):
        (folder / f"labroom.db{ending}").unlink(missing_ok=True)
    for argv in ((), ("--dry-run",)):
        status, said = tidy(folder, *argv)
        assert (status, said.count("\n")) == (2, 1)
        assert f"database: there is no {database}. The bot makes it when it is started" in said
        assert not database.exists()
