"""One process a bot: the second one says so, and goes."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from agent.wire.alone import alone
from agent.wire.settings import BadSettings

HOLD = """
import sys
from pathlib import Path
from agent.wire.alone import alone
with alone(Path(sys.argv[1]), "bot"):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held(lock: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that holds *lock*, until its input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        try:
            yield process
        finally:
            process.kill()


def settings(folder: Path) -> Path:
    config = folder / "bot.toml"
    config.write_text(
        f"""
        jid = "labbot@lab.example"
        room = "lab@rooms.lab.example"
        database = "sqlite:///{folder}/labroom.db"
        lock = "{folder}/lock"
        credentials = {{ password = "s3cret" }}
        server = {{ host = "127.0.0.1", port = 9 }}
        """
    )
    return config


def refused(folder: Path) -> str:
    """Start the bot; what it says, in one line, of why it will not run: in words, with status 2."""
    process = subprocess.run(
        [sys.executable, "-m", "bot", "serve", "--config", str(settings(folder))],
        capture_output=True, text=True, timeout=60, check=False,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    said = (process.stdout + process.stderr).replace("\n", " ")
    assert process.returncode == 2, said
    assert "Traceback" not in said
    return said


def test_a_second_process_of_the_same_bot_refuses_to_start(tmp_path: Path) -> None:
    with held(tmp_path / "lock"):
        said = refused(tmp_path)
    assert "is held: this bot runs already" in said
    assert not (tmp_path / "labroom.db").exists()  # it has not touched the other's store


def test_the_lock_of_a_process_that_was_killed_is_free(tmp_path: Path) -> None:
    with held(tmp_path / "lock") as process:
        with pytest.raises(BadSettings, match="runs already"), alone(tmp_path / "lock", "bot"):
            pass
        process.kill()
        process.wait()
        with alone(tmp_path / "lock", "bot"):
            pass


def test_a_lock_that_cannot_be_opened_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(BadSettings, match="lock: cannot open"),
        alone(tmp_path / "file" / "lock", "bot"),
    ):
        pass


def test_a_database_of_another_version_is_left_alone(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "labroom.db")) as db:
        db.execute("create table meta (key text primary key, value text not null)")
        db.execute("insert into meta values ('version', '1')")
        db.commit()
    said = refused(tmp_path)
    assert "its tables have version 1" in said
    with closing(sqlite3.connect(tmp_path / "labroom.db")) as db:
        assert db.execute("select name from sqlite_master where name = 'job'").fetchall() == []


def test_a_database_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    (tmp_path / "labroom.db").write_text("a letter to a friend, and no database at all")
    said = refused(tmp_path)
    assert "database: cannot use" in said
