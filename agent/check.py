"""``labroom-agent check``: try all that the agent needs, one line each, with cures."""

from agent.config import Config
from agent.service import RESOURCE, boot_id, catalogue
from agent.wire import trial
from agent.wire.errors import Refusal
from agent.wire.link import Link
from agent.wire.membership import JoinError
from agent.wire.report import Report

BOT = "bot"
"""The resource of every bot."""


async def check(
    config: Config, report: Report, *, quick: bool = False, running: bool = False
) -> None:
    """
    Tell in *report* whether all is well; a running agent is not disturbed.

    Args:
        quick: Do not enter the room, which people see, and do not measure what the server
            lets through: a throttling one takes 10 s.
        running: An agent that does not run is bad, too.
    """
    _machine(config, report)

    async def talk(link: Link, report: Report) -> None:
        await trial.tell_running(link, RESOURCE, report, must=running)
        await _room(link, config, report, quick=quick)
        for controller in config.controllers:
            await _controller(link, controller, report)
        if not quick:
            await trial.measure(link, report)

    await trial.trial(config, report, talk)


def _machine(config: Config, report: Report) -> None:
    found = catalogue(config)
    for bad in found.bad:
        report.bad(str(bad), "correct the file, or remove it")
    for recipe in found.infos():
        if recipe.missing:
            report.warn(f"{recipe.name} is not offered: {recipe.missing}", "install what it needs")
        else:
            report.ok(f"{recipe.name} is offered")
    for name, why in found.deaf().items():
        report.warn(f"{name} runs without the kernel's say: {why}", "run the agent as root")
    try:
        report.ok(f"boot id {boot_id(config.boot_id)}")
    except Refusal as refusal:
        report.bad(refusal.what, refusal.hint)
    if not trial.can_write(config.state):
        report.bad(
            f"state: {config.state} cannot be written", "give the folder to the agent's user"
        )


async def _room(link: Link, config: Config, report: Report, *, quick: bool) -> None:
    has = await trial.room_features(link, config.room, report)
    if has is None:
        return
    if not has:
        report.warn(f"there is no room {config.room} yet", "start the bot: it makes the room")
        return
    if "muc_nonanonymous" not in has:
        report.warn(
            f"the room {config.room} hides who is who", "let the bot own it: it sets that, too"
        )
    if quick:
        report.ok(f"there is a room {config.room}")
        return
    try:
        seen = await trial.visit(link, config.room)
    except JoinError as error:
        _tell_refusal(error, config, report)
        return
    except TimeoutError:
        report.bad(f"the room {config.room} does not answer", "the server's log may say why")
        return
    report.ok(f"the room {config.room} lets us in, as {seen.affiliation}")
    trial.tell_nick(config.jid.partition("@")[0], config.jid, seen, report)


def _tell_refusal(error: JoinError, config: Config, report: Report) -> None:
    what = f"the room {config.room} does not let {config.jid} in ({error.condition})"
    if error.condition == "registration-required":
        name = config.jid.partition("@")[0]
        report.warn(
            what, f"the agent asks the bot; if no pattern of its targets fits, say admit {name}"
        )
    else:
        report.bad(what, "an owner of the room must let it in")


async def _controller(link: Link, controller: str, report: Report) -> None:
    why = await trial.answers(link, f"{controller}/{BOT}")
    if why:
        report.warn(
            f"the controller {controller} is not there ({why})",
            "start that bot, or correct controllers",
        )
    else:
        report.ok(f"the controller {controller} is there")
