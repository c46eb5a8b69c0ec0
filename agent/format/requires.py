"""``[requires]``: what a machine must have, else the recipe is not offered."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from agent.wire.settings import Strict


class Requires(Strict):
    """What a machine must have, else the recipe is not offered."""

    programs: tuple[str, ...] = ()
    root: bool = False
    lock: str | None = None
    """The size parameter that says how much memory will be locked."""
    memory: str | None = None
    """The size parameter that says how much memory will be used."""


@dataclass(frozen=True, slots=True)
class Means:
    """What a machine can give to a recipe."""

    root: bool
    lockable: float
    """Bytes that a process may lock; infinite without a limit."""
    memory: int
    """Bytes of memory that there are."""
    finds: Callable[[str], bool]
    """Whether a program is installed."""
    disks: tuple[str, ...] = ()
    """The disks, by their names in ``/dev``."""
    kernel_log: str = ""
    """Why the kernel's log cannot be read; empty if it can."""
    today: date = date.min
    """For known issues that have an end."""
