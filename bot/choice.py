"""Whom a selection means, now: what it needs to know is asked of the lab."""

from collections.abc import Callable

from agent.wire.errors import UnknownName
from bot.grammar import NoSuch
from bot.lab import Lab
from bot.selection import Choice, Known, Selection, choose


async def chosen(
    said: Selection,
    lab: Lab,
    *,
    others: bool | None = None,
    suits: Callable[[str], bool] = bool,
) -> Choice:
    """
    The targets that are meant, frozen; NoSuch or Refusal if there are none.

    Args:
        others: Whether everything else that the line names exists; None if that is nothing.
        suits: Whether a target could do it: "any idle" is one that can.
    """
    failed = {}
    for number in said.jobs:
        try:
            job = await lab.jobs.get(number)
        except UnknownName as error:
            raise NoSuch(error.what, hint=error.hint, likely=others is not False) from None
        failed[number] = [
            run.target for run in job.runs if run.verdict is not None and not run.verdict.good
        ]
    known = Known(targets=lab.targets.all(), groups=lab.groups, failed=failed, suits=suits)
    return choose(said, known, others=others)
