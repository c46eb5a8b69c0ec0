"""Much output is durable, and so on its way, before a second is over."""

import os
import subprocess
import sys
from pathlib import Path

from agent.steprun import MUCH
from tests.agent.bench import verdict
from tests.agent.target import Target, sh

NEVER = """\
import sys
from agent import steprun, supervisor
steprun.SYNC = 1e9
sys.exit(supervisor.main(*sys.argv[1:]))
"""
"""The supervisor, were it not for what this is about: it syncs once, and at the end."""


def test_a_megabyte_is_durable_at_once(target: Target) -> None:
    run = target.create(sh(f"head -c {3 * MUCH} /dev/zero; read _ < {target.gate.path}"))
    bell = os.open(run.path / "bell", os.O_RDWR)
    supervisor = subprocess.Popen(
        [sys.executable, "-P", "-S", "-c", NEVER, str(run.path), "boot"],
        env=os.environ | {"PYTHONPATH": str(Path.cwd())},
    )
    while run.synced < 2 * MUCH:
        os.read(bell, 4096)  # it rings when more is durable
    target.gate.open()
    assert supervisor.wait(60) == 0
    os.close(bell)
    assert verdict(run) == ("pass", "")
