"""
``labroom-agent``: the agent's command line. Arguments, configuration, wiring.

Every command imports what it needs by itself: ``--help`` answers at once, and the running
agent stays small.
"""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from agent.wire import console

app = typer.Typer(
    help="Makes this machine a target of a labroom bot.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

ConfigFile = Annotated[Path, typer.Option("--config", help="The agent's settings, TOML.")]
Xml = Annotated[bool, typer.Option("--xml", help="Print the stream, secrets redacted.")]
Verbose = Annotated[bool, typer.Option("--verbose", help="Log more.")]

DEFAULT = Path("/etc/labroom/agent.toml")


@app.command()
def serve(config: ConfigFile = DEFAULT, *, xml: Xml = False, verbose: Verbose = False) -> None:
    """Be the agent, until SIGTERM. Diagnostics that run go on without it."""
    # structlog and slixmpp would import these to colour what we never colour: 8 MB a target.
    for unwanted in ("rich", "pygments"):
        sys.modules[unwanted] = None  # type: ignore[assignment]
    from agent.config import Config
    from agent.service import serve as run
    from agent.wire.settings import load

    settings = load(config, Config)
    _start(xml=xml, verbose=verbose)
    console.run_until_told(run(settings))


@app.command()
def check(config: ConfigFile = DEFAULT, *, xml: Xml = False) -> None:
    """Try settings, recipes, account and room, without disturbing a running agent."""
    from agent.check import check as run
    from agent.config import Config
    from agent.wire.settings import load

    settings = load(config, Config)
    _start(xml=xml, verbose=False)
    raise typer.Exit(0 if asyncio.run(run(settings)) else 1)


@app.command()
def recipes(config: ConfigFile = DEFAULT) -> None:
    """What this machine can run, and what it lacks for the rest."""
    from agent.catalogue import Catalogue
    from agent.config import Config
    from agent.wire.settings import load

    folders = load(config, Config).recipes if config.exists() or config != DEFAULT else ()
    found = Catalogue(folders)
    for recipe in found.infos():
        params = " ".join(f"{name}={p.default}" for name, p in recipe.params.items())
        sys.stdout.write(f"{recipe.name} {params}\n    {recipe.summary}\n")
        if recipe.missing:
            sys.stdout.write(f"    not here: {recipe.missing}\n")
    for bad in found.bad:
        sys.stderr.write(f"labroom-agent: {bad}\n")
    raise typer.Exit(1 if found.bad else 0)


def _start(*, xml: bool, verbose: bool) -> None:
    from agent.wire import debugger, logs

    logs.configure(verbose=verbose)
    if xml:
        debugger.show_stream()


def main() -> None:
    """Run the command line: 0 done, 1 failed, 2 wrong settings or arguments."""
    console.run("labroom-agent", app)


if __name__ == "__main__":
    main()
