"""``labroom-agent recipes``: what this machine can run, and recipes tried on samples."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from agent.wire import console
from agent.wire.console import ConfigFile, Flags
from agent.wire.errors import Refusal

DEFAULT = Path("/etc/labroom/agent.toml")

app = typer.Typer(invoke_without_command=True, help="What this machine can run; `test` tries one.")


@app.callback()
def recipes(context: typer.Context, config: ConfigFile = DEFAULT, flags: Flags = None) -> None:
    """What this machine can run, and what it lacks for the rest."""
    if context.invoked_subcommand is not None:
        return
    from agent.catalogue import Catalogue  # noqa: PLC0415  (--help answers at once)
    from agent.config import Config  # noqa: PLC0415

    told = config.exists() or config != DEFAULT
    folders = console.settings(Config, config, DEFAULT, flags).recipes if told else ()
    found = Catalogue(folders)
    for recipe in found.infos():
        params = " ".join(f"{name}={p.default}" for name, p in recipe.params.items())
        sys.stdout.write(f"{recipe.name} {params}\n    {recipe.summary}\n")
        if recipe.missing:
            sys.stdout.write(f"    not here: {recipe.missing}\n")
    for name, why in found.deaf().items():
        sys.stdout.write(f"{name} runs without the kernel's say: {why}\n")
    for bad in found.bad:
        sys.stderr.write(f"labroom-agent: {bad}\n")
    raise typer.Exit(1 if found.bad else 0)


@app.command("test")
def try_samples(
    file: Annotated[Path, typer.Argument(help="The recipe.")],
    params: Annotated[list[str] | None, typer.Argument(help="NAME=VALUE of parameters.")] = None,
    log: Annotated[Path | None, typer.Option(help="Its output.")] = None,
    results: Annotated[Path | None, typer.Option(help="What it wrote to LABROOM_RESULTS.")] = None,
    document: Annotated[Path | None, typer.Option("--json", help="Its file of results.")] = None,
    kernel: Annotated[Path | None, typer.Option(help="The kernel's log, as by dmesg.")] = None,
    code: Annotated[int, typer.Option("--exit", help="Its exit code; -9 for a signal.")] = 0,
    verdict: Annotated[str, typer.Option(help="What it must come to: 1 if it does not.")] = "",
) -> None:
    """Say what a recipe makes of samples of its output. Nothing is run."""
    from agent.recipe import load  # noqa: PLC0415
    from agent.rehearsal import Samples, rehearse, told  # noqa: PLC0415

    given = dict(each.partition("=")[::2] for each in params or ())
    samples = Samples(
        log=_read(log), results=_read(results), document=_read(document),
        kernel=_read(kernel), exit=code,
    )  # fmt: skip
    found = rehearse(load(file), given, samples)
    for line in told(found):
        sys.stdout.write(f"{line}\n")
    if verdict and found.verdict != verdict:
        sys.stderr.write(f"labroom-agent: it is {found.verdict}, not {verdict}\n")
        raise typer.Exit(1)


def _read(path: Path | None) -> bytes:
    try:
        return path.read_bytes() if path is not None else b""
    except OSError as error:
        raise Refusal(f"{path} cannot be read: {error.strerror}", hint="Name a sample.") from error
