"""Probes as programs: they start at once, from anywhere, and never end well without a word."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent import probes
from agent.catalogue import PACKAGED, means
from agent.recipe import Recipe, load
from tests.agent.bench import output, verdict
from tests.agent.probing import HERE, plant
from tests.agent.target import Target

LOG = {"dev/kmsg": "6,0,0,-;Linux version 6.1.0"}


def run(*argv: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run a probe as a recipe does, with nothing in its environment but that."""
    command = probes.command(["labroom-agent", "probe", *argv])
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd="/")


def test_there_is_a_recipe_for_each() -> None:
    recipes = [load(path) for path in PACKAGED.glob("*.toml")]
    ours = {each.argv[2] for each in recipes if each.argv[:2] == probes.OURS}
    assert ours == set(probes.names())


@pytest.mark.parametrize("name", probes.names())
def test_it_imports_nothing_that_is_large(name: str) -> None:
    code = f"import sys, agent.probes.{name}; print(*sys.modules)"
    argv = [sys.executable, "-S", "-c", code]
    environment = {"PYTHONPATH": str(Path.cwd())}
    done = subprocess.run(argv, capture_output=True, text=True, check=True, env=environment)
    loaded = {module.partition(".")[0] for module in done.stdout.split()}
    assert loaded & {"slixmpp", "pydantic", "structlog", "psutil", "typer", "asyncio"} == set()


def test_it_runs_without_site_packages_and_from_anywhere(tmp_path: Path) -> None:
    done = run("dmesg", f"--root={plant(tmp_path, LOG)}")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(" looked at\n")


def test_the_command_line_of_the_agent_runs_the_same(tmp_path: Path) -> None:
    argv = [str(Path(sys.executable).parent / "labroom-agent"), "probe", "dmesg"]
    root = f"--root={plant(tmp_path, LOG)}"
    told = subprocess.run([*argv, root], capture_output=True, text=True, check=True)
    assert told.stdout == run("dmesg", root).stdout


def test_what_it_says_goes_through_the_side_channel(tmp_path: Path) -> None:
    channel = tmp_path / "results"
    channel.touch()
    run("dmesg", f"--root={plant(tmp_path, LOG)}", LABROOM_RESULTS=str(channel))
    said = [json.loads(line) for line in channel.read_text().splitlines()]
    assert {"case": "mce", "verdict": "pass", "why": ""} in said
    assert {"count": "io", "n": 0} in said


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("6,0,0,-;Linux version 6.1.0", 0),
        ("3,0,0,-;EDAC MC0: 1 CE memory read error", 0),
        ("3,0,0,-;EDAC MC0: 1 UE memory read error", 3),
        ("", 1),  # there is no log
    ],
)
def test_without_a_side_channel_its_exit_code_says_what_it_found(
    tmp_path: Path, line: str, code: int
) -> None:
    root = f"--root={plant(tmp_path, {'dev/kmsg': line})}"
    assert run("dmesg", root).returncode == code
    (tmp_path / "results").touch()
    assert run("dmesg", root, LABROOM_RESULTS=str(tmp_path / "results")).returncode == 0


def test_an_unknown_one_is_a_wrong_call() -> None:
    done = run("nothing")
    assert done.returncode == 2
    assert "there is no probe 'nothing'" in done.stderr


@pytest.fixture
def dmesg() -> Recipe:
    return load(PACKAGED / "dmesg.toml")


def test_one_that_breaks_is_an_error(target: Target, dmesg: Recipe) -> None:
    step = dmesg.resolve({}, means())
    for more in ("--no-such-option=1", "--last=soon"):
        broken = target.run(step | {"argv": [*step["argv"], more]})
        assert verdict(broken)[0] == "error", output(broken)
        target.state = target.state.with_name(f"{target.state.name}+")


def test_one_that_cannot_tell_the_agent_is_an_error(tmp_path: Path) -> None:
    done = run("dmesg", f"--root={plant(tmp_path, LOG)}", LABROOM_RESULTS="/dev/full")
    assert done.returncode == 1
    assert "No space left" in done.stderr


@pytest.mark.parametrize("name", probes.names())
def test_one_that_says_nothing_is_an_error(target: Target, name: str) -> None:
    step = load(PACKAGED / f"{name}.toml").resolve({}, HERE)
    for argv in (["true"], ["echo", "0 looked"]):
        silent = target.run(step | {"argv": argv})
        assert verdict(silent)[0] == "error"
        target.state = target.state.with_name(f"{target.state.name}+")


def test_it_is_the_agents_own_python_that_runs_it() -> None:
    argv = load(PACKAGED / "dmesg.toml").resolve({"last": "1h"}, HERE)["argv"]
    assert argv[0] == sys.executable
    assert argv[-2:] == ["dmesg", "--last=3600"]
    assert os.access(argv[-3], os.R_OK)
