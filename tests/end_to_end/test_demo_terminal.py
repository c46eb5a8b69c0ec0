"""The demo as a newcomer meets it: in a terminal, with keys."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path

import psutil
import pytest

from bot.demo import Server
from tests.end_to_end.screen import WITHIN, Screen, opened

DEMO = [sys.executable, "-m", "bot", "demo"]
Open = Callable[..., AbstractAsyncContextManager[Screen]]


@pytest.fixture
def demo(tmp_path: Path) -> Open:
    """Open a terminal with the demo; everything it starts and makes can be told by tmp_path."""

    @asynccontextmanager
    async def start(*arguments: str, ready: bool = True) -> AsyncIterator[Screen]:
        (tmp_path / "tmp").mkdir()
        environment = {"TMPDIR": str(tmp_path / "tmp"), "LANG": "C.UTF-8"}
        async with opened(tmp_path, [*DEMO, *arguments], environment=environment) as screen:
            if ready:
                await screen.shows("\nann:")
            yield screen

    return start


def left(tmp_path: Path) -> list[str]:
    """What is still there of a demo: files, and processes that know its folder or are in it."""
    home = str(tmp_path / "tmp")
    found = [str(path) for path in (tmp_path / "tmp").iterdir()]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            name = (process / "comm").read_text().strip()
            known = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
            here = str((process / "cwd").readlink()).startswith(home)
        except OSError:  # it has just ended, or is a zombie
            continue
        if (here or home.encode() in known) and not name.startswith("tmux"):
            found.append(name)
    return found


def running(tmp_path: Path, what: str) -> int:
    """The pid of one of the demo's processes."""
    folder = str(tmp_path / "tmp")
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            argv = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            if folder in argv and what in argv:
                return int(process.name)
    raise AssertionError(f"no {what} below {folder}")


async def launched(tmp_path: Path) -> None:
    """Wait until the server's process is started; it does not answer yet."""
    async with asyncio.timeout(WITHIN):
        while True:
            if any(tmp_path.glob("tmp/*/server/log/server.log")):  # noqa: ASYNC240  (local, brief)
                return
            await asyncio.sleep(0.01)  # a file that comes to be is no event


def prompt(text: str) -> str:
    """What stands in the line that is being typed."""
    return text.rpartition("\nann:")[2].partition("\n")[0].strip()


def typed(line: str) -> Callable[[str], bool]:
    return lambda text: prompt(text) == line


async def test_a_newcomer_types_three_lines_and_leaves(
    demo: Open, kind: type[Server], tmp_path: Path
) -> None:
    async with demo("--server", kind.name) as screen:
        first = screen.text
        screen.say("status")
        await screen.shows("ann status")
        await screen.shows("labbot 3 targets: 3 idle\n                  alice  idle")
        screen.say("run memtest size=1M on bob")
        await screen.shows("labbot job 1: memtest size=1M on bob")
        screen.say("reboot carol")
        await screen.shows(re.compile("carol is back after .* s, with a new boot id"))
        await screen.shows("ann: job 1 pass")
        assert screen.text.count("ann status") == 1, "a line is shown once: as the room has it"
        screen.press("C-c")
        assert await screen.ends() == 0
        assert left(tmp_path) == []
    for needed in (
        *("status", "run memtest size=16M on bob", "reboot carol", "Ctrl-D"),
        *("guest@localhost, password guest", "room lab@rooms.localhost", "127.0.0.1, port "),
        *("ca.crt", "/connect guest@localhost server 127.0.0.1 port", "Browser "),
    ):
        assert needed in first
    said, _, _ = first.partition("\nann: ")  # behind it stands the bar, at the bottom or not yet
    assert len(said.splitlines()) < 22


async def test_tab_completes_commands_recipes_parameters_and_targets(demo: Open) -> None:
    async with demo() as screen:
        screen.type("ru")
        screen.press("Tab")
        await screen.shows(typed("run"))
        screen.type("memt")
        screen.press("Tab")
        await screen.shows(typed("run memtest"))
        screen.type("si")
        screen.press("Tab")
        await screen.shows(lambda text: prompt(text).startswith("run memtest size=64M"))
        screen.type(" on b")
        screen.press("Tab")
        await screen.shows(lambda text: prompt(text).endswith("on bob"))
        screen.type(", ")
        screen.press("Tab")  # two are left: a menu says what they do
        await screen.shows(re.compile("alice +idle *\n +carol +idle"))


async def test_what_was_said_is_an_arrow_away_and_the_bar_follows_the_targets(demo: Open) -> None:
    async with demo() as screen:
        screen.say("ping bob")
        await screen.shows("labbot bob answered")
        screen.say("run memtest on alice")
        await screen.shows(re.compile(r"^ alice memtest( \d+ %)?   bob idle"))
        screen.press("Up", "Up")
        await screen.shows(typed("ping bob"))
        screen.press("Enter")
        await screen.shows(lambda text: text.count("labbot bob answered") == 2)


async def test_ctrl_d_ends_everything(demo: Open, tmp_path: Path) -> None:
    async with demo() as screen:
        screen.say("run memtest on bob")
        await screen.shows(re.compile(r"bob memtest \d+ %"))
        family = psutil.Process(screen.pid).children(recursive=True)
        assert "memtester" in {each.name() for each in family}
        screen.press("C-d")
        assert await screen.ends() == 0
        assert [each for each in family if each.is_running()] == []
        assert left(tmp_path) == []
        assert "Traceback" not in screen.text


async def test_an_impatient_ctrl_c_leaves_nothing_either(demo: Open, tmp_path: Path) -> None:
    async with demo() as screen:
        screen.press("C-c")
        await screen.shows("everybody leaves")
        while not screen.status:  # at each of its steps, whichever that is
            screen.press("C-c")
            await asyncio.sleep(0.05)
        assert left(tmp_path) == []
        assert "Traceback" not in screen.text


async def test_ctrl_c_while_the_lab_comes_up_leaves_nothing(demo: Open, tmp_path: Path) -> None:
    async with demo(ready=False) as screen:
        await screen.shows("come up")
        await launched(tmp_path)
        screen.press("C-c")
        assert await screen.ends() == 130
        assert left(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_ends_everything(demo: Open, tmp_path: Path, number: signal.Signals) -> None:
    async with demo() as screen:
        screen.type("half a li")
        await screen.shows(typed("half a li"))
        os.kill(screen.pid, number)
        assert await screen.ends() == 130
        assert left(tmp_path) == []
        assert "Traceback" not in screen.text


async def test_a_closed_window_ends_everything(demo: Open, tmp_path: Path) -> None:
    async with demo() as screen:
        gone = os.pidfd_open(screen.pid)
    over = asyncio.Event()
    asyncio.get_running_loop().add_reader(gone, over.set)
    async with asyncio.timeout(20):
        await over.wait()
    asyncio.get_running_loop().remove_reader(gone)
    os.close(gone)
    assert left(tmp_path) == []


async def test_who_dies_is_missed(demo: Open, tmp_path: Path) -> None:
    async with demo() as screen:
        os.kill(running(tmp_path, "agent serve --config " + str(tmp_path)), signal.SIGKILL)
        await screen.shows(re.compile("(alice|bob|carol) left"))
        await screen.shows(re.compile("(alice|bob|carol) is here"))  # its machine sees to it
        os.kill(running(tmp_path, "demo.machine"), signal.SIGKILL)
        await screen.shows("'s machine was killed by signal 9")
        os.kill(running(tmp_path, "bot serve"), signal.SIGKILL)
        await screen.shows("labbot was killed by signal 9")
        await screen.shows("/bot.log")
        screen.say("quit")
        assert await screen.ends() == 0
        assert left(tmp_path) == []


async def test_lines_are_said_where_there_is_no_terminal(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    process = await asyncio.create_subprocess_exec(
        *DEMO, "--say", "status; run memtest size=1M on bob; labbot: reboot bbo",
        env=os.environ | {"TMPDIR": str(tmp_path / "tmp")},
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    told, _ = await process.communicate()
    said = told.decode()
    assert process.returncode == 1
    assert re.search(r"^\d\d:\d\d:\d\d      ann status$", said, re.MULTILINE)
    assert re.search(r"^\d\d:\d\d:\d\d   labbot 3 targets: 3 idle$", said, re.MULTILINE)
    assert "ann: job 1 pass" in said
    assert said.endswith(
        "not well: labbot: reboot bbo: no target called bbo. Did you mean bob?\n"
    ), said
    assert left(tmp_path) == []
