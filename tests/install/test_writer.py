"""What is written, and how: settings over settings, files that are whole or not there."""

import os
import socket
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.catalogue import Catalogue
from agent.install import places
from agent.install.findings import findings
from agent.install.places import NotWritten, Staging
from agent.install.settings import Wanted, before, merge, toml, valid
from agent.install.unit import exposed, unit
from agent.notify import Notifier
from agent.recipe import Means
from agent.wire.errors import Refusal
from agent.wire.settings import BadSettings

ALL = Wanted(
    jid="bob@lab.example",
    bots=["labbot@lab.example"],
    room="lab@rooms.lab.example",
    name="Bob's server",
    location="lab 2, rack 3",
)

# --- settings

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
scalar = st.one_of(text, st.booleans(), st.integers(-(2**53), 2**53), st.floats(0, 1e9))
values = st.recursive(
    st.one_of(scalar, st.lists(scalar, max_size=3)), lambda v: st.dictionaries(text, v, max_size=3)
)


@given(st.dictionaries(text, values, max_size=4))
def test_what_is_written_is_what_is_read(settings: dict[str, Any]) -> None:
    assert tomllib.loads(toml(settings)) == settings


def test_all_that_is_said_is_valid() -> None:
    config = valid(merge({}, ALL), places.SETTINGS)
    assert (config.jid, config.controllers) == ("bob@lab.example", ("labbot@lab.example",))
    assert (config.name, config.location) == ("Bob's server", "lab 2, rack 3")


def test_what_is_not_said_stays() -> None:
    old = merge({"keep": 5.0, "server": {"ca": "/ca", "port": 1}}, ALL)
    new = merge(old, Wanted(location="", server="xmpp.lab"))
    changed = {"location": "", "server": {"host": "xmpp.lab", "ca": "/ca"}}
    assert new == {**old, **changed}


@pytest.mark.parametrize(
    ("said", "server"),
    [
        ("xmpp.lab", {"host": "xmpp.lab"}),
        ("xmpp.lab:5299", {"host": "xmpp.lab", "port": 5299}),
        ("[fd00::1]", {"host": "fd00::1"}),
        ("[fd00::1]:5299", {"host": "fd00::1", "port": 5299}),
    ],
)
def test_a_server_is_a_host_and_perhaps_a_port(said: str, server: dict[str, Any]) -> None:
    assert merge({}, Wanted(server=said))["server"] == server


@pytest.mark.parametrize("said", ["", ":5222", "xmpp.lab:", "xmpp.lab:five"])
def test_a_server_that_is_none(said: str) -> None:
    with pytest.raises(BadSettings, match="--server: "):
        merge({}, Wanted(server=said))


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({}, "--jid is missing"),
        ({"controllers": []}, "--bot: "),
        ({"jid": "bob"}, "--jid: write it like bob@lab.example"),
        ({"server": {"port": 99999}}, "--server: "),
        ({"kept": 5}, "/etc/labroom/agent.toml: kept: Extra inputs"),
    ],
)
def test_what_is_wrong_is_said_in_the_words_of_the_command(
    settings: dict[str, Any], reason: str
) -> None:
    good = {} if settings == {} else merge({}, ALL)
    with pytest.raises(BadSettings, match=reason):
        valid({**good, **settings}, places.SETTINGS)


def test_a_file_that_is_no_toml_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "agent.toml").write_text("jid = bob")
    with pytest.raises(BadSettings, match="Correct it, or move it away"):
        before(tmp_path / "agent.toml")


# --- files


def test_nothing_is_in_its_place_before_all_is_written(tmp_path: Path) -> None:
    staging = Staging(tmp_path)
    staging.put(places.PASSWORD, b"secret\n", 0o600)
    staging.link(places.WANTED, places.UNIT)
    assert not places.inside(tmp_path, places.PASSWORD).exists()
    staging.commit()
    password, wanted = (places.inside(tmp_path, p) for p in (places.PASSWORD, places.WANTED))
    assert (password.read_text(), password.stat().st_mode & 0o777) == ("secret\n", 0o600)
    assert wanted.readlink() == places.UNIT


def test_a_file_is_never_open_to_others_whatever_the_umask_is(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        Staging(tmp_path).put(places.PASSWORD, b"secret\n", 0o600)
    finally:
        os.umask(before)
    (waiting,) = (tmp_path / "etc/labroom").iterdir()
    assert waiting.stat().st_mode & 0o777 == 0o600


def test_what_is_discarded_leaves_nothing_but_what_is_kept(tmp_path: Path) -> None:
    staging = Staging(tmp_path)
    staging.put(places.PASSWORD, b"secret\n", 0o600)
    staging.put(places.SETTINGS, b"", 0o600)
    staging.discard(but=places.PASSWORD)
    assert [path.name for path in (tmp_path / "etc/labroom").iterdir()] == [".agent.password.new"]
    again = Staging(tmp_path)
    again.put(places.PASSWORD, b"secret\n", 0o600)
    again.discard()
    assert not (tmp_path / "etc/labroom").exists()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "etc").write_text("a file")
    with pytest.raises(NotWritten, match=r"cannot write .*agent\.toml"):
        Staging(tmp_path).put(places.SETTINGS, b"", 0o600)


# --- the unit


def test_the_unit_verifies(tmp_path: Path) -> None:
    command = tmp_path / "labroom-agent"
    command.touch(0o755)
    path = tmp_path / places.SERVICE
    path.write_text(unit(command))
    done = subprocess.run(["systemd-analyze", "verify", path], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "line",
    [
        "KillMode=process",
        "OOMPolicy=continue",
        "Restart=always",
        "Type=notify",
        "NotifyAccess=main",
        "LimitMEMLOCK=infinity",
        "StartLimitIntervalSec=0",
        "StateDirectory=labroom-agent",
        "ExecStart=/opt/labroom/bin/labroom-agent serve --config /etc/labroom/agent.toml",
    ],
)
def test_the_unit_has(line: str) -> None:
    assert line in unit(Path("/opt/labroom/bin/labroom-agent")).splitlines()


@pytest.mark.parametrize("path", ["/opt/lab room/x", "/opt/100%/x", "/opt/$x", '/opt/"x', "x"])
def test_a_program_that_a_unit_cannot_name(path: str) -> None:
    with pytest.raises(Refusal, match="cannot stand in a unit"):
        unit(Path(path))


def test_who_may_change_the_program_is_told(tmp_path: Path) -> None:
    program = Path("/usr/bin/env")
    assert exposed(program) is None
    mine = tmp_path / "labroom-agent"
    mine.touch(0o775)
    mine.chmod(0o775)
    assert exposed(mine) == mine
    mine.chmod(0o755)
    tmp_path.chmod(0o777)
    assert exposed(mine) == tmp_path


# --- what is told


def test_what_is_missing_is_told_with_its_cure() -> None:
    catalogue = Catalogue()
    bare = Means(root=True, lockable=float("inf"), memory=1 << 34, finds=lambda _: False)
    infos = [recipe.info(bare) for _, recipe in sorted(catalogue.recipes.items())]
    lines = list(findings(infos, catalogue.recipes))
    own = [name for name, each in sorted(catalogue.recipes.items()) if not each.requires.programs]
    assert "dmesg" in own
    assert lines[0] == f"offered: {', '.join(own)}"
    expected = "not offered: memtest, memtester is not installed: apt install memtester"
    assert expected in lines


def test_systemd_is_told_by_us_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        notifier = Notifier.take()
        assert "NOTIFY_SOCKET" not in os.environ
        notifier.status("in the room\nREADY=1")
        notifier.status("in the room\nREADY=1")
        notifier.ready()
        assert [systemd.recv(100) for _ in range(2)] == [b"STATUS=in the room READY=1", b"READY=1"]


def test_without_systemd_nothing_is_told_and_a_deaf_one_stops_nobody(tmp_path: Path) -> None:
    Notifier().ready()
    Notifier(str(tmp_path / "gone")).ready()
    Notifier("@nobody-listens").status("idle")
