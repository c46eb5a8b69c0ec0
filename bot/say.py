"""
``labroom say``: one line, said in the room like any person says it, and what became of it.

Rule 1: it is said to the bot by name, so it always gets an answer.
Rule 2: only what a bot of this room says is an answer: an owner whose presence marks it.
Rule 3: a connection that breaks is made again. The same line with the same id is the same job,
and the end of a job that we missed is asked for.
"""

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import Field
from slixmpp import JID
from slixmpp.stanza import Message, Presence

from agent.wire.account import Account
from agent.wire.controller import read_controller
from agent.wire.errors import Refusal
from agent.wire.fields import MalformedError
from agent.wire.link import Link
from agent.wire.membership import JoinError, Membership
from agent.wire.settings import BareJid, Login
from agent.wire.vocabulary import Verdict, token
from bot.report.text import legal

ANSWER = 60.0
"""Seconds for a connection, and for the bot's answer."""

AGAIN = 3.0
"""Seconds between two attempts to enter the room."""

GOOD, BAD, REFUSED, LOST = 0, 1, 2, 3
"""Exit statuses."""

STATUS: Mapping[Verdict, int] = {
    **dict.fromkeys((Verdict.PASS, Verdict.WARN, Verdict.SKIP), GOOD),
    **dict.fromkeys((Verdict.FAIL, Verdict.TIMEOUT, Verdict.STALLED, Verdict.CRASHED), BAD),
    Verdict.REFUSED: REFUSED,
    **dict.fromkeys((Verdict.LOST, Verdict.ERROR, Verdict.ABORTED), LOST),
}


class Config(Login):
    """say.toml: who says it, and where."""

    room: BareJid
    nick: Annotated[str, Field(max_length=30)] = ""
    """In the room; by default the name of the account."""
    bot: Annotated[str, Field(min_length=1, max_length=30)] = "labbot"
    """The nick of the bot that is to answer."""


@dataclass(frozen=True, slots=True)
class Heard:
    """Something that a bot of the room said to us, or of our job."""

    body: str
    facts: dict[str, Any] = field(default_factory=dict)


class Saying:
    """One line, until it is known what became of it."""

    def __init__(self, config: Config, line: str, *, wait: bool, as_json: bool) -> None:
        self._config, self._line, self._wait, self._as_json = config, line, wait, as_json
        # A resource of its own: two cron jobs of one account do not throw each other out.
        self._link = Link(Account.of(config, f"say-{token()[:8]}"), plugins=("xep_0335",))
        self._link.call_itself("console")
        self._membership = Membership(
            self._link, JID(config.room), dress=lambda _: None, seen=self._seen
        )
        self._id = token()
        self._job = 0
        self._bots: set[str] = set()
        self._status: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._answered = asyncio.Event()
        self._why = ""
        self._link.client.add_event_handler("failed_all_auth", self._unknown)
        for path in ("message@type=groupchat/body", "message@type=chat/body"):
            self._link.on(path, self._heard)

    async def status(self, within: float) -> int:
        """The exit status, after at most *within* seconds from the bot's first answer."""
        running = asyncio.ensure_future(self._link.run(self._session))
        try:
            async with asyncio.timeout(ANSWER):
                await _first(self._answered.wait(), running)
            async with asyncio.timeout(within):
                return await self._status
        except TimeoutError:
            what = f"job {self._job} has not ended in time" if self._job else self._why
            return self._give_up(LOST, what or self._offline())
        finally:
            running.cancel()
            await asyncio.wait({running})

    async def _session(self) -> None:
        self._link.client.send_presence()
        while True:
            try:
                await self._enter()
            except (JoinError, TimeoutError) as error:
                self._why = f"{self._config.room} does not let me in: {str(error) or 'no answer'}"
                if getattr(error, "condition", "") in ("registration-required", "forbidden"):
                    self._end(self._give_up(REFUSED, self._why))
                await asyncio.sleep(AGAIN)
                continue
            self._why = (
                f"no answer from {self._config.bot} in {self._config.room}. "
                "Start that bot, or correct bot in the settings of labroom say."
            )
            self._speak()
            await self._membership.stay()

    async def _enter(self) -> None:
        nick = self._config.nick or self._config.jid.partition("@")[0]
        for attempt in ("", f"-{token()[:4]}"):
            try:
                await self._membership.join(nick + attempt, create=False)
            except JoinError as error:
                if error.condition != "conflict" or attempt:
                    raise
            else:
                return

    def _speak(self) -> None:
        """The line; or, after a break, the question how its job is."""
        message = self._link.message(JID(self._config.room), "groupchat")
        line = f"job {self._job}" if self._job else self._line
        message["id"] = token() if self._job else self._id
        message["body"] = legal(f"{self._config.bot}: {line}")
        self._link.send(message)

    def _seen(self, presence: Presence) -> None:
        """Rule 2."""
        nick = presence["from"].resource
        self._bots.discard(nick)
        try:
            is_bot = read_controller(presence) is not None
        except MalformedError:
            return
        if is_bot and presence["muc"]["affiliation"] == "owner":
            self._bots.add(nick)

    def _heard(self, message: Message) -> None:
        sender = message["from"]
        if sender.bare != self._config.room or sender.resource not in self._bots:
            return
        if message.get_plugin("delay", check=True) is not None:
            return
        facts = json.loads(message.xml.findtext("{urn:xmpp:json:0}json") or "{}")
        if isinstance(facts, dict):
            self._judge(Heard(message["body"], facts))

    def _judge(self, heard: Heard) -> None:
        facts = heard.facts
        ours = self._job != 0 and facts.get("job") == self._job
        if facts.get("re") == self._id and not self._answered.is_set():
            self._tell(heard)
            self._answered.set()
            self._first(facts)
        elif ours and facts.get("verdict") and "revised" not in facts:
            self._tell(heard)  # a result, or the answer to our question after a break
            self._end(STATUS[Verdict(facts["verdict"])])
        elif ours and facts.get("kind") == "notice":
            self._tell(heard)

    def _first(self, facts: dict[str, Any]) -> None:
        """The answer to our line."""
        kind = facts.get("kind")
        if kind == "acknowledgement" and isinstance(facts.get("job"), int) and self._wait:
            self._job = facts["job"]
        elif kind in ("answer", "acknowledgement"):
            self._end(GOOD)
        else:
            self._end(LOST if kind == "error" else REFUSED)

    def _offline(self) -> str:
        why = self._link.failure or "it says nothing"
        return f"no session at the server ({why}). Correct [server] in the settings of labroom say."

    def _tell(self, heard: Heard) -> None:
        sys.stdout.write((json.dumps(heard.facts) if self._as_json else heard.body) + "\n")
        sys.stdout.flush()

    def _give_up(self, status: int, why: str) -> int:
        if self._as_json:
            facts = {"labroom": 1, "kind": "error", "line": self._line, "what": why}
            sys.stdout.write(json.dumps(facts) + "\n")
        sys.stderr.write(f"labroom: {why}\n")
        return status

    def _end(self, status: int) -> None:
        self._answered.set()
        if not self._status.done():
            self._status.set_result(status)

    def _unknown(self, _: object) -> None:
        why = (
            f"the server does not accept {self._config.jid} with this password. "
            "Correct jid or [credentials] in the settings of labroom say."
        )
        self._end(self._give_up(REFUSED, why))


async def _first(event: Any, running: "asyncio.Future[None]") -> None:
    """Wait for *event*; what ends the link (a wrong password) ends the wait."""
    waiting = asyncio.ensure_future(event)
    try:
        await asyncio.wait({waiting, running}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
    finally:
        waiting.cancel()


async def say(config: Config, line: str, *, wait: bool, as_json: bool, within: float) -> int:
    """Say *line*, print what the bot says; the exit status."""
    if "\n" in line.strip() or not line.strip():
        raise Refusal("say one line", hint='labroom say "run memtest on bob" --wait')
    return await Saying(config, line.strip(), wait=wait, as_json=as_json).status(within)
