"""``labroom``: the bot's command line. Arguments, configuration, wiring; decides nothing."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from agent.wire import console
from agent.wire.console import ConfigFile, Flags, Quick, Running, Verbose, Xml
from agent.wire.errors import Refusal

app = typer.Typer(
    help="A lab of machines in a chat room.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

DEFAULT = Path("/etc/labroom/bot.toml")
SAY = Path(os.path.expanduser("~/.config/labroom/say.toml"))  # noqa: PTH111  (a service may have no home)


@app.command()
def serve(
    config: ConfigFile = DEFAULT, flags: Flags = None, *, xml: Xml = False, verbose: Verbose = False
) -> None:
    """Be the bot, until SIGTERM."""
    from bot.config import Config
    from bot.service import serve as run

    console.start(xml=xml, verbose=verbose)
    console.run_until_told(run(console.settings(Config, config, DEFAULT, flags)))


@app.command()
def check(
    config: ConfigFile = DEFAULT,
    flags: Flags = None,
    *,
    quick: Quick = False,
    running: Running = False,
    xml: Xml = False,
) -> None:
    """Try settings, server, account and room: 0 if all is well. Disturbs no running bot."""
    from bot.check import check as run
    from bot.config import Config

    console.try_out(run, Config, config, DEFAULT, flags, quick=quick, running=running, xml=xml)


@app.command()
def init(
    path: Annotated[Path, typer.Argument(help="Where to.")] = DEFAULT,
    *,
    jid: Annotated[str, typer.Option(help="The bot's account.")] = "labbot@lab.example",
    room: Annotated[str, typer.Option(help="The room to make and stay in.")] = "",
    owner: Annotated[list[str] | None, typer.Option(help="Who owns the room, too.")] = None,
    password_file: Annotated[
        Path | None, typer.Option(help="Where the password is; else one is made.")
    ] = None,
) -> None:
    """Write a first bot.toml, with comments, and say what to do next."""
    from bot.init import init as run

    said = run(path, jid=jid, room=room, owners=owner or (), password_file=password_file)
    sys.stdout.write(said)


@app.command()
def say(
    line: Annotated[str, typer.Argument(help="What to say to the bot.")],
    config: ConfigFile = SAY,
    flags: Flags = None,
    *,
    wait: Annotated[bool, typer.Option("--wait", help="Until the job has ended.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print facts, one line each.")] = False,
    within: Annotated[float, typer.Option(help="Seconds to wait for the job.")] = 86400.0,
    xml: Xml = False,
) -> None:
    """
    Say one line in the room, and print what the bot says to it.

    Exit status: 0 pass, warn, skip, or answered; 1 fail, timeout, stalled, crashed; 2 not
    understood, not allowed, refused, or wrong settings; 3 lost, error, aborted, waited too long.
    """
    from bot.say import Config
    from bot.say import say as run

    console.start(xml=xml, quiet=True)
    settings = console.settings(Config, config, SAY, flags)
    status = console.run_until_told(run(settings, line, wait=wait, as_json=as_json, within=within))
    raise typer.Exit(130 if status is None else status)


@app.command()
def export(
    number: Annotated[int, typer.Argument(help="The job's number.", min=1)],
    config: ConfigFile = DEFAULT,
    flags: Flags = None,
    *,
    as_junit: Annotated[bool, typer.Option("--junit", help="JUnit XML; the job is done.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="All facts, as one line.")] = False,
) -> None:
    """Print a job for other programs. Reads the database, also while the bot runs."""
    if as_junit == as_json:
        raise Refusal("say one of --junit and --json", hint=f"labroom export {number} --junit")
    from bot.config import Config
    from bot.export import export as run

    settings = console.settings(Config, config, DEFAULT, flags)
    sys.stdout.write(run(settings.database, number, as_junit=as_junit))


@app.command()
def tidy(
    config: ConfigFile = DEFAULT,
    flags: Flags = None,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would go; also while the bot runs.")
    ] = False,
) -> None:
    """Drop what the keeping settings keep no longer, as a running bot does; shrink the database."""
    import asyncio
    from datetime import UTC, datetime

    from bot.config import Config
    from bot.tidy import at_once, would

    console.start(xml=False, quiet=True)  # what it says is what went, or why nothing did
    settings = console.settings(Config, config, DEFAULT, flags)
    if dry_run:
        sys.stdout.write(would(settings.database, settings.keeping, datetime.now(UTC)))
    else:
        sys.stdout.write(asyncio.run(at_once(settings)))


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
    from bot.demo.story import play

    if say or not (sys.stdin.isatty() and sys.stdout.isatty()):
        status = console.run_until_told(play(say, keep=keep, server=server))
    else:
        try:
            from bot.demo.terminal import talk
        except ModuleNotFoundError as missing:
            raise Refusal(
                f"the demo's terminal needs {missing.name}",
                hint="Install labroom[demo], or give it lines with --say.",
            ) from None
        status = console.run_until_told(talk(keep=keep, server=server))
    raise typer.Exit(130 if status is None else status)


def main() -> None:
    """Run the command line: 0 done, 1 failed, 2 wrong settings or arguments."""
    console.run("labroom", app)


if __name__ == "__main__":
    main()
