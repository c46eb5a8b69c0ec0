#!/usr/bin/env python3
"""
Say one line to labroom's bot, and wait for what becomes of it.

    labsay.py ci@lab.example labbot@lab.example "run memtest on bob"

The password is in LABROOM_PASSWORD. Prints what the bot says. Exit status: 0 all well,
1 not (refused, failed, lost, ...), 3 no connection. Needs only slixmpp.
"""

import argparse
import asyncio
import json
import os
import ssl
import sys

from slixmpp import ClientXMPP
from slixmpp.stanza import Message

GOOD = ("pass", "skip", "warn")


class Asker(ClientXMPP):
    """Logs in, says the line, and finds the answers by their facts (XEP-0335)."""

    def __init__(self, jid: str, password: str, bot: str, line: str) -> None:
        super().__init__(jid, password)
        self.enable_direct_tls, self.enable_plaintext = False, False  # STARTTLS, or nothing
        self.bot, self.line = bot, line
        self.status: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.asked, self.job = "", 0
        self.add_event_handler("session_start", self.say)
        self.add_event_handler("message", self.heard)
        self.add_event_handler("failed_auth", lambda _: self.end(3, "wrong account or password"))
        self.add_event_handler("connection_failed", lambda why: self.end(3, str(why)))

    def say(self, _: object) -> None:
        """We are in: a session without presence gets no messages."""
        self.send_presence()
        message = self.make_message(self.bot, self.line, mtype="chat")
        message["id"] = self.asked = self.new_id()
        message.send()

    def heard(self, message: Message) -> None:
        """What the bot says: an answer names our line (``re``), a result the job."""
        if message["from"].bare != self.bot:
            return
        facts = json.loads(message.xml.findtext("{urn:xmpp:json:0}json") or "{}")
        if facts.get("re") == self.asked:
            print(message["body"])
            self.job = facts.get("job", 0) if facts["kind"] == "acknowledgement" else 0
            if not self.job:
                self.end(1 if facts["kind"] in ("refusal", "error") else 0)
        elif facts.get("kind") == "result" and facts.get("job") == self.job != 0:
            print(message["body"])
            self.end(0 if facts["verdict"] in GOOD else 1)

    def end(self, status: int, why: str = "") -> None:
        """We know; the first word counts."""
        if not self.status.done():
            self.status.set_result(status)
            if why:
                print(why, file=sys.stderr)


async def main() -> int:
    """Ask, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("jid")
    parser.add_argument("bot")
    parser.add_argument("line")
    parser.add_argument("--server", help="HOST:PORT, where DNS does not say")
    parser.add_argument("--ca", help="certificates to trust instead of the system's (PEM)")
    given = parser.parse_args()
    asker = Asker(given.jid, os.environ["LABROOM_PASSWORD"], given.bot, given.line)
    if given.ca:
        asker.ssl_context = ssl.create_default_context(cafile=given.ca)
    host, _, port = (given.server or ":").partition(":")
    asker.connect(host, int(port or 5222))
    status = await asker.status
    await asker.disconnect()
    return status


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
