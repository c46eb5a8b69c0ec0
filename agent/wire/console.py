"""What both command lines share: options, how they start and how they end."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from agent.wire.errors import Refusal

if TYPE_CHECKING:
    from pydantic import BaseModel

M = TypeVar("M", bound="BaseModel")
T = TypeVar("T")

ConfigFile = Annotated[Path, typer.Option("--config", help="The settings, TOML.")]
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


def settings(
    model: type[M],
    file: Path,
    default: Path,
    flags: list[str] | None,
    *,
    warn: Callable[[str, str], None] | None = None,
) -> M:
    """The *model* as file, environment and flags say; only the *default* file may be missing."""
    from agent.wire.settings import load  # noqa: PLC0415  (--help answers at once)

    return load(
        file, model, environ=os.environ, flags=flags or (), optional=file == default, warn=warn
    )


def try_out(
    check: Callable[..., Coroutine[Any, Any, None]],
    model: type[M],
    file: Path,
    default: Path,
    flags: list[str] | None,
    *,
    quick: bool,
    running: bool,
    xml: bool,
) -> None:
    """Run a program's *check*, which tells a report; ends with status 0 if all is well, else 1."""
    from agent.wire.report import Report  # noqa: PLC0415  (--help answers at once)

    start(xml=xml, quiet=True)
    report = Report()
    found = settings(model, file, default, flags, warn=report.warn)
    asyncio.run(check(found, report, quick=quick, running=running))
    raise typer.Exit(1 if report.failed else 0)


def start(*, xml: bool, verbose: bool = False, quiet: bool = False) -> None:
    """Log, and print the stream if *xml*."""
    from agent.wire import debugger, logs  # noqa: PLC0415  (--help answers at once)

    logs.configure(verbose=verbose, quiet=quiet)
    if xml:
        debugger.show_stream()


def run(name: str, app: Callable[[], object]) -> None:
    """Run *app*; what it refuses goes to stderr in its own words, with exit status 2."""
    try:
        app()
    except Refusal as refusal:
        _give_up(name, refusal)
    except BaseExceptionGroup as group:
        refusals, others = group.split(Refusal)
        if others is not None or refusals is None:
            raise
        _give_up(name, refusals.exceptions[0])


def _give_up(name: str, reason: BaseException) -> None:
    sys.stderr.write(f"{name}: {reason}\n")
    sys.exit(2)


def run_until_told(work: Coroutine[Any, Any, T]) -> T | None:
    """Run *work*; at SIGTERM or SIGINT let it end properly, and return None."""

    async def guarded() -> T | None:
        task = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, task.cancel)
        try:
            return await task
        except asyncio.CancelledError:
            if not task.cancelled():
                raise
            return None

    return asyncio.run(guarded())
