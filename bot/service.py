"""The running bot: everything made, tied together, and kept in one task group."""

import asyncio
import importlib.metadata
from datetime import UTC, datetime
from pathlib import Path

import structlog
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from agent.wire.account import Account
from agent.wire.alone import alone
from agent.wire.double import Doubles
from agent.wire.link import Link
from agent.wire.settings import BadSettings
from bot.annals import Annals
from bot.attention import Attention
from bot.charts import Charts
from bot.commands import discover
from bot.config import Config
from bot.consent import Consent
from bot.deadlines import Deadlines
from bot.dialogue import Dialogue
from bot.dispatch import Dispatch
from bot.fleet import Fleet
from bot.followers import Followers
from bot.herald import Herald
from bot.intake import Intake
from bot.jobs import Run
from bot.lab import Lab
from bot.likes import Likes
from bot.logs import Logs
from bot.machines import Machines
from bot.missed import Missed
from bot.relearn import Relearned
from bot.store import growth, schema, targets
from bot.store.writer import Writer
from bot.tidy import Tidy
from bot.vigil import Vigil
from bot.warrant import Warrant
from bot.wishes import Wishes
from bot.xmpp.adhoc import AdHoc
from bot.xmpp.client import Client
from bot.xmpp.vitals import Vitals
from bot.xmpp.wire import TargetWire

log = structlog.get_logger()

RESOURCE = "bot"


async def serve(config: Config) -> None:
    """Be the bot, until cancelled."""
    with alone(config.lock, "bot"):
        store = await _open_store(config.database)
        try:
            await _run(config, store)
        finally:
            await store.close()


async def _run(config: Config, store: Writer) -> None:
    store_id = await store.do(targets.store_id)
    fleet = Fleet(config.jid, store_id, config.is_target)
    fleet.load(await store.do(targets.remembered))
    for pattern in config.targets:
        if not set(pattern) & set("*?["):  # a name, so we know of it before it ever came
            fleet.member(pattern)
    version = importlib.metadata.version("labroom")
    link = Link(Account.of(config, RESOURCE))
    wire = TargetWire(link)

    def lab() -> Lab:
        return Lab(
            targets=machines,
            jobs=dispatch,
            logs=logs,
            followers=followers,
            room=client,
            missed=missed,
            likes=likes,
            wishes=wishes,
            people=client.people,
            history=annals,
            charts=charts,
            domain=config.jid.partition("@")[2],
            now=datetime.now(UTC),
            knocking=client.knocking,
            version=version,
            groups=config.groups,
        )

    rights = config.policy()
    consent = Consent(
        rights, config.confirm,
        standing=lambda jid: client.people.standing(jid), called=lambda: client.people.called,
    )  # fmt: skip
    dialogue = Dialogue(discover(), lab, rights, consent)
    charts = Charts()
    likes, annals, logs = Likes(store), Annals(store), Logs(store)
    attention = Attention(
        dialogue, lab,
        programs=config.is_script,
        client=lambda line: client.room.clients.kind(line.client),
        columns=likes.columns,
        now=asyncio.get_running_loop().time,
    )  # fmt: skip
    missed = Missed(lambda past: dialogue.would_act(past.line))
    client = Client(link, config, store, fleet, attention.answer)
    room = client.room
    AdHoc(link, room.members, room.occupants, attention.answer, room.speech.placed, lab)
    herald = Herald(store, client.room.speech, logs)
    followers = Followers(store, logs, client.room.speech)
    machines = Machines(fleet, wire, herald, store, within=config.patience.reboot)
    await machines.load()
    wishes = Wishes(store, fleet, herald)
    await wishes.load()

    def ended(run: Run) -> None:
        herald.ended(run)
        wishes.ended(run)

    found = Relearned(herald.news)
    dispatch = Dispatch(
        store, store_id, fleet, wire, config.patience,
        ended=ended, found=found.add, warrant=Warrant(rights, fleet, client.people.standing),
    )  # fmt: skip
    intake = Intake(
        store, store_id, wire,
        ended=ended, revised=herald.revised, alarmed=herald.alarmed,
        unknown=dispatch.wonder,
    )  # fmt: skip
    deadlines = Deadlines(store, fleet, config.patience, ended=ended)
    vitals = Vitals(link, client.room, lambda full: vigil.heard(full))
    vigil = Vigil(
        fleet, vitals, config.liveness,
        strand=deadlines.left, meet=dispatch.appeared, say=herald.news,
        reboot=config.patience.reboot,
    )  # fmt: skip
    client.bind(vigil, intake, herald, machines, wishes, missed, dispatch.rights_changed)
    doubles = Doubles(link, client.clashes)
    log.info("bot.started", jid=config.jid, room=config.room, store=store_id)
    async with asyncio.TaskGroup() as group:
        services = (intake, dispatch, deadlines, herald, machines, vigil, wishes, followers)
        for service in (*services, Tidy(store, config.keeping)):
            group.create_task(service.run())
        group.create_task(link.run(client.session, alone=doubles.until_alone))


async def _open_store(url: str) -> Writer:
    """The database at *url*, made if it is missing."""
    shown, hint = (
        "it",
        "Give an SQLAlchemy URL that the bot may write, like sqlite:////var/lib/x.db.",
    )
    try:
        shown = make_url(url).render_as_string(hide_password=True)
        database = make_url(url).database
        if url.startswith("sqlite") and database:
            Path(database).parent.mkdir(parents=True, exist_ok=True)
        store = Writer(url)
        await store.do(growth.prepare)
    except schema.VersionError as error:
        raise BadSettings(f"database: cannot use {shown}: {error.what}", hint=error.hint) from error
    except (SQLAlchemyError, OSError, ImportError) as error:
        raise BadSettings(f"database: cannot use {shown}: {error}", hint=hint) from error
    return store
