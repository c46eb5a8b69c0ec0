"""``[requires]``: what a machine must have, else the recipe is not offered."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

from agent.format.types import Bytes
from agent.wire.settings import Strict


class Requires(Strict):
    """What a machine must have, else the recipe is not offered."""

    programs: tuple[str, ...] = ()
    root: bool = False
    memory_at_least: Bytes | None = None
    """As much memory as the machine must have."""
    hardware: tuple[str, ...] = ()
    """Devices that it must have, as the kernel names them (modalias): ``pci:v000010DE*``."""
    lock: str | None = None
    """The size parameter that says how much memory will be locked."""
    memory: str | None = None
    """The size parameter that says how much memory will be used."""

    def lacking(self, means: "Means") -> Iterator[str]:
        """What a machine with *means* does not have of it, in words."""
        yield from (f"{name} is not installed" for name in self.programs if not means.finds(name))
        if self.root and not means.root:
            yield "the agent does not run as root"
        if self.memory_at_least is not None and means.memory < self.memory_at_least:
            has, needs = means.memory >> 20, self.memory_at_least >> 20
            yield f"it has {has}M of memory, not {needs}M"
        yield from (f"it has no {each}" for each in self.hardware if not means.has(each))


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
    in_use: Callable[[str], str] = lambda _: ""
    """How the system uses a disk, in words; empty if it does not."""
    nics: tuple[str, ...] = ()
    """The network cards, by their names."""
    has: Callable[[str], bool] = lambda _: True
    """Whether there is a device of that modalias."""
    kernel_log: str = ""
    """Why the kernel's log cannot be read; empty if it can."""
    today: date = date.min
    """For known issues that have an end."""
