"""
One diagnostic as processes: started, asked to end, killed, down to the last child.

Standard library only, and without ``subprocess``: the supervisor has 15 MB to live in.

A diagnostic runs in its own process group and carries a mark in its environment, so
that children are found even after they left the group, or after their supervisor died.
"""

import contextlib
import os
import signal

MARK = "LABROOM_RUN"
"""The environment variable that marks the processes of a run."""

_NICE = 5
"""Not added to ours: systemd starts the agent at a better one, and that is not for diagnostics."""
_TICKS = os.sysconf("SC_CLK_TCK")
_SIGNALS = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}
"""All that can be heeded: a shell that starts us in the background has more of them ignored."""
_OOM_SCORE = b"500"  # out of memory takes the diagnostic first, not the agent


class NotStarted(Exception):  # noqa: N818  (a state of the world)
    """There is no such program, or it may not be run."""


class Process:
    """
    A running diagnostic; NotStarted if there is none.

    Its standard output and error are one pipe, :attr:`output`, non-blocking. Its
    standard input is empty. It works in *folder*, with *more* in its environment.
    """

    def __init__(
        self, argv: list[str], mark: str, folder: str = "/", more: dict[str, str] | None = None
    ) -> None:
        self.mark = mark
        self._over = False
        environment = dict(os.environ)
        environment.pop("PYTHONPATH", None)  # ours
        environment.pop("LANGUAGE", None)  # it outweighs LC_ALL, if that is not plain C
        environment |= (more or {}) | {
            MARK: mark,
            "LC_ALL": "C.UTF-8",
        }  # the words that patterns know
        self.output, theirs = os.pipe()
        failure, ours = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            _become(argv, environment, folder, theirs, ours)
        os.close(theirs)
        os.close(ours)
        os.set_blocking(self.output, False)
        with contextlib.suppress(OSError):
            os.setpgid(self.pid, self.pid)  # the child does, too: whoever comes first
        code = os.read(failure, 16)
        os.close(failure)
        if code:
            os.waitpid(self.pid, 0)
            os.close(self.output)
            raise NotStarted(f"{argv[0]} could not be started: {os.strerror(int(code))}")

    def terminate(self) -> None:
        """Ask all of it to end, also what left the group; each process once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGTERM)
        for pid in _marked(self.mark):
            with contextlib.suppress(ProcessLookupError):
                if os.getpgid(pid) != self.pid:
                    os.kill(pid, signal.SIGTERM)

    def kill(self) -> None:
        """End all of it, also what left the group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        sweep(self.mark)

    def used(self) -> float:
        """Seconds of processor time that all of it has used, with the children it reaped."""
        wanted = f"{MARK}={self.mark}".encode()
        total = 0
        for pid in _others():
            group, ticks = _stat(pid)
            if group == self.pid or wanted in _environment(pid):
                total += ticks
        return total / _TICKS

    def exited(self) -> bool:
        """Whether the diagnostic itself has ended. Its pid stays taken until :meth:`reap`."""
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def reap(self) -> int:
        """How it ended: its exit code, or minus the signal that killed it."""
        self._over = True  # from now on its pid may be somebody else's
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def close(self) -> None:
        """Stop listening to it; end it if it is still there."""
        if not self._over:
            self.kill()
        os.close(self.output)


def sweep(mark: str) -> int:
    """Kill every process of the run *mark*, until none is left. Returns how many there were."""
    killed: set[int] = set()
    while found := _marked(mark) - killed:
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        killed |= found
    return len(killed)


def _become(
    argv: list[str], environment: dict[str, str], folder: str, output: int, failure: int
) -> None:
    """Turn this forked child into the diagnostic. Does not return."""
    try:
        os.setpgid(0, 0)
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)  # what is ignored stays ignored over exec
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.chdir(folder)
        empty = os.open(os.devnull, os.O_RDONLY)
        for fd, target in ((empty, 0), (output, 1), (output, 2)):
            os.dup2(fd, target)
        with contextlib.suppress(PermissionError):  # we are nicer than that already
            os.setpriority(os.PRIO_PROCESS, 0, _NICE)
        with contextlib.suppress(OSError):
            score = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
            os.write(score, _OOM_SCORE)
        os.execvpe(argv[0], argv, environment)  # noqa: S606  (never a shell)
    except OSError as error:
        os.write(failure, b"%d" % (error.errno or 0))
    finally:
        os._exit(127)


def _marked(mark: str) -> set[int]:
    """The processes of the run *mark*."""
    wanted = f"{MARK}={mark}".encode()
    return {pid for pid in _others() if wanted in _environment(pid)}


def _stat(pid: int) -> tuple[int, int]:
    """The group of a process, and the ticks that it and those it reaped have used."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123
            fields = file.read().rpartition(b")")[2].split()  # its name may hold anything
    except OSError:  # gone
        return 0, 0
    return int(fields[2]), sum(map(int, fields[11:15]))


def _others() -> list[int]:
    ours = os.getpid()
    names = os.listdir("/proc")  # noqa: PTH208  (no pathlib: memory)
    return [int(name) for name in names if name.isdecimal() and int(name) != ours]


def _environment(pid: int) -> list[bytes]:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123
            return file.read().split(b"\0")
    except OSError:  # gone, or another user's
        return []
