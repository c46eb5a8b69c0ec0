"""
Programs of the machine that a demo needs, and processes that never outlive us.

Rules: a missing program is named together with its package. Whoever kills us, even with SIGKILL,
ends what we started as well.
"""

import os
import select
import shutil
import subprocess
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path

import psutil

PACKAGES = {
    "prosody": "prosody",
    "prosodyctl": "prosody",
    "ejabberdctl": "ejabberd",
    "erl": "erlang-base",
    "openssl": "openssl",
    "setpriv": "util-linux",
    "memtester": "memtester",
}
"""Debian's package for each program, where we may be the first to miss it."""


class MissingProgramError(RuntimeError):
    """A program is not installed. Cure: install the package that the message names."""


def require(program: str) -> str:
    """The path of *program*, an ordinary user's PATH extended by /usr/sbin."""
    path = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"
    found = shutil.which(program, path=path)
    if found is None:
        package = PACKAGES.get(program, program)
        raise MissingProgramError(f"{program} is not installed: apt-get install {package}")
    return found


class Leashed(threading.Thread):
    """
    A process that the kernel kills when we are gone, however we went.

    The kernel watches the *thread* that started it (prctl(2), PR_SET_PDEATHSIG), and a thread of
    asyncio's pool may end long before we do. So each process gets a thread of its own, which does
    nothing but wait for it.

    Args:
        argv: The program and its arguments; no shell.
        log: Gets standard output and standard error, appended.
    """

    def __init__(
        self, argv: Sequence[str], *, log: Path, folder: Path, environment: Mapping[str, str]
    ) -> None:
        super().__init__(name=f"leash of {Path(argv[0]).name}", daemon=True)
        self._argv = [require("setpriv"), "--pdeathsig", "KILL", *argv]
        self._log, self._folder, self._environment = log, folder, environment
        self._born: Future[subprocess.Popen[bytes]] = Future()
        self.start()
        self._process = self._born.result()

    def run(self) -> None:
        """Start it and wait for its end. The thread's work, not for callers."""
        try:
            with self._log.open("ab") as log:
                process = subprocess.Popen(
                    self._argv,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=self._folder,
                    env=self._environment,
                    start_new_session=True,  # a Ctrl-C is for us; we stop it in our own order
                )
        except OSError as wrong:
            self._born.set_exception(wrong)
        else:
            self._born.set_result(process)
            process.wait()

    @property
    def pid(self) -> int:
        """The process itself: `setpriv` and the scripts it starts replace themselves by exec."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self.is_alive()

    @property
    def code(self) -> int | None:
        """Its exit code; negative after a signal, None while it runs."""
        return self._process.returncode

    def end(self, *, grace: float) -> None:
        """Ask it to end (SIGTERM), and kill what is left after *grace* seconds."""
        family = self._family()
        self._process.terminate()
        self.join(grace)
        self._bury(family)

    def kill(self) -> None:
        """End it at once (SIGKILL), with all it started; it gets no time to say goodbye."""
        self._bury(self._family())

    def _family(self) -> list[psutil.Process]:
        with suppress(psutil.NoSuchProcess):
            parent = psutil.Process(self.pid)
            return [parent, *parent.children(recursive=True)]
        return []

    def _bury(self, family: list[psutil.Process]) -> None:
        """Kill them, and return when they are gone: the next start needs their ports and locks."""
        for member in family:
            with suppress(psutil.NoSuchProcess, ProcessLookupError):
                if member.is_running():
                    grave = os.pidfd_open(member.pid)
                    member.kill()
                    _await_end(grave)
        self.join()


def _await_end(pidfd: int) -> None:
    """Not waitpid: helpers of the server are not our children, and pid 1 may never reap them."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    poll.poll()
    os.close(pidfd)
