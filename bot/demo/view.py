"""What the person at the terminal sees and knows: the room's talk, its people, what may be said."""

from collections.abc import Callable
from contextlib import suppress

from slixmpp.stanza import Presence

from agent.wire.account import Account
from bot.commands import discover
from bot.demo.completion import Catalogues, Known, read_catalogues, wants_recipes
from bot.demo.roster import Roster
from bot.demo.speaker import Said, Speaker
from bot.demo.transcript import PERSON, console, note, show

BOT = "labbot"
CATALOGUES = 1.0
"""Seconds that a completion waits for the bot to say what can be run."""


class View:
    """
    Prints what is said, and who comes and goes, while it is open.

    Args:
        changed: Called when somebody's presence did.
    """

    def __init__(self) -> None:
        self.open = False
        self.changed: Callable[[], None] = lambda: None
        self._roster = Roster()
        self._speaker: Speaker | None = None
        self._catalogues: Catalogues = {}
        self._jobs: dict[int, str] = {}

    def enter(self, account: Account, room: str) -> Speaker:
        """The person, who sees through us."""
        self._speaker = Speaker(account, room, PERSON, self._hear, self._see)
        return self._speaker

    async def known(self, line: str) -> Known:
        """What there is to complete *line* with; the bot is asked for what can be run."""
        if wants_recipes(line, discover()) and self._roster.present() - set(self._catalogues):
            await self._learn()
        return Known(self._roster.targets, self._catalogues, self._jobs)

    async def _learn(self) -> None:
        if self._speaker is not None:
            with suppress(TimeoutError):
                answer = await self._speaker.ask(BOT, "recipes", within=CATALOGUES)
                self._catalogues = read_catalogues(answer.facts)

    def states(self) -> list[tuple[str, str]]:
        """What the targets do, in prompt_toolkit's styles; or that we are not there to see it."""
        if self._speaker is None or not self._speaker.present:
            return [("bold ansired", " no connection to the room ")]
        return self._roster.states()

    def _hear(self, said: Said) -> None:
        job = said.facts.get("job")
        if isinstance(job, int):
            self._jobs.setdefault(job, said.body.partition("\n")[0].partition(": ")[2])
        if self.open:
            show(said, columns=console.width)

    def _see(self, presence: Presence) -> None:
        told = self._roster.see(presence)
        if presence["type"] == "unavailable":
            # Whoever comes back may be able to do more: its agent was upgraded.
            gone = presence["from"].resource
            self._catalogues = {
                name: recipes for name, recipes in self._catalogues.items() if name != gone
            }
        if told and self.open:
            note(f"{'':>9}{told}")
        self.changed()
