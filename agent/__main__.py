"""
``labroom-agent``: the agent's command line. Arguments, configuration, wiring.

Every command imports what it needs by itself: ``--help`` answers at once, and the running
agent stays small.
"""

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agent.install import command
from agent.wire import console

if TYPE_CHECKING:
    from agent.config import Config

app = typer.Typer(
    help="Makes this machine a target of a labroom bot.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

ConfigFile = Annotated[Path, typer.Option("--config", help="The agent's settings, TOML.")]
Flags = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A setting that wins over file and variables."),
]
Quick = Annotated[
    bool, typer.Option("--quick", help="Do not enter the room, and do not measure the server.")
]
Running = Annotated[bool, typer.Option("--running", help="It is bad if it does not run.")]
Xml = Annotated[bool, typer.Option("--xml", help="Print the stream, secrets redacted.")]
Verbose = Annotated[bool, typer.Option("--verbose", help="Log more.")]

DEFAULT = Path("/etc/labroom/agent.toml")


@app.command()
def serve(
    config: ConfigFile = DEFAULT, flags: Flags = None, *, xml: Xml = False, verbose: Verbose = False
) -> None:
    """Be the agent, until SIGTERM. Diagnostics that run go on without it."""
    # structlog and slixmpp would import these to colour what we never colour: 8 MB a target.
    for unwanted in ("rich", "pygments"):
        sys.modules[unwanted] = None  # type: ignore[assignment]
    from agent.service import serve as run

    _start(xml=xml, verbose=verbose)
    console.run_until_told(run(_settings(config, flags)))


@app.command()
def check(
    config: ConfigFile = DEFAULT,
    flags: Flags = None,
    *,
    quick: Quick = False,
    running: Running = False,
    xml: Xml = False,
) -> None:
    """Try recipes, server, account and room: 0 if all is well. Disturbs no running agent."""
    from agent.check import check as run
    from agent.wire.report import Report

    _start(xml=xml, quiet=True)
    report = Report()
    settings = _settings(config, flags, warn=report.warn)
    asyncio.run(run(settings, report, quick=quick, running=running))
    raise typer.Exit(1 if report.failed else 0)


@app.command()
def recipes(config: ConfigFile = DEFAULT, flags: Flags = None) -> None:
    """What this machine can run, and what it lacks for the rest."""
    from agent.catalogue import Catalogue

    told = config.exists() or config != DEFAULT
    folders = _settings(config, flags).recipes if told else ()
    found = Catalogue(folders)
    for recipe in found.infos():
        params = " ".join(f"{name}={p.default}" for name, p in recipe.params.items())
        sys.stdout.write(f"{recipe.name} {params}\n    {recipe.summary}\n")
        if recipe.missing:
            sys.stdout.write(f"    not here: {recipe.missing}\n")
    for bad in found.bad:
        sys.stderr.write(f"labroom-agent: {bad}\n")
    raise typer.Exit(1 if found.bad else 0)


app.command()(command.install)
app.command()(command.uninstall)


def _settings(
    file: Path, flags: list[str] | None, warn: Callable[[str, str], None] | None = None
) -> "Config":
    from agent.config import Config
    from agent.wire.settings import load

    return load(
        file,
        Config,
        environ=os.environ,
        flags=flags or (),
        optional=file == DEFAULT,
        warn=warn,
    )


def _start(*, xml: bool, verbose: bool = False, quiet: bool = False) -> None:
    from agent.wire import debugger, logs

    logs.configure(verbose=verbose, quiet=quiet)
    if xml:
        debugger.show_stream()


def main() -> None:
    """Run the command line: 0 done, 1 failed, 2 wrong settings or arguments."""
    console.run("labroom-agent", app)


if __name__ == "__main__":
    main()
