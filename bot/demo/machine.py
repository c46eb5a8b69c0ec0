"""
A machine that exists only on this one: it boots, runs an agent, reboots, and loses power.

    python -m bot.demo.machine FOLDER          boot it; SIGTERM shuts it down
    python -m bot.demo.machine FOLDER reboot   what its agent runs for ``systemctl reboot``

Everything it starts is its descendant, also what was orphaned (PR_SET_CHILD_SUBREAPER), so
that a reboot ends all of it, as on a real machine. Each boot writes a new id to
``FOLDER/boot_id``. An agent that ends is started again, as systemd does.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
import uuid
from contextlib import suppress
from pathlib import Path

import psutil

SHUTDOWN = 5.0
"""Seconds the agent has to say goodbye before a reboot or a shutdown."""
FIRMWARE = 1.0
"""Seconds from power on to the agent's start."""

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGCHLD}


class Machine:
    """One simulated machine in *folder*, which holds its ``agent.toml``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._agent: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        """Boot, and go on until SIGTERM."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        (self._folder / "pid").write_text(str(os.getpid()))
        self._boot()
        while True:
            match signal.sigwait(_SIGNALS):
                case signal.SIGUSR1:
                    self._halt()
                    time.sleep(FIRMWARE)
                    self._boot()
                case signal.SIGCHLD:
                    self._reap()
                case _:
                    self._halt()
                    return

    def _boot(self) -> None:
        (self._folder / "boot_id").write_text(f"{uuid.uuid4()}\n")
        self._start_agent()

    def _start_agent(self) -> None:
        with (self._folder / "agent.log").open("ab") as log:
            self._agent = subprocess.Popen(
                [sys.executable, "-m", "agent", "serve", "--config", self._folder / "agent.toml"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_in_the_agent,
            )

    def _halt(self) -> None:
        """SIGTERM for the agent, then the plug."""
        if self._agent is not None:
            self._agent.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._agent.wait(SHUTDOWN)
        left = psutil.Process().children(recursive=True)
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, timeout=SHUTDOWN)
        self._agent = None

    def _reap(self) -> None:
        """Collect what has ended; start the agent again if it was that."""
        if self._agent is not None and self._agent.poll() is not None:
            time.sleep(FIRMWARE)
            self._start_agent()
        agent = self._agent.pid if self._agent else 0
        for child in psutil.Process().children():
            if child.pid != agent and child.status() == psutil.STATUS_ZOMBIE:
                with suppress(ChildProcessError):
                    os.waitpid(child.pid, os.WNOHANG)


def _in_the_agent() -> None:
    """Between fork and exec: it hears signals again, and goes down with the machine."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def main(folder: str, order: str = "") -> None:
    """Boot the machine in *folder*, or order the running one to reboot."""
    if order == "reboot":
        os.kill(int((Path(folder) / "pid").read_text()), signal.SIGUSR1)
    else:
        Machine(Path(folder)).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
