"""``labroom check``: try all that the bot needs, one line each, with cures."""

from pathlib import Path

from slixmpp import JID
from slixmpp.exceptions import IqError, IqTimeout
from sqlalchemy import create_engine, inspect
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from agent.wire import trial
from agent.wire.link import Link
from agent.wire.membership import JoinError
from agent.wire.report import Report
from bot.config import Config
from bot.service import RESOURCE

COMMANDS = "http://jabber.org/protocol/commands"
END_SESSION = "http://jabber.org/protocol/admin#end-user-session"
WANTED = {
    "muc_membersonly": "members only",
    "muc_nonanonymous": "real addresses shown",
    "muc_persistent": "persistent",
}


async def check(
    config: Config, report: Report, *, quick: bool = False, running: bool = False
) -> None:
    """
    Tell in *report* whether all is well; a running bot is not disturbed.

    Args:
        quick: Do not enter the room, which people see, and do not measure what the server
            lets through: a throttling one takes 10 s.
        running: A bot that does not run is bad, too.
    """

    _files(config, report)

    async def talk(link: Link, report: Report) -> None:
        await trial.tell_running(link, RESOURCE, report, must=running)
        await _room(link, config, report, quick=quick)
        await _rights(link, report)
        if not quick:
            await trial.measure(link, report)

    await trial.trial(config, report, talk)


def _files(config: Config, report: Report) -> None:
    """Whether what the bot keeps can be kept. Nothing is made."""
    if not trial.can_write(config.lock):
        report.bad(f"lock: {config.lock} cannot be written", "give its folder to the bot's user")
    shown = "it"
    try:
        url = make_url(config.database)
        shown = url.render_as_string(hide_password=True)
        path = Path(url.database or "") if url.get_backend_name() == "sqlite" else None
        if path is not None and not trial.can_write(path):
            report.bad(f"database: {path} cannot be written", "give its folder to the bot's user")
        elif path is not None and not path.exists():
            report.ok(f"the database {shown} is made at the start")
        else:
            inspect(create_engine(url)).get_table_names()
            report.ok(f"the database {shown} is there")
    except (SQLAlchemyError, ImportError) as error:
        why = str(error).partition("\n")[0]
        report.bad(f"database: cannot use {shown}: {why}", "correct database, or start its server")


async def _room(link: Link, config: Config, report: Report, *, quick: bool) -> None:
    has = await trial.room_features(link, config.room, report)
    if has is None:
        return
    if not has:
        await _future_room(link, config, report, quick=quick)
        return
    seen = None if quick else await _visit(link, config, report)
    if seen is None and not quick:
        return
    standing = seen.affiliation if seen else await _standing(link, config.room)
    missing = ", ".join(said for feature, said in WANTED.items() if feature not in has)
    if standing != "owner":
        report.bad(
            f"the room {config.room} is not ours: {config.jid} is {standing} there",
            f"an owner of the room must make {config.jid} an owner, too",
        )
    elif missing:
        report.warn(f"the room {config.room} is ours, but not {missing}", "the bot sets that")
    else:
        report.ok(f"the room {config.room} is ours, and as it has to be")
    if seen is not None:
        trial.tell_nick(config.nick, config.jid, seen, report)


async def _visit(link: Link, config: Config, report: Report) -> trial.Visit | None:
    """What is seen from the inside; None, and why, if we are not let in."""
    try:
        return await trial.visit(link, config.room)
    except JoinError as error:
        why = error.condition
    except TimeoutError:
        why = "no answer"
    report.bad(
        f"the room {config.room} does not let {config.jid} in ({why})",
        f"an owner of the room must make {config.jid} an owner, too",
    )
    return None


async def _standing(link: Link, room: str) -> str:
    """What we are in *room*, as far as it says so from the outside: only owners may ask."""
    try:
        owners = await link.client.plugin["xep_0045"].get_affiliation_list(
            JID(room), "owner", timeout=trial.ANSWER
        )
    except (IqError, IqTimeout):
        return "no owner"
    return "owner" if link.jid.bare in {JID(owner).bare for owner in owners} else "no owner"


async def _future_room(link: Link, config: Config, report: Report, *, quick: bool) -> None:
    if quick:
        report.ok(f"there is no room {config.room} yet: the bot makes it")
        return
    service = config.room.partition("@")[2]
    refused = await trial.can_make_rooms(link, service)
    if refused:
        report.bad(
            f"there is no room {config.room}, and {config.jid} may make none ({refused})",
            "let it (restrict_room_creation on Prosody, access_create on ejabberd), "
            "or make the room and make the bot its owner",
        )
    else:
        report.ok(f"there is no room {config.room} yet: the bot makes it, and may")


async def _rights(link: Link, report: Report) -> None:
    """XEP-0133; the bot does well without."""
    try:
        items = await link.client.plugin["xep_0030"].get_items(
            jid=JID(link.jid.domain), node=COMMANDS, timeout=trial.ANSWER
        )
        nodes = {str(node) for _, node, _ in items["disco_items"]["items"]}
    except (IqError, IqTimeout):
        nodes = set()
    if END_SESSION in nodes:
        report.ok(f"{link.jid.bare} may end the session that a dead target leaves on the server")
    else:
        report.ok(
            f"{link.jid.bare} may not end the session that a dead target leaves on the server: the "
            "room knows within seconds all the same, contact lists do not. If they have to, make "
            "it an admin (admins and mod_admin_adhoc on Prosody, acl admin and mod_configure on "
            "ejabberd)"
        )
