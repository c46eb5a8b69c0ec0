"""``labroom-agent recipes test``: samples are judged as runs are."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from agent.catalogue import PACKAGED
from agent.format.place import lines
from agent.recipe import load
from agent.rehearsal import ANY_MACHINE, Samples, rehearse, told
from tests.agent.bench import records, verdict
from tests.agent.target import Target, sh
from tests.agent.test_recipe import HEAD, write

RECIPE = (
    HEAD
    + r"""
argv = ["bench", "--loops={loops}"]
[params.loops]
kind = "int"
default = "2"
[output]
progress = ['^loop (?P<done>\d+)/(?P<total>\d+)']
[output.counts]
errors = '^ERROR'
[metrics.triad]
unit = "GB/s"
better = "higher"
at_least = 30
line = 'Triad: (?P<value>[\d.]+)'
[kernel]
watch = ["edac"]
[verdict]
exit = { 0 = "pass" }
fail = ['^ERROR']
must = ['^done']
expect = ["copy"]
[[known]]
line = 'ERROR: fan'
why = "the fan is slow"
link = "https://bugs.example/7"
exit = [4]
"""
)
LOG = "loop 1/2\nTriad: 41.2 GB/s\nloop 2/2\ndone\n"
CASE = '{"case": "copy", "verdict": "pass"}\n'
UE = "[11546.262508] EDAC MC0: 1 UE memory read error on DIMM_A1\n"


@pytest.mark.parametrize(
    ("log", "results", "kernel", "code", "expected"),
    [
        (LOG, CASE, "", 0, ("pass", "")),
        (LOG, CASE, UE, 0, ("fail", "kernel: EDAC MC0: 1 UE memory read error on DIMM_A1")),
        (LOG, CASE, "", 3, ("fail", "it ended with exit code 3: done")),
        (LOG, CASE, "", -9, ("error", "it was killed by SIGKILL (out of memory?), not by us")),
        (LOG, "", "", 0, ("fail", "copy: there is no result of it")),
        (LOG, "{", "", 0,
         ("error",
          "line 1 of its results: it is not JSON: {; also, copy: there is no result of it")),
        (LOG.replace("41", "21"), CASE, "", 0, ("fail", "triad is 21.2 GB/s, less than 30 GB/s")),
        (LOG.replace("done", ""), CASE, "", 0, ("error", "it ended early: no line matches ^done")),
        ("ERROR: fan\n" + LOG, CASE, "", 4,
         ("warn", "known: the fan is slow (exit code 4: done)")),
        ("ERROR: disk\n" + LOG, CASE, "", 4,
         ("fail", "1 failure reported, first: ERROR: disk")),
    ],
)  # fmt: skip
def test_a_sample_is_judged_as_a_run_is(
    tmp_path: Path, target: Target, log: str, results: str, kernel: str, code: int,
    expected: tuple[str, str],
) -> None:  # fmt: skip
    recipe = load(write(tmp_path, "bench", RECIPE))
    samples = Samples(log=log.encode(), results=results.encode(), kernel=kernel.encode(), exit=code)
    found = rehearse(recipe, {"loops": "3"}, samples)
    assert (found.verdict, found.reason) == expected
    if kernel:
        return  # what is written into the real log everybody reads: tests/agent/test_kernel.py
    for name, text in (("log", log), ("results", results)):
        (tmp_path / name).write_text(text)
    end = f"kill {code} $$" if code < 0 else f"exit {code}"
    script = f"cat {tmp_path}/results > $LABROOM_RESULTS; cat {tmp_path}/log; {end}"
    run = target.run(recipe.resolve({}, ANY_MACHINE) | {"argv": sh(script)["argv"]})
    assert verdict(run) == expected
    last = records(run)[-2].fields
    assert found.facts == {name: last[name] for name in found.facts}
    assert not {"metrics", "first", "known", "facts"} & (last.keys() - found.facts.keys())


def test_it_says_all_that_it_found(tmp_path: Path) -> None:
    recipe = load(write(tmp_path, "bench", RECIPE))
    results = CASE + '{"fact": "cpu", "value": "x"}\n'
    log = "ERROR: fan\nERROR: disk\n" + LOG
    said = list(told(rehearse(recipe, {}, Samples(log=log.encode(), results=results.encode()))))
    assert said == [
        "verdict   fail",
        "reason    1 failure reported, first: ERROR: disk",
        "count     errors 2",
        "metric    triad 41.2 GB/s (higher is better)",
        "fact      cpu: x",
        "case      pass copy",
        "known     the fan is slow https://bugs.example/7",
        "first     line 2",
        "          | ERROR: fan",
        "          > ERROR: disk",
        "          | loop 1/2",
        "          | Triad: 41.2 GB/s",
        "          | loop 2/2",
        "line      ERROR: disk",
        "progress   50% loop 1/2",
        "progress  100% loop 2/2",
    ]


def run(*arguments: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "agent", "recipes", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command(tmp_path: Path) -> None:
    path = write(tmp_path, "bench", RECIPE)
    (tmp_path / "log").write_text(LOG)
    (tmp_path / "results").write_text(CASE)
    given = ["test", path, "loops=3", "--log", tmp_path / "log", "--results", tmp_path / "results"]
    good = run(*given, "--verdict", "pass")
    assert (good.returncode, good.stdout.splitlines()[0]) == (0, "verdict   pass")
    bad = run(*given, "--exit", "-9", "--verdict", "pass")
    assert bad.returncode == 1
    assert "it is error, not pass" in bad.stderr
    path.write_text(RECIPE.replace("exit = {", "exitt = {"))
    wrong = run(*given)
    assert wrong.returncode == 2
    assert f"{path}:20: [verdict] exitt: no such key; did you mean exit?" in wrong.stderr


@pytest.mark.parametrize("path", sorted(PACKAGED.glob("*.toml")), ids=lambda path: path.stem)
def test_every_key_of_what_ships_is_found_in_its_line(path: Path) -> None:
    text = path.read_text()
    found = lines(text)

    def look(value: object, place: tuple[str | int, ...]) -> None:
        if place:
            line = text.splitlines()[found[place] - 1]
            assert isinstance(place[-1], int) or place[-1] in line
        if isinstance(value, list):
            value = dict(enumerate(value))
        for key, inner in value.items() if isinstance(value, dict) else ():
            look(inner, (*place, key))

    look(tomllib.loads(text), ())
