"""
What others say: which messages are lines, and what the others are.

Rule: talk is somebody speaking to us, now. What is delayed, forwarded, copied, our own, or
another bot's answer is no line; what is encrypted is none that we can read.
"""

import enum
from collections.abc import Callable

import structlog
from slixmpp.stanza import Message

from agent.wire.link import Link
from agent.wire.membership import Membership
from agent.wire.vocabulary import token
from bot.dialogue import called
from bot.missed import Past
from bot.occupant import Affiliation, Channel, Line, Manner, Occupant
from bot.xmpp.members import Members
from bot.xmpp.occupants import Occupants, Seen
from bot.xmpp.speech import Speech

log = structlog.get_logger()

OTHERS = frozenset(
    {
        "{urn:xmpp:forward:0}forwarded",  # XEP-0297
        "{urn:xmpp:carbons:2}received",  # XEP-0280
        "{urn:xmpp:carbons:2}sent",
        "{urn:xmpp:mam:2}result",  # XEP-0313
        "{jabber:x:delay}x",  # XEP-0091
    }
)
"""In a message that somebody said elsewhere, or to somebody else."""

CIPHERS = frozenset(
    {
        "{eu.siacs.conversations.axolotl}encrypted",  # XEP-0384, as most clients have it
        "{urn:xmpp:omemo:1}encrypted",
        "{urn:xmpp:omemo:2}encrypted",
        "{urn:xmpp:eme:0}encryption",  # XEP-0380
        "{urn:xmpp:openpgp:0}openpgp",  # XEP-0373
        "{jabber:x:encrypted}x",  # XEP-0027
    }
)

DELAY, JSON = "{urn:xmpp:delay}delay", "{urn:xmpp:json:0}json"


class Kind(enum.Enum):
    """What a message is to us."""

    LINE = enum.auto()
    CIPHER = enum.auto()  # said to somebody who can read it
    LATE = enum.auto()  # said while we were away
    ANSWER = enum.auto()  # of a bot
    NOTHING = enum.auto()


def kind(message: Message) -> Kind:
    """What *message* is; our own ones are sorted out by who said them."""
    tags = {child.tag for child in message.xml}
    if tags & OTHERS:
        return Kind.NOTHING
    if tags & CIPHERS:
        return Kind.NOTHING if DELAY in tags else Kind.CIPHER
    if DELAY in tags:
        return Kind.LATE
    if JSON in tags:
        return Kind.ANSWER
    return Kind.LINE if message["body"] else Kind.NOTHING


class Hearing:
    """
    Listens in the room and to private messages.

    Args:
        prefix: What calls whoever acts, before a line.
        acts: Whether we act on lines that are addressed to none.
        heard: Told of every line.
        overheard: Told of the facts of every answer that another bot gives in the room.
        past: Told of the room's history, once it is complete.
    """

    def __init__(
        self,
        link: Link,
        membership: Membership,
        occupants: Occupants,
        members: Members,
        speech: Speech,
        *,
        prefix: str,
        acts: Callable[[], bool],
        heard: Callable[[Line], None],
        overheard: Callable[[dict[str, object]], None],
        past: Callable[[list[Past]], None],
    ) -> None:
        self._link, self._membership, self._occupants = link, membership, occupants
        self._members, self._speech, self._acts = members, speech, acts
        self._heard, self._overheard, self._told_past = heard, overheard, past
        self._prefix = prefix
        self._past: list[Past] = []
        link.on("message@type=groupchat", self._groupchat)
        link.on("message@type=chat", self._chat)

    def enter(self) -> None:
        """We enter anew: the room tells its history again."""
        self._past.clear()

    def _called(self, message: Message, *, acts: bool) -> tuple[str, bool]:
        """What *message* says without our name or the prefix, and whether one stood there."""
        prefix = self._prefix if acts else ""
        return called(message["body"], self._membership.nick, prefix)

    # In the room

    def _groupchat(self, message: Message) -> None:
        if message["from"].bare != self._membership.room.bare:
            return
        what, nick = kind(message), message["from"].resource
        if what is Kind.LATE:
            self._remember(message)
        elif message.xml.find("{jabber:client}subject") is not None and not message["body"]:
            past, self._past = self._past, []
            self._told_past(past)  # the subject is the last of a joining (XEP-0045, 7.2.15)
        elif nick == self._membership.nick:
            self._speech.reflected(message["id"])
            self._speech.last = message["id"]
        elif (seen := self._occupants.get(nick)) is not None:
            self._said(message, what, seen)

    def _said(self, message: Message, what: Kind, seen: Seen) -> None:
        if message["body"]:
            self._speech.last = message["id"]
        if what is Kind.ANSWER:
            self._listen_in(message, seen)
        elif what in (Kind.LINE, Kind.CIPHER) and seen.occupant.jid != self._link.jid.bare:
            text, addressed = self._called(message, acts=self._acts())
            if addressed or self._acts():
                self._heard(self._line(message, seen, text, addressed=addressed))

    def _listen_in(self, message: Message, seen: Seen) -> None:
        """What another bot of this room says need not be said by us."""
        if seen.rank is not None and seen.occupant.affiliation is Affiliation.OWNER:
            facts = message["json"]["value"]
            if isinstance(facts, dict):
                self._overheard(facts)

    def _remember(self, message: Message) -> None:
        """A piece of the room's history."""
        text, addressed = self._called(message, acts=True)
        facts = None
        if message.get_plugin("json", check=True) is not None:
            facts = message["json"]["value"]
        tags = {child.tag for child in message.xml}
        readable = not tags & (OTHERS | CIPHERS)
        self._past.append(
            Past(
                nick=message["from"].resource,
                text=text if readable else "",
                id=message["id"],
                addressed=addressed,
                corrects=_corrected(message),
                facts=facts if isinstance(facts, dict) else {},
            )
        )

    # In private

    def _chat(self, message: Message) -> None:
        """A private message: through the room, or directly by somebody who belongs to it."""
        what = kind(message)
        if what not in (Kind.LINE, Kind.CIPHER, Kind.LATE) or _is_own(message, self._link):
            return
        if what is Kind.LATE and not message["body"]:
            return
        text, _ = self._called(message, acts=True)
        if message["from"].bare == self._membership.room.bare:
            seen = self._occupants.get(message["from"].resource)
            if seen is not None and what is not Kind.LATE:
                self._heard(self._line(message, seen, text, Channel.WHISPER))
        elif self._membership.inside or what is Kind.LATE:
            self._link.spawn(self._direct(message, text))

    async def _direct(self, message: Message, text: str) -> None:
        """What somebody who need not be in the room says: the room still knows who they are."""
        await self._membership.entered.wait()
        jid = message["from"].bare
        here = self._occupants.of(jid)
        if here is not None:
            by = here.occupant
        else:
            by = Occupant(message["from"].user, await self._members.standing(jid), jid)
        if by.affiliation in (Affiliation.NONE, Affiliation.OUTCAST):
            log.info("line.from_stranger", jid=jid)
            return
        self._heard(self._line(message, Seen(by, message["from"].full), text, Channel.DIRECT))

    def _line(
        self,
        message: Message,
        seen: Seen,
        text: str,
        channel: Channel = Channel.ROOM,
        *,
        addressed: bool = True,
    ) -> Line:
        said, corrects, by = message["id"] or token(), _corrected(message), seen.occupant
        speaker = by.jid or f"{self._membership.room}/{by.nick}"  # nobody can name another's line
        manner = {Kind.CIPHER: Manner.ENCRYPTED, Kind.LATE: Manner.LATE}.get(kind(message))
        return Line(
            by, text, f"{speaker}#{said}", said, channel,
            addressed=addressed,
            stanza=_stanza_id(message, self._membership.room.bare),
            corrects=f"{speaker}#{corrects}" if corrects else "",
            manner=manner or Manner.LIVE,
            client=seen.full or "",
        )  # fmt: skip


def _corrected(message: Message) -> str:
    """The id of the message that *message* corrects (XEP-0308)."""
    if message.get_plugin("replace", check=True) is None:
        return ""
    return str(message["replace"]["id"])


def _stanza_id(message: Message, room: str) -> str:
    """The id that the *room* gave the message (XEP-0359), if it gives any."""
    for child in message.xml.iterfind("{urn:xmpp:sid:0}stanza-id"):
        if child.get("by") == room:
            return child.get("id", "")
    return ""


def _is_own(message: Message, link: Link) -> bool:
    """Whether our own account said it, on another client perhaps."""
    return bool(message["from"].bare == link.jid.bare)
