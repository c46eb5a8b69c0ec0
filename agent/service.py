"""The running agent: everything made, tied together, and kept in one task group."""

import asyncio
import importlib.metadata
from collections.abc import Awaitable
from pathlib import Path

import structlog

from agent import durable, identity
from agent.catalogue import Catalogue
from agent.client import Client
from agent.config import Config
from agent.courier import delivered
from agent.executor import Executor
from agent.janitor import Janitor
from agent.notify import Notifier
from agent.rundir import RunDir
from agent.wire.account import Account
from agent.wire.alone import alone
from agent.wire.double import Doubles
from agent.wire.link import Link
from agent.wire.settings import BadSettings
from agent.wire.target import TargetState
from agent.wire.vocabulary import TOKEN, token

log = structlog.get_logger()

RESOURCE = "agent"


def catalogue(config: Config) -> Catalogue:
    """The recipes of this target; what cannot be read is logged, and hides no other."""
    folders = [path for path in config.recipes if path.is_dir()]
    found = Catalogue(folders, reboot_within=config.reboot.within)
    for bad in found.bad:
        log.error("recipe.unusable", reason=str(bad))
    for recipe, why in found.deaf().items():
        log.warning("recipe.deaf", recipe=recipe, reason=why, cure="run the agent as root")
    return found


def boot_id(path: Path) -> str:
    """The id of the machine's present start."""
    try:
        return path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSettings(
            f"boot_id: cannot read {path} ({error})",
            hint="Leave the setting out on Linux: the kernel's is the default.",
        ) from error


async def serve(config: Config) -> None:
    """Be the agent, until cancelled. Diagnostics that run go on without it."""
    with alone(config.state / "lock", "agent"):
        boot = boot_id(config.boot_id)
        identity.claim(config.state, identity.marks(config.hardware))
        us = TargetState(
            name=config.name,
            location=config.location,
            boot=boot,
            epoch=_epoch(config.state),
            version=importlib.metadata.version("labroom"),
        )
        await _run(config, us)


async def _run(config: Config, us: TargetState) -> None:
    def changed(run: RunDir) -> None:
        holding = next((h for h in executor.held(run.controller) if h.dir == run), None)
        if holding is not None:
            client.controllers.courier.changed(holding)
        client.changed()

    link = Link(Account.of(config, RESOURCE))
    name = config.jid.partition("@")[0]
    executor = Executor(
        config.state,
        catalogue(config),
        lambda: us.boot,
        changed,
        restart=lambda within: client.controllers.go_down(within),
        machine=name,
    )
    systemd = Notifier.take()
    doubles = Doubles(link, lambda where: client.clashes(where))
    client = Client(config, link, executor, us, told=systemd.status)

    def wanted(controller: str, store: str) -> bool:
        known = client.controllers.courier.store(controller)
        return controller in config.controllers and known in (None, store)

    janitor = Janitor(executor, config.keep, delivered=delivered, wanted=wanted)
    await executor.start()
    systemd.ready()
    log.info("agent.started", jid=config.jid, boot=us.boot, epoch=us.epoch)

    async def part(work: Awaitable[None]) -> None:
        """One of those that end together; who broke is the reason for all."""
        try:
            await work
        except Exception:
            client.failed = True
            raise

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(part(executor.wait()))
            group.create_task(part(client.controllers.courier.run()))
            group.create_task(part(client.controllers.orders.run()))
            group.create_task(part(client.subscriptions.run()))
            group.create_task(part(janitor.run()))
            group.create_task(part(link.run(client.session, alone=doubles.until_alone)))
    finally:
        await executor.close()


def _epoch(state: Path) -> str:
    """The random id of the state folder: made with it, and lost with it."""
    path = state / "epoch"
    try:
        epoch = path.read_text("ascii").strip()
    except FileNotFoundError:
        epoch = ""
    if TOKEN.fullmatch(epoch) is None:
        epoch = token()
        durable.replace(path, epoch.encode())
    return epoch
