"""Artifacts: what a step leaves is kept within limits, and nothing from elsewhere."""

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest

from agent import scratch
from agent.artifacts import Artifacts, safe_name
from agent.recipe import BadRecipe, load
from agent.rundir import RunDir
from agent.wire.journal import PAYLOAD
from tests.agent.bench import gone, records, verdict
from tests.agent.target import JOURNAL, Target, listen, sh
from tests.agent.test_recipe import ALL, FOLDER, HEAD, write

SPEC: dict[str, Any] = {
    "files": ["*.log"], "when": "always", "each": 1 << 20, "total": 8 << 20, "count": 20,
}  # fmt: skip


def kept(folder: Path, **more: Any) -> tuple[dict[str, bytes], str]:
    artifacts = Artifacts(SPEC | more)
    found: dict[str, bytes] = {}
    for piece, data in artifacts.pieces(str(folder), set()):
        assert piece["offset"] == len(found.get(piece["name"], b""))
        assert len(data) <= PAYLOAD
        found[piece["name"]] = found.get(piece["name"], b"") + data
    return found, artifacts.note


def of_run(run: RunDir) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for record in records(run):
        if record.kind == "file":
            name = record.text("name")
            found[name] = found.get(name, b"") + record.payload
    return found


def test_files_of_that_name_in_whatever_folder(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    for name in ("a.log", "a.txt", "out/a.log", "out/b.log"):
        (tmp_path / name).write_text(name)
    assert kept(tmp_path)[0] == {
        "a.log": b"a.log", "out_a.log": b"out/a.log", "out_b.log": b"out/b.log",
    }  # fmt: skip
    assert kept(tmp_path, files=["out/a*"])[0] == {"out_a.log": b"out/a.log"}


def test_limits_are_kept_and_said(tmp_path: Path) -> None:
    for number in range(4):
        (tmp_path / f"{number}.log").write_bytes(bytes([48 + number]) * 100_000)
    found, note = kept(tmp_path, each=70_000, total=150_000, count=3)
    assert [len(data) for data in found.values()] == [70_000, 70_000, 10_000]
    assert note == (
        "only the beginning of 0.log was kept; only the beginning of 1.log was kept; "
        "only the beginning of 2.log was kept; 1 file was not kept"
    )
    assert kept(tmp_path)[1] == ""
    assert kept(tmp_path, total=100_000)[1] == "3 files were not kept"


def test_an_empty_file_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.log").touch()
    assert kept(tmp_path) == ({"a.log": b""}, "")


def test_nothing_from_outside_and_nothing_that_waits(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "key.log").write_text("secret")
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "other").write_text("secret")
    (folder / "link.log").symlink_to(tmp_path / "other")
    (folder / "away").symlink_to(tmp_path / "precious")
    os.link(secret, folder / "hard.log")
    os.mkfifo(folder / "fifo.log")
    (folder / "folder.log").mkdir()
    (folder / "good.log").write_text("good")
    found, note = kept(folder)
    assert found == {"good.log": b"good"}
    assert note == "3 files were not kept"


def test_a_folder_without_end_is_not_looked_through() -> None:
    folder = Path(tempfile.mkdtemp(dir="/dev/shm"))
    (folder / "a.log").touch()
    deep = folder.joinpath(*["d"] * 9)
    deep.mkdir(parents=True)
    (deep / "b.log").touch()
    here = os.open(deep, os.O_RDONLY)
    for _ in range(1200):
        os.mkdir("d", dir_fd=here)
        os.close(os.open("c.log", os.O_CREAT, dir_fd=here))
        within = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = within
    os.close(here)
    found = kept(folder, count=50)[0]
    scratch.remove(str(folder))
    assert "a.log" in found
    assert any(name.endswith("b.log") for name in found)
    assert len(found) < 10
    assert not folder.exists()


def test_names_are_safe_and_their_own() -> None:
    assert safe_name("../../etc/passwd", set()) == "etc_passwd"
    assert safe_name("a\nb \u202e.log", set()) == "a_b_.log"
    assert safe_name("-rf", set()) == "rf"
    assert safe_name("...", set()) == "file"
    assert safe_name("a.log", {"a.log"}) == "2-a.log"
    assert len(safe_name("x" * 300, {"x" * 80})) <= 90


# --- with a step


def leaving(script: str, folder: Path, **more: Any) -> dict[str, Any]:
    step = sh(script, **more) | {"artifacts": SPEC}
    return step | {"scratch": {"in": str(folder), "room": 0}}


def test_they_come_before_the_end_of_the_step(target: Target, tmp_path: Path) -> None:
    run = target.run(leaving("head -c 200000 /dev/zero > big.log; exit 3", tmp_path))
    assert of_run(run) == {"big.log": bytes(200_000)}
    kinds = [record.kind for record in records(run)]
    assert kinds[-6:] == ["file"] * 4 + ["end", "verdict"]
    assert {record.number("size") for record in records(run) if record.kind == "file"} == {200_000}
    assert verdict(run) == ("fail", "it ended with exit code 3")


def test_only_of_a_bad_one_where_it_says_so(target: Target, tmp_path: Path) -> None:
    step = leaving("echo x > a.log", tmp_path)
    step["artifacts"] = SPEC | {"when": "bad"}
    bad = step | {"argv": ["sh", "-c", "echo y > a.log; exit 1"]}
    run = target.run(step, bad)
    assert [record.number("step") for record in records(run) if record.kind == "file"] == [1]
    assert of_run(run) == {"a.log": b"y\n"}


def test_what_is_looked_at_after_a_bad_step(target: Target) -> None:
    commands = [["sh", "-c", "echo looked; exit 5"], ["no-such-program"], ["/bin/sh", "-c", ":"]]
    run = target.run(sh("true") | {"on_bad": commands})
    assert of_run(run) == {}
    target.state = target.state.with_name("state2")
    run = target.run(sh("exit 1") | {"on_bad": commands})
    assert of_run(run) == {
        "sh.txt": b"looked\n",
        "no-such-program.txt": b"no-such-program could not be started: No such file or directory\n",
        "2-sh.txt": b"",
    }
    assert verdict(run)[0] == "fail"


def test_a_look_that_never_ends_is_ended_by_who_stops_the_run(target: Target) -> None:
    script = f"echo hi > {target.home}/there; read _ < {target.gate.path}"
    run = target.create(sh("echo FAIL", fail=["FAIL"]) | {"on_bad": [["sh", "-c", script]]})
    supervisor = target.start(run)
    listen(run, b"FAIL")
    run.ask_to_stop("ann")
    supervisor.terminate()
    assert supervisor.wait(30) == 0
    assert verdict(run)[0] == "fail"
    assert gone(JOURNAL)


def test_nobody_looks_around_after_what_a_person_stopped(target: Target) -> None:
    run = target.create(sh(f"echo hi; read _ < {target.gate.path}") | {"on_bad": [["echo", "x"]]})
    supervisor = target.start(run)
    listen(run, b"hi")
    run.ask_to_stop("ann")
    supervisor.terminate()
    assert supervisor.wait(20) == 0
    assert verdict(run)[0] == "aborted"
    assert of_run(run) == {}


# --- in recipes


KEEP = FOLDER + "[scratch]\nfolder = 'where'\n[artifacts]\nfiles = ['*.log']\n"


def test_it_comes_into_the_request(tmp_path: Path) -> None:
    text = KEEP + "each = '4K'\n[on]\nbad = [['df', '{where}']]\n"
    step = load(write(tmp_path, "it", text)).resolve({}, ALL)
    assert step["artifacts"] == SPEC | {"each": 4096}
    assert step["on_bad"] == [["df", "/var/tmp"]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEAD + "argv = ['x']\n[artifacts]\nfiles = ['a']\n", "artifacts: needs a scratch folder"),
        (KEEP.replace("*.log", "/etc/*"), "[artifacts] files"),
        (KEEP.replace("*.log", "../*"), "[artifacts] files"),
        (KEEP.replace("['*.log']", "[]"), "[artifacts] files"),
        (KEEP + "[on]\nbad = [['df', '{were}']]\n", "[on] bad: '{were}' is no parameter"),
        (KEEP + "[on]\nbad = [[]]\n", "[on] bad"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(BadRecipe) as refusal:
        load(write(tmp_path, "it", text))
    assert words in str(refusal.value)
