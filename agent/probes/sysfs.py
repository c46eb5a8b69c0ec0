"""Files of sysfs and procfs: small, one value each, and often not there."""

import re
from pathlib import Path

MOST = 4096
"""Bytes of a file that are read."""


def text(path: Path) -> str:
    """What the file says, on one line; empty if it is not there or has nothing to say."""
    try:
        with path.open("rb") as file:
            return " ".join(file.read(MOST).decode("utf-8", "replace").replace("\0", " ").split())
    except OSError:
        return ""


def number(path: Path) -> int | None:
    """The number it says; None if there is none."""
    said = text(path)
    return int(said) if re.fullmatch(r"-?[0-9]{1,18}", said) else None


def natural(path: Path) -> list[str | int]:
    """A key that sorts ``temp10`` after ``temp2``."""
    return [int(part) if part.isdigit() else part for part in re.split(r"([0-9]+)", path.name)]
