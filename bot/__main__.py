"""``labroom``: the bot's command line. Arguments, configuration, wiring; decides nothing."""

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer

from agent.wire import debugger, logs
from agent.wire.errors import Refusal
from agent.wire.settings import load
from bot.config import Config

app = typer.Typer(
    help="A lab of machines in a chat room.", no_args_is_help=True, add_completion=False
)

ConfigFile = Annotated[Path, typer.Option("--config", help="The bot's settings, TOML.")]
Xml = Annotated[bool, typer.Option("--xml", help="Print the stream, secrets redacted.")]
Verbose = Annotated[bool, typer.Option("--verbose", help="Log more.")]

DEFAULT = Path("/etc/labroom/bot.toml")


@app.command()
def serve(config: ConfigFile = DEFAULT, *, xml: Xml = False, verbose: Verbose = False) -> None:
    """Be the bot, until SIGTERM."""
    from bot.service import serve as run  # noqa: PLC0415  (--help stays fast)

    settings = load(config, Config)
    _start(xml=xml, verbose=verbose)
    run_until_told(run(settings))


@app.command()
def check(config: ConfigFile = DEFAULT, *, xml: Xml = False) -> None:
    """Try the settings, the account and the room, without disturbing a running bot."""
    from bot.check import check as run  # noqa: PLC0415  (--help stays fast)

    settings = load(config, Config)
    _start(xml=xml, verbose=False)
    raise typer.Exit(0 if asyncio.run(run(settings)) else 1)


@app.command()
def demo(
    say: Annotated[str, typer.Option(help="Lines to say, with ; between them.")] = "",
    *,
    keep: Annotated[bool, typer.Option(help="Keep the folder with logs and state.")] = False,
) -> None:
    """A real server, the bot and three targets on this machine: say lines, see answers."""
    from bot.demo.story import play  # noqa: PLC0415  (--help stays fast)

    lines = say or os.environ.get("SAY", "")
    raise typer.Exit(asyncio.run(play(lines, keep=keep)))


def _start(*, xml: bool, verbose: bool) -> None:
    logs.configure(verbose=verbose)
    if xml:
        debugger.show_stream()


def run_until_told(work: Coroutine[Any, Any, None]) -> None:
    """Run *work* until SIGTERM or SIGINT, then let it end properly."""

    async def guarded() -> None:
        task = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, task.cancel)
        try:
            await task
        except asyncio.CancelledError:
            if not task.cancelled():
                raise

    asyncio.run(guarded())


def main() -> None:
    """Run the command line: 0 done, 1 failed, 2 wrong settings or arguments."""
    try:
        app()
    except Refusal as refusal:
        sys.stderr.write(f"labroom: {refusal}\n")
        sys.exit(2)
    except BaseExceptionGroup as group:
        refusals, others = group.split(Refusal)
        if others is not None:
            raise
        sys.stderr.write(f"labroom: {refusals}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
