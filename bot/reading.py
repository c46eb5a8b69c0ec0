"""What a command may have of logs, and what draws: ports of :class:`bot.lab.Lab`."""

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from bot.artifacts import Artifact
from bot.insight.picture import Picture
from bot.jobs import Run
from bot.occupant import Line
from bot.scan import Scan


class Logs(Protocol):
    """What runs printed and left, read page by page. All raise Busy if too many read."""

    async def scan(self, run: Run, scan: Scan) -> None:
        """Show *scan* the lines that *run* printed, from the first, until it has enough."""
        ...

    def text(self, run: Run) -> AsyncGenerator[bytes, None]:
        """All that *run* printed, as plain text: nothing that a terminal would obey."""
        ...

    async def files(self, run: Run) -> Sequence[Artifact]:
        """The files that *run* left."""
        ...

    def file(self, run: Run, artifact: Artifact) -> AsyncGenerator[bytes, None]:
        """What is in one of them."""
        ...


class Followers(Protocol):
    """Who is told what a run prints, while it does."""

    async def follow(self, run: Run, line: Line) -> None:
        """
        Tell who said *line*, in private, what *run* prints from now on.

        Raises Busy if they, or all together, follow too many; Away if they are not in the room.
        """
        ...

    def unfollow(self, asker: str, job: int | None) -> Sequence[str]:
        """
        Tell the person with this bare JID no more of *job*, or (None) of anything.

        Returns what they followed, as people write it: ``17@bob``.
        """
        ...


class Charts(Protocol):
    """What draws."""

    async def draw(self, picture: Picture) -> bytes:
        """*picture* as PNG; a Refusal with the reason if there is none."""
        ...
