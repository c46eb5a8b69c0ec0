"""
Commands as forms, for clients that have them (XEP-0050): status, run, stop and chart.

Rule: a form is another way to write a line. It is answered as if whoever filled it in had written
that line to us directly, with the same rights; how a job ends they are told by a message. What is
a file or a picture is told as its link: a form shows none.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from slixmpp import JID
from slixmpp.exceptions import XMPPError
from slixmpp.plugins.xep_0004 import Form
from slixmpp.stanza import Iq

from agent.wire.link import Link
from agent.wire.parameter import RecipeInfo
from agent.wire.vocabulary import token
from bot.jobs import Job
from bot.lab import Lab
from bot.occupant import Affiliation, Channel, Line, Occupant
from bot.reply import Reply
from bot.report.progress import overall
from bot.report.text import listed, safe
from bot.xmpp.members import Members
from bot.xmpp.occupants import Occupants

Session = dict[str, Any]
"""slixmpp's: what it keeps of one execution."""

OPEN = 600.0
"""Seconds that somebody may look at a form: it holds memory."""


class AdHoc:
    """
    Offers the commands, and answers who executes them.

    Args:
        answer: What to say to a line, or None.
        placed: The reply with its file and its picture where the server keeps them.
        lab: The lab as it is now.
    """

    def __init__(
        self,
        link: Link,
        members: Members,
        occupants: Occupants,
        answer: Callable[[Line], Awaitable[Reply | None]],
        placed: Callable[[Reply], Awaitable[tuple[Reply, Reply | None]]],
        lab: Callable[[], Lab],
    ) -> None:
        self._link, self._members, self._occupants = link, members, occupants
        self._answer, self._placed, self._lab = answer, placed, lab
        link.client.register_plugin("xep_0050")
        link.client.add_event_handler("session_bind", self._offer)

    def _offer(self, _: object) -> None:
        """With each session, whose address they are offered under."""
        plugin = self._link.client.plugin["xep_0050"]
        for node, name, handler in (
            ("status", "How the lab is", self._status),
            ("run", "Run a recipe", self._run),
            ("stop", "Stop a job", self._stop),
            ("chart", "What a job measured", self._chart),
        ):
            plugin.add_command(node=node, name=name, handler=handler, timeout=OPEN)

    # Each takes the first request of an execution, and returns its session

    async def _status(self, iq: Iq, session: Session) -> Session:
        return await self._end(session, await self._who(iq["from"]), "status")

    async def _run(self, iq: Iq, session: Session) -> Session:
        await self._who(iq["from"])
        recipes = self._recipes()
        targets = [target.name for target in self._lab().targets.all()]
        form = _form("Run a recipe", "Which, and where")
        _choice(form, "recipe", "Recipe", sorted(recipes))
        _choice(form, "targets", "Targets", targets, several=True)
        return _ask(session, form, self._parameters)

    async def _parameters(self, form: Form, session: Session) -> Session:
        """The second form: the recipe's own parameters."""
        values = form["values"]
        recipe, targets = _one(values.get("recipe")), _all(values.get("targets"))
        info = self._recipes().get(recipe)
        if info is None or not targets:
            return _told(session, "error", "choose a recipe and at least one target")
        session["lab"] = recipe, targets
        form = _form(f"Run {recipe}", safe(info.summary))
        for name, parameter in info.params.items():
            if parameter.choices:
                _choice(form, name, name, parameter.choices, value=parameter.default)
            else:
                form.add_field(name, "text-single", label=name, value=parameter.default)
        return _ask(session, form, self._start)

    async def _start(self, form: Form, session: Session) -> Session:
        recipe, targets = session["lab"]
        info = self._recipes().get(recipe)
        words = [recipe]
        for name, parameter in (info.params if info else {}).items():
            value = _one(form["values"].get(name))
            if '"' in value:
                return _told(session, "error", f"{name} cannot have a quotation mark in it")
            if value and value != parameter.default:
                words.append(f'{name}="{value}"')
        line = f"run {' '.join(words)} on {', '.join(targets)}"
        return await self._end(session, await self._who(session["from"]), line)

    async def _stop(self, iq: Iq, session: Session) -> Session:
        await self._who(iq["from"])
        jobs = [job for job in await self._lab().jobs.recent(20) if not job.done]
        if not jobs:
            return _told(session, "info", "no job is on")
        session["lab"] = "stop"
        return _ask(session, _jobs("Stop a job", "On all its targets", jobs), self._of_job)

    async def _chart(self, iq: Iq, session: Session) -> Session:
        await self._who(iq["from"])
        jobs = [job for job in await self._lab().jobs.recent(20) if job.done]
        if not jobs:
            return _told(session, "info", "no job is done yet")
        session["lab"] = "chart"
        return _ask(session, _jobs("A picture", "Of what it measured", jobs), self._of_job)

    async def _of_job(self, form: Form, session: Session) -> Session:
        """The command that was chosen, of the job that was chosen."""
        line = f"{session['lab']} {_one(form['values'].get('job'))}"
        return await self._end(session, await self._who(session["from"]), line)

    # What they share

    async def _who(self, full: JID) -> Occupant:
        """Who executes it; XMPPError if the room does not know them."""
        here = self._occupants.of(full.bare)
        if here is not None:
            by = here.occupant
        else:
            by = Occupant(full.user, await self._members.standing(full.bare), full.bare)
        if by.affiliation in (Affiliation.NONE, Affiliation.OUTCAST):
            raise XMPPError("forbidden", text="only members of the lab's room may", etype="auth")
        return by

    async def _end(self, session: Session, by: Occupant, text: str) -> Session:
        """Say the line; its answer ends the execution."""
        identity = token()
        line = Line(
            by, text, f"{by.jid}#{identity}", identity, Channel.DIRECT,
            addressed=True, client=session["from"].full,
        )  # fmt: skip
        reply = await self._answer(line)
        if reply is None:
            return _told(session, "error", "I do not answer that")
        kind = "error" if reply.kind in ("refusal", "error") else "info"
        reply, picture = await self._placed(reply)
        return _told(session, kind, f"{reply.body}\n{picture.body}" if picture else reply.body)

    def _recipes(self) -> dict[str, RecipeInfo]:
        """Every recipe that some target offers."""
        targets = self._lab().targets
        found: dict[str, RecipeInfo] = {}
        for target in targets.all():
            for name, info in (targets.recipes(target.name) or {}).items():
                found.setdefault(name, info)
        return found


def _form(title: str, instructions: str) -> Form:
    form = Form()
    form["type"] = "form"
    form["title"], form["instructions"] = title, instructions
    return form


def _choice(
    form: Form, name: str, label: str, options: Iterable[str], *,
    value: str | None = None, several: bool = False,
) -> None:  # fmt: skip
    kind = "list-multi" if several else "list-single"
    field = form.add_field(name, kind, label=label, required=True, value=value)
    for option in options:
        field.add_option(option, option)


def _jobs(title: str, instructions: str, jobs: Iterable[Job]) -> Form:
    """One of *jobs* is to be chosen."""
    form = _form(title, instructions)
    field = form.add_field("job", "list-single", label="Job", required=True)
    for job in jobs:
        where = listed([run.target for run in job.runs], 4)
        field.add_option(
            f"{job.number} {safe(job.title, 60)} on {where}, {overall(job)}", str(job.number)
        )
    return form


def _ask(session: Session, form: Form, then: Callable[..., object]) -> Session:
    session["payload"], session["next"], session["has_next"] = form, then, True
    session["notes"] = None
    return session


def _told(session: Session, kind: str, text: str) -> Session:
    session["payload"], session["next"], session["has_next"] = None, None, False
    session["notes"] = [(kind, text)]
    return session


def _all(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else [str(value or "")]


def _one(value: object) -> str:
    return _all(value)[0] if _all(value) else ""
