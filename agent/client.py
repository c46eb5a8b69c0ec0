"""
The agent on its server: present, in the room, open to its controllers.

Rule: it never keeps a room that it created (status 201): only the bot makes rooms.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import structlog
from slixmpp import JID
from slixmpp.stanza import Message, Presence

from agent import farewell
from agent.config import Config
from agent.controllers import Controllers
from agent.executor import Executor
from agent.notify import INSIDE
from agent.presence import Appearance, Work, appear
from agent.showing import Showing
from agent.subscriptions import Subscriptions
from agent.wire.link import Link
from agent.wire.membership import JoinError, Membership
from agent.wire.target import Leaving, TargetState, write_hello, write_leaving, write_target
from agent.wire.vocabulary import token

log = structlog.get_logger()

REJOIN_FIRST, REJOIN_MOST = 0.5, 15.0
"""Seconds between two attempts to enter the room, doubling."""


class Client:
    """
    Ties the stream to the executor.

    Args:
        told: Gets how we stand, in one line for whoever runs the machine.
    """

    def __init__(
        self,
        config: Config,
        link: Link,
        executor: Executor,
        us: TargetState,
        *,
        told: Callable[[str], None],
    ) -> None:
        self._config, self._link, self._executor, self._us = config, link, executor, us
        self._tell = told
        self._showing = Showing(self._appearance, self._broadcast)
        self._admitted = asyncio.Event()
        self.failed = False
        """Whether something of ours is broken, and we end because of it."""
        self.controllers = Controllers(config, link, executor, us, self.changed)
        self.subscriptions = Subscriptions(config.domains, self._subscribed)
        self._room = Membership(link, JID(config.room), dress=self._dress, seen=self._seen)
        link.on("message@type=headline/lab_admitted", self._let_in)
        link.on("presence@type=subscribe", lambda asked: self.subscriptions.asked(asked["from"]))

    def changed(self) -> None:
        """What we do is not what it was."""
        self._showing.changed()

    def clashes(self, where: str) -> None:
        """Another machine, there, wants to be us; empty if none does any more."""
        self._us = replace(self._us, clash=where)
        self.changed()

    async def session(self) -> None:
        """There, and in the room, for as long as the link lasts."""
        self._us = replace(self._us, session=token(8), address=self._link.address)
        self._showing.now()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep_room())
                group.create_task(self._showing.run())
        except Exception:
            self.failed = True
            raise
        finally:
            self._tell("not connected to the server")
            self.controllers.part_all()
            if not self._link.lost:
                await self._say_goodbye()

    async def _say_goodbye(self) -> None:
        """To the room, too: the server sends it wherever we were (RFC 6121, section 4.6.3)."""
        if self.controllers.rebooting:
            leaving = Leaving("rebooting", self.controllers.ordered_by)
        else:
            leaving = Leaving("failed" if self.failed else await farewell.ask())
        log.info("agent.leaves", reason=leaving.reason, by=leaving.by)
        presence = self._link.client.make_presence(
            ptype="unavailable", pstatus=farewell.words(leaving)
        )
        write_leaving(presence, leaving)
        presence.send()

    # Presence

    def _appearance(self) -> Appearance:
        work, now = None, self._executor.current
        if now is not None:
            run = now.dir
            work = Work(
                controller=run.controller,
                run=run.run,
                step=now.step,
                fraction=now.fraction,
                silent=now.silent,
                left=now.left,
            )
        return appear(self._us, work, self._executor.queued, rebooting=self.controllers.rebooting)

    def _dress(self, presence: Presence) -> None:
        shown = self._showing.shown or self._appearance()
        presence["show"], presence["status"] = shown.show, shown.status
        write_target(presence, shown.state)

    def _broadcast(self) -> None:
        """To contacts, and to the room."""
        presence = self._link.client.make_presence()
        self._dress(presence)
        self._link.send(presence)
        self._room.update()

    # The room

    async def _keep_room(self) -> None:
        wait = REJOIN_FIRST
        while True:
            if await self._enter():
                wait = REJOIN_FIRST
                await self._room.stay()
                # Whoever leaves the room now leaves unseen, and what we send would be kept for him.
                self.controllers.courier.part_all()
            else:
                self._knock()
            self._admitted.clear()
            try:
                async with asyncio.timeout(wait):
                    await self._admitted.wait()
            except TimeoutError:
                wait = min(2 * wait, REJOIN_MOST)

    async def _enter(self) -> bool:
        nick = JID(self._config.jid).user
        for attempt in range(1, 10):
            try:
                entered = await self._room.join(
                    nick if attempt == 1 else f"{nick}-{attempt}", create=False
                )
            except JoinError as error:
                if error.condition == "conflict":
                    continue
                log.info("room.closed", room=self._config.room, reason=error.condition)
                self._tell(
                    f"connected, not in the room {self._config.room} ({error.condition}): "
                    f"say there: admit {nick}"
                )
                return False
            except TimeoutError:
                log.warning("room.silent", room=self._config.room)
                self._tell(f"connected, but the room {self._config.room} does not answer")
                return False
            log.info("room.entered", room=self._config.room, nick=entered.nick)
            self._tell(f"{INSIDE} {self._config.room} as {entered.nick}")
            return True
        return False

    def _let_in(self, message: Message) -> None:
        if message["from"].bare in self._config.controllers:
            self._admitted.set()

    def _knock(self) -> None:
        """Ask to be let in: all of them, since any may be away."""
        for controller in self._config.controllers:
            message = self._link.message(controller, "headline")
            write_hello(message, self._config.room)
            self._link.send(message)

    def _seen(self, presence: Presence) -> None:
        """An occupant: of interest is only that a controller left."""
        jid = presence["muc"]["jid"]
        if presence["type"] == "unavailable" and jid.bare in self._config.controllers:
            self.controllers.courier.part(jid.bare)

    def _subscribed(self, jid: str, accept: bool) -> None:
        kind: Literal["subscribed", "unsubscribed"] = "subscribed" if accept else "unsubscribed"
        self._link.send(self._link.client.make_presence(pto=jid, ptype=kind))
