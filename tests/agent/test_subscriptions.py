"""Whom a target lets subscribe, and how fast it says so. No waiting: the clock jumps."""

import asyncio
import contextlib

from slixmpp import JID

from agent.subscriptions import Subscriptions
from tests.virtual_time import settled, virtual

MOST, MINUTE = 5, 60
"""ejabberd's mod_pres_counter: so many, until a whole minute passes without one."""


class Contacts:
    """Those who were answered, and when; for as long as the block lasts."""

    def __init__(self) -> None:
        self.answers: list[tuple[str, bool]] = []
        self.times: list[float] = []
        self.subscriptions = Subscriptions({"lab.example"}, self._answered)

    def _answered(self, jid: str, accept: bool) -> None:
        self.answers.append((jid, accept))
        self.times.append(asyncio.get_running_loop().time())

    def asks(self, who: str) -> None:
        self.subscriptions.asked(JID(who))

    async def __aenter__(self) -> "Contacts":
        self._task = asyncio.create_task(self.subscriptions.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    def swallowed(self) -> int:
        """How many of the answers the server would not have passed on."""
        lost, count, last = 0, 0, -1e9
        for now in self.times:
            if now - last > MINUTE:
                count = 0
            if count == MOST:
                lost += 1
                continue
            count, last = count + 1, now
        return lost


@virtual
async def test_our_own_domain_is_welcome_and_nobody_else() -> None:
    async with Contacts() as contacts:
        for who in ("ann@lab.example/phone", "eve@evil.example", "lab.example@evil.example"):
            contacts.asks(who)
        await settled()
    assert contacts.answers == [
        ("ann@lab.example", True), ("eve@evil.example", False), ("lab.example@evil.example", False),
    ]  # fmt: skip


@virtual
async def test_the_first_are_answered_at_once() -> None:
    async with Contacts() as contacts:
        for number in range(3):
            contacts.asks(f"p{number}@lab.example")
        await settled()
    assert len(contacts.answers) == 3


@virtual
async def test_a_crowd_is_answered_without_waking_the_flood_guard() -> None:
    async with Contacts() as contacts:
        for number in range(30):
            contacts.asks(f"p{number}@lab.example")
        await settled(1200)
    assert len(contacts.answers) == 30
    assert contacts.swallowed() == 0


@virtual
async def test_neither_does_a_slow_stream() -> None:
    async with Contacts() as contacts:
        for number in range(30):
            contacts.asks(f"p{number}@lab.example")
            await settled(25)
        await settled(600)
    assert len(contacts.answers) == 30
    assert contacts.swallowed() == 0


@virtual
async def test_after_a_quiet_minute_the_first_are_answered_at_once_again() -> None:
    async with Contacts() as contacts:
        for number in range(3):
            contacts.asks(f"p{number}@lab.example")
        await settled(100)
        for number in range(3, 6):
            contacts.asks(f"p{number}@lab.example")
        await settled()
    assert len(contacts.answers) == 6
