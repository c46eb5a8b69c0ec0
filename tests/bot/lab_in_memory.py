"""The ports of bot/lab.py with nothing behind them: a lab as a test describes it."""

from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from agent.wire.errors import Away, Busy, Refusal, UnknownName
from agent.wire.parameter import Kind, Parameter, RecipeInfo
from agent.wire.vocabulary import Step
from bot.artifacts import Artifact
from bot.insight.estimate import Estimate
from bot.insight.measure import Measure
from bot.insight.picture import Picture
from bot.jobs import Job, Phase, Run
from bot.lab import Lab, Target
from bot.missed import Missed, Past
from bot.occupant import Affiliation, Line, Occupant
from bot.report.printed import Lines
from bot.scan import Scan
from bot.wish import Wish

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DOMAIN = "lab.example"

MEMTEST = RecipeInfo(
    name="memtest",
    summary="Userspace memory test",
    params={
        "size": Parameter(kind=Kind.SIZE, default="64M", min="1M", max="4G"),
        "passes": Parameter(kind=Kind.INT, default="1", min="1", max="1000"),
    },
)
STRESS = RecipeInfo(
    name="stress",
    summary="Load on every processor",
    params={
        "time": Parameter(kind=Kind.DURATION, default="1m", min="1s", max="48h"),
        "what": Parameter(kind=Kind.CHOICE, default="cpu", choices=("cpu", "io", "vm")),
    },
)


def occupant(nick: str, affiliation: Affiliation = Affiliation.MEMBER) -> Occupant:
    return Occupant(nick, affiliation, f"{nick}@{DOMAIN}")


ANN = occupant("ann", Affiliation.OWNER)
MAX = occupant("max")
EVE = occupant("eve", Affiliation.NONE)


def line(text: str, by: Occupant = ANN, *, addressed: bool = False) -> Line:
    return Line(by=by, text=text, id=f"id-{text[:40]}", addressed=addressed)


def target(name: str, state: str = "idle", **known: object) -> Target:
    plain = Target(name=name, jid=f"{name}@{DOMAIN}", present=state != "away", state=state)
    return replace(plain, **known)  # type: ignore[arg-type]


class Targets:
    def __init__(self, *targets: Target) -> None:
        self.known = {each.name: each for each in targets}
        self.catalogues: dict[str, Mapping[str, RecipeInfo] | None] = {}
        self.rebooted: list[tuple[str, bool, str]] = []
        self.pinged: list[str] = []

    def all(self) -> Sequence[Target]:
        return sorted(self.known.values(), key=lambda each: each.name)

    def recipes(self, name: str) -> Mapping[str, RecipeInfo] | None:
        return self.catalogues.get(name, {"memtest": MEMTEST, "stress": STRESS})

    async def reboot(self, name: str, *, force: bool, by: str) -> None:
        self._here(name)
        if self.known[name].state == "busy" and not force:
            raise Busy(f"{name} is busy", hint=f"Say reboot {name} now.")
        self.rebooted.append((name, force, by))

    async def ping(self, name: str) -> float:
        self._here(name)
        self.pinged.append(name)
        return 0.0123

    def _here(self, name: str) -> None:
        if not self.known[name].present:
            raise Away(f"{name} is away", hint="status says since when.")


class Jobs:
    def __init__(self) -> None:
        self.jobs: dict[int, Job] = {}
        self.lines: dict[str, int] = {}
        self.output: dict[str, bytes] = {}
        self.stopped: list[tuple[object, ...]] = []

    async def submit(
        self, steps: Sequence[Step], targets: Sequence[str], line: Line, *, within: float = 0
    ) -> Job:
        if line.id in self.lines:
            return self.jobs[self.lines[line.id]]
        number = max(self.jobs, default=0) + 1
        self.lines[line.id] = number
        self.jobs[number] = Job(
            number=number,
            steps=tuple(steps),
            asker=line.by.nick,
            asker_jid=line.by.jid or "",
            channel=line.channel,
            asked=NOW,
            by=NOW + timedelta(seconds=within or 86400),
            ref=line.ref,
            runs=tuple(Run(job=number, target=name, jid=f"{name}@{DOMAIN}") for name in targets),
        )
        return self.jobs[number]

    async def get(self, number: int) -> Job:
        if number not in self.jobs:
            newest = max(self.jobs, default=0)
            hint = f"The newest is job {newest}." if newest else "There is none yet."
            raise UnknownName(f"there is no job {number}", hint=hint)
        return self.jobs[number]

    async def recent(self, limit: int) -> Sequence[Job]:
        return sorted(self.jobs.values(), key=lambda job: (job.done, -job.number))[:limit]

    async def tail(self, run: Run, limit: int) -> bytes:
        return self.output.get(run.name, b"")[-limit:]

    async def stranded(self) -> Sequence[Run]:
        return [
            run for job in self.jobs.values() for run in job.runs if run.phase is Phase.STRANDED
        ]

    async def stop(self, job: Job, by: str, *, on: Collection[str] | None = None) -> Sequence[Run]:
        self.stopped.append((job.number, by) if on is None else (job.number, by, *on))
        meant = [run for run in job.runs if on is None or run.target in on]
        return [run for run in meant if run.phase is not Phase.DONE or run.missing]


class History:
    def __init__(self) -> None:
        self.measures: list[Measure] = []
        self.estimated: dict[str, Estimate] = {}

    async def estimates(self, job: Job) -> Mapping[str, Estimate]:
        mine = {run.jid for run in job.runs if run.phase is not Phase.DONE}
        return {jid: found for jid, found in self.estimated.items() if jid in mine}

    async def left(self, running: Mapping[str, int]) -> Mapping[str, float]:
        found = {jid: each.left for jid, each in self.estimated.items() if jid in running}
        return {jid: left for jid, left in found.items() if left}

    async def of_target(self, jid: str, recipe: str, limit: int) -> Sequence[Measure]:
        mine = [each for each in self.measures if each.jid == jid and recipe in ("", each.recipe)]
        return sorted(mine, key=lambda each: each.at, reverse=True)[:limit]

    async def recent(self, limit: int) -> Sequence[Measure]:
        return sorted(self.measures, key=lambda each: each.at)[-limit:]

    async def of_job(self, number: int) -> Sequence[Measure]:
        return [each for each in self.measures if each.job == number]


class Charts:
    def __init__(self) -> None:
        self.drawn: list[Picture] = []
        self.why_not = ""

    async def draw(self, picture: Picture) -> bytes:
        if self.why_not:
            raise Refusal(self.why_not)
        self.drawn.append(picture)
        return b"a picture"


class Logs:
    """Of what :class:`Jobs` has as output; and files, by run and name."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self.left: dict[str, dict[str, bytes]] = {}

    async def scan(self, run: Run, scan: Scan) -> None:
        lines = Lines()
        scan.feed(lines.feed(self._jobs.output.get(run.name, b"")))
        scan.feed(lines.finish())

    async def text(self, run: Run) -> AsyncGenerator[bytes, None]:
        yield self._jobs.output[run.name]

    async def files(self, run: Run) -> Sequence[Artifact]:
        return [
            Artifact(name, 0, name, len(data), len(data))
            for name, data in self.left.get(run.name, {}).items()
        ]

    async def file(self, run: Run, artifact: Artifact) -> AsyncGenerator[bytes, None]:
        yield self.left[run.name][artifact.name]


class Followers:
    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    async def follow(self, run: Run, line: Line) -> None:
        self.told.append((line.by.jid or "", run.name))

    def unfollow(self, asker: str, job: int | None) -> Sequence[str]:
        own = [
            (who, name)
            for who, name in self.told
            if who == asker and (job is None or name.startswith(f"{job}@"))
        ]
        self.told = [each for each in self.told if each not in own]
        return [name for _, name in own]


class Room:
    def __init__(self) -> None:
        self.admitted: list[str] = []
        self.invited: list[str] = []

    async def admit(self, jid: str) -> None:
        self.admitted.append(jid)

    async def invite(self, jid: str) -> None:
        self.invited.append(jid)

    async def everybody(self) -> Sequence[Occupant]:
        return [ANN, MAX]


class Likes:
    def __init__(self) -> None:
        self.columns: dict[str, int] = {}

    async def set_columns(self, jid: str, columns: int) -> None:
        self.columns[jid] = columns


async def _everything(_: Past) -> bool:
    return True


class Wishes:
    def __init__(self) -> None:
        self.made: list[Wish] = []
        self.true = False

    async def wait_for(self, wish: Wish) -> bool:
        if not self.true:
            self.made.append(wish)
        return self.true

    def of(self, asker: str) -> Sequence[Wish]:
        return [wish for wish in self.made if wish.asker == asker]

    async def forget(self, asker: str) -> Sequence[Wish]:
        own = self.of(asker)
        self.made = [wish for wish in self.made if wish not in own]
        return own


class World:
    """A lab of bob, alice (busy) and carol (away), with nothing done yet."""

    def __init__(self, *targets: Target) -> None:
        self.targets = Targets(
            *(targets or (target("bob"), target("alice", "busy", job=16), target("carol", "away")))
        )
        self.jobs = Jobs()
        self.history = History()
        self.charts = Charts()
        self.logs = Logs(self.jobs)
        self.followers = Followers()
        self.room = Room()
        self.missed, self.likes = Missed(_everything), Likes()
        self.wishes = Wishes()
        self.knocking: frozenset[str] = frozenset()
        self.now = NOW
        self.groups: dict[str, tuple[str, ...]] = {}

    @property
    def lab(self) -> Callable[[], Lab]:
        return lambda: Lab(
            targets=self.targets,
            jobs=self.jobs,
            logs=self.logs,
            followers=self.followers,
            room=self.room,
            missed=self.missed,
            likes=self.likes,
            wishes=self.wishes,
            people=self.room,
            history=self.history,
            charts=self.charts,
            domain=DOMAIN,
            now=self.now,
            knocking=self.knocking,
            groups=self.groups,
        )

    @property
    def deeds(self) -> list[object]:
        """Everything that was done, not only looked at."""
        targets, room = self.targets, self.room
        return [
            *targets.rebooted,
            *self.jobs.jobs,
            *self.jobs.stopped,
            *room.admitted,
            *room.invited,
            *self.wishes.made,
        ]
