"""The smart recipe: what smartctl says of disks, replayed by a real program of its name."""

from dataclasses import replace

import pytest

from agent.catalogue import PACKAGED, means
from agent.recipe import Recipe, load
from tests.agent import smart_recordings as said
from tests.agent.bench import output, records, verdict
from tests.agent.replay import a_program
from tests.agent.target import Target
from tests.agent.test_memtest import ALL

HERE = replace(ALL, disks=("sda",))


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
        (said.ATA, 0, "pass", ""),
        (said.ATA_WORN, 0, "warn", "blocks have been replaced: 12"),
        (said.ATA_PENDING, 64, "warn", "blocks that cannot be read: 8"),
        (said.ATA_AT_THRESHOLD, 16, "warn", "a value is at its threshold"),
        (said.ATA_LOGGED, 64, "warn", "errors in its log: 56"),
        (said.ATA_SELF_TEST, 128, "warn", "failed self-tests in its log: 2"),
        (said.ATA, 32, "warn", "it ended with exit code 32"),
        (said.ATA_FAILING, 24, "fail", "the disk says that it is failing"),
        (said.ATA_FAILING, 0, "fail", "the disk says that it is failing"),  # whatever it ends with
        (said.ATA, 8, "fail", "exit code 8"),  # whatever it says
        (said.ATA_DAMAGED, 4, "error", "invalid SMART checksum"),
        (said.NVME, 0, "pass", ""),
        (said.NVME_USED, 0, "warn", "percent of its life are used: 104"),
        (said.NVME_FAILING, 8, "fail", "the disk says that it is failing"),
        (said.NVME_FULL_COUNTER, 0, "warn", "media errors"),
        (said.SAS, 0, "pass", ""),
        (said.SAS_WORN, 0, "warn", "blocks have been replaced: 4"),
        (said.SAS_UNCORRECTED, 0, "warn", "errors that could not be corrected: 3"),
        (said.NO_SMART, 4, "error", "this disk has no SMART"),
        (said.OFF, 4, "error", "SMART is switched off on this disk"),
        (said.NOT_ALLOWED, 2, "error", "Permission denied"),
        (said.NOT_A_DISK, 1, "error", "Unable to detect device type"),
        (said.NOT_THERE, 2, "error", "No such device"),
        (said.ATA[:300], 0, "error", "without results that can be read"),
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
    replayed(target, monkeypatch, said.ATA_FAILING, "exit 24")
    assert records(target.run(smart.resolve({}, HERE)))[-2].fields["counts"] == {
        "hours": 12345, "degrees": 31, "reallocated": 1975, "pending": 8, "uncorrectable": 0,
    }  # fmt: skip


def test_what_it_counts_of_nvme(
    target: Target, smart: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    replayed(target, monkeypatch, said.NVME, "exit 0")
    assert records(target.run(smart.resolve({}, HERE)))[-2].fields["counts"] == {
        "hours": 2401, "degrees": 36, "media_errors": 0, "percent_used": 3,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["KILL", "SEGV"])
def test_killed_after_a_good_word_it_is_an_error(
    target: Target, smart: Recipe, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    replayed(target, monkeypatch, said.ATA, f"kill -{name} $$")
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
