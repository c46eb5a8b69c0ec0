"""
A program in a terminal of its own, as a person sees it: Debian's tmux draws, and types.

Rules: nothing sleeps. What the program writes goes through a pipe to us as well, which says that
the screen may have changed; then it is looked at.
"""

import asyncio
import os
import re
import shlex
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from bot.demo.programs import require

WITHIN = 40.0
"""Seconds until what did not appear counts as not coming; two servers may start beside us."""

GRACE = 5.0
"""Seconds that a program has to end after its window was closed."""


class Screen:
    """See :func:`opened`."""

    def __init__(self, folder: Path, changed: asyncio.Event) -> None:
        self._folder = folder
        self._tmux = [require("tmux"), "-u", "-S", str(folder / "tmux")]
        self._changed = changed

    def call(self, *arguments: str) -> str:
        """Have tmux do something; what it said."""
        done = subprocess.run([*self._tmux, *arguments], capture_output=True, text=True)
        assert done.returncode == 0, f"tmux {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def type(self, text: str) -> None:
        """Type it, letter by letter."""
        self.call("send-keys", "-l", text)

    def press(self, *keys: str) -> None:
        """Press keys by tmux's names: Enter, Tab, Up, C-c."""
        self.call("send-keys", *keys)

    def say(self, line: str) -> None:
        """Type a line, and Enter."""
        self.type(line)
        self.press("Enter")

    @property
    def text(self) -> str:
        """All that stands there, what scrolled away as well; wrapped lines joined."""
        return self.call("capture-pane", "-p", "-J", "-S", "-")

    @property
    def pid(self) -> int:
        """The program itself, once it has shown something."""
        return int((self._folder / "pid").read_text())

    @property
    def status(self) -> str:
        """The program's exit status as a line; empty while it runs."""
        path = self._folder / "status"
        return path.read_text() if path.exists() else ""

    async def shows(
        self, wanted: str | re.Pattern[str] | Callable[[str], bool], *, within: float = WITHIN
    ) -> None:
        """Wait until *wanted* is on the screen; a ``^`` in a pattern is the start of a line."""

        def is_there() -> bool:
            if callable(wanted):
                return wanted(self.text)
            pattern = re.escape(wanted) if isinstance(wanted, str) else wanted.pattern
            return re.search(pattern, self.text, re.MULTILINE) is not None

        await self._until(is_there, f"no {wanted}", within)

    async def ends(self, *, within: float = WITHIN) -> int:
        """Wait until the program has ended; its exit status."""
        await self._until(lambda: self.status != "", "it did not end", within)
        return int(self.status)

    async def _until(self, true: Callable[[], bool], wrong: str, within: float) -> None:
        try:
            async with asyncio.timeout(within):
                while True:
                    self._changed.clear()
                    if true():
                        return
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"{wrong} within {within} s\n{self.text}") from None


# tmux does not always notice a death while it pipes, so a shell says it; signals that are for the
# terminal's programs reach the shell as well.
UNDERTAKER = """
trap : INT HUP TERM
sh -c '. ./environment; echo $$ > pid; exec "$@"' - "$@"
echo $? > status
echo > output
exec cat
"""


def _bury(folder: Path, began: float) -> None:
    """End the program if it does not take the closed window for its end, as some clients do."""
    try:
        program = psutil.Process(int((folder / "pid").read_text()))
        if program.create_time() >= began:  # else the number is somebody else's by now
            around = [each for each in [program.parent()] if each is not None and each.pid != 1]
            for process in (program, *around):
                _, alive = psutil.wait_procs([process], timeout=GRACE)
                for one in alive:
                    one.kill()
    except (FileNotFoundError, psutil.Error):
        return  # it never began, or is gone


@asynccontextmanager
async def opened(
    folder: Path, argv: Sequence[str], *, environment: Mapping[str, str], size: str = "80x30"
) -> AsyncIterator[Screen]:
    """
    Run *argv* in a terminal of *size*; it is closed afterwards, as by its window's button.

    Args:
        folder: For our own files, and where the program runs.
    """
    pipe, changed, began = folder / "output", asyncio.Event(), time.time() - 1
    os.mkfifo(pipe)
    descriptor = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)  # writing as well: never at its end

    def drain() -> None:
        os.read(descriptor, 65536)
        changed.set()

    columns, rows = size.split("x")
    # For the program alone: who looks for what it left behind finds it by its environment.
    exports = [f"export {name}={shlex.quote(value)}\n" for name, value in environment.items()]
    (folder / "environment").write_text("".join(exports))
    screen = Screen(folder, changed)
    asyncio.get_running_loop().add_reader(descriptor, drain)
    try:
        screen.call(
            *("-f", os.devnull, "new-session", "-d", "-x", columns, "-y", rows, ";"),
            *("pipe-pane", f"cat > {shlex.quote(str(pipe))}", ";"),
            *("respawn-pane", "-k", "-c", str(folder)),
            *("sh", "-c", UNDERTAKER, "-", *argv),
        )
        yield screen
    finally:
        screen.call("kill-server")
        await asyncio.to_thread(_bury, folder, began)
        asyncio.get_running_loop().remove_reader(descriptor)
        os.close(descriptor)
