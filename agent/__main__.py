"""
``labroom-agent``: the agent's command line. Arguments, configuration, wiring.

Every command imports what it needs by itself: ``--help`` answers at once, and the running
agent stays small.
"""

import sys
from pathlib import Path

import typer

from agent import recipe_commands
from agent.install import command
from agent.wire import console
from agent.wire.console import ConfigFile, Flags, Quick, Running, Verbose, Xml

app = typer.Typer(
    help="Makes this machine a target of a labroom bot.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

DEFAULT = Path("/etc/labroom/agent.toml")
NO_OPTIONS = typer.Argument([], help="For example --root=DIR: where sys, proc and dev are.")


@app.command()
def serve(
    config: ConfigFile = DEFAULT, flags: Flags = None, *, xml: Xml = False, verbose: Verbose = False
) -> None:
    """Be the agent, until SIGTERM. Diagnostics that run go on without it."""
    # structlog and slixmpp would import these to colour what we never colour: 8 MB a target.
    for unwanted in ("rich", "pygments"):
        sys.modules[unwanted] = None  # type: ignore[assignment]
    from agent.config import Config
    from agent.service import serve as run

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
    """Try recipes, server, account and room: 0 if all is well. Disturbs no running agent."""
    from agent.check import check as run
    from agent.config import Config

    console.try_out(run, Config, config, DEFAULT, flags, quick=quick, running=running, xml=xml)


@app.command(context_settings={"ignore_unknown_options": True})
def probe(name: str, options: list[str] = NO_OPTIONS) -> None:
    """Look at this machine with one of our own probes: what the recipe of that name runs."""
    from agent.probes.__main__ import main as run

    raise typer.Exit(run([name, *options]))


app.add_typer(recipe_commands.app, name="recipes")
app.command()(command.install)
app.command()(command.uninstall)


def main() -> None:
    """Run the command line: 0 done, 1 failed, 2 wrong settings or arguments."""
    console.run("labroom-agent", app)


if __name__ == "__main__":
    main()
