"""``labroom``: the bot's command line. Arguments, configuration, wiring; decides nothing."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from agent.wire import console

app = typer.Typer(
    help="A lab of machines in a chat room.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

ConfigFile = Annotated[Path, typer.Option("--config", help="The bot's settings, TOML.")]
Xml = Annotated[bool, typer.Option("--xml", help="Print the stream, secrets redacted.")]
Verbose = Annotated[bool, typer.Option("--verbose", help="Log more.")]

DEFAULT = Path("/etc/labroom/bot.toml")


@app.command()
def serve(config: ConfigFile = DEFAULT, *, xml: Xml = False, verbose: Verbose = False) -> None:
    """Be the bot, until SIGTERM."""
    from agent.wire.settings import load
    from bot.config import Config
    from bot.service import serve as run

    settings = load(config, Config)
    _start(xml=xml, verbose=verbose)
    console.run_until_told(run(settings))


@app.command()
def check(config: ConfigFile = DEFAULT, *, xml: Xml = False) -> None:
    """Try the settings, the account and the room, without disturbing a running bot."""
    from agent.wire.settings import load
    from bot.check import check as run
    from bot.config import Config

    settings = load(config, Config)
    _start(xml=xml, verbose=False)
    raise typer.Exit(0 if asyncio.run(run(settings)) else 1)


@app.command()
def demo(
    say: Annotated[str, typer.Option(help="Lines to say, with ; between them.")] = "",
    server: Annotated[str, typer.Option(help="prosody or ejabberd.")] = "prosody",
    *,
    keep: Annotated[bool, typer.Option(help="Keep the folder with logs and state.")] = False,
) -> None:
    """
    A real server, the bot and three targets on this machine, and you in their room.

    With --say, or where there is no terminal, some lines are said instead: 0 if all that they
    asked for ended well.
    """
    import sys

    from bot.demo.story import play

    if say or not (sys.stdin.isatty() and sys.stdout.isatty()):
        status = console.run_until_told(play(say, keep=keep, server=server))
    else:
        from bot.demo.terminal import talk

        status = console.run_until_told(talk(keep=keep, server=server))
    raise typer.Exit(130 if status is None else status)


def _start(*, xml: bool, verbose: bool) -> None:
    from agent.wire import debugger, logs

    logs.configure(verbose=verbose)
    if xml:
        debugger.show_stream()


def main() -> None:
    """Run the command line: 0 done, 1 failed, 2 wrong settings or arguments."""
    console.run("labroom", app)


if __name__ == "__main__":
    main()
