"""
Converse.js, the XMPP client that runs in a browser: which one, and where it is.

Rules: one exact version, known by its hash, and no part of git: `bot.demo.fetch` gets it.
"""

import os
import sys
from pathlib import Path

from bot.demo.programs import MissingProgramError, require

VERSION = "14.0.0"
SHA512 = (
    "2c5520d37d230da955e3bbc8fefc953ea60f65f2585c56ee6eaf2fd1c1437b6c"
    "d735e786124dd4a74163fd64f34fab7ee9da3e700213a32ef77808fb44d0e3d9"
)
"""Of the package that npm hands out."""

KEPT = ("converse.min.js", "converse.min.css", "emoji.json", "webfonts/*")
"""What the page loads, of the package's dist/: 2 of 27 MB."""


def folder() -> Path:
    """
    Where Converse.js is, or will be.

    $LABROOM_CONVERSE says where; else a checkout keeps its own, and what is installed otherwise
    uses the user's cache.
    """
    if told := os.environ.get("LABROOM_CONVERSE"):
        return Path(told) / VERSION
    checkout = Path(__file__).parents[2]
    if (checkout / "pyproject.toml").exists():
        return checkout / ".converse" / VERSION
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "labroom" / "converse" / VERSION


def find() -> Path | None:
    """The folder with Converse.js, or None: `why_missing`."""
    found = folder()
    return found if found.is_dir() else None


def why_missing() -> str:
    """What is missing, and the cure, in one line."""
    command = f"{sys.executable} -m bot.demo.fetch"
    try:
        require("npm")
    except MissingProgramError as missing:
        return f"{missing}, then {command}"
    return f"Converse.js {VERSION} is not here: {command}"
