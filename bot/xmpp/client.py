"""
The bot on its server: in its room, listening to people and targets, for ever.

Everything that must be said again after a reconnect is said by :meth:`Client.session`.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable

import structlog
from slixmpp import JID
from slixmpp.exceptions import IqError, IqTimeout
from slixmpp.stanza import Message

from agent.wire.errors import Refusal
from agent.wire.link import Link
from agent.wire.membership import JoinError
from agent.wire.target import TargetState, write_admitted
from bot.arrival import Arrival
from bot.config import Config
from bot.departure import Departure
from bot.fleet import Fleet
from bot.herald import Herald
from bot.impostors import Impostors
from bot.intake import Intake
from bot.machines import Machines
from bot.missed import Missed
from bot.notices import Notices
from bot.occupant import Affiliation, Line
from bot.reply import Reply
from bot.report.text import safe
from bot.store import targets
from bot.store.writer import Writer
from bot.vigil import Vigil
from bot.wishes import Wishes
from bot.xmpp import wire
from bot.xmpp.occupants import Seen
from bot.xmpp.people import People
from bot.xmpp.room import Room
from bot.xmpp.talk import Talk

log = structlog.get_logger()

REJOIN = 3.0
"""Seconds between two attempts to enter the room."""
PASSING = 5.0
"""Seconds after which a room that is not ours stays so: an agent that made it removes it."""
MOST_KNOCKING = 20
"""Strangers who ask to be let in, and are told of in the room; more are only logged."""
ADDRESS = re.compile(r"[^@/\s]{1,200}@[^@/\s]{1,200}")
"""A bare JID."""
STATES = ("idle", "busy", "rebooting", "away", "down")
"""In this order in our own status."""
STATUS_EVERY = 2.0
"""Seconds between two changes of our own status: a room is quadratic."""


class Client:
    """
    Ties the stream to the services.

    Args:
        answer: What to say to a line, or None.
    """

    def __init__(
        self,
        link: Link,
        config: Config,
        store: Writer,
        fleet: Fleet,
        answer: Callable[[Line], Awaitable[Reply | None]],
    ) -> None:
        self._link, self._config, self._store = link, config, store
        self._fleet, self._answer = fleet, answer
        self._knocking: dict[str, str] = {}  # bare JID -> full JID of who wants to come in
        self._strangers: dict[str, tuple[str, TargetState]] = {}  # targets, but not ours
        self._changed = asyncio.Event()
        self._complained = False
        self.room = Room(
            link,
            JID(config.room),
            rank=config.rank,
            prefix=config.prefix,
            status=self._status,
            heard=lambda line: link.spawn(self._talk.converse(line)),
            arrived=self._arrived,
            overheard=self._overheard,
            past=lambda past: link.spawn(self._talk.enter(past)),
        )
        self.people = People(self.room, fleet, config.every_bot)

    def bind(
        self,
        vigil: Vigil,
        intake: Intake,
        herald: Herald,
        machines: Machines,
        wishes: Wishes,
        missed: Missed,
        demoted: Callable[[], None],
    ) -> None:
        """Name the services, which need our room and wire to be made."""
        self._vigil, self._intake, self._demoted = vigil, intake, demoted
        self._herald, self._machines, self._wishes = herald, machines, wishes
        self._talk = Talk(self.room, self._answer, missed, herald.news)
        self._notices = Notices(herald.news, acts=lambda: self.room.acts)
        self._impostors = Impostors(self._notices, self._fleet, self._config)
        wire.listen(self._link, self._from_target)
        self._link.on("message@type=headline/lab_hello", self._hello)

    def clashes(self, where: str) -> None:
        """Another process, there, wants to be us; empty if none does any more."""
        if where:
            text = (
                f"a second bot uses my account, on {safe(where, 60)}. "
                "It is kept out: stop it, or give it a jid of its own"
            )
            self._herald.news(Reply(text, data={"clash": self._config.jid}, kind="notice"))

    @property
    def knocking(self) -> frozenset[str]:
        """Bare JIDs of those who asked to be let in and are not."""
        return frozenset(self._knocking)

    async def session(self) -> None:
        """In the room, for as long as the link lasts."""
        self._link.client.send_presence(pstatus=self._status())
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_status())
            while True:
                try:
                    await self._stay()
                except (JoinError, TimeoutError, IqError, IqTimeout, Refusal) as error:
                    log.error(  # noqa: TRY400  (the room's refusal is no fault of ours)
                        "room.closed", room=self._config.room, reason=str(error) or "no answer",
                        cure="an owner of the room can make the bot an owner of it",
                    )  # fmt: skip
                finally:
                    self._vigil.nobody()
                await asyncio.sleep(REJOIN)

    async def admit(self, jid: str) -> None:
        """Let the target *jid* in, for good (:class:`bot.lab.Membership`)."""
        await self.room.members.admit(jid)
        await self._remember(jid)
        full = self._knocking.pop(jid, None)
        if full is not None:
            message = self._link.message(full, "headline")
            write_admitted(message, self._config.room)
            self._link.send(message)
        log.info("target.admitted", jid=jid)

    async def _remember(self, jid: str) -> None:
        """*jid* is a target from now on, and perhaps here already."""
        kept = self._fleet.member(jid).kept
        await self._store.do(lambda db: targets.remember(db, kept))
        if (here := self._strangers.pop(jid, None)) is not None:
            self._here(*here)

    async def invite(self, jid: str) -> None:
        """Make this person a member (:class:`bot.lab.Membership`)."""
        await self.room.members.invite(jid)

    async def _stay(self) -> None:
        room = self.room
        entered = await room.enter(self._config.nick)
        self._fleet.listening = True
        self._vigil.listening()
        log.info("room.entered", room=self._config.room, nick=entered.nick, new=entered.created)
        if entered.nick != self._config.nick:
            text = f"my nick {self._config.nick} is taken, so I am {entered.nick} here"
            self._herald.news(Reply(text, kind="notice"))
        if room.affiliation is not Affiliation.OWNER:
            self._link.spawn(self._complain())
        elif room.acts:
            await self._affiliate(again=entered.created)
        await self._herald.catch_up()
        reason = await room.membership.stay()
        log.warning("room.left", room=self._config.room, reason=reason)

    async def _complain(self) -> None:
        """Say that the room is not ours, unless it was only somebody's for a moment."""
        await asyncio.sleep(PASSING)
        ours = self.room.affiliation is Affiliation.OWNER
        if self.room.membership.inside and not ours and not self._complained:
            self._complained = True
            text = "I do not own this room, so I can let nobody in: an owner can make me one, too"
            self._herald.news(Reply(text, kind="notice"))

    async def _affiliate(self, *, again: bool) -> None:
        """Let in who belongs: people always, targets only if the room has forgotten them."""
        owners = (*self._config.owners, *self._config.bots)
        for jid in owners:
            await self.room.members.affiliate(jid, Affiliation.OWNER)
        for jid in self._config.members:
            if jid not in owners:
                await self.room.members.affiliate(jid, Affiliation.MEMBER)
        if again:
            for target in self._fleet.all():
                await self.room.members.admit(target.jid)

    # Targets

    def _arrived(self, seen: Seen, state: TargetState | None, left: Departure | None) -> None:
        self._notice(seen)
        if seen.full is None:
            return
        jid = JID(seen.full).bare
        if seen.rank is not None and seen.occupant.affiliation is Affiliation.OWNER:
            self._vigil.bot(seen.full, there=left is None)
        elif left is not None:
            self._strangers.pop(jid, None)
            if self._fleet.belongs(jid):
                self._vigil.left(seen.full, left)
            self._changed.set()
        elif state is not None and self._fleet.belongs(jid):
            self._here(seen.full, state)
        elif state is not None:
            self._strangers[jid] = seen.full, state
        else:
            self._impostors.look([seen.occupant], self.people.here())

    def _notice(self, seen: Seen) -> None:
        if seen.rank is not None:
            self._changed.set()  # who acts may be another now
        if seen.changed:
            self._demoted()

    def _here(self, full: str, state: TargetState) -> None:
        """A target of ours says how it is."""
        before = self._fleet.member(JID(full).bare).full
        self._vigil.arrived(full, state)
        if full != before:
            self._impostors.look(self.people.here())
        self._machines.appeared(JID(full).bare)
        self._wishes.changed(JID(full).bare)
        self._impostors.clash(JID(full).bare, state.clash)
        self._changed.set()

    def _overheard(self, facts: dict[str, object]) -> None:
        """Another bot of this room said something: whom it lets in is a target of ours, too."""
        self._notices.overheard(facts)
        admitted = facts.get("admitted")
        if isinstance(admitted, str) and ADDRESS.fullmatch(admitted):
            self._knocking.pop(admitted, None)
            self._link.spawn(self._remember(admitted))

    def _from_target(self, jid: str, arrival: Arrival) -> None:
        if not self._fleet.belongs(jid):
            log.warning("target.unknown", jid=jid, run=str(arrival.run))
            return
        self._intake.put(arrival, behind=self._fleet.member(jid).behind)

    def _hello(self, message: Message) -> None:
        jid, full = message["from"].bare, message["from"].full
        known = jid in self._knocking
        if not known and len(self._knocking) >= MOST_KNOCKING:
            log.warning("target.ignored", jid=jid, reason="too many ask to be let in")
            return
        self._knocking[jid] = full
        if self._fleet.belongs(jid):
            self._link.spawn(self._let_in(jid))
        elif not known:
            log.info("target.knocks", jid=jid)
            text = f"{jid} asks to be let in as a target: say admit {jid.partition('@')[0]}"
            self._notices.tell("knocks", jid, text)

    async def _let_in(self, jid: str) -> None:
        try:
            await self.admit(jid)
        except Refusal as refusal:
            log.warning("target.not_admitted", jid=jid, reason=str(refusal))

    # Our own status

    def _status(self) -> str:
        """The lab in one line, and who acts on what people say if that is not us."""
        states = [target.state for target in self._fleet.all()]
        counts = [f"{states.count(state)} {state}" for state in STATES if state in states]
        lab = ", ".join(counts) or "no targets yet"
        acting = self.room.acting if self.room.membership.inside else None
        return lab if acting in (None, self.room.membership.nick) else f"{lab}; {acting} acts"

    async def _keep_status(self) -> None:
        said = ""
        while True:
            await self._changed.wait()
            self._changed.clear()
            if (status := self._status()) != said:
                said = status
                self.room.membership.update()  # also while we are being let in: it is said then
            await asyncio.sleep(STATUS_EVERY)
