"""
The targets: which there are, what they say of themselves, which reboots are under way.

In memory; what must outlive the bot is in the store. Told by the room and by syncs, asked
by commands and by dispatch. No I/O: time comes in as an argument (UTC).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from agent.wire.errors import Away
from agent.wire.machine import Machine
from agent.wire.parameter import RecipeInfo
from agent.wire.query import Standing
from agent.wire.target import TargetState
from bot.lab import Target
from bot.reboot import Reboot
from bot.report.text import safe
from bot.store.targets import Remembered


@dataclass(slots=True)
class Member:
    """Everything known of one target."""

    kept: Remembered
    full: str = ""
    """Its full JID while it is there, else empty."""
    says: TargetState = field(default_factory=TargetState)
    since: datetime | None = None
    heard: datetime | None = None
    behind: timedelta = timedelta()
    """How far its clock is behind ours."""
    reboot: Reboot | None = None
    dead: bool = False
    """Whether it is gone and nobody wanted that: no answer, a crash."""

    @property
    def state(self) -> str:
        """``idle``, ``busy``, ``rebooting``, ``down`` or ``away``."""
        if self.full:
            return self.says.state
        if self.reboot and not self.reboot.late:
            return "rebooting"
        return "down" if self.dead else "away"

    @property
    def leaving(self) -> bool:
        """Whether it agreed to reboot, and that is neither proven nor overdue."""
        return self.reboot is not None and self.reboot.agreed and not self.reboot.late


class Fleet:
    """
    All targets, by bare JID.

    Args:
        us: Our bare JID.
        store: Our store's id: which of the jobs ordered by us are known here by their number.
        expected: Whether a bare JID is a target by configuration.
    """

    def __init__(self, us: str, store: str, expected: Callable[[str], bool]) -> None:
        self._us, self._store, self._expected = us, store, expected
        self._members: dict[str, Member] = {}
        self.listening = False
        """Whether we are in the room: else nobody's silence says anything."""

    # Who there is

    def load(self, remembered: Sequence[Remembered]) -> None:
        """Start with what the store knows."""
        for kept in remembered:
            self._members.setdefault(kept.jid, Member(kept))

    def belongs(self, jid: str) -> bool:
        """Whether *jid* is a target: by configuration, or admitted before."""
        return jid in self._members or self._expected(jid)

    def member(self, jid: str) -> Member:
        """The target *jid*, which belongs."""
        return self._members.setdefault(jid, Member(Remembered(jid=jid)))

    def members(self) -> list[Member]:
        """All of them."""
        return list(self._members.values())

    def view(self, member: Member) -> Target:
        """One as commands see it."""
        return self._view(self.name(member.kept.jid), member)

    def present(self) -> list[Member]:
        """Those that are there."""
        return [member for member in self._members.values() if member.full]

    def names(self) -> dict[str, Member]:
        """Targets by what people call them: the local part, or all of it where two share one."""
        locals_ = [jid.partition("@")[0] for jid in self._members]
        named = {
            local if locals_.count(local) == 1 else jid: member
            for local, (jid, member) in zip(locals_, self._members.items(), strict=True)
        }
        return dict(sorted(named.items()))

    def name(self, jid: str) -> str:
        """What people call *jid*."""
        for name, member in self.names().items():
            if member.kept.jid == jid:
                return name
        return jid

    def all(self) -> list[Target]:
        """As commands see them."""
        return [self._view(name, member) for name, member in self.names().items()]

    def recipes(self, name: str) -> Mapping[str, RecipeInfo] | None:
        """What target *name* offers; None if it never said."""
        member = self.names().get(name)
        if member is None or member.kept.recipes is None:
            return None
        return {recipe.name: recipe for recipe in member.kept.recipes}

    def reach(self, name: str) -> Member:
        """Target *name*; Away if it is not there."""
        member = self.names()[name]
        if not member.full:
            since = f" since {member.since:%H:%M} UTC" if member.since else ""
            raise Away(
                f"{name} is {member.state}{since}", hint=f"Say it again when {name} is back."
            )
        return member

    # What is heard

    def arrived(self, full: str, says: TargetState, now: datetime) -> bool:
        """A presence of a target. Whether there is a new session to be met."""
        jid = full.partition("/")[0]
        member = self.member(jid)
        was, before = member.state, (member.full, member.says.session)
        member.full, member.says, member.heard, member.dead = full, says, now, False
        if member.state != was:
            member.since = now
        return before != (full, says.session)

    def left(self, full: str, now: datetime, *, dead: bool = False) -> bool:
        """The session *full* is gone. Whether the target was there with it."""
        member = self._members.get(full.partition("/")[0])
        if member is None or member.full != full:
            return False
        member.full, member.since, member.dead = "", now, dead
        return True

    def heard(self, jid: str, now: datetime) -> None:
        """Target *jid* said something."""
        if jid in self._members:
            self._members[jid].heard = now

    def nobody(self, now: datetime) -> None:
        """We lost the room: who is there is unknown until we are back in it."""
        self.listening = False
        for member in self._members.values():
            if member.full:
                member.full, member.since = "", now

    def synced(self, jid: str, standing: Standing, now: datetime) -> Remembered:
        """The answer to a sync; what to remember of it."""
        member = self.member(jid)
        member.heard, member.behind = now, now - standing.clock
        member.kept = replace(member.kept, epoch=standing.epoch, boot=standing.boot)
        return member.kept

    def offers(
        self, jid: str, digest: str, recipes: tuple[RecipeInfo, ...], machine: Machine
    ) -> Remembered:
        """The target's catalogue, and what machine it is; what to remember of it."""
        member = self.member(jid)
        member.kept = replace(member.kept, digest=digest, recipes=recipes, machine=machine)
        return member.kept

    # Reboots

    def rebooting(self, jid: str, reboot: Reboot) -> None:
        """A reboot was ordered; that the target goes may be known before its answer."""
        member = self.member(jid)
        member.reboot = replace(reboot, going=member.says.state == "rebooting")

    def proven(self, jid: str) -> Reboot | None:
        """The reboot that *jid*'s boot id proves by now; it is told once."""
        member = self.member(jid)
        reboot = member.reboot
        if reboot is None or not member.full or member.says.boot in ("", reboot.boot):
            return None
        member.reboot = None
        return reboot

    def stayed(self, jid: str) -> Reboot | None:
        """The reboot that *jid* has given up, as its presence tells; nobody waits for it then."""
        member = self.member(jid)
        reboot = member.reboot
        if reboot is None or not member.full:
            return None
        if reboot.agreed and member.says.state == "rebooting":
            member.reboot = replace(reboot, going=True)
        elif reboot.going or reboot.late:
            member.reboot = None
            return reboot
        return None  # what it said before it was asked may come late

    def overdue(self, now: datetime) -> list[tuple[str, Reboot]]:
        """
        Reboots that nothing proved in time, by bare JID; each is told once.

        Whoever is there has not rebooted, and that is the end; who is not may be back yet.
        """
        late = []
        for jid, member in self._members.items():
            reboot = member.reboot
            if reboot is not None and not reboot.late and now >= reboot.deadline:
                late.append((jid, reboot))
                member.reboot = None if member.full else replace(reboot, late=True)
        return late

    def _view(self, name: str, member: Member) -> Target:
        says = member.says
        ours = says.controller == self._us and says.run and says.run.store == self._store
        return Target(
            name=name,
            jid=member.kept.jid,
            present=bool(member.full),
            state=member.state,
            friendly=safe(says.name),
            location=safe(says.location),
            doing=safe(says.step) if member.full else "",
            other=self._other(says.controller) if says.run and member.full else "",
            job=says.run.number if says.run and ours and member.full else None,
            progress=says.progress / 100 if says.progress is not None and member.full else None,
            left=says.left if member.full else None,
            queue=says.queue if member.full else 0,
            boot=safe(says.boot or member.kept.boot),
            version=safe(says.version),
            address=safe(says.address),
            machine=member.kept.machine,
            since=member.since,
            heard=member.heard,
        )

    def _other(self, controller: str) -> str:
        """What to call the bot *controller*, if that is not us."""
        if controller == self._us:
            return ""
        local, ours = controller.partition("@")[0], self._us.partition("@")[0]
        return safe(controller if local == ours else local)
