"""bot.toml: the settings of one bot. Every setting has a heading in docs/configuration.md."""

import fnmatch
import re
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from agent.wire.settings import BareJid, Login, Seconds, Strict
from bot.confirm import Cost
from bot.policy import Permission, Rights
from bot.rights import ADDRESS, Groups, People, Right, rights


def _permission(word: object) -> object:
    return Permission.named(word) if isinstance(word, str) else word


def _prefix(text: str) -> str:
    if text == "/":
        raise ValueError("clients keep lines that begin with / for themselves: take ! or another")
    if re.fullmatch(r"[!?.,;:+*~=$%&^-]{0,3}", text) is None:
        raise ValueError("up to three of !?.,;:+*~=$%&^- (quotes, @ and letters mean something)")
    return text


Grant = Annotated[Permission, BeforeValidator(_permission)]
Pattern = Annotated[str, Field(pattern=ADDRESS)]


class Patience(Strict):
    """How long the bot waits, in seconds."""

    offer: Seconds = 10.0
    """For a target that is there to accept a run, before it is asked what it holds."""
    sync: Seconds = 60.0
    """Between two syncs with a target that has something to do."""
    reboot: Seconds = 300.0
    """For a target to be back; memory training alone can take that long."""
    start: Seconds = 86400.0
    """For a run to start; after that it never does."""
    silence: Seconds = 180.0
    """For a word of a run that a target has accepted; after that it is stranded."""
    lost: Seconds = 86400.0
    """For a word of a stranded run; after that it is reported lost."""


class Alertness(Strict):
    """How soon a dead target is noticed."""

    silence: Annotated[float, Field(ge=0.5, le=600)] = 2.0
    """Seconds without a word from a target until it is asked."""
    answer: Annotated[float, Field(ge=0.5, le=60)] = 2.0
    """Seconds that it has to answer; it is asked twice."""
    hold: Annotated[float, Field(ge=0, le=60)] = 5.0
    """Seconds that the news waits for more of its kind, so that a rack is one line."""
    restart: Annotated[float, Field(ge=0, le=600)] = 5.0
    """Seconds in which a stopped agent may come back without a word of it in the room."""
    flapping: Annotated[float, Field(ge=0, le=3600)] = 60.0
    """Seconds that a target must have been back; if it goes again sooner, it flaps."""
    steady: Annotated[float, Field(ge=1, le=86400)] = 600.0
    """Seconds without a change until a target that flapped is spoken of again."""


class Confirm(Strict):
    """When a line is asked back before it is carried out."""

    targets: Annotated[int, Field(ge=1)] = 10
    """On more targets than this at once."""
    within: Seconds = 60.0
    """How long the question stands."""
    two: tuple[Cost, ...] = ()
    """What takes a second person: ``running``, ``destructive``, ``many``."""


class Keeping(Strict):
    """How long what is over is kept. 0 is for ever."""

    journals_days: Annotated[float, Field(ge=0, le=36500)] = 90.0
    """What a run printed, and the files it left."""
    journals_bytes: Annotated[int, Field(ge=0)] = 20_000_000_000
    """Most of it, of all runs together; the oldest goes first."""
    runs_days: Annotated[float, Field(ge=0, le=36500)] = 730.0
    """Jobs and their runs; what they measured stays."""


class Config(Login):
    """Everything a bot must know."""

    room: BareJid
    nick: Annotated[str, Field(min_length=1, max_length=30)] = "labbot"
    owners: tuple[BareJid, ...] = ()
    """People who own the room beside the bot."""
    members: tuple[BareJid, ...] = ()
    """People who may enter it."""
    bots: tuple[BareJid, ...] = ()
    """Other bots of this lab: they own the room, too."""
    scripts: tuple[Pattern, ...] = ()
    """Programs that may say commands: ``ci@lab.example``. People need not be named."""
    rank: Annotated[int, Field(ge=0, le=999)] = 100
    """Of the bots in the room the one with the lowest acts on lines addressed to none."""
    targets: tuple[Pattern, ...] = ()
    """Which machines are let in unasked: ``*@lab.example``, ``bob@lab.example``."""
    grants: dict[BareJid, Grant] = Field(default_factory=dict)
    """What single people may do: ``nothing``, ``look``, ``run``, ``disrupt`` or ``admin``."""
    people: People = Field(default_factory=dict)
    """Groups of people, for ``rights``."""
    groups: Groups = Field(default_factory=dict)
    """Groups of targets."""
    rights: tuple[Right, ...] = ()
    """What people may, beside what the room and ``grants`` say."""
    confirm: Confirm = Confirm()
    prefix: Annotated[str, AfterValidator(_prefix)] = "!"
    """What stands before a line to address it to the bot; empty is nothing."""
    database: Annotated[str, Field(repr=False)] = "sqlite:////var/lib/labroom/labroom.db"
    """An SQLAlchemy URL; it may hold a password, so it is not shown."""
    lock: Path = Path("/var/lib/labroom/lock")
    """Held while the bot runs: a second process with the same one refuses to start."""
    patience: Patience = Patience()
    liveness: Alertness = Alertness()
    keeping: Keeping = Keeping()

    @model_validator(mode="after")
    def _rights_mean_something(self) -> Self:
        self.policy()
        return self

    def policy(self) -> Rights:
        """Who may do what."""
        return rights(self.rights, self.grants, self.people, self.groups)

    @property
    def every_bot(self) -> frozenset[str]:
        """Bare JIDs of us and of the other bots."""
        return frozenset({self.jid, *self.bots})

    def is_script(self, jid: str) -> bool:
        """Whether the program with bare JID *jid* may say commands."""
        return any(fnmatch.fnmatchcase(jid, pattern) for pattern in self.scripts)

    def is_target(self, jid: str) -> bool:
        """Whether the machine with bare JID *jid* is let in unasked."""
        others = (self.jid, *self.owners, *self.members, *self.bots)
        if jid in others or self.is_script(jid):
            return False
        return any(fnmatch.fnmatchcase(jid, p) for p in self.targets)
