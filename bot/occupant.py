"""Who is speaking, and where."""

import enum
from dataclasses import dataclass

from bot.report.text import COLUMNS


class Affiliation(enum.StrEnum):
    """A person's long-lived standing in the room (XEP-0045, section 5.2)."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    NONE = "none"
    OUTCAST = "outcast"


@dataclass(frozen=True, slots=True)
class Occupant:
    """
    Someone in the room, or who may be.

    Anyone may take any nick, so a nick is only for addressing people; standing and
    identity are the room's word, and ``jid`` is None where the room hides it.
    """

    nick: str
    affiliation: Affiliation
    jid: str | None
    """Bare JID."""


class Channel(enum.StrEnum):
    """Where a line was said, and so where it is answered."""

    ROOM = "room"
    WHISPER = "whisper"  # to us alone, through the room (XEP-0045, section 7.5)
    DIRECT = "direct"  # to us alone, from account to account


class Manner(enum.StrEnum):
    """How a line came."""

    LIVE = "live"
    LATE = "late"  # said to us alone while we were away, and kept by the server
    ENCRYPTED = "encrypted"  # for somebody who can read it


@dataclass(frozen=True, slots=True)
class Line:
    """Something an occupant said: never the room's history, never our own words."""

    by: Occupant
    text: str
    id: str
    """The speaker's bare JID and their message's id: with *text*, names the line for a while."""
    message: str = ""
    """The message's own id: what our answer refers to."""
    channel: Channel = Channel.ROOM
    addressed: bool = False
    """Said to us: a private message, or in the room with our nick before it (not in *text*)."""
    stanza: str = ""
    """The id that the room gave the message (XEP-0359), if it gives any."""
    corrects: str = ""
    """The ``id`` of the line that this one stands for now (XEP-0308)."""
    manner: Manner = Manner.LIVE
    client: str = ""
    """The full JID of the client that said it, where it is known."""
    columns: int = COLUMNS
    """How wide a block of the answer may be: in private the asker has a say."""
    ref: str = ""
    """What a script calls its job: ``ref=abc`` at the end of what it said (not in *text*)."""
