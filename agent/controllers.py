"""
What controllers say to this target, and what it says to them.

Rule: it obeys bare JIDs from its settings, as the server vouches for them, and nobody
else; what is said in the room it does not even read.
"""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import UTC, datetime

import structlog
from slixmpp.stanza import Iq, Message

from agent.config import Config
from agent.courier import Courier, delivered
from agent.executor import Executor
from agent.orders import Cancel, Orders
from agent.reboot import Tickets, restart
from agent.wire import query, stanza
from agent.wire.delivery import Chunk
from agent.wire.errors import Busy, Forbidden
from agent.wire.exchange import Exchange
from agent.wire.machine import write_machine
from agent.wire.stanza import JournalId
from agent.wire.target import TargetState
from agent.wire.vocabulary import RunId

log = structlog.get_logger()

DISK = 2.0
"""Seconds that a disk has to take or tell something while a controller waits for our answer."""


class Controllers:
    """
    Ties controllers to the executor.

    Args:
        changed: Called when what we do is not what it was.
    """

    def __init__(
        self,
        config: Config,
        exchange: Exchange,
        executor: Executor,
        us: TargetState,
        changed: Callable[[], None],
    ) -> None:
        self._config, self._exchange, self._executor = config, exchange, executor
        self._us, self._say_changed = us, changed
        self.rebooting = False
        """Whether a reboot was ordered, and we are going down."""
        self.ordered_by = ""
        """The nick of who ordered it; empty if a run's step did."""
        self._offered = executor.catalogue.digest()
        self._looking: asyncio.Future[str] | None = None
        self._tickets = Tickets(config.reboot.ticket)
        self.courier = Courier(self._send_chunk, executor.noted)
        self.orders = Orders(executor, accepted=self._accepted, refused=self._refused)
        self._listen()

    def part_all(self) -> None:
        """The session is over: whoever wants something meets us again."""
        self.courier.part_all()
        self.orders.part_all()

    # What they say

    def _listen(self) -> None:
        exchange = self._exchange
        exchange.on("message@type=normal/lab_run", self._ordered)
        exchange.on("message@type=normal/lab_cancel", self._cancelled)
        exchange.on("message@type=headline/lab_ack", self._acked)
        exchange.answer("iq@type=set/lab_sync", self._sync)
        exchange.answer("iq@type=get/lab_catalogue", self._tell_catalogue)
        exchange.answer("iq@type=get/lab_reboot", self._give_ticket)
        exchange.answer("iq@type=set/lab_reboot", self._reboot)

    def _controller(self, what: Message | Iq) -> str | None:
        """The controller that *what* comes from, if it is one of ours."""
        jid: str = what["from"].bare
        if jid in self._config.controllers:
            return jid
        log.warning("controller.unknown", jid=jid, cure="add it to controllers in agent.toml")
        return None

    def _must_be_controller(self, iq: Iq) -> str:
        jid = self._controller(iq)
        if jid is None:
            raise Forbidden(f"{iq['from'].bare} is no controller of mine")
        return jid

    def _ordered(self, message: Message) -> None:
        if (controller := self._controller(message)) is not None:
            self.orders.put(controller, stanza.read_order(message), delayed=_delayed(message))

    def _cancelled(self, message: Message) -> None:
        if (controller := self._controller(message)) is not None:
            run, who = stanza.read_cancel(message)
            self.orders.put(controller, Cancel(run, who), delayed=_delayed(message))

    def _acked(self, message: Message) -> None:
        if (controller := self._controller(message)) is not None:
            self.courier.acked(controller, stanza.read_ack(message))

    async def _sync(self, iq: Iq, reply: Iq) -> None:
        controller = self._must_be_controller(iq)
        meeting = query.read_meeting(iq)
        self.orders.met(controller, meeting.clock)
        digest = await self._digest()  # from here on nothing is waited for: what we say is so
        held = [each for each in self._executor.held(controller) if not delivered(each)]
        held.sort(key=lambda each: each.dir.run.store != meeting.store)  # its own ones first
        standing = query.Standing(
            epoch=self._us.epoch,
            boot=self._us.boot,
            clock=datetime.now(UTC),
            version=self._us.version,
            catalogue=digest,
            held=tuple(
                query.HeldRun(
                    of := JournalId(each.dir.run, each.journal),
                    max(each.synced, self.courier.looked(of)),
                    each.phase,
                    each.title if each.dir.run.store != meeting.store else "",
                )
                for each in held
            ),
        )
        query.write_standing(reply, standing)
        self.courier.meet(controller, meeting.store, held, {have.of: have for have in meeting.have})

    async def _tell_catalogue(self, iq: Iq, reply: Iq) -> None:
        self._must_be_controller(iq)
        infos = await asyncio.to_thread(self._executor.catalogue.infos)
        query.write_catalogue(reply, tuple(infos))
        write_machine(reply, self._executor.catalogue.machine)

    async def _digest(self) -> str:
        """What we offer, in short; as it was last, if the disk does not say in time."""
        if self._looking is None or self._looking.done():
            digest = self._executor.catalogue.digest
            self._looking = asyncio.ensure_future(asyncio.to_thread(digest))
        done, _ = await asyncio.wait({self._looking}, timeout=DISK)
        if done:
            self._offered = self._looking.result()
        return self._offered

    async def _give_ticket(self, iq: Iq, reply: Iq) -> None:
        controller = self._must_be_controller(iq)
        ask = query.read_reboot(iq)
        self._must_be_free(controller, force=ask.force)
        now = asyncio.get_running_loop().time()
        reply["lab_reboot"]["ticket"] = self._tickets.issue(controller, now)
        reply["lab_reboot"]["boot"] = self._us.boot

    async def _reboot(self, iq: Iq, reply: Iq) -> None:
        controller = self._must_be_controller(iq)
        ask = query.read_reboot(iq)
        self._tickets.spend(ask.ticket, controller, asyncio.get_running_loop().time())
        self._must_be_free(controller, force=ask.force)
        log.info("reboot.ordered", by=controller, who=ask.who)
        if (now := self._executor.current) is not None:  # it is given up, not to be repeated
            with contextlib.suppress(TimeoutError):  # a disk that hangs is a reason to reboot
                async with asyncio.timeout(DISK):
                    await asyncio.to_thread(now.dir.ask_to_stop, ask.who)
        reply["lab_reboot"]["boot"] = self._us.boot
        self._exchange.spawn(self.go_down(self._config.reboot.within, by=ask.who))

    async def go_down(self, within: float, *, by: str = "") -> str:
        """Reboot the machine, as *by* has ordered; why it is still up, if this returns."""
        self.rebooting, self.ordered_by = True, by
        self._say_changed()
        why = await restart(self._config.reboot.command, patience=within)
        self.rebooting = False
        self._say_changed()
        return why

    def _must_be_free(self, controller: str, *, force: bool) -> None:
        now = self._executor.current
        if now is not None and not force:
            whose = "" if now.dir.controller == controller else f" of {now.dir.controller}"
            raise Busy(
                f"a run is on: {now.step} (job {now.dir.run.number}{whose})",
                hint="Say it with now to lose it.",
            )

    # What we say

    def _send_chunk(self, controller: str, of: JournalId, chunk: Chunk) -> bool:
        return self._exchange.send_text(stanza.write_chunk(controller, of, chunk))

    def _accepted(self, controller: str, of: JournalId) -> None:
        message = self._exchange.message(controller, "headline")
        stanza.write_accepted(message, of)
        self._exchange.send(message)

    def _refused(self, controller: str, run: RunId, reason: str) -> None:
        message = self._exchange.message(controller, "headline")
        stanza.write_refused(message, run, reason)
        self._exchange.send(message)


def _delayed(message: Message) -> bool:
    return message.get_plugin("delay", check=True) is not None
