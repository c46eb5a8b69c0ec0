"""Hardware that fails: small libraries that a diagnostic is started with (LD_PRELOAD)."""

import subprocess
from pathlib import Path

HERE = Path(__file__).parent


def compiled(name: str, folder: Path) -> Path:
    """The library *name*, made in *folder*."""
    made = folder / f"{name}.so"
    flags = ("-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-pthread")
    source = str(HERE / f"{name}.c")
    subprocess.run(["gcc", *flags, "-o", str(made), source, "-ldl"], check=True)
    return made


def failing(name: str, program: str, folder: Path) -> str:
    """
    A shell script that runs *program* with the library *name*, and with nothing else of ours:
    what judges it is the recipe as it is shipped.
    """
    return f'exec env LD_PRELOAD={compiled(name, folder)} {program} "$@"'
