"""Why an agent leaves, by what systemd prints; real shutdowns are in tests/install."""

import pytest

from agent.farewell import own_unit, reason, words
from agent.wire.target import REASONS, Leaving

UNIT = "labroom-agent.service"
OTHERS = """\
 301 dbus.service stop running
 302 ssh.service stop waiting
"""


@pytest.mark.parametrize(
    ("jobs", "expected"),
    [
        ("", "stopped"),
        (f"71 {UNIT} stop running", "stopped"),
        (f"71 {UNIT} restart running", "restarting"),
        (f"71 {UNIT} restart waiting", "restarting"),
        ("71 ssh.service restart running", "stopped"),  # somebody else's
        (f"{OTHERS}71 {UNIT} stop running\n88 poweroff.target start waiting", "shutdown"),
        (f"{OTHERS}71 {UNIT} stop running\n88 halt.target start waiting", "shutdown"),
        (f"88 reboot.target start waiting\n{OTHERS}89 shutdown.target start waiting", "rebooting"),
        ("88 kexec.target start waiting\n89 shutdown.target start waiting", "rebooting"),
        ("89 shutdown.target start waiting", "shutdown"),
        ("88 poweroff.target stop waiting", "stopped"),
        ("No jobs running.", "stopped"),
        ("\ufffd\n\n \n1\n", "stopped"),
    ],
)  # fmt: skip
def test_what_systemd_does_is_the_reason(jobs: str, expected: str) -> None:
    assert reason(jobs, UNIT) == expected


@pytest.mark.parametrize(
    ("cgroup", "unit"),
    [("0::/system.slice/labroom-agent.service\n", UNIT), ("0::/user.slice/session-1.scope\n", ""),
     ("", ""), ("0::/\n", "")],
)  # fmt: skip
def test_the_unit_is_the_one_that_we_run_in(cgroup: str, unit: str) -> None:
    assert own_unit(cgroup) == unit


def test_without_a_unit_nothing_is_restarted() -> None:
    assert reason("71  restart running", "") == "stopped"


def test_every_reason_has_words() -> None:
    assert len({words(Leaving(each)) for each in REASONS}) == len(REASONS)
    assert words(Leaving("rebooting", "ann")) == "rebooting, ordered by ann"
