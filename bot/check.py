"""``labroom check``: try the settings, the account and the room, one line each, with cures."""

import asyncio
import sys

from slixmpp import JID
from slixmpp.exceptions import IqError, IqTimeout

from agent.wire.link import Account, Link
from agent.wire.vocabulary import token
from bot.config import Config

PATIENCE = 20.0
"""Seconds for the whole conversation with the server."""


async def check(config: Config) -> bool:
    """Whether all is well. A random resource and no presence: a running bot is not disturbed."""
    link = Link(Account.of(config, f"check-{token(8)}"))
    looked = asyncio.get_running_loop().create_future()

    async def session() -> None:
        looked.set_result(await _room(link, config))

    task = asyncio.ensure_future(link.run(session))
    try:
        async with asyncio.timeout(PATIENCE):
            await asyncio.wait({task, looked}, return_when=asyncio.FIRST_COMPLETED)
            room = looked.result()
    except TimeoutError:
        where = config.server.host or f"the server of {config.jid}"
        _say(False, f"no session with {where}", "the log above says why")
        return False
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    _say(True, f"logged in as {config.jid}, with a verified certificate", "")
    _say(not room, f"room {config.room}", room)
    return not room


async def _room(link: Link, config: Config) -> str:
    """What is wrong with the room, in a few words; empty if nothing is."""
    disco = link.client.plugin["xep_0030"]
    try:
        info = await disco.get_info(jid=JID(config.room), timeout=PATIENCE / 2)
    except IqError as error:
        if error.condition == "item-not-found":
            return ""  # the bot makes it
        return f"the room's server answers {error.condition}: is its name right?"
    except IqTimeout:
        return "the room's server does not answer"
    wanted = {"muc_membersonly", "muc_nonanonymous", "muc_persistent"}
    missing = wanted - set(info["disco_info"]["features"])
    return f"it lacks {', '.join(sorted(missing))}: let the bot own it" if missing else ""


def _say(good: bool, what: str, cure: str) -> None:
    sys.stdout.write(f"{'ok  ' if good else 'BAD '} {what}{f': {cure}' if cure else ''}\n")
