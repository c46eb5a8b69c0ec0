"""``[time]`` and ``[scratch]``: how long a step may take, and where it may write."""

from agent.format.types import Seconds
from agent.wire.settings import Strict


class Time(Strict):
    """How long a step may take."""

    wall: Seconds = 3600
    """Then it is stopped, and the verdict is timeout; counted on top of what it ``takes``."""
    start: Seconds | None = None
    """Has it not said a word so long after its start, it is stopped: stalled. Off without."""
    stall: Seconds | None = None
    """Says it nothing and uses no processor for so long, it is stopped: stalled. Off without."""
    takes: str | None = None
    """The duration parameter that says how long it works: ``for 30s`` is said of that one."""
    grace: Seconds = 10
    """From asking it to end (SIGTERM) to killing it."""


class Scratch(Strict):
    """A new folder for each step to work in. It is removed with all in it, however that ends."""

    folder: str
    """The folder parameter that says where to make it."""
    room: str | None = None
    """The size parameter that says how much will be written."""
