"""
The smart recipe, replayed by a real program of smartctl's name: some of what it said of real disks
(all of it is judged in ``test_recordings.py``), and what was made by hand where none was found.
"""

from dataclasses import replace

import pytest

from agent.catalogue import PACKAGED, means
from agent.recipe import Recipe, load
from tests.agent import recorded
from tests.agent import smart_made as said
from tests.agent.bench import output, records, verdict
from tests.agent.replay import a_program
from tests.agent.target import Target
from tests.agent.test_memtest import ALL

HERE = replace(ALL, disks=("sda",))
REAL = {path.stem: recorded.body(path) for path in recorded.files("smart")}
HEALTHY, FAILING = REAL["sata-helium-healthy"], REAL["sata-hds721050-failing"]


@pytest.fixture
def smart() -> Recipe:
    return load(PACKAGED / "smart.toml")


def replayed(target: Target, monkeypatch: pytest.MonkeyPatch, text: str, end: str) -> None:
    """A smartctl that says *text*, whatever it is asked, then ends so."""
    (target.home / "recording").write_text(text)
    script = f"cat {target.home}/recording; {end}"
    monkeypatch.setenv("PATH", a_program(target.home / "bin", "smartctl", script))


@pytest.mark.parametrize(
    ("text", "code", "expected", "reason"),
    [
        (HEALTHY, 0, "pass", ""),
        (said.ATA_AT_THRESHOLD, 16, "warn", "a value is at its threshold"),
        (said.ATA_LOGGED, 64, "warn", "errors in its log: 56"),
        (HEALTHY, 32, "warn", "it ended with exit code 32"),
        (FAILING, 216, "fail", "the disk says that it is failing"),
        (FAILING, 0, "fail", "the disk says that it is failing"),  # whatever it ends with
        (FAILING, 220, "fail", "the disk says that it is failing"),  # and a command failed
        (FAILING, 4, "error", "; also, the disk says that it is failing"),
        (HEALTHY, 8, "fail", "exit code 8"),  # whatever it says
        (said.ATA_DAMAGED, 4, "error", "invalid SMART checksum"),
        (said.NVME_USED, 0, "warn", "percent of its life are used: 104"),
        (said.NVME_FULL_COUNTER, 0, "warn", "media errors"),
        (said.SAS_WORN, 0, "warn", "blocks have been replaced: 4"),
        (said.SAS_UNCORRECTED, 0, "warn", "errors that could not be corrected: 3"),
        (said.NO_SMART, 4, "error", "this disk has no SMART"),
        (said.NOT_ALLOWED, 2, "error", "Permission denied"),
        (said.NOT_A_DISK, 1, "error", "Unable to detect device type"),
        (said.NOT_THERE, 2, "error", "No such device"),
        (HEALTHY[:300], 0, "error", "without results that can be read"),
        ("", 0, "error", "without results that can be read"),
        (said.SILENT, 0, "error", "does not say whether it is well"),
        ("{}", 0, "error", "does not say whether it is well"),
        ("SMART overall-health self-assessment test result: PASSED", 0, "error", "without results"),
    ],
)
def test_what_it_means(
    target: Target, smart: Recipe, monkeypatch: pytest.MonkeyPatch,
    text: str, code: int, expected: str, reason: str,
) -> None:  # fmt: skip
    replayed(target, monkeypatch, text, f"exit {code}")
    run = target.run(smart.resolve({}, HERE))
    assert verdict(run)[0] == expected, verdict(run)
    why = records(run)[-2].text("reason")
    assert reason in why
    assert output(run).decode() == text


def test_what_it_counts(target: Target, smart: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    replayed(target, monkeypatch, FAILING, "exit 216")
    assert records(target.run(smart.resolve({}, HERE)))[-2].fields["counts"] == {
        "hours": 65592, "degrees": 25, "reallocated": 1975, "pending": 8, "uncorrectable": 0,
        "crc_errors": 0,
    }  # fmt: skip


def test_what_it_counts_of_nvme(
    target: Target, smart: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    replayed(target, monkeypatch, REAL["nvme-kxg60-healthy"], "exit 0")
    assert records(target.run(smart.resolve({}, HERE)))[-2].fields["counts"] == {
        "hours": 12728, "degrees": 35, "media_errors": 0, "percent_used": 4,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["KILL", "SEGV"])
def test_killed_after_a_good_word_it_is_an_error(
    target: Target, smart: Recipe, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    replayed(target, monkeypatch, HEALTHY, f"kill -{name} $$")
    run = target.run(smart.resolve({}, HERE))
    assert verdict(run)[0] == "error"
    assert f"SIG{name}" in verdict(run)[1]


def test_the_real_one_on_what_is_no_disk(target: Target, smart: Recipe) -> None:
    run = target.run(
        smart.resolve({}, HERE) | {"argv": ["smartctl", "--json", "--all", "/dev/null"]}
    )
    assert verdict(run)[0] == "error"
    assert "/dev/null" in verdict(run)[1]


def test_what_it_needs(smart: Recipe) -> None:
    assert smart.missing(replace(HERE, root=False)) == "the agent does not run as root"
    assert smart.missing(replace(HERE, finds=lambda _: False)) == "smartctl is not installed"
    assert smart.missing(ALL) == "it has no disk"
    assert smart.resolve({}, HERE)["argv"] == ["smartctl", "--json", "--all", "/dev/sda"]
    assert means().finds("smartctl")
