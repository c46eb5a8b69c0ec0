"""
What a target remembers of runs that are not here: a command that comes again is answered.

Beside the run directories stand ``<run id>.retired`` (it is over, and the directory gone:
its journal's id), ``<run id>.refused`` (why) and ``<run id>.cancelled`` (the cancel came
before the run: who). Each is durable when it is left.

Rule: what was said of a run stays said. A server that delivers an order twice must not
start, the second time, what people were told is refused.
"""

import contextlib
from dataclasses import dataclass
from pathlib import Path

from agent import durable
from agent.rundir import place
from agent.wire.errors import Refusal
from agent.wire.vocabulary import RunId

RETIRED, REFUSED, CANCELLED = "retired", "refused", "cancelled"

_MOST = 1000


@dataclass(frozen=True, slots=True)
class Tomb:
    """
    What is left of a run.

    Attributes:
        kind: One of the three.
        text: Its journal's id; or why, and on a second line what to do; or who.
    """

    kind: str
    text: str

    def answer(self) -> str:
        """The id of the journal, for an order that comes again; raises the Refusal."""
        if self.kind == RETIRED:
            return self.text
        if self.kind == CANCELLED:
            raise Refusal(f"it was cancelled by {self.text} before it came")
        what, _, hint = self.text.partition("\n")
        raise Refusal(what, hint=hint)


def find(state: Path, controller: str, run: RunId) -> Tomb | None:
    """What is left of *run*, or None."""
    for kind in (RETIRED, REFUSED, CANCELLED):
        path = place(state, controller) / f"{run}.{kind}"
        with contextlib.suppress(FileNotFoundError):
            return Tomb(kind, path.read_text("utf-8", "replace")[:_MOST])
    return None


def leave(state: Path, controller: str, run: RunId, tomb: Tomb) -> None:
    """Remember *tomb*; durable when it returns."""
    folder = place(state, controller)
    durable.make_folder(folder)
    durable.write(folder / f"{run}.{tomb.kind}", tomb.text[:_MOST].encode())
    durable.sync_folder(folder)


def refuse(state: Path, controller: str, run: RunId, refusal: Refusal) -> None:
    """Remember that *run* was refused; a full disk, of all reasons, cannot be remembered."""
    text = f"{refusal.what}\n{refusal.hint}"
    with contextlib.suppress(OSError):
        leave(state, controller, run, Tomb(REFUSED, text))


def prune(state: Path, before: float) -> None:
    """Forget what was left *before* that time (seconds since the epoch)."""
    for kind in (RETIRED, REFUSED, CANCELLED):
        for path in (state / "runs").glob(f"*@*/*.{kind}"):
            if path.stat().st_mtime < before:
                path.unlink(missing_ok=True)
