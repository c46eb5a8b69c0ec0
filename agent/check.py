"""``labroom-agent check``: try settings, recipes and account, one line each, with cures."""

import asyncio
import sys

from agent.config import Config
from agent.service import boot_id, catalogue
from agent.wire.errors import Refusal
from agent.wire.link import Account, Link
from agent.wire.vocabulary import token

PATIENCE = 20.0
"""Seconds to get a session."""


async def check(config: Config) -> bool:
    """Whether all is well. A random resource and no presence: a running agent is not disturbed."""
    found = catalogue(config)
    for bad in found.bad:
        _say(False, str(bad))
    for recipe in found.infos():
        _say(True, recipe.name + (f" is not offered: {recipe.missing}" if recipe.missing else ""))
    try:
        _say(True, f"boot id {boot_id(config.boot_id)}")
    except Refusal as refusal:
        _say(False, str(refusal))
        return False
    return await _log_in(config) and not found.bad


async def _log_in(config: Config) -> bool:
    link, up = Link(Account.of(config, f"check-{token(8)}")), asyncio.Event()

    async def session() -> None:
        up.set()
        await asyncio.Event().wait()

    task = asyncio.ensure_future(link.run(session))
    try:
        async with asyncio.timeout(PATIENCE):
            await up.wait()
    except TimeoutError:
        _say(False, f"no session for {config.jid}: the log above says why")
        return False
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    _say(True, f"logged in as {config.jid}, with a verified certificate")
    return True


def _say(good: bool, what: str) -> None:
    sys.stdout.write(f"{'ok  ' if good else 'BAD '} {what}\n")
