"""agent.toml: the settings of one target. Every setting has a heading in docs/configuration.md."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from agent.wire.settings import BareJid, Login, Seconds, Strict

Label = Annotated[str, Field(max_length=60)]


class Reboot(Strict):
    """How this machine restarts."""

    command: Annotated[tuple[str, ...], Field(min_length=1)] = ("systemctl", "reboot")
    ticket: Seconds = 5.0
    """How long an order may take from ticket to spending it."""
    within: Seconds = 300.0
    """How long the machine may take to go down; then the command has done nothing."""


class Config(Login):
    """Everything an agent must know."""

    controllers: Annotated[tuple[BareJid, ...], Field(min_length=1)]
    """The bots it obeys, and nobody else."""
    room: BareJid
    name: Label = ""
    """What people call the machine."""
    location: Label = ""
    """Where it stands."""
    subscribers: tuple[str, ...] = ()
    """Domains whose people may have this target as a contact; empty: the target's own."""
    state: Path = Path("/var/lib/labroom-agent")
    """Where runs and their journals are kept."""
    keep: Annotated[float, Field(ge=0)] = 7 * 86400.0
    """Seconds that a journal stays here after the bot has all of it."""
    recipes: tuple[Path, ...] = (Path("/etc/labroom/recipes"),)
    """Folders with recipes beside those that came with the agent; the later one wins."""
    boot_id: Path = Path("/proc/sys/kernel/random/boot_id")
    """The file whose content changes with every start of the machine."""
    hardware: tuple[str, ...] = ("/sys/class/net/*/device/net/*/address",)
    """Patterns of files that say which machine this is: what is not copied with its disk."""
    reboot: Reboot = Reboot()

    @property
    def domains(self) -> tuple[str, ...]:
        """Whose subscriptions are accepted."""
        return self.subscribers or (self.jid.partition("@")[2],)
