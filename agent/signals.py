"""How a supervisor is told to stop. Standard library only."""

import os
import signal


class Signals:
    """SIGTERM and SIGCHLD, as something to wait for."""

    def __init__(self) -> None:
        self.stop = False
        self.fd, write = os.pipe()
        os.set_blocking(self.fd, False)
        os.set_blocking(write, False)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._asked)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})  # the agent blocked it for us

    def _asked(self, *_: object) -> None:
        self.stop = True

    def drain(self) -> None:
        """Forget what woke us."""
        while True:
            try:
                os.read(self.fd, 4096)
            except BlockingIOError:
                return


def stopper() -> str | None:
    """Who asked to stop this run, or None."""
    try:
        with open("stop", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            return file.read(100)
    except FileNotFoundError:
        return None
