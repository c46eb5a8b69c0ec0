"""`labroom init`: what it writes can be used, is private, and says what the documentation says."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.wire.settings import BadSettings, load
from bot.config import Config
from bot.init import init
from tests.test_configuration_doc import sections, settings

PLACEHOLDER = {"jid": "bot@x.example", "room": "lab@x.example", "credentials": {}}


def write(path: Path, **said: object) -> str:
    told: dict[str, object] = {
        "jid": "labbot@lab.example", "room": "", "owners": (), "password_file": None,
    }  # fmt: skip
    return init(path, **(told | said))  # type: ignore[arg-type]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "etc" / "bot.toml"


def test_what_it_writes_is_read_back(path: Path) -> None:
    owners = ["ann@lab.example", "björn@lab.example"]
    write(path, jid="bot@lab.example", room="bench@muc.lab.example", owners=owners)
    config = load(path, Config, warn=lambda *said: pytest.fail(str(said)))
    assert (config.jid, config.room, list(config.owners)) == (
        "bot@lab.example", "bench@muc.lab.example", owners,
    )  # fmt: skip
    assert len(config.credentials.read()) == 32
    # Without --config it is a service; elsewhere it is somebody's own, beside the file.
    assert config.database == f"sqlite:///{path.parent}/labroom.db"
    assert config.lock == path.parent / "lock"


def test_only_its_owner_can_read_it(path: Path) -> None:
    write(path)
    for made in path.parent.iterdir():
        assert made.stat().st_mode & 0o777 == 0o600, made


def test_each_password_is_another(path: Path, tmp_path: Path) -> None:
    write(path)
    write(tmp_path / "other.toml")
    first, second = path.with_suffix(".password"), tmp_path / "other.password"
    assert first.read_text() != second.read_text()


def test_nothing_is_overwritten(path: Path) -> None:
    write(path)
    before = {made: made.read_text() for made in path.parent.iterdir()}
    with pytest.raises(BadSettings, match="is there already"):
        write(path)
    path.unlink()
    assert "stays as it is" in write(path)
    assert {made: made.read_text() for made in path.parent.iterdir()} == before


def test_a_password_file_of_ones_own_is_named_and_not_made(path: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    write(path, password_file=mine)
    assert load(path, Config).credentials.password_file == mine
    assert not mine.exists()
    assert not path.with_suffix(".password").exists()


@pytest.mark.parametrize("wrong", [{"jid": "bot"}, {"room": "x/y@"}, {"owners": ["ann@a/b"]}])
def test_a_wrong_address_is_refused_before_anything_is_written(
    path: Path, wrong: dict[str, object]
) -> None:
    with pytest.raises(BadSettings, match="write it like"):
        write(path, **wrong)
    assert not path.exists()


def test_where_it_may_not_write_it_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadSettings, match="name a file of your own"):
        write(tmp_path / "file" / "bot.toml")


def test_the_next_steps_can_be_pasted(path: Path) -> None:
    said = write(path, jid="bot@lab.example", room="x@y.example", owners=["ann@lab.example"])
    assert re.findall(r"^(\d)\. (\w+)", said, re.MULTILINE) == [
        ("1", "Make"), ("2", "See"), ("3", "Start"),
    ]  # fmt: skip
    assert f"labroom check --config {path}" in said
    assert f'register bot lab.example "$(cat {path.with_suffix(".password")})"' in said
    assert path.with_suffix(".password").read_text().strip() not in said


def test_what_was_not_given_is_to_be_corrected(path: Path) -> None:
    assert f"1. Correct jid, room, owners in {path}; then make" in write(path)


# Its words are the documentation's


def paragraphs(path: Path) -> Iterator[tuple[str, str, str]]:
    """Key, comment and value, in the order of the file; whether a line is off or not."""
    table, comment = "", ""
    for line in path.read_text().splitlines():
        if line.startswith("# "):
            comment += line.removeprefix("#")
        elif named := re.fullmatch(r"\[(\w+)\]", line):
            yield named[1], comment, "{}"
            table, comment = f"{named[1]}.", ""
        elif said := re.fullmatch(r"#?(\S+) = (.*)", line):
            yield table + said[1], comment, said[2]
            comment = ""
        else:
            assert not line, line
            if "docs/configuration.md" in comment:
                comment = ""
    assert not comment


def test_every_setting_is_there_with_words_from_the_documentation(path: Path) -> None:
    write(path)
    documented, seen = sections("bot.toml"), []
    for key, comment, _ in paragraphs(path):
        if key.split(".")[0] in ("grants", "people", "groups") and "." in key:
            continue  # an example
        seen.append(key)
        words = " ".join(comment.split())
        if key == "patience":
            words = words.replace(", in seconds", "")
        assert words or key == "server.host", key
        assert words in documented[key], key
    assert sorted(seen) == sorted(key for key, _ in settings(Config))


def at(data: Any, key: str) -> Any:
    for part in key.split("."):
        data = data.get(part) if isinstance(data, dict) else None
    return data


def test_a_line_that_is_off_shows_the_default(path: Path) -> None:
    write(path)
    defaults = Config.model_validate(PLACEHOLDER).model_dump(mode="json", by_alias=True)
    given = tomllib.loads(path.read_text())
    for key, _, value in paragraphs(path):
        said, default = at(given, key), at(defaults, key)
        if said is None and value != "{}" and default is not None:
            assert tomllib.loads(f"it = {value}")["it"] == default, key


def test_with_every_line_on_it_can_be_used(path: Path) -> None:
    write(path)
    on = re.sub(r"^#(?! )", "", path.read_text(), flags=re.MULTILINE)
    on = on.replace('password = ""\n', "")
    path.write_text(on)
    config = load(path, Config)
    assert config.server.host == "xmpp.lab.example"
    assert config.grants


def test_the_command_line(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "bot", "init", "bot.toml", "--jid", "bot@lab.example",
            "--owner", "ann@lab.example", "--owner", "ben@lab.example"]  # fmt: skip
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Correct room in" in done.stdout
    assert load(tmp_path / "bot.toml", Config).owners == ("ann@lab.example", "ben@lab.example")
    again = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True)
    assert again.returncode == 2
    assert again.stderr.startswith("labroom: ")
