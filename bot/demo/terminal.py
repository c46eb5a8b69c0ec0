"""
``labroom demo`` in a terminal: you are in the room.

What is said scrolls by above the line that you type; what you type is said in the room. Below
it is what the targets do.

Rule 1: Ctrl-C, Ctrl-D, SIGTERM and a terminal that is closed all end everything.

Rule 2: nothing that the lab needs dies in silence.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.patch_stdout import patch_stdout
from prompt_toolkit.styles import Style

from agent.wire import logs
from bot.commands import discover
from bot.demo.completion import complete
from bot.demo.programs import Leashed, MissingProgramError
from bot.demo.server import ServerStartError
from bot.demo.speaker import Speaker
from bot.demo.stage import TARGETS, Stage, end_of, lab_folder, stage
from bot.demo.transcript import PERSON, console, note
from bot.demo.view import BOT, View
from bot.demo.welcome import welcome

LEAVE = frozenset({"exit", "quit", "/exit", "/quit"})
"""What people type to leave: no line for the room."""

STYLE = Style.from_dict({"prompt": "ansiyellow", "bottom-toolbar": "noreverse bg:#303030 #d0d0d0"})


async def talk(*, keep: bool = False, server: str = "prosody") -> int:
    """Be in the room until the person leaves: 0, or 2 if there is no lab to be in."""
    logs.configure(quiet=True)
    view = View()
    note("a server, a bot and three machines come up ...")
    with _hang_up_ends_us(), lab_folder(keep=keep, say=note) as folder:
        try:
            async with stage(folder, server, dress=view.enter) as lab:
                for line in welcome(lab.server, lab.room, sorted(TARGETS)):
                    console.print(line)
                view.open = True
                await _converse(lab, view)
                view.open = False
                note("everybody leaves ...")
        except (MissingProgramError, ServerStartError) as reason:
            note(f"labroom demo: {reason}", style="red")
            return 2
        except TimeoutError:
            note("labroom demo: the lab did not get ready in time", style="red")
            return 2
    note("the lab is gone" if keep else "the lab is gone, and its folder")
    return 0


async def _converse(lab: Stage, view: View) -> None:
    """Say what is typed, until the person leaves."""
    needed = {"the server": (lab.server.process, lab.server.log)}
    needed |= {f"{name}'s machine": (lab.processes[name], lab.logs[name]) for name in TARGETS}
    needed[BOT] = (lab.processes[BOT], lab.logs[BOT])
    with patch_stdout(raw=True):
        async with asyncio.TaskGroup() as group:
            watches = [
                group.create_task(_watch(what, process, log))
                for what, (process, log) in needed.items()
                if process is not None
            ]
            async for line in _typed(view):
                _say(lab.person, line)
            for watch in watches:
                watch.cancel()


async def _typed(view: View) -> AsyncIterator[str]:
    """The lines that the person types, until Ctrl-C, Ctrl-D or a word that means it."""
    session: PromptSession[str] = PromptSession(
        message=[("class:prompt", f"{PERSON}: ")],
        history=InMemoryHistory(),
        auto_suggest=AutoSuggestFromHistory(),
        completer=_Completer(view),
        complete_while_typing=False,  # Tab asks for it; a menu at each letter hides the room
        erase_when_done=True,  # the room reflects what we say
        bottom_toolbar=lambda: _toolbar(view),
        refresh_interval=1,
        style=STYLE,
    )
    view.changed = session.app.invalidate
    while True:
        try:
            # SIGINT from outside is ours: it ends the demo, not one prompt.
            text = await session.prompt_async(handle_sigint=False)
        except (EOFError, KeyboardInterrupt):
            return
        except OSError:
            if os.isatty(sys.stdin.fileno()):
                raise
            _write_to_nobody()  # the terminal is gone; SIGHUP goes to its shell alone
            return
        for line in filter(None, map(str.strip, text.splitlines())):  # several may be pasted
            if line.casefold() in LEAVE:
                return
            yield line


def _say(person: Speaker, line: str) -> None:
    if person.present:
        person.say(line)
    else:
        note(f"not said, there is no connection to the room: {line}", style="red")


def _toolbar(view: View) -> StyleAndTextTuples:
    return [*view.states()]


async def _watch(what: str, process: Leashed, log: Path) -> None:
    """Tell the person when *process* ends (rule 2)."""
    code = await end_of(process)
    how = "ended" if code is None or code >= 0 else f"was killed by signal {-code}"
    note(
        f"{what} {how}: the lab is not whole any more, end it with Ctrl-D. Its log is", style="red"
    )
    note(str(log), style="red")


class _Completer(Completer):
    """What may come next in the line; see :mod:`bot.demo.completion`."""

    def __init__(self, view: View) -> None:
        self._view = view

    def get_completions(self, _document: Document, _event: CompleteEvent) -> Iterator[Completion]:
        """Nothing: prompt_toolkit asks for the other one, as we are in its loop."""
        return iter(())

    async def get_completions_async(
        self, document: Document, _event: CompleteEvent
    ) -> AsyncGenerator[Completion, None]:
        """What may stand at the cursor."""
        line = document.text_before_cursor
        for each in complete(line, discover(), await self._view.known(line)):
            yield Completion(
                each.text + (" " if each.more and not document.text_after_cursor else ""),
                start_position=-each.replaces,
                display=each.text,
                display_meta=each.about,
            )


@contextmanager
def _hang_up_ends_us() -> Iterator[None]:
    """
    Somebody closed the terminal: end as at SIGTERM, and write to nobody.

    Without this Python dies where it stands, and the folder stays.
    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def end() -> None:
        _write_to_nobody()
        if task is not None:
            task.cancel()

    loop.add_signal_handler(signal.SIGHUP, end)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)


def _write_to_nobody() -> None:
    """Else our last words would fail."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)
